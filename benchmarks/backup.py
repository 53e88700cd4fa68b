"""Backup of a large etcd: streamed by this package, against Stash's way (etcdctl to disk, then restic).

Run: .venv/bin/python -m benchmarks.backup [--gb 1.5] [--times 3]      (nothing else should be running)
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.common import PASSWORD, Measured, in_turn, large_etcd, median, show, timed
from testbed.binaries import find

STREAM = """
import sys, resource
from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.backup import back_up
back_up(EtcdConfig(parse_endpoints(sys.argv[1])), Repository(sys.argv[2], sys.argv[3], no_cache=True))
print("own-peak-kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
STASH = 'etcdctl --endpoints "$1" snapshot save "$2/snapshot.db" && restic backup "$2" --host host-0 --quiet --no-cache'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gb", type=float, default=1.5)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        place = Path(directory)
        with large_etcd(place / "etcd", options.gb) as cluster:
            compare(place, cluster.members[0].client_url, str(Path(cluster.etcdctl).parent), options.times)


def compare(place: Path, url: str, etcd_dir: str, times: int) -> None:
    """Run the two ways in turn: each time a first backup into a new repository, then a later one."""
    import os

    path = {"PATH": f"{etcd_dir}:{os.environ['PATH']}", "RESTIC_PASSWORD": PASSWORD}

    def new(name: str) -> None:
        shutil.rmtree(place / name, ignore_errors=True)
        timed([find("restic"), "init", "--no-cache"], {**path, "RESTIC_REPOSITORY": str(place / name)})

    def stream(_: int) -> Measured:
        return timed([sys.executable, "-c", STREAM, url, str(place / "stream"), PASSWORD], path)

    def stash(_: int) -> Measured:
        shutil.rmtree(place / "temp", ignore_errors=True)
        (place / "temp").mkdir()
        env = {**path, "RESTIC_REPOSITORY": str(place / "stash")}
        return timed(["sh", "-c", STASH, "sh", url, str(place / "temp")], env)

    def first(way: str) -> Measured:
        new(way)
        return stream(0) if way == "stream" else stash(0)

    firsts_stream, laters_stream, firsts_stash, laters_stash = in_turn(
        times, lambda _: first("stream"), stream, lambda _: first("stash"), stash
    )
    show("first backup, streamed", firsts_stream)
    show("first backup, Stash's way", firsts_stash)
    show("later backup, streamed", laters_stream)
    show("later backup, Stash's way", laters_stash)
    print(f"first: {median(firsts_stash) / median(firsts_stream):.2f} times as fast as Stash's way")
    print(f"later: {median(laters_stash) / median(laters_stream):.2f} times as fast as Stash's way")


if __name__ == "__main__":
    main()
