"""What a container may use at most, as the node holds it to: memory, and the node's own disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.kubesim.objects import Object, dig
from tests.kubesim.quantities import quantity, written

_POLL = 0.02
_MEMORY = re.compile(r"^Rss(?:Anon|Shmem):\s*(\d+) kB", re.MULTILINE)


def memory_limit(container: Object) -> float | None:
    """Give a container's limit in bytes; None: it has none."""
    limit = dig(container, "resources.limits.memory")
    return None if limit is None else quantity(limit)


async def out_of_memory(pid: int, limit: float) -> None:
    """
    Wait until a container's processes have more memory than its limit.

    Their resident memory is looked at, as a cgroup with a memory controller can't be had everywhere.

    :param pid: its first process; the others descend from it.
    :param limit: in bytes.
    """
    while sum(map(_memory, _processes(pid))) <= limit:
        await asyncio.sleep(_POLL)


def excess(pod: Object, volumes: Mapping[str, Path], layers: Mapping[str, Path]) -> str | None:
    """
    Tell what a pod has written too much of, in a kubelet's words.

    :param volumes: the directory of each volume.
    :param layers: of each container the directory with what it wrote to its own root.
    :return: why it is evicted; None: it is not.
    """
    used = 0.0
    for volume in pod["spec"].get("volumes") or []:
        if "emptyDir" not in volume or volume["name"] not in volumes:
            continue
        size, limit = _size(volumes[volume["name"]]), dig(volume, "emptyDir.sizeLimit")
        used += size
        if limit is not None and size > quantity(limit):
            return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{limit}". '
    limits = {one["name"]: _disk_limit(one) for one in pod["spec"]["containers"] if _disk_limit(one)}
    sizes = {name: _size(layer) for name, layer in layers.items()} if limits else {}
    total = sum(map(quantity, limits.values()))
    if limits and used + sum(sizes.values()) > total:
        most = written("ephemeral-storage", total)
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {most}. "
    for name, limit in limits.items():
        if sizes.get(name, 0) > quantity(limit):
            return f'Container {name} exceeded its local ephemeral storage limit "{limit}". '
    return None


def has_disk_limits(pod: Object) -> bool:
    """Tell whether there is anything to look for."""
    spec = pod["spec"]
    return any(dig(one, "emptyDir.sizeLimit") for one in spec.get("volumes") or []) or any(
        map(_disk_limit, spec["containers"])
    )


def _disk_limit(container: Object) -> Any:
    return dig(container, "resources.limits.ephemeral-storage")


def _processes(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _processes(int(child))


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        return 1024 * sum(map(int, _MEMORY.findall(Path(f"/proc/{pid}/status").read_text())))
    return 0


def _size(directory: Path) -> int:
    total = 0
    for place, _, files in os.walk(directory):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - many of them
    return total
