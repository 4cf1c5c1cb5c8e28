"""`heimdall templates`: the templates behind messages, what fills their parameters, their names and owners."""

from __future__ import annotations

import sys
from typing import Any

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, print_rows


@click.group("templates")
def command() -> None:
    """See which messages there are, what varies in them, and say whose they are."""


@command.command("list")
@click.option("--text", default="", help="Only those whose text or name holds this.")
@click.option("--owner", help='Only this owner\'s; "" = without owner.')
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Templates at most.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def list_templates(text: str, owner: str | None, limit: int, output: str, url: str) -> None:
    """Templates over all their life, most frequent first."""
    asked: dict[str, Any] = {"text": text, "limit": limit} | ({} if owner is None else {"owner": owner})
    with NodeClient(url) as node:
        answer = node.get("/api/v1/templates", asked)
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    if not answer["data"]:
        click.echo("no templates")
        return
    shown = ("template_id", "count", "name", "owner", "first", "last", "template")
    print_rows([{name: row[name] or "" for name in shown} for row in answer["data"]], console())


@command.command("show")
@click.argument("template_id", type=click.IntRange(1, 2**53 - 1))
@click.option("--query", "-q", default="*", show_default=True, help="HQL: only among these records.")
@click.option("--from", "start", help="Earliest time: RFC 3339, epoch, -15m, -7d. Default: all time.")
@click.option("--to", "end", help="Latest time, not included. Default: now and later.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def show(template_id: int, query: str, start: str | None, end: str | None, output: str, url: str) -> None:
    """One template: how often, at which levels, and the values of each parameter."""
    asked = {"q": query, **({"from": start} if start else {}), **({"to": end} if end else {})}
    with NodeClient(url) as node:
        answer = node.get(f"/api/v1/templates/{template_id}", asked)
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    data = answer["data"]
    click.echo(data["template"])
    levels = ", ".join(f"{level} {count:,}" for level, count in data["levels"].items())
    click.echo(f"{data['count']:,} records ({levels or 'none'}), {data['first']} to {data['last']}")
    click.echo(f"name: {data['name'] or '-'}   owner: {data['owner'] or '-'}")
    print_rows([_row(each) for each in data["parameters"]], console())
    sample = data["sample"]
    if not sample["complete"]:
        said = (
            f"from {sample['records']:,} records by chance: shares and ranks are off by {sample['error']:.1%} at most"
        )
        click.echo(said, err=True)


@command.command("label")
@click.argument("template_id", type=click.IntRange(1, 2**53 - 1))
@click.option("--name", default="", help="What it is called.")
@click.option("--owner", default="", help="The team or person it belongs to.")
@click.option("--author", default="", help="Who says so.")
@url_option
def label(template_id: int, name: str, owner: str, author: str, url: str) -> None:
    """Give a template a name and an owner; without either, take them away."""
    with NodeClient(url) as node:
        answer = node.put(f"/api/v1/templates/{template_id}", {"name": name, "owner": owner, "author": author})
    click.echo(f"{answer['template_id']}: {answer['name'] or 'no name'}, owner {answer['owner'] or 'nobody'}")


def _row(parameter: dict[str, Any]) -> dict[str, Any]:
    numbers, unit = parameter["numbers"], parameter["unit"]
    distinct = parameter["distinct"]
    band = f"{numbers['min']:g} … {numbers['p50']:g} … {numbers['max']:g} {unit}".strip() if numbers else ""
    about = "" if distinct["low"] == distinct["high"] else "about "
    return {
        "parameter": parameter["place"],
        "type": parameter["type"],
        "distinct": f"{about}{distinct['estimate']:,}",
        "min … median … max": band,
        "most frequent": ", ".join(f"{each['value']} ({each['share']:.1%})" for each in parameter["values"][:4]),
    }
