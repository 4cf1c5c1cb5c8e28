"""`heimdall deadletters`: records storage refused, with the reason; look at them and send them again."""

from __future__ import annotations

import sys

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, table

_COLUMNS = ["id", "time", "tenant", "stage", "records", "reason", "excerpt"]


@click.group("deadletters")
def command() -> None:
    """List, show and replay records that could not be stored."""


@command.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@url_option
def list_letters(limit: int, output: str, url: str) -> None:
    """List dead letters, newest first.

    \b
    Example:
      heimdall deadletters list --limit 20
    """
    with NodeClient(url) as node:
        answer = node.get("/api/v1/deadletters", {"limit": limit})
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif answer["data"]:
        console().print(table(answer["data"], _COLUMNS))
    else:
        click.echo("no dead letters")


@command.command("show")
@click.argument("letter_id", type=int, metavar="ID")
@url_option
def show_letter(letter_id: int, url: str) -> None:
    """Show one dead letter with its records and raw bytes (base64), as JSON.

    \b
    Example:
      heimdall deadletters show 7
    """
    with NodeClient(url) as node:
        letter = node.get(f"/api/v1/deadletters/{letter_id}")
    sys.stdout.write(orjson.dumps(letter, option=orjson.OPT_INDENT_2).decode() + "\n")


@command.command("replay")
@click.argument("letter_ids", type=int, nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Replay every dead letter.")
@url_option
def replay_letters(letter_ids: tuple[int, ...], everything: bool, url: str) -> None:
    """Send dead letters through the pipeline again. Exits with 1 when one is refused again.

    \b
    Examples:
      heimdall deadletters replay 7 8
      heimdall deadletters replay --all
    """
    if bool(letter_ids) == everything:
        raise click.UsageError("name the letters to replay, or use --all")
    with NodeClient(url) as node:
        result = node.post("/api/v1/deadletters/replay", {"all": True} if everything else {"ids": list(letter_ids)})
    click.echo(f"replayed {result['replayed']}")
    for failure in result["failed"]:
        click.echo(f"letter {failure['id']}: {failure['reason']}", err=True)
    if result["failed"]:
        raise click.exceptions.Exit(1)
