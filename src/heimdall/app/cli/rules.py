"""`heimdall rules`: what is watched for; trying a rule on stored records; importing Sigma rules."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, printable, table
from heimdall.errors import InvalidInput

if TYPE_CHECKING:
    from heimdall.insight.rules.rule import Rule

_BODY_BYTES = 512 * 1024
"""Of rules sent in one request."""
_output = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
_file = click.argument("file", type=click.Path(exists=True, path_type=Path))


@click.group("rules")
def command() -> None:
    """Show, try, keep and import rules.

    \b
    Examples:
      heimdall rules list
      heimdall rules test declines.toml --from -7d
      heimdall rules add declines.toml
      heimdall rules import sigma/rules --dry-run
    """


@command.command("list")
@_output
@url_option
def list_rules(output: str, url: str) -> None:
    """Show all rules."""
    with NodeClient(url) as node:
        answer = node.get("/api/v1/rules")
    if output == "json":
        _print(answer)
        return
    rows = [{"id": rule["id"], "severity": rule["severity"], "kind": rule["kind"], "name": rule["name"],
             "source": rule.get("source", "")} for rule in answer["data"]]  # fmt: skip
    if rows:
        console().print(table(rows, ["id", "severity", "kind", "name", "source"]))
    else:
        click.echo("no rules; heimdall rules add FILE keeps some")


@command.command("test")
@_file
@click.option("--from", "start", default="-24h", show_default=True, help="First moment of the records to try it on.")
@click.option("--to", "end", default="now", show_default=True, help="First moment after them.")
@_output
@url_option
def test(file: Path, start: str, end: str, output: str, url: str) -> None:
    """Try the rules of FILE on what is stored: what they would have said. Nothing is kept."""
    found = []
    with NodeClient(url, timeout_s=600) as node:
        for rule in _rules_of(file):
            answer = node.post("/api/v1/rules/test", {"rule": rule.as_row(), "from": start, "to": end})
            found.append({"rule": rule.id} | answer)
    if output == "json":
        _print(found)
        return
    for each in found:
        cut = "" if each["complete"] else f"; cut off at {each['to']}, the range holds more records than are read"
        click.echo(f"{each['rule']}: {each['alerts']:,} alerts, {each['records']:,} records read{cut}")
        for firing in each["firings"][:20]:
            click.echo(printable(f"  {firing['detected'][:19]} {firing['statement']}"))


@command.command("add")
@_file
@url_option
def add(file: Path, url: str) -> None:
    """Keep the rules of FILE, or of the TOML files below a folder, at the node."""
    with NodeClient(url) as node:
        for body in _bodies([rule.as_row() for rule in _rules_of(file)]):
            for rule_id in node.post("/api/v1/rules", body)["kept"]:
                click.echo(rule_id)


@command.command("delete")
@click.argument("rule_id")
@url_option
def delete(rule_id: str, url: str) -> None:
    """Delete a rule that was added or imported."""
    with NodeClient(url) as node:
        node.delete(f"/api/v1/rules/{rule_id}")


@command.command("import")
@_file
@click.option("--dry-run", is_flag=True, help="Only say what would be imported.")
@_output
@url_option
def import_rules(file: Path, dry_run: bool, output: str, url: str) -> None:
    """Import Sigma rules: a file or every .yml below a folder, as they are. Names those that HQL cannot say."""
    from heimdall.insight.rules.sigma import import_folder

    imported = import_folder(file)
    if not imported.rules and not imported.unsaid:
        raise InvalidInput(f"there is no Sigma rule in {file}; of a folder every .yml and .yaml below it is read")
    if not dry_run and imported.rules:
        with NodeClient(url, timeout_s=300) as node:
            for body in _bodies([rule.as_row() for rule in imported.rules]):
                node.post("/api/v1/rules", body)
    unsaid = [{"file": each.source, "title": each.title, "reason": each.reason} for each in imported.unsaid]
    if output == "json":
        _print({"imported": len(imported.rules), "share": round(imported.share, 4), "refused": unsaid})
        return
    word = "would be imported" if dry_run else "imported"
    click.echo(f"{len(imported.rules):,} {word} ({imported.share:.1%}), {len(unsaid):,} not:")
    for each in unsaid:
        click.echo(f"  {each['file']}: {each['reason']}")
    for severity, count in sorted(Counter(rule.severity.value for rule in imported.rules).items()):
        click.echo(f"{severity}: {count:,}")


def _rules_of(file: Path) -> Sequence[Rule]:
    """
    Raises:
        InvalidInput: there is none, which is hardly what was meant.
    """
    from heimdall.insight.rules.rule import read_rules

    rules = read_rules(file)
    if not rules:
        raise InvalidInput(f"there is no rule in {file}; of a folder every .toml below it is read")
    return rules


def _bodies(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    body: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        size += len(orjson.dumps(row))
        if body and size > _BODY_BYTES:
            yield body
            body, size = [], len(orjson.dumps(row))
        body.append(row)
    if body:
        yield body


def _print(answer: object) -> None:
    sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
