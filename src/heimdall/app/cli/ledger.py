"""`heimdall ledger`: the proof that nothing was lost."""

from __future__ import annotations

import sys

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, table

_COLUMNS = ["tenant", "minute", "accepted", "stored", "dead_lettered", "expired", "pending", "balanced"]


@click.command("ledger")
@click.option("--from", "start", help="Earliest minute: RFC 3339, epoch, -1h. Default: all.")
@click.option("--to", "end", help="Latest minute, not included.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def command(start: str | None, end: str | None, output: str, url: str) -> None:
    """Show accepted = stored + dead-lettered + expired, per tenant and minute.

    Exits with 1 when a minute does not balance.

    \b
    Examples:
      heimdall ledger --from -1h
      heimdall ledger -o json | jq '.data[] | select(.balanced | not)'
    """
    with NodeClient(url) as node:
        answer = node.get("/api/v1/ledger", {"from": start, "to": end})
    rows = answer["data"]
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        total = {name: sum(row[name] for row in rows) for name in _COLUMNS[2:7]}
        summary = {"tenant": "total", "minute": "", **total, "balanced": all(row["balanced"] for row in rows)}
        console().print(table([*rows, summary], _COLUMNS))
    if not all(row["balanced"] for row in rows):
        raise click.exceptions.Exit(1)
