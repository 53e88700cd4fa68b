"""
Makes a container's root and becomes its program: a container's first process, in namespaces of its own.

By the system's calls, and with few modules: a process for each mount, or a Python with all that is usual, would take
longer than all of them do. Run by its path, with ``-I -S``.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import sys
from typing import Any

_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_RELATIME = 1, 32, 4096, 16384, 1 << 21
_KEPT = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME
_IGNORED = (13, 25)
"""SIGPIPE and SIGXFSZ."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def become(plan: dict[str, Any]) -> None:
    """Make the root, enter it, and run the program; the plan is ``ContainerRun``'s."""
    root = f"{plan['base']}/root"
    name = plan["hostname"].encode()
    _LIBC.sethostname(name, len(name))
    _make_root(plan["base"], root)
    _mount("proc", f"{root}/proc", kind="proc")
    for entry in ("/dev", "/sys"):
        _mount(entry, f"{root}{entry}", _MS_BIND | _MS_REC)
    _mount(plan["hosts"], f"{root}/etc/hosts", _MS_BIND)
    # This host's name servers can't be reached from here: who asks them would wait.
    if os.path.exists(f"{root}/etc/resolv.conf"):
        _mount("/dev/null", f"{root}/etc/resolv.conf", _MS_BIND)
    for source, target, is_read_only in plan["mounts"]:
        _bind(source, root + follow(root, target), is_read_only)
    if plan["readOnly"]:
        _mount(None, root, _MS_REMOUNT | _MS_RDONLY)
    os.chroot(root)
    os.chdir("/")
    if plan["user"]:
        user, group, more = plan["user"]
        os.setgroups([more])
        os.setgid(group)
        os.setuid(user)
    os.chdir(plan["directory"])
    for number in _IGNORED:  # by Python, and then by what it becomes
        _LIBC.signal(number, None)
    os.environ["PATH"] = os.environ.pop("KUBESIM_PATH")
    try:
        os.execvp(plan["argv"][0], plan["argv"])
    except OSError as error:
        sys.stderr.write(f"{plan['argv'][0]}: {error.strerror}\n")
        sys.exit(127)  # as a shell does


def follow(root: str, path: str) -> str:
    """Follow the links of a path, such as /var/run, as a process does that has this root."""
    found, left = "", path.split("/")[::-1]
    while left:
        part = left.pop()
        if part == "..":
            found = os.path.dirname(found).rstrip("/")
        elif os.path.islink(f"{root}{found}/{part}"):
            target = os.readlink(f"{root}{found}/{part}")
            found = "" if target.startswith("/") else found
            left += target.split("/")[::-1]
        elif part not in {"", "."}:
            found += f"/{part}"
    return found


def _make_root(base: str, root: str) -> None:
    """Lay an overlay over this host's root."""
    try:
        _overlay(base, "/", "")
    except OSError:  # in a user namespace the root itself can't be a layer: what is in it, one by one
        _mount("kubesim", root, kind="tmpfs")
        for entry in os.scandir("/"):
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), root + entry.path)
            elif entry.is_dir():
                for part in ("root", "upper", "work"):
                    os.makedirs(f"{base}/{part}{entry.path}", exist_ok=True)
                if entry.name not in {"proc", "sys", "dev", "run"}:
                    try:
                        _overlay(base, entry.path, entry.path)
                    except OSError:
                        _mount(entry.path, root + entry.path, _MS_BIND | _MS_REC)


def _overlay(base: str, lower: str, at: str) -> None:
    layers = f"lowerdir={lower},upperdir={base}/upper{at},workdir={base}/work{at}"
    _mount("kubesim", f"{base}/root{at}", kind="overlay", options=layers)


def _bind(source: str, target: str, is_read_only: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "a"):
            pass
    _mount(source, target, _MS_BIND)
    if is_read_only:
        has = os.statvfs(target).f_flag  # what a user namespace may not take away
        kept = has & _KEPT | (_MS_RELATIME if has & os.ST_RELATIME else 0)
        _mount(None, target, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


def _mount(
    source: str | None, target: str, flags: int = 0, *, kind: str | None = None, options: str | None = None
) -> None:
    given = [None if one is None else os.fsencode(one) for one in (source, target, kind, options)]
    if _LIBC.mount(given[0], given[1], given[2], ctypes.c_ulong(flags), given[3]):
        number = ctypes.get_errno()
        raise OSError(number, f"mount {source}: {os.strerror(number)}", target)


if __name__ == "__main__":
    become(marshal.loads(bytes.fromhex(sys.argv[1])))
