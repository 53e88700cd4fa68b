"""The simulator's process; ``tests.kubesim.Kubesim`` starts it."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import logging
import os
import signal
import ssl
import subprocess
from pathlib import Path

from aiohttp import web

from testbed.certificates import Authority
from tests.kubesim import images
from tests.kubesim.access import Access
from tests.kubesim.api import Api
from tests.kubesim.controllers import Controllers
from tests.kubesim.kubelet import Kubelet
from tests.kubesim.network import NETNS, Network
from tests.kubesim.objects import secret_token
from tests.kubesim.proxy import ServiceProxy
from tests.kubesim.store import Store
from tests.kubesim.volumes import Volumes

_BODY_LIMIT = 64 << 20


async def serve(directory: Path, kubeconfig: Path) -> None:
    """Run a cluster until SIGTERM or SIGINT."""
    store, token = Store(), secret_token()
    network, volumes = Network(store, directory), Volumes(store, directory)
    kubelet = Kubelet(store, network, volumes, images.read(directory / "images.json"))
    api = Api(store, Access(store, token), kubelet)
    app = web.Application(client_max_size=_BODY_LIMIT)
    app.router.add_route("*", "/{path:.*}", api.handle)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, shutdown_timeout=1, handler_cancellation=True)
    await network.set_up()
    try:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        authority = Authority(directory / "certificates", "kubesim CA")
        pair = authority.issue("kubesim")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.cert, pair.key)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        (_, port), (_, tls_port) = runner.addresses
        parts = [
            asyncio.create_task(part.run())
            for part in (kubelet, ServiceProxy(store, network), Controllers(store))
        ]
        await asyncio.sleep(0)  # they listen for changes now
        ca = base64.b64encode(authority.cert.read_bytes()).decode()
        tls = {"server": f"https://127.0.0.1:{tls_port}", "certificate-authority-data": ca}
        _write_kubeconfig(kubeconfig, {"kubesim": {"server": f"http://127.0.0.1:{port}"}, "tls": tls}, token)
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, *parts}, return_when=asyncio.FIRST_COMPLETED)
        for part in reversed(parts):
            part.cancel()
        for result in await asyncio.gather(*parts, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        await runner.cleanup()
    finally:
        await network.tear_down()


def _write_kubeconfig(file: Path, clusters: dict[str, dict[str, str]], token: str) -> None:
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "kubesim",
        "clusters": [{"name": name, "cluster": cluster} for name, cluster in clusters.items()],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "admin", "namespace": "default"}} for name in clusters
        ],
    }  # fmt: skip
    draft = file.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(config))
    draft.replace(file)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    # In this mount namespace alone: what is mounted here goes when this process ends, however it ends.
    subprocess.run(["mount", "-t", "tmpfs", "kubesim", "/run"], check=True)
    NETNS.mkdir()
    os.umask(0o022)
    asyncio.run(serve(arguments.directory, arguments.kubeconfig))


if __name__ == "__main__":
    main()
