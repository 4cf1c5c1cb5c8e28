"""`heimdall actions`: what was and would be done about incidents, approved, rejected and taken back."""

from __future__ import annotations

import getpass
import sys

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.labels import labels_of
from heimdall.app.cli.output import console, table

_output = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
_author = click.option("--author", help="Who does it; you by default.")
_token = click.option(
    "--token", envvar="HEIMDALL_ACTIONS_TOKEN", help="Token of [approval]; HEIMDALL_ACTIONS_TOKEN by default."
)


@click.group("actions")
def command() -> None:
    """Show what is done about incidents; approve, reject and undo it.

    \b
    Examples:
      heimdall actions list
      heimdall actions show 3f2a9c0d11e4b7aa
      heimdall actions approve 3f2a9c0d11e4b7aa
      heimdall actions undo 3f2a9c0d11e4b7aa
      heimdall actions simulate service=payment severity=P1
      heimdall actions stop --reason "the cluster is being moved"
    """


@command.command("list")
@click.option("--state", default="all", show_default=True, help="open, all, or one of the states.")
@click.option("--incident", help="Only about this incident.")
@_output
@url_option
def list_runs(state: str, incident: str | None, output: str, url: str) -> None:
    """Show runs of actions, newest first."""
    with NodeClient(url) as node:
        answer = node.get("/api/v1/actions", {"state": None if state == "all" else state, "incident": incident})
    if output == "json":
        _print(answer)
        return
    if answer["stopped"]:
        stopped = answer["stopped"]
        reason = f": {stopped['reason']}" if stopped["reason"] else ""
        click.echo(f"stopped by {stopped['author']} at {stopped['time'][:19]}Z{reason}", err=True)
    names = ["id", "state", "action", "target", "does", "reason", "made"]
    rows = [row | {"made": row["made"][:19]} for row in answer["data"]]
    if not rows:
        click.echo("no runs of actions")
        return
    console().print(table([{name: row.get(name) for name in names} for row in rows], names))


@command.command("show")
@click.argument("run")
@url_option
def show(run: str, url: str) -> None:
    """Show a run with every step of it, as JSON."""
    with NodeClient(url) as node:
        _print(node.get(f"/api/v1/actions/{run}"))


@command.command("approve")
@click.argument("run")
@_author
@_token
@url_option
def approve(run: str, author: str | None, token: str | None, url: str) -> None:
    """Let a run that waits happen."""
    _decide(url, run, "approve", author, token)


@command.command("reject")
@click.argument("run")
@_author
@_token
@url_option
def reject(run: str, author: str | None, token: str | None, url: str) -> None:
    """Keep a run from happening."""
    _decide(url, run, "reject", author, token)


@command.command("undo")
@click.argument("run")
@_author
@_token
@url_option
def undo(run: str, author: str | None, token: str | None, url: str) -> None:
    """Take back what a run did."""
    _decide(url, run, "undo", author, token)


@command.command("simulate")
@click.argument("labels", nargs=-1)
@click.option("--incident", help="About the alerts of this incident, in place of LABELS.")
@_output
@url_option
def simulate(labels: tuple[str, ...], incident: str | None, output: str, url: str) -> None:
    """Show what would be done about an alert now. LABELS are label=value; targets are read, nothing is done."""
    pairs = labels_of(labels)
    with NodeClient(url) as node:
        answer = node.post("/api/v1/actions/simulate", {"incident": incident} if incident else {"labels": pairs})
    if output == "json":
        _print(answer)
        return
    if not answer["data"]:
        click.echo("no action matches")
    names = ["action", "mode", "target", "does", "undoes", "refusal"]
    console().print(table([{name: row[name] for name in names} for row in answer["data"]], names))


@command.command("stop")
@click.option("--reason", default="", help="Why.")
@_author
@url_option
def stop(reason: str, author: str | None, url: str) -> None:
    """The kill switch: change no target any more, until it is resumed."""
    with NodeClient(url) as node:
        made = node.post("/api/v1/actions/stop", {"author": author or getpass.getuser(), "reason": reason})
    click.echo(f"stopped by {made['author']}")


@command.command("resume")
@_author
@_token
@url_option
def resume(author: str | None, token: str | None, url: str) -> None:
    """Let actions happen again."""
    with NodeClient(url, headers=_authorisation(token)) as node:
        node.post("/api/v1/actions/resume", {"author": author or getpass.getuser()})
    click.echo("resumed")


def _decide(url: str, run: str, word: str, author: str | None, token: str | None) -> None:
    body = {"author": author or getpass.getuser()}
    with NodeClient(url, headers=_authorisation(token)) as node:
        found = node.post(f"/api/v1/actions/{run}/{word}", body)
    click.echo(f"{found['id']} {found['state']}: {found['does']}")


def _authorisation(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _print(answer: object) -> None:
    sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
