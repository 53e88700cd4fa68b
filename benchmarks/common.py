"""What the benchmarks share: a large etcd, timed commands with their memory, medians."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from airflow_provider_stash.restic.version import restic_version
from testbed.binaries import etcd_dirs, find, restics
from testbed.etcd_cluster import EtcdCluster

PASSWORD = "benchmark"
VALUE = 96 * 1024


@dataclass(frozen=True)
class Measured:
    """Seconds of wall clock and peak resident MiB of the largest process."""

    seconds: float
    peak_mib: float


def newest_etcd() -> str:
    """Give the directory of the newest etcd there is, with etcdutl."""
    with_utl = [one for one in etcd_dirs() if (Path(one) / "etcdutl").exists()]
    return next((one for one in with_utl if "sid" in one), (with_utl or [str(Path(find("etcd")).parent)])[0])


def newest_restic() -> str:
    """Give the path of the newest restic there is."""
    return max(restics(), key=restic_version)


@contextlib.contextmanager
def large_etcd(directory: Path, gigabytes: float) -> Iterator[EtcdCluster]:
    """Run a single-member etcd with this much data, half of which compresses."""
    flags = ["--quota-backend-bytes", str(8 << 30), "--unsafe-no-fsync"]
    with EtcdCluster(
        directory, size=1, tls=False, password=None, binaries=newest_etcd(), flags=flags
    ) as cluster:
        count = int(gigabytes * 1e9 / VALUE)
        begin = time.monotonic()
        cluster.fill(count, size=VALUE, jobs=2)
        size = (cluster.members[0].data_dir / "member/snap/db").stat().st_size
        print(
            f"etcd holds {size / 1e9:.2f} GB in {count} keys, filled in {time.monotonic() - begin:.0f} s",
            flush=True,
        )
        yield cluster


def timed(command: Sequence[str], env: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end as a process of its own; an error ends the benchmark."""
    begin = time.monotonic()
    process = subprocess.Popen(
        list(command),
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {output}")
    return Measured(time.monotonic() - begin, _own_peak(output, usage))


def _own_peak(output: str, usage: resource.struct_rusage) -> float:
    for line in output.splitlines():
        if line.startswith("own-peak-kib "):
            return int(line.split()[1]) / 1024
    return usage.ru_maxrss / 1024


def median(runs: Sequence[Measured]) -> float:
    """Give the median of the seconds."""
    return statistics.median(run.seconds for run in runs)


def show(name: str, runs: Sequence[Measured]) -> None:
    """Print a row."""
    each = ", ".join(f"{run.seconds:.2f}" for run in runs)
    peak = max(run.peak_mib for run in runs)
    print(f"{name:<44} median {median(runs):6.2f} s  ({each})  peak {peak:.0f} MiB", flush=True)


def in_turn(times: int, *ways: Callable[[int], Measured]) -> list[list[Measured]]:
    """Run each way in turn, this many times, so that the machine's mood falls on all alike."""
    runs: list[list[Measured]] = [[] for _ in ways]
    for number in range(times):
        for way, kept in zip(ways, runs, strict=True):
            kept.append(way(number))
    return runs
