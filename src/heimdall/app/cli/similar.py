"""`heimdall similar`: the records most like a line or a stack trace."""

from __future__ import annotations

import sys

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, print_rows

_LONGEST = 16_384
"""Characters of a text that the API takes, and that count: the first hundred frames of a trace."""


@click.command("similar")
@click.argument("file", default="-")
@click.option("--query", "-q", default="*", show_default=True, help="HQL: only among these records.")
@click.option("--from", "start", help="Earliest time: RFC 3339, epoch, -15m, -7d. Default: all time.")
@click.option("--to", "end", help="Latest time, not included. Default: now and later.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1_000), help="Rows at most.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def command(file: str, query: str, start: str | None, end: str | None, limit: int, output: str, url: str) -> None:
    """Find records like the text in FILE, or on standard input: a stack trace, a line, or words it should have.

    \b
    Examples:
      heimdall similar trace.txt --from -7d
      pbpaste | heimdall similar -q 'service:payment'
    """
    try:
        with click.open_file(file, "rb") as opened:
            text = opened.read(4 * _LONGEST).decode(errors="replace").strip()[:_LONGEST]
    except OSError as exc:
        raise click.UsageError(f"{file} cannot be read: {exc.strerror}") from exc
    with NodeClient(url) as node:
        answer = node.post("/api/v1/similar", {"text": text, "q": query, "from": start, "to": end, "limit": limit})
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for row in answer["data"]:
        row["message"] = f"[{row['similarity']:.2f}: {row['why']}]\n{row.get('message', '')}"
    print_rows(answer["data"], console())
    click.echo(f"compared by {' and '.join(answer['compared_by'])}", err=True)
