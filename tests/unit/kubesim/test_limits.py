import pytest

from tests.kubesim.limits import excess


@pytest.fixture
def place(tmp_path):
    """Directories of a volume and of a container's own root, with 8 KiB in each."""
    for name in ("volume", "root"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * 8192)
    return {"volume": tmp_path / "volume"}, {"c": tmp_path / "root"}


def pod(size_limit=None, limit=None, beside=None):
    containers = [
        {"name": name, "resources": {} if most is None else {"limits": {"ephemeral-storage": most}}}
        for name, most in (("c", limit), ("d", beside))
    ]
    volume = {"name": "volume", "emptyDir": {} if size_limit is None else {"sizeLimit": size_limit}}
    return {"spec": {"volumes": [volume], "containers": containers}}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({}, None),
        ({"size_limit": "8Ki", "limit": "16Ki"}, None),
        ({"size_limit": "4Ki"}, 'Usage of EmptyDir volume "volume" exceeds the limit "4Ki". '),
        ({"limit": "12Ki"}, "Pod ephemeral local storage usage exceeds the total limit of containers 12Ki. "),
        ({"limit": "4Ki", "beside": "1Mi"}, 'Container c exceeded its local ephemeral storage limit "4Ki". '),
    ],
)
def test_what_a_pod_is_evicted_for(place, limits, said):
    assert excess(pod(**limits), *place) == said
