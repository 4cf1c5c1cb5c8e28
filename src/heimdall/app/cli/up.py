"""`heimdall up`: start a node."""

from __future__ import annotations

import gc
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from heimdall.app.cli.output import console

if TYPE_CHECKING:
    from heimdall.app.node import Feed

config_option = click.option(
    "--config", "config_file", type=click.Path(dir_okay=False, path_type=Path), help="TOML file with settings."
)


@click.command("up")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder to keep everything in.")
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(0, 65535), help="Main port; 7373 by default, 0 for a free one.")
@click.option(
    "--ports",
    help="Further ports of HTTP and gRPC, instead of all the usual ones of senders; '' for none. Example: 4318,9200. "
    "Those of syslog, Fluent Forward and GELF are settings (sources.syslog.ports, …).",
)
@config_option
def command(data: Path | None, host: str | None, port: int | None, ports: str | None, config_file: Path | None) -> None:
    """Start a node: doors, journal, pipeline, storage, queries and pages in one process.

    \b
    Examples:
      heimdall up
      heimdall up --data /var/lib/heimdall --port 8080
      HEIMDALL_STORAGE__COLD_DAYS=730 heimdall up --config heimdall.toml
    """
    serve(config_file, {"data": data, "server.host": host, "server.port": port, "server.alias_ports": ports})


def serve(config_file: Path | None, flags: dict[str, object], *, demo: bool = False) -> None:
    """Run a node until SIGINT or SIGTERM; with `demo`, feed it the shop as soon as it serves."""
    gc.disable()  # a seventh of start: what imports make is here to stay
    from heimdall.app.memory import lean, trimmed

    lean()
    from heimdall.app.config import check_ports, load_config
    from heimdall.app.datafolder import DataFolder
    from heimdall.app.server import Server, open_grpc, open_sockets, port_of
    from heimdall.clock import SystemClock
    from heimdall.storage.opening import open_tiers

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = load_config(config_file, flags)
    check_ports(config)
    folder = DataFolder(config.data)
    sockets = open_sockets(config.server)
    ports = [port_of(opened) for opened in sockets]
    clock = SystemClock()
    with ThreadPoolExecutor(1, thread_name_prefix="open-storage") as beside:
        storage = beside.submit(open_tiers, config.storage, clock, data=config.data)
        from heimdall.app.wiring import build_node  # half a second of imports, while the engine reads its parts

    def make_feed(url: str) -> Feed:
        from heimdall.app.demo import feed

        return feed.make_feed(url, config.data / "demo-truth.json")

    node, app = build_node(config, folder.node_id, clock, make_feed, storage.result())

    def announce() -> None:
        node.serving(config.server.host, ports)
        url = str(node.describe()["url"])
        _welcome(url, ports, folder.path)
        if demo:
            node.start_demo()

    gc.freeze()
    gc.enable()
    node.start()
    ports += open_grpc(config.server, node.parts.grpc)
    try:
        with trimmed():
            Server(app, announce).run(sockets)
    finally:
        node.stop()
        folder.release()


def _welcome(url: str, ports: list[int], data: Path) -> None:
    from heimdall.app.cli.client import DEFAULT_URL

    aliases = f"  (also on {', '.join(map(str, ports[1:]))})" if len(ports) > 1 else ""
    out = console(stderr=True)
    out.print(f"\n  [bold]Heimdall[/bold] is watching at [bold cyan]{url}[/bold cyan]{aliases}")
    out.print(f"  data in   {data.absolute()}")
    out.print(f"  send      curl --data-binary @app.log {url}/api/v1/logs", soft_wrap=True)
    elsewhere = "" if url == DEFAULT_URL else f" --url {url}"
    out.print(f"  ask       heimdall search 'level>=warn' --from -1h{elsewhere}", soft_wrap=True)
    out.print("  stop      Ctrl-C\n")
