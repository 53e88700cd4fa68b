import pytest

from tests.kubesim.objects import ApiError
from tests.kubesim.patches import apply_patch

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"


def test_a_merge_patch_removes_what_is_null_and_replaces_lists():
    assert apply_patch({"a": {"b": 1, "c": 2}, "l": [1]}, {"a": {"b": None}, "l": [2]}, MERGE) == {
        "a": {"c": 2},
        "l": [2],
    }


def test_a_strategic_patch_merges_lists_by_their_key():
    old = {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}], "args": ["x"]}
    new = {
        "containers": [{"name": "b", "image": "2"}, {"name": "c"}, {"name": "a", "$patch": "delete"}],
        "args": [],
    }
    assert apply_patch(old, new, STRATEGIC) == {
        "containers": [{"name": "b", "image": "2"}, {"name": "c"}],
        "args": [],
    }


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/l/-", "value": 3}, {"l": [1, 2, 3], "a/b": 1}),
        ({"op": "add", "path": "/l/0", "value": 0}, {"l": [0, 1, 2], "a/b": 1}),
        ({"op": "replace", "path": "/a~1b", "value": 2}, {"l": [1, 2], "a/b": 2}),
        ({"op": "remove", "path": "/l/1"}, {"l": [1], "a/b": 1}),
        ({"op": "test", "path": "/a~1b", "value": 1}, {"l": [1, 2], "a/b": 1}),
    ],
)
def test_json_patches(operation, expected):
    assert apply_patch({"l": [1, 2], "a/b": 1}, [operation], JSON) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "replace", "path": "/b", "value": 2},
        {"op": "remove", "path": "/b"},
        {"op": "move", "path": "/a"},
    ],
)
def test_json_patches_that_do_not_fit(operation):
    with pytest.raises(ApiError) as caught:
        apply_patch({"a": 1}, [operation], JSON)
    assert caught.value.code == 422


def test_a_kind_of_patch_that_is_not_known():
    with pytest.raises(ApiError) as caught:
        apply_patch({}, {}, "text/plain")
    assert caught.value.code == 415
