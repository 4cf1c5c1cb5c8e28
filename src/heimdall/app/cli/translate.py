"""`heimdall translate`: a query of another language as HQL, without a node."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
import orjson


@click.command("translate")
@click.argument("query")
@click.option(
    "--from",
    "--language",
    "language",
    required=True,
    help="The language of the query: spl, sql, logql, esdsl (Elasticsearch's JSON), kql, logsql, lucene or ppl.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(query: str, language: str, output: str) -> None:
    """Show the HQL of a query in another language.

    Each word that has no place in HQL is named on standard error, with why and what comes nearest; the HQL printed then
    is what is left without it, and the exit code is 1.

    \b
    Examples:
      heimdall translate --from spl 'index=app level=ERROR | timechart span=5m count by service'
      heimdall translate --from spl 'error | stats count by host' -o json
    """
    from heimdall.query.languages.registry import translate

    found = translate(query, language)
    if output == "json":
        answer = {"language": found.language, "hql": found.hql, "gaps": [asdict(gap) for gap in found.gaps]}
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif found.hql is not None:
        click.echo(found.hql)
    for gap in found.gaps:
        click.echo(str(gap), err=True)
    if found.gaps:
        sys.exit(1)
