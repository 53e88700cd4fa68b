"""A bridge with an address for every pod and Service, and the names of both."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import random
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.kubesim.objects import PODS, SERVICES, Object, dig, is_true
from tests.kubesim.selectors import selected
from tests.kubesim.store import Store

_PREFIX = "ks-"
_MASK = 20
NETNS = Path("/run/netns")


class Network:
    """
    The cluster's network: a bridge in the network namespace that the simulator was started in.

    :param directory: for the hosts file.
    """

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self.bridge = f"{_PREFIX}{os.getpid()}"
        self.hosts_file = directory / "hosts"
        self.hosts_file.write_text("127.0.0.1 localhost\n")
        self._subnet = _free_subnet()
        addresses = [str(one) for one in self._subnet.hosts()]
        self._gateway = addresses[0]
        self._free = {"pod": addresses[1:3500], "service": addresses[3500:]}

    async def set_up(self) -> None:
        """Make the bridge; bridges of simulators that were killed go."""
        _sweep()
        await run("ip", "-batch", "-", given=[
            "link set lo up",
            f"link add {self.bridge} type bridge",
            f"addr add {self._gateway}/{_MASK} dev {self.bridge}",
            f"link set {self.bridge} up",
        ])  # fmt: skip

    async def tear_down(self) -> None:
        """Remove the bridge."""
        await run("ip", "link", "del", self.bridge)

    def address(self, kind: str) -> str:
        """Take a free address for a ``pod`` or a ``service``; one that was given back comes last."""
        return self._free[kind].pop(0)

    async def attach(self, uid: str) -> str:
        """Make a pod's network namespace, and give its address."""
        name, address = _short(uid), self.address("pod")
        await run("ip", "-batch", "-", given=[
            f"netns add {name}",
            f"link add {name} type veth peer name eth0 netns {name}",
            f"link set {name} master {self.bridge} up",
        ])  # fmt: skip
        await run("ip", "-n", name, "-batch", "-", given=[
            "link set lo up",
            f"addr add {address}/{_MASK} dev eth0",
            "link set eth0 up",
            f"route add default via {self._gateway}",
        ])  # fmt: skip
        return address

    async def detach(self, uid: str, address: str) -> None:
        """Remove a pod's network namespace."""
        name = _short(uid)
        with contextlib.suppress(RuntimeError):
            await run("ip", "-force", "-batch", "-", given=[f"link del {name}", f"netns del {name}"])
        if (NETNS / name).exists():
            await run("ip", "netns", "del", name)
        self._free["pod"].append(address)

    async def add_service(self, address: str) -> None:
        """Give the bridge a Service's address."""
        await run("ip", "addr", "add", f"{address}/32", "dev", self.bridge)

    async def remove_service(self, address: str) -> None:
        """Take a Service's address back."""
        await run("ip", "addr", "del", f"{address}/32", "dev", self.bridge)
        self._free["service"].append(address)

    def namespace(self, uid: str) -> Path:
        """Give the file of a pod's network namespace."""
        return NETNS / _short(uid)

    def hosts_of(self, pod: Object, directory: Path) -> Path:
        """Give a pod's /etc/hosts: everybody's, or one of its own where it has ``hostAliases``."""
        aliases = pod["spec"].get("hostAliases")
        if not aliases:
            return self.hosts_file
        lines = [f"{one['ip']} {' '.join(one['hostnames'])}" for one in aliases]
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "hosts"
        file.write_text(self.hosts_file.read_text() + "\n".join(lines) + "\n")
        return file

    def write_hosts(self) -> None:
        """Write the names of pods and Services, which every container has as its /etc/hosts."""
        lines = ["127.0.0.1 localhost"]
        for pod in self._store.all(PODS):
            if address := dig(pod, "status.podIP"):
                lines.append(f"{address} {hostname(pod)}")
        for service in self._store.all(SERVICES):
            address = dig(service, "spec.clusterIP")
            if address and address != "None":
                lines.append(f"{address} {_forms(service['metadata']['name'], service)}")
            elif address == "None":
                lines += self._behind(service)
        # In place: containers have this very file mounted.
        with self.hosts_file.open("r+") as file:
            file.write("\n".join(lines) + "\n")
            file.truncate()

    def _behind(self, service: Object) -> list[str]:
        """Give the lines of the pods behind a headless Service."""
        name, lines = service["metadata"]["name"], []
        for pod in self._store.all(PODS, service["metadata"]["namespace"]):
            if serves(service, pod):
                address = pod["status"]["podIP"]
                lines.append(f"{address} {_forms(name, service)}")
                if pod["spec"].get("subdomain") == name:
                    lines.append(f"{address} {_forms(f'{hostname(pod)}.{name}', service)}")
        return lines


def serves(service: Object, pod: Object) -> bool:
    """Tell whether a Service passes on to a pod, and names it: it is ready, or the Service publishes others, too."""
    return (
        bool(dig(pod, "status.podIP"))
        and "deletionTimestamp" not in pod["metadata"]
        and selected(dig(service, "spec.selector"), pod["metadata"].get("labels") or {})
        and (is_true(pod, "Ready") or bool(dig(service, "spec.publishNotReadyAddresses")))
    )


def hostname(pod: Object) -> str:
    """Give the name that a pod has for itself."""
    return str(pod["spec"].get("hostname") or pod["metadata"]["name"])


def _forms(name: str, service: Object) -> str:
    namespace = service["metadata"]["namespace"]
    return " ".join(
        f"{name}{end}" for end in ("", *(f".{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local")))
    )


def _short(uid: str) -> str:
    return f"ks{uid.replace('-', '')[:10]}"


async def run(*command: str, given: Sequence[str] = ()) -> None:
    """
    Run a command.

    :param given: lines of its input.
    :raises RuntimeError: it failed; with its last words.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate("\n".join(given).encode())
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {errors.decode(errors='replace').strip()}")


def _free_subnet() -> ipaddress.IPv4Network:
    taken = subprocess.run(["ip", "-4", "route", "show"], capture_output=True, text=True, check=True).stdout
    used = [
        ipaddress.ip_network(word, strict=False)
        for word in taken.split()
        if word[0].isdigit() and word.count(".") == 3
    ]
    chance = random.SystemRandom()
    while True:
        one = ipaddress.IPv4Network(f"10.{chance.randrange(128, 255)}.{chance.randrange(16) * 16}.0/{_MASK}")
        if not any(one.overlaps(other) for other in used if isinstance(other, ipaddress.IPv4Network)):
            return one


def _sweep() -> None:
    for _, link in socket.if_nameindex():
        owner = link.removeprefix(_PREFIX)
        if link.startswith(_PREFIX) and owner.isdigit() and not Path("/proc", owner).exists():
            subprocess.run(["ip", "link", "del", link], check=False, capture_output=True)
