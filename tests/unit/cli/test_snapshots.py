import pytest

from airflow_provider_stash.cli.snapshots import choose
from airflow_provider_stash.exceptions import SnapshotNotFoundError

pytestmark = pytest.mark.oldest
THERE = [{"snapshot": one * 16} for one in ("aaaa", "aabb", "cccc")]


def test_beginnings_of_ids_choose_each_snapshot_once():
    assert choose(THERE, ["cc", "AABB", "cccc"], "x") == [THERE[2], THERE[1]]


@pytest.mark.parametrize("wanted", [["aa"], ["d"], [""], ["cccc", "d"]])
def test_what_fits_none_or_several_is_refused_before_anything_is_deleted(wanted):
    with pytest.raises(SnapshotNotFoundError, match="Nothing was deleted"):
        choose(THERE, wanted, "x")
