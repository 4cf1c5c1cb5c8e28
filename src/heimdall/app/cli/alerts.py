"""`heimdall alerts`: what is wrong, which incident it belongs to, and what is done about it."""

from __future__ import annotations

import getpass
import sys
from typing import Any

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.labels import labels_of
from heimdall.app.cli.output import console, table

_output = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
_STATES = click.Choice(["open", "firing", "acknowledged", "resolved", "all"])
_state = click.option("--state", type=_STATES, default="open", show_default=True, help="Which of them.")


@click.group("alerts")
def command() -> None:
    """Show alerts and incidents, acknowledge and silence.

    \b
    Examples:
      heimdall alerts list
      heimdall alerts incidents --state all
      heimdall alerts show 3f2a9c0d11e4b7aa
      heimdall alerts acknowledge 3f2a9c0d11e4b7aa
      heimdall alerts silence service=payment --for 2h --comment "planned work"
      heimdall alerts oncall
      heimdall alerts override platform kim --for 12h --comment "swapped with lee"
    """


@command.command("list")
@_state
@click.option("--service", help="Only of this service.")
@_output
@url_option
def list_alerts(state: str, service: str | None, output: str, url: str) -> None:
    """Show alerts, newest first."""
    with NodeClient(url) as node:
        answer = node.get("/api/v1/alerts", {"state": None if state == "all" else state, "service": service})
    if output == "json":
        _print(answer)
        return
    if not answer["data"]:
        click.echo(_none("alerts", state))
        return
    names = ["severity", "state", "service", "statement", "records", "seen", "incident"]
    console().print(table([_shown(row, names) for row in answer["data"]], names))


@command.command("incidents")
@_state
@click.option("--owner", help="Only of this owner.")
@_output
@url_option
def incidents(state: str, owner: str | None, output: str, url: str) -> None:
    """Show incidents, newest first."""
    with NodeClient(url) as node:
        answer = node.get("/api/v1/incidents", {"state": None if state == "all" else state, "owner": owner})
    if output == "json":
        _print(answer)
        return
    if not answer["data"]:
        click.echo(_none("incidents", state))
        return
    names = ["id", "severity", "state", "title", "owners", "alerts", "open_alerts", "opened"]
    rows = [_shown(row | {"owners": ", ".join(row["owners"])}, names) for row in answer["data"]]
    console().print(table(rows, names))


def _none(what: str, state: str) -> str:
    return f"no {what}" if state == "all" else f"no {state} {what}; --state all shows those of other states"


@command.command("show")
@click.argument("incident")
@url_option
def show(incident: str, url: str) -> None:
    """Show an incident with its timeline, as JSON."""
    with NodeClient(url) as node:
        _print(node.get(f"/api/v1/incidents/{incident}"))


@command.command("acknowledge")
@click.argument("incident")
@click.option("--author", help="Who looks after it; you by default.")
@url_option
def acknowledge(incident: str, author: str | None, url: str) -> None:
    """Say that you look after an incident: nobody is told of it again."""
    _act(url, incident, "acknowledge", author)


@command.command("resolve")
@click.argument("incident")
@click.option("--author", help="Who says so; you by default.")
@url_option
def resolve(incident: str, author: str | None, url: str) -> None:
    """Say that an incident is over."""
    _act(url, incident, "resolve", author)


@command.command("silence")
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "duration", default="1h", show_default=True, help="How long.")
@click.option("--comment", default="", help="Why.")
@click.option("--author", help="Who; you by default.")
@url_option
def silence(matchers: tuple[str, ...], duration: str, comment: str, author: str | None, url: str) -> None:
    """Keep alerts that match from being told. MATCHERS are label=value or label=/pattern/."""
    pairs = labels_of(matchers)
    body = {"matchers": pairs, "to": duration, "comment": comment, "author": author or getpass.getuser()}
    with NodeClient(url) as node:
        made = node.post("/api/v1/silences", body)
    click.echo(f"{made['id']} until {made['end']}")


@command.command("oncall")
@click.argument("schedule", required=False)
@click.option("--at", default="now", show_default=True, help="When: RFC 3339, or relative such as +1d.")
@click.option("--turns", is_flag=True, help="Show the turns that come, too.")
@click.option("--for", "span", default="14d", show_default=True, help="How far to look for the turns that come.")
@_output
@url_option
def oncall(schedule: str | None, at: str, turns: bool, span: str, output: str, url: str) -> None:
    """Show who is on call now, until when, and who is next."""
    with NodeClient(url) as node:
        answer = node.get("/api/v1/oncall", {"schedule": schedule, "at": at, "for": span})
    if output == "json":
        _print(answer)
        return
    if not answer["data"]:
        click.echo("there are no schedules; docs/guides/alerting.md says how alerting.file has them")
        return
    rows = [_duty(row, turn) for row in answer["data"] for turn in (row["turns"] if turns else row["turns"][:1])]
    names = ["schedule", "on call", "by", "from", "to"] if turns else ["schedule", "on call", "by", "until", "next"]
    console().print(table([{name: row[name] for name in names} for row in rows], names))


def _duty(row: dict[str, Any], turn: dict[str, Any]) -> dict[str, Any]:
    return {
        "schedule": row["schedule"],
        "on call": turn["user"] or "nobody",
        "by": turn["source"],
        "from": turn["from"][:16] + "Z",
        "to": turn["to"][:16] + "Z",
        "until": (row["until"] or "")[:16] + ("Z" if row["until"] else ""),
        "next": (row["next"]["user"] or "nobody") if row["next"] else "",
    }


@command.command("override")
@click.argument("schedule")
@click.argument("user")
@click.option("--from", "start", default="now", show_default=True, help="When it begins, by the schedule's time zone.")
@click.option("--for", "duration", default="12h", show_default=True, help="How long.")
@click.option("--comment", default="", help="Why.")
@click.option("--author", help="Who says so; you by default.")
@url_option
def override(schedule: str, user: str, start: str, duration: str, comment: str, author: str | None, url: str) -> None:
    """Put USER on call in SCHEDULE for a while, whoever's turn it is."""
    body = {"schedule": schedule, "user": user, "from": start, "to": duration, "comment": comment}
    with NodeClient(url) as node:
        made = node.post("/api/v1/oncall/overrides", body | {"author": author or getpass.getuser()})
    click.echo(f"{made['id']} {made['user']} is on call from {made['start'][:16]}Z to {made['end'][:16]}Z")


def _act(url: str, incident: str, action: str, author: str | None) -> None:
    with NodeClient(url) as node:
        found = node.post(f"/api/v1/incidents/{incident}", {"action": action, "author": author or getpass.getuser()})
    click.echo(f"{found['id']} {found['state']}")


def _shown(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: str(row.get(name) or "")[:19] if name in ("seen", "opened") else row.get(name) for name in names}


def _print(answer: object) -> None:
    sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
