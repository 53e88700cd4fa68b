"""Members that are processes on the worker's host, each stopped and started by a command."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_stash.commands import run_all
from airflow_provider_stash.etcd.datadir import NewMember, build_data_dirs
from airflow_provider_stash.etcd.tools import find_tool
from airflow_provider_stash.exceptions import InvalidConfigurationError, WorkloadError
from airflow_provider_stash.workloads.base import DONE, ONCE_MORE, FillRequest, SnapshotSource, Workload
from airflow_provider_stash.workloads.datadirs import DataDir, check_space
from airflow_provider_stash.workloads.other_restores import (
    other_open_restore,
    remove_other_restores,
    require_no_other,
)
from airflow_provider_stash.workloads.process_member import ProcessMember

log = logging.getLogger(__name__)

_POLL = 0.05
_TURN_SECONDS = 3.0


@dataclass(frozen=True)
class ProcessWorkload(Workload):
    """
    An etcd cluster whose members all run on the host of the Airflow worker.

    The worker's user must be able to write the data directories, and to give files their owner.

    :param members: all members of the cluster.
    :param etcd_tools: directory or path of ``etcdutl`` (or ``etcdctl``); None: PATH.
    :param stop_timeout: seconds for the members to be gone.
    :param start_timeout: seconds for the members' processes to hold their data.
    """

    members: Sequence[ProcessMember]
    etcd_tools: str | None = None
    stop_timeout: float = 60.0
    start_timeout: float = 60.0
    fills_while_running: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        if not self.members:
            raise InvalidConfigurationError("A workload needs at least one member.")
        names = [member.name for member in self.members]
        directories = [str(Path(member.data_dir)) for member in self.members]
        for what, values in (("name", names), ("data_dir", directories)):
            if len(set(values)) < len(values):
                raise InvalidConfigurationError(
                    f"Two members have the same {what}: {', '.join(sorted(values))}."
                )

    @property
    def peer_urls(self) -> Mapping[str, Sequence[str]]:
        return {member.name: member.all_peer_urls for member in self.members}

    def check(
        self, *, key: str, snapshot_size: int, etcd_version: str, source: SnapshotSource | None = None
    ) -> dict[str, Any]:
        tool = find_tool(self.etcd_tools)
        tool.require_for(etcd_version)
        for member in self.members:
            member.check(key)
        free = check_space([Path(member.data_dir) for member in self.members], snapshot_size)
        return {
            "etcdTool": tool.path,
            "etcdToolVersion": tool.version_text,
            "free": free,
            "warnings": [],
            "members": [
                {"name": member.name, "dataDir": member.data_dir, "running": member.in_use()}
                for member in self.members
            ],
        }

    def stop(self, *, key: str) -> list[dict[str, Any]]:
        self._require_not_done(key)
        for member in self.members:
            require_no_other(member.name, member.data(key))
        journals = [
            member.data(key).open_journal(member.name, was_running=member.in_use()) for member in self.members
        ]
        self._stop(self.members)
        return [{"name": journal.member, "wasRunning": journal.was_running} for journal in journals]

    def fill(self, request: FillRequest, *, key: str) -> list[dict[str, Any]]:
        self._require_not_done(key)
        places = [member.data(key) for member in self.members]
        new = [
            NewMember(member.name, data.prepare_new())
            for member, data in zip(self.members, places, strict=True)
        ]
        if request.snapshot_file is None:
            raise InvalidConfigurationError(
                "The members on this host are filled from a file here: fetch the snapshot in their worker."
            )
        begin = time.monotonic()
        build_data_dirs(
            find_tool(self.etcd_tools),
            request.snapshot_file,
            new,
            initial_cluster=self.peer_urls,
            token=request.token,
            bump_revision=request.bump_revision,
        )
        for data in places:
            data.adopt_new()
        log.info("Built the data of %d members in %.1f s", len(new), time.monotonic() - begin)
        return [{"name": member.name, "dataDir": member.data_dir} for member in self.members]

    def start(self, *, key: str) -> list[dict[str, Any]]:
        for member in self.members:
            self._check_startable(member, member.data(key))
        for member in self.members:
            member.data(key).swap()
        self._start(self.members)
        return [
            {"name": member.name, "oldData": str(old) if old.exists() else None}
            for member in self.members
            if (old := member.data(key).old)
        ]

    def _check_startable(self, member: ProcessMember, data: DataDir) -> None:
        if data.rolled_back() is not None:
            raise WorkloadError(ONCE_MORE)
        if data.journal() is None:
            raise WorkloadError(
                f"Member {member.name!r} was not stopped by this restore; nothing was changed."
            )
        if not data.filled and not data.swapped:
            raise WorkloadError(f"Member {member.name!r} was not filled by this restore.")
        if data.filled and member.in_use():
            raise WorkloadError(
                f"Member {member.name!r} runs again before its data was put in place: something restarts it. "
                "Its stop command must also keep it stopped."
            )

    def accept(self, *, key: str) -> None:
        for member in self.members:
            member.data(key).close_journal()

    def roll_back(self, *, key: str) -> list[dict[str, Any]]:
        places = {member.name: member.data(key) for member in self.members}
        if any(data.done for data in places.values()):
            self.accept(key=key)  # it was verified, and cut in the middle of this
        if not any(data.open for data in places.values()) and any(map(other_open_restore, places.values())):
            return []  # this one came to its end, and another has stopped the members
        swapped = [one for one in self.members if places[one.name].open and places[one.name].swapped]
        failures: list[str] = []  # what fails for one member must not keep the others from coming back
        try:
            # All of them: one that is just starting, or is being restarted again and again, holds no lock now.
            self._stop(swapped)
        except WorkloadError as error:
            failures.append(str(error))
        put_back, to_start = [], []
        for member in self.members:
            try:
                if member in swapped:
                    self._swap_back(member, places[member.name])
                    put_back.append(member.name)
                # Before the start, which a cluster that was broken before may not manage: it can be restored again.
                places[member.name].close_journal(rolled_back=True)
                journal = places[member.name].rolled_back()
                if journal is not None and journal.was_running and not member.in_use():
                    to_start.append(member)
            except OSError as error:
                failures.append(f"Member {member.name!r}: {error}.")
            except WorkloadError as error:
                failures.append(str(error))
        try:
            self._start(to_start)
        except WorkloadError as error:
            failures.append(str(error))
        if failures:
            raise WorkloadError(" ".join(failures))
        return [
            {"name": member.name, "rolledBack": member.name in put_back, "running": member.in_use()}
            for member in self.members
        ]

    def _swap_back(self, member: ProcessMember, data: DataDir) -> None:
        if member.in_use():
            raise WorkloadError(
                f"Member {member.name!r} runs on the restored data, so its old data was not put back: it was not "
                "stopped, or something starts it again. Its stop command must keep it stopped."
            )
        data.swap_back()

    def remove_old_data(self, *, key: str, keep_restores: int, keep_days: float) -> list[dict[str, Any]]:
        places = {member.name: member.data(key) for member in self.members}
        if not any(data.done for data in places.values()) or any(map(other_open_restore, places.values())):
            return []
        oldest = time.time() - keep_days * 86400
        return [
            {"name": name, "path": str(path)}
            for name, data in places.items()
            for path in remove_other_restores(data, keep=keep_restores - 1, oldest=oldest)
        ]

    def _require_not_done(self, key: str) -> None:
        if any(member.data(key).done for member in self.members):
            raise WorkloadError(DONE)

    # --- commands -----------------------------------------------------------------------------------

    def _stop(self, members: Sequence[ProcessMember]) -> None:
        for member in members:
            log.info("Stopping member %s: %s", member.name, " ".join(member.stop))

        def gone(number: int) -> None:
            # In turn: a leader that is stopped hands over first, and waits seven seconds for a member that is being
            # stopped as well (etcd: EtcdServer.TryTransferLeadershipOnShutdown). One that hangs is not waited for.
            _wait_until(members[number : number + 1], lambda member: not member.in_use(), _TURN_SECONDS)

        finished = run_all([member.stop for member in members], timeout=self.stop_timeout, between=gone)
        failures = {member.name: one.failure for member, one in zip(members, finished, strict=True)}
        still = _wait_until(members, lambda member: not member.in_use(), self.stop_timeout)
        if still:
            raise WorkloadError(
                " ".join(
                    f"Member {member.name!r} still runs after its stop command ({' '.join(member.stop)}): "
                    f"{failures[member.name] or f'not gone within {self.stop_timeout:.0f} s'}."
                    for member in still
                )
            )
        for name, failure in failures.items():
            if failure:
                log.warning("The stop command of %s failed (%s), but the member does not run.", name, failure)

    def _start(self, members: Sequence[ProcessMember]) -> None:
        # Side by side: a start command may return only once there is a quorum.
        for member in members:
            log.info("Starting member %s: %s", member.name, " ".join(member.start))
        finished = run_all([member.start for member in members], timeout=self.start_timeout)
        failures = {m.name: one.failure for m, one in zip(members, finished, strict=True) if one.failure}
        good = [member for member in members if member.name not in failures]
        for member in _wait_until(good, ProcessMember.in_use, self.start_timeout):
            failures[member.name] = f"not running {self.start_timeout:.0f} s later"
        if failures:
            raise WorkloadError(
                " ".join(
                    f"Member {member.name!r} was not started by {' '.join(member.start)}: "
                    f"{failures[member.name]}. Look at its log."
                    for member in members
                    if member.name in failures
                )
            )


def _wait_until(
    members: Sequence[ProcessMember], condition: Callable[[ProcessMember], bool], timeout: float
) -> list[ProcessMember]:
    """Wait for all members; gives those for which it did not come true in time."""
    deadline = time.monotonic() + timeout
    left = list(members)
    while left := [member for member in left if not condition(member)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL)
    return left
