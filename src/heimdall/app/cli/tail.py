"""`heimdall tail`: matching records as they arrive."""

from __future__ import annotations

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, log_line


@click.command("tail")
@click.argument("query", default="*")
@click.option("--language", default="hql", show_default=True, help="What the query is written in.")
@click.option("-o", "--output", type=click.Choice(["table", "ndjson"]), default="table", show_default=True)
@url_option
def command(query: str, language: str, output: str, url: str) -> None:
    """Follow matching records live; stop with Ctrl-C.

    \b
    Examples:
      heimdall tail 'level>=warn'
      heimdall tail 'service:auth "login failed"' -o ndjson | jq .user_id
    """
    out, notes = console(), console(stderr=True)
    asked = {"q": query, "language": language}
    with NodeClient(url) as node, node.stream("/api/v1/tail", asked, "text/event-stream") as response:
        event = ""
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data" and event == "lines":
                for row in orjson.loads(value)["rows"]:
                    if output == "ndjson":
                        click.echo(orjson.dumps(row))
                    else:
                        out.print(log_line(row))
            elif name == "data" and event == "gap":
                gap = orjson.loads(value)
                notes.print(f"… {gap['dropped']:,} records not shown, {gap['from']} to {gap['to']}", style="yellow")
