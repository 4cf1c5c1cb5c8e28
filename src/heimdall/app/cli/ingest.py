"""`heimdall ingest`: send files or standard input to a node, each line once."""

from __future__ import annotations

import glob
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import click

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console
from heimdall.clock import SystemClock
from heimdall.ingest.sources.container_path import origin_of
from heimdall.ingest.sources.files import FilesConfig, FileSource, Progress
from heimdall.ingest.sources.sink import Chunk
from heimdall.ingest.sources.stdin import StdinSource

_PARAMETERS = (
    "service", "instance", "region", "environment", "time_field", "message_field", "level_field", "service_field",
    "time_zone",
)  # fmt: skip


class HttpSink:
    """Sends chunks to a node's HTTP door under their keys, and adds up what it answers."""

    def __init__(self, node: NodeClient, parameters: Mapping[str, object]) -> None:
        self._node = node
        self._parameters = dict(parameters)
        self.accepted = 0
        self.rejected = 0

    def send(self, chunk: Chunk) -> None:
        key = f"{chunk.key.producer_id.hex()}:{chunk.key.epoch}:{chunk.key.sequence}"
        headers = {
            "Content-Type": "text/plain",
            "Idempotency-Key": key,
        }  # JSON lines too; what is broken is kept as text
        answer = self._node.send("/api/v1/logs", chunk.data, headers, _of_container(chunk.path) | self._parameters)
        self.accepted += answer["accepted"]
        self.rejected += answer["rejected"]
        for error in answer["errors"][:3]:
            click.echo(f"{chunk.path}: {error['reason']}: {error['excerpt'][:80]!r}", err=True)


def _of_container(path: str) -> dict[str, object]:
    """What a container's log file says by its path, for records that do not say it themselves."""
    origin = origin_of(path)
    if origin is None:
        return {}
    named = {"service": origin.service, "instance": origin.instance}
    given: dict[str, object] = {name: value for name, value in named.items() if value is not None}
    return given | {f"attribute.{name}": value for name, value in origin.attributes.items()}


@click.command("ingest")
@click.argument("files", nargs=-1, metavar="FILE... | -")
@click.option("--follow", "-f", is_flag=True, help="Keep reading as files grow and rotate; stop with Ctrl-C.")
@click.option("--service", help="Service of lines that name none.")
@click.option("--instance", help="Instance of lines that name none.")
@click.option("--region", help="Region of lines that name none.")
@click.option("--environment", help="Environment of lines that name none.")
@click.option("--time-field", help="JSON field that holds the time.")
@click.option("--message-field", help="JSON field that holds the message.")
@click.option("--level-field", help="JSON field that holds the level.")
@click.option("--service-field", help="JSON field that holds the service.")
@click.option("--time-zone", help="Zone of times that state none, like Europe/Berlin. Default: UTC.")
@click.option("--again", is_flag=True, help="Read from the beginning, whatever was sent before.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that remembers how far each file is. Default: $XDG_STATE_HOME/heimdall or ~/.local/state/heimdall.",
)
@url_option
def command(files: tuple[str, ...], follow: bool, again: bool, state: Path | None, url: str, **options: str) -> None:
    """Send log files (globs, folders, .gz and .zst too) or standard input.

    JSON arrays are sent by element, CSV by its columns, UTF-16 is read, and what is no text is passed over.
    How far each file was sent is remembered per node, to the byte: run it again, or after a crash, and only what
    is new goes out.

    \b
    Examples:
      heimdall ingest /var/log/nginx/*.log*
      heimdall ingest app.log --follow --service checkout
      journalctl -o short-iso -f | heimdall ingest -
    """
    if not files:
        raise click.UsageError("name the files to send, or - for standard input")
    if "-" in files and len(files) > 1:
        raise click.UsageError("send either files or standard input, not both at once")
    missing = [name for name in files if name != "-" and _is_missing(name)]
    if missing and not follow:
        raise click.UsageError(f"no such file: {', '.join(missing)}")
    parameters = {name: options[name] for name in _PARAMETERS if options[name]}
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with NodeClient(url) as node:
        sink = HttpSink(node, parameters)
        if files == ("-",):
            failures = _send_stdin(sink, stop)
        else:
            folder = None if again else (state or _state_folder()) / str(node.get("/api/v1/node")["id"])
            failures = _send_files(files, sink, stop, folder, follow=follow)
    _report(sink, failures)


def _send_stdin(sink: HttpSink, stop: threading.Event) -> int:
    source = StdinSource(sys.stdin.fileno(), sink, SystemClock())
    source.run(stop)
    return source.refused_chunks


def _send_files(
    files: tuple[str, ...], sink: HttpSink, stop: threading.Event, folder: Path | None, *, follow: bool
) -> int:
    """How much could not be sent: refused chunks, files that are damaged, cannot be read, or are named and no text."""
    with ExitStack() as stack:
        show = _progress_bars(stack) if sys.stderr.isatty() else lambda _: None
        patterns = [pattern_of(name) for name in files]
        config = FilesConfig(skip_binary=True)
        source = FileSource(patterns, sink, SystemClock(), config=config, checkpoint_dir=folder, on_progress=show)
        if follow:
            source.run(stop)
        else:
            source.drain(stop)
    for path in sorted(source.binary):
        click.echo(f"{path}: passed over, it is no text", err=True)
    named = {Path(name) for name in files}
    return source.refused_chunks + len(source.damaged) + len(source.unreadable) + len(source.binary & named)


def _is_missing(name: str) -> bool:
    """Not so where a folder on the way to it cannot be looked into: that is told when it is read."""
    try:
        Path(name).stat()
    except PermissionError:
        return False
    except OSError:
        return not glob.glob(name, recursive=True)  # noqa: PTH207 (pathlib has no glob for patterns that may be absolute)
    return False


def pattern_of(name: str) -> str:
    """What the source looks for. The name of a file that is there, `app[1].log` say, is no pattern."""
    try:
        is_folder = stat.S_ISDIR(Path(name).stat().st_mode)
    except OSError:
        return name
    return str(Path(glob.escape(name)) / "**") if is_folder else glob.escape(name)


def _progress_bars(stack: ExitStack) -> Callable[[Progress], None]:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bars = stack.enter_context(Bars(*columns, console=console(stderr=True)))
    tasks: dict[Path, int] = {}

    def show(progress: Progress) -> None:
        if progress.path not in tasks:
            tasks[progress.path] = bars.add_task(progress.path.name, total=progress.size)
        bars.update(tasks[progress.path], completed=progress.offset, total=progress.size)  # type: ignore[arg-type]

    return show


def _state_folder() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "heimdall"


def _report(sink: HttpSink, failures: int) -> None:
    out = console(stderr=True)
    if sink.accepted or sink.rejected:
        records = "1 record" if sink.accepted == 1 else f"{sink.accepted:,} records"
        out.print(f"sent {records}" + (f", {sink.rejected:,} rejected" if sink.rejected else ""))
    elif not failures:
        out.print("nothing new to send (--again reads from the beginning)")
    if failures or sink.rejected:
        raise click.exceptions.Exit(1)
