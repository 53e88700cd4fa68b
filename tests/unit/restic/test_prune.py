import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.prune import PruneOptions, parse_freed


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("this removes: 0 B\ntotal prune:           3 blobs / 644 B\n", 644),
        ("total prune:           3 blobs / 1.500 KiB\n", 1536),
        ("total prune: 12 blobs / 2.000 GiB", 2 << 30),
        ("nothing", None),
    ],
)
def test_what_prune_freed(text, size):
    assert parse_freed(text) == size


def test_options_as_flags():
    options = PruneOptions(max_unused="10%", max_repack_size="2G", repack_uncompressed=True, dry_run=True)
    assert options.arguments() == [
        "--max-unused=10%",
        "--max-repack-size=2G",
        "--repack-uncompressed",
        "--dry-run",
    ]
    assert PruneOptions().arguments() == []


@pytest.mark.parametrize("wrong", [{"max_unused": "much"}, {"max_unused": "-1"}, {"max_repack_size": "5%"}])
def test_a_limit_that_is_none_is_refused_by_its_name(wrong):
    with pytest.raises(InvalidConfigurationError, match=next(iter(wrong))):
        PruneOptions(**wrong)
