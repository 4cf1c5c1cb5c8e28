"""`heimdall demo`: a node with a shop's logs in it, a day back and live."""

from __future__ import annotations

from pathlib import Path

import click

from heimdall.app.cli.up import serve


@click.command("demo")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("heimdall-demo"),
    show_default=True,
    help="Folder to keep the demo in; delete it to start afresh.",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Main port; 7373 by default, 0 for a free one.")
@click.option("--write", type=click.Path(file_okay=False, path_type=Path), help="Only write the raw log files here.")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 168), help="Hours to write (--write).")
@click.option("--seed", default=7, show_default=True, help="Same seed, same shop (--write).")
def command(data: Path, port: int | None, write: Path | None, hours: int, seed: int) -> None:
    """Start a node and feed it a shop: a dozen services, a day of history, then live, with planted incidents.

    What was planted, and when, is written to demo-truth.json in the data folder.

    \b
    Examples:
      heimdall demo
      heimdall demo --write ./shop-logs --hours 2
    """
    if write is not None:
        from heimdall.app.demo.feed import write_files
        from heimdall.clock import SystemClock

        click.echo(f"wrote {write_files(write, hours=hours, seed=seed, clock=SystemClock()):,} records to {write}")
        return

    serve(None, {"data": data, "server.port": port}, demo=True)
