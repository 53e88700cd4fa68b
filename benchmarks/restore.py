"""Restore of three members of a large etcd: download and data directories.

Against one `restic dump` and three `etcdutl snapshot restore` side by side, and against Stash's way: each of three
members downloads and restores for itself, the three side by side. All with the newest restic and etcdutl there are,
and with the same flags for etcdutl, but that of ours one of the three compares the file with its sha256, not each.

Run: .venv/bin/python -m benchmarks.restore [--gb 1.5] [--times 3]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.backup import STREAM
from benchmarks.common import (
    PASSWORD,
    Measured,
    in_turn,
    large_etcd,
    median,
    newest_etcd,
    newest_restic,
    show,
    timed,
)

OURS = """
import sys, resource
from pathlib import Path
from airflow_provider_stash.etcd.config import EtcdConfig, parse_endpoints
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.steps.fetch import FetchOptions, check_workload, fetch_snapshot
from airflow_provider_stash.steps.resolve import resolve_snapshot
from airflow_provider_stash.workloads.base import FillRequest
from airflow_provider_stash.workloads.process import ProcessWorkload
from airflow_provider_stash.workloads.process_member import ProcessMember
place, password, tools, rehearse = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "yes"
repository = Repository(str(place / "stream"), password, no_cache=True)
members = [ProcessMember(f"m{n}", str(place / "ours" / f"m{n}"), f"http://127.0.0.1:{9000 + n}", ["true"], ["true"])
           for n in range(3)]
workload = ProcessWorkload(members, etcd_tools=tools)
snapshot = resolve_snapshot(repository)
checked = check_workload(workload, repository, snapshot=snapshot, key="k")
plan = fetch_snapshot(EtcdConfig(parse_endpoints("127.0.0.1:1")), repository,
                      snapshot=snapshot, key="k", checked=checked, keep_file=True,
                      fetch=FetchOptions(work_dir=str(place / "ours"), etcd_tools=tools, rehearse=rehearse))
workload.fill(FillRequest(Path(plan["file"]), plan["totalSize"], plan["token"], plan["bumpRevision"]), key="k")
print("own-peak-kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
CLUSTER = "m0=http://127.0.0.1:9000,m1=http://127.0.0.1:9001,m2=http://127.0.0.1:9002"
ONE = (
    '"$ETCDUTL" snapshot restore {file} --data-dir "$1/m$n" --name m$n --initial-advertise-peer-urls'
    f" http://127.0.0.1:900$n --initial-cluster {CLUSTER} --bump-revision 1000000000 --mark-compacted"
)
BARE = (
    'set -e; restic dump --no-cache latest /stash-tmp/data/snapshot.db > "$1/s.db"; '
    f"for n in 0 1 2; do {ONE.format(file=chr(34) + '$1/s.db' + chr(34))} & done; wait"
)
STASH = (
    "for n in 0 1 2; do ( restic dump --no-cache latest /stash-tmp/data/snapshot.db > "
    f'"$1/s$n.db" && {ONE.format(file=chr(34) + "$1/s$n.db" + chr(34))} ) & done; wait'
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--gb", type=float, default=1.5)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    tools = newest_etcd()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        place = Path(directory)
        env = {
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_REPOSITORY": str(place / "stream"),
            "ETCDUTL": f"{tools}/etcdutl",
            "PATH": f"{Path(newest_restic()).parent}:{os.environ['PATH']}",
        }
        with large_etcd(place / "etcd", options.gb) as cluster:
            timed([newest_restic(), "init", "--no-cache"], env)
            url = cluster.members[0].client_url
            timed([sys.executable, "-c", STREAM, url, str(place / "stream"), PASSWORD], env)

        def way(name: str, command: list[str]) -> Measured:
            shutil.rmtree(place / name, ignore_errors=True)
            (place / name).mkdir()
            os.sync()
            return timed(command, env)

        def ours(rehearse: str) -> Measured:
            return way("ours", [sys.executable, "-c", OURS, str(place), PASSWORD, tools, rehearse])

        runs = in_turn(
            options.times,
            lambda _: ours("no"),
            lambda _: way("bare", ["sh", "-c", BARE, "sh", str(place / "bare")]),
            lambda _: way("stash", ["sh", "-c", STASH, "sh", str(place / "stash")]),
            lambda _: ours("yes"),
        )
        names = (
            "ours, without rehearsal",
            "one dump, three etcdutl",
            "Stash's way, three of each",
            "ours, with rehearsal",
        )
        for name, one in zip(names, runs, strict=True):
            show(name, one)
        print(f"ours takes {median(runs[0]) / median(runs[1]):.2f} times the bare commands")
        print(f"ours is {median(runs[2]) / median(runs[0]):.2f} times as fast as Stash's way")


if __name__ == "__main__":
    main()
