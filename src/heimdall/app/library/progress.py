"""Progress of long work: a bar where someone looks, nothing where output goes into a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from heimdall.ingest.sources.files import Progress


@contextmanager
def shown(wanted: bool | None, total_bytes: int) -> Iterator[Callable[[Progress], None]]:
    """`wanted` None: in a terminal or a notebook. Work of a moment shows nothing."""
    if wanted is False or (wanted is None and not (sys.stderr.isatty() or _in_notebook())):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console() if _in_notebook() else Console(stderr=True)
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("reading logs", total=total_bytes, visible=False)
        done: dict[Path, int] = {}

        def show(progress: Progress) -> None:
            if progress.size is not None:  # of a compressed file nobody knows how much there is
                done[progress.path] = progress.offset
            bars.update(task, completed=sum(done.values()), description=f"reading {progress.path.name}", visible=True)

        yield show


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and running.__class__.__name__ == "ZMQInteractiveShell"
