"""`heimdall sources`: what to paste into each sender, and what has come from it."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, table
from heimdall.errors import NotFound

_ASK_EVERY_S = 0.5


@click.command("sources")
@click.argument("name", required=False)
@click.option("--wait", is_flag=True, help="With a name: wait until a record has come that way.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def command(name: str | None, wait: bool, output: str, url: str) -> None:
    """List who can send to the node; with a name, show what to paste into that sender.

    Records are counted by door since the node began: senders that share a door share its count.

    \b
    Examples:
      heimdall sources
      heimdall sources loki --wait
      heimdall sources syslog > /etc/rsyslog.d/heimdall.conf
    """
    if wait and name is None:
        raise click.UsageError("--wait needs the name of a sender")
    with NodeClient(url) as node:
        answer = node.get("/api/v1/sources")
        if name is not None:
            _show(node, _named(answer, name), wait)
        elif output == "json":
            sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            console().print(table([_listed(row) for row in answer["data"]], ["name", "sender", "records", "state"]))


def _named(answer: Any, name: str) -> dict[str, Any]:
    rows = {row["name"]: row for row in answer["data"]}
    if name not in rows:
        raise NotFound(f"there is no sender {name[:40]!r}; there are {', '.join(rows)}")
    found: dict[str, Any] = rows[name]
    return found


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    state = "waiting" if row["on"] else str(row["why"])
    return {
        "name": row["name"],
        "sender": row["title"],
        "records": f"{row['accepted']:,}",
        "state": "records come" if row["accepted"] else state,
    }


def _show(node: NodeClient, row: dict[str, Any], wait: bool) -> None:
    aside = console(stderr=True)
    aside.print(f"{row['title']}: paste into {row['file']}", markup=False)
    click.echo(row["snippet"])
    if not row["on"]:
        aside.print(str(row["why"]), style="yellow", markup=False)
    if not wait:
        return
    before = row["accepted"]
    aside.print("waiting for the first record …", style="bright_black", markup=False)
    while row["accepted"] <= before:
        time.sleep(_ASK_EVERY_S)
        row = _named(node.get("/api/v1/sources"), row["name"])
    aside.print(f"✓ {row['title']}: records have come", style="bold green", markup=False)
