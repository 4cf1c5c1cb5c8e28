"""`heimdall tiers`: what lies where, and what moves next."""

from __future__ import annotations

import sys
from typing import Any

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, table

_COLUMNS = ["tier", "records", "size", "units", "oldest", "newest", "next move"]


@click.command("tiers")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def command(output: str, url: str) -> None:
    """Show the tiers: records, bytes, age, and the next move out of each.

    \b
    Examples:
      heimdall tiers
      heimdall tiers -o json | jq '.data[] | {tier, size_bytes}'
    """
    with NodeClient(url) as node:
        answer = node.get("/api/v1/tiers", {})
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        console().print(table([_shown(row) for row in answer["data"]], _COLUMNS))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    move = row["next_move"]
    return {
        "tier": row["tier"],
        "records": f"{row['records']:,}",
        "size": _size(row["size_bytes"]),
        "units": row["units"],
        "oldest": (row["oldest"] or "")[:10],
        "newest": (row["newest"] or "")[:10],
        "next move": _move(move) if move else "",
    }


def _move(move: dict[str, Any]) -> str:
    records = f"{move['records']:,} records " if move["records"] else ""
    where = "are dropped" if move["to"] == "gone" else f"to {move['to']}"
    return f"{records}{where} on {move['at'][:10]}"


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
