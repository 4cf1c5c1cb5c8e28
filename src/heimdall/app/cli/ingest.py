"""`heimdall ingest`: files and standard input, sent to a node."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.clock import SystemClock
from heimdall.errors import InvalidInput
from heimdall.ingest.sources import files
from heimdall.ingest.sources.files import FileSource
from heimdall.ingest.sources.sink import Chunk
from heimdall.ingest.sources.stdin import StdinSource


class NodeSink:
    """Sends chunks to a node's door, which decodes them and remembers their keys."""

    def __init__(self, node: NodeClient, service: str | None) -> None:
        self._node = node
        self._parameters = {"service": service}
        self.accepted = 0
        self.rejected = 0

    def send(self, chunk: Chunk) -> None:
        key = chunk.key
        headers = {
            "Content-Type": "text/plain",
            "Idempotency-Key": f"{key.producer_id.hex()}:{key.epoch}:{key.sequence}",
        }
        told = self._node.send("/api/v1/logs", chunk.data, headers, self._parameters)
        self.accepted += told["accepted"]
        self.rejected += told["rejected"]


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE… | -")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added, through rotation, until interrupted.")
@click.option("--service", help="Service of records that name none.")
@click.option(
    "--checkpoints",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to keep how far files were read, to go on there next time. With --follow: by default in "
    "~/.local/state/heimdall/ingest.",
)
@url_option
def command(sources: tuple[str, ...], follow: bool, service: str | None, checkpoints: Path | None, url: str) -> None:
    """Send log files, or what comes in on standard input, to a node.

    FILE may be a glob in quotes, and compressed (.gz, .zst, .bz2, .xz). Formats are recognised line by line, stack
    traces become one record. With checkpoints no line is sent twice and none is lost, whatever stops in between.

    \b
    Examples:
      heimdall ingest app.log access.log.*.gz
      heimdall ingest --follow --service shop '/var/log/shop/*.log'
      journalctl -f | heimdall ingest -
    """
    if "-" in sources and len(sources) > 1:
        raise InvalidInput("standard input cannot be read together with files; give - alone")
    if follow and checkpoints is None:
        checkpoints = Path.home() / ".local" / "state" / "heimdall" / "ingest"
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    with NodeClient(url) as node:
        node.get("/api/v1/node")  # says at once when none is there
        sink = NodeSink(node, service)
        refused = (
            _read_stdin(sink, stop) if sources == ("-",) else _read_files(sources, sink, stop, follow, checkpoints)
        )
    click.echo(f"{sink.accepted:,} records accepted, {sink.rejected:,} rejected", err=True)
    if refused:
        raise InvalidInput(f"{refused} chunks were refused and passed over")


def _read_stdin(sink: NodeSink, stop: threading.Event) -> int:
    source = StdinSource(sys.stdin.fileno(), sink, SystemClock())
    source.run(stop)
    return source.refused_chunks


def _read_files(
    patterns: tuple[str, ...], sink: NodeSink, stop: threading.Event, follow: bool, checkpoints: Path | None
) -> int:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        source = FileSource(patterns, sink, SystemClock(), checkpoint_dir=checkpoints, on_progress=_shown(progress))
        if not follow:
            missing = [pattern for pattern in patterns if not source.matches(pattern)]
            if missing:
                raise InvalidInput(f"no such file: {', '.join(missing)}")
        if follow:
            source.run(stop)
        else:
            source.drain(stop)
    return source.refused_chunks


def _shown(progress: Progress) -> Callable[[files.Progress], None]:
    tasks: dict[Path, TaskID] = {}

    def show(state: files.Progress) -> None:
        if state.path not in tasks:
            tasks[state.path] = progress.add_task(os.fspath(state.path), total=state.size)
        progress.update(tasks[state.path], completed=state.offset, total=state.size)

    return show
