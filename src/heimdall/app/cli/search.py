"""`heimdall search`: ask a node and print what it answers."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import click
import orjson

from heimdall.app.cli.client import NodeClient, url_option
from heimdall.app.cli.output import console, print_rows, printable

_MIME = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
_PAGE_ROWS = 10_000


@click.command("search")
@click.argument("query", default="*")
@click.option(
    "--language",
    default="hql",
    show_default=True,
    help="What the query is written in: hql, spl, sql, kql, logsql, logql, lucene, ppl or esdsl (Elasticsearch's).",
)
@click.option("--from", "start", help="Earliest time: RFC 3339, epoch, -15m, -7d. Default: all time.")
@click.option("--to", "end", help="Latest time, not included. Default: now and later.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Rows at most.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "ndjson", "csv"]), default="table", show_default=True
)
@click.option(
    "--explain",
    is_flag=False,
    flag_value="plan",
    type=click.Choice(["plan", "analyze"]),
    help="Show what it would cost, each way it could be answered; `analyze` also runs it.",
)
@url_option
def command(
    query: str,
    language: str,
    start: str | None,
    end: str | None,
    limit: int,
    output: str,
    explain: str | None,
    url: str,
) -> None:
    """Search with HQL, or with another language that is translated into it; newest first.

    \b
    Examples:
      heimdall search 'service:payment level>=error' --from -1h
      heimdall search '"connection refused" | stats count() as n by service | sort -n'
      heimdall search '* | timechart span=5m count() by level' --from -24h -o csv
      heimdall search '* | top 10 user_id' --explain analyze
      heimdall search --language spl 'service=payment | timechart span=5m count'
    """
    parameters: dict[str, object] = {"q": query, "language": language, "from": start, "to": end}
    with NodeClient(url) as node:
        if explain:
            plan = parameters | {"analyze": explain == "analyze", "limit": min(limit, _PAGE_ROWS)}
            _print_plan(node.get("/api/v1/explain", plan)["data"], output)
            return
        if output in _MIME:
            _pass_through(node, parameters, limit, _MIME[output])
            return
        answer = _rows(node, parameters, limit)
    if output == "json":
        sys.stdout.write(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    print_rows(answer["data"], console())
    if "hint" in answer:
        click.echo(f"hint: {printable(answer['hint'])}", err=True)
    if sys.stdout.isatty():
        console(stderr=True).print(_status(answer), style="bright_black")


def _print_plan(plan: dict[str, Any], output: str) -> None:
    if output == "json":
        sys.stdout.write(orjson.dumps(plan, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for tier in plan["tiers"]:
        rows = [_cost(one["strategy"], one["chosen"], one["estimated"]) for one in tier["candidates"]]
        if "actual" in tier:
            rows.append(_cost("as it ran", False, tier["actual"]))
        print_rows(rows, console())


def _cost(what: str, chosen: bool, cost: dict[str, Any]) -> dict[str, Any]:
    return {
        "": "→" if chosen else "",
        "strategy": what,
        "rows": f"{cost['rows']:,}",
        "MiB": f"{cost['bytes'] / 2**20:,.1f}",
        "ms": f"{cost['ms']:,.1f}",
    }


def _rows(node: NodeClient, parameters: dict[str, object], limit: int) -> dict[str, Any]:
    """One envelope with up to `limit` rows, gathered page by page."""
    answer: dict[str, Any] = node.get("/api/v1/search", parameters | {"limit": min(limit, _PAGE_ROWS)})
    while answer["next"] and len(answer["data"]) < limit:
        wanted = min(limit - len(answer["data"]), _PAGE_ROWS)
        page = node.get("/api/v1/search", parameters | {"limit": wanted, "cursor": answer["next"]})
        answer["data"] += page["data"]
        answer["scanned_rows"] += page["scanned_rows"]
        answer["took_ms"] += page["took_ms"]
        answer["next"] = page["next"]
    return answer


def _pass_through(node: NodeClient, parameters: dict[str, object], limit: int, mime: str) -> None:
    """Copy rows to standard output in the form the node writes them, page by page; pages of CSV as one table."""
    out, cursor, sizes = sys.stdout.buffer, None, list[int]()
    with tempfile.TemporaryFile() as pages:
        while limit > 0:
            wanted = min(limit, _PAGE_ROWS)
            with node.stream("/api/v1/search", parameters | {"limit": wanted, "cursor": cursor}, mime) as response:
                if mime == "text/csv":
                    sizes.append(pages.write(response.read()))
                else:
                    for chunk in response.iter_bytes():
                        out.write(chunk)
                cursor = response.headers.get("X-Heimdall-Next") or None
            limit -= wanted
            if cursor is None:
                break
        one_table(pages, sizes, out)
    out.flush()


def one_table(pages: IO[bytes], sizes: Sequence[int], out: IO[bytes]) -> None:
    """Pages of CSV, one behind the other in `pages`, under one header: each has the columns that its own rows have, so
    all of them are known only at the end. One page at a time is in memory."""
    sizes = [size for size in sizes if size]
    heads = [page.partition(b"\n")[0] for page in _each(pages, sizes)]
    if len(set(heads)) <= 1:
        for number, page in enumerate(_each(pages, sizes)):
            out.write(page if number == 0 else page.partition(b"\n")[2])
        return
    import polars as pl  # noqa: PLC0415  (a fifth of a second, which pages that are alike do without)

    names = dict.fromkeys(name for head in heads for name in pl.read_csv(head, infer_schema=False).columns)
    for number, page in enumerate(_each(pages, sizes)):
        table = pl.read_csv(page, infer_schema=False)
        whole = table.select(name if name in table.columns else pl.lit(None, pl.String).alias(name) for name in names)
        out.write(whole.write_csv(include_header=number == 0).encode())


def _each(pages: IO[bytes], sizes: Sequence[int]) -> Iterator[bytes]:
    pages.seek(0)
    return (pages.read(size) for size in sizes)


def _status(answer: dict[str, Any]) -> str:
    count = f"{len(answer['data']):,} rows"
    sure = "exact" if answer["exact"] else f"± {answer['error']}"
    more = ", more with --limit" if answer["next"] else ""
    return f"{count}{more} · {sure} · {answer['scanned_rows']:,} scanned · {answer['took_ms']:.0f} ms"
