"""`count`, `avg(x) as a`, `count(eval(…))`, `by a, b`: what `stats`, `timechart`, `chart` and `top` share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from heimdall.query.ast import Call, Expression, Field
from heimdall.query.functions import function_named
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.languages.logic import never_missing
from heimdall.query.languages.spl.expressions import parse_expression
from heimdall.query.languages.spl.names import field_name
from heimdall.query.languages.translation import Gaps
from heimdall.query.pipes.aggregation import Column

NAME = re.compile(r"[^\W\d][\w.:@{}-]*|_\w+")
_FUNCTION = re.compile(r"[^\W\d]\w*")
_PERCENTILE = re.compile(r"(?:perc|exactperc|p)(\d{1,2}(?:\.\d+)?)")

FUNCTIONS = {
    "c": "count",
    "count": "count",
    "dc": "count_distinct",
    "distinct_count": "count_distinct",
    "sum": "sum",
    "avg": "avg",
    "mean": "avg",
    "min": "min",
    "max": "max",
    "median": "median",
    "stdev": "stdev",
    "values": "values",
    "earliest": "first",
    "latest": "last",
}
"""Splunk's aggregate → HQL's."""

NEAREST = {
    "estdc": "count_distinct(field)",
    "first": "last(field): of records newest first, the first is the latest",
    "last": "first(field): of records newest first, the last is the earliest",
    "list": "values(field)",
    "mode": "top 1 field",
    "range": "max(field) - min(field)",
    "rate": "rate(field)",
    "per_second": "rate(field)",
    "upperperc99": "p99(field)",
}


@dataclass(frozen=True, slots=True)
class Keys:
    columns: tuple[Column, ...]

    def required(self) -> list[Expression]:
        """Splunk groups no record that has not all of the keys."""
        names = [column.expression.name for column in self.columns if isinstance(column.expression, Field)]
        return [Call("exists", (Field(name),)) for name in names if not never_missing(name)]


def take_name(cursor: Cursor) -> str:
    """A field as Splunk writes it, under Heimdall's name."""
    cursor.skip()
    start = cursor.position
    if cursor.peek() in ('"', "'") and cursor.peek():
        name = cursor.quoted(cursor.peek())
        if not name:
            raise cursor.error("a field name is empty", start, 2)
        return field_name(name)
    match = cursor.take_match(NAME)
    if match is None:
        raise cursor.unexpected("expected a field name", "odd names go in quotes")
    return field_name(match[0])


def take_names(cursor: Cursor) -> tuple[str, ...]:
    """Field names, with or without commas between them."""
    names = [take_name(cursor)]
    while cursor.take(",") or not (cursor.at_pipe_end or cursor.peek() in ")]"):
        names.append(take_name(cursor))
    return tuple(dict.fromkeys(names))


def parse_aggregates(cursor: Cursor, gaps: Gaps) -> tuple[Column, ...]:
    """Up to `by`, the next bar or the end."""
    columns: list[Column] = []
    while True:
        column = _aggregate(cursor, gaps)
        if column is not None:
            columns.append(column)
        cursor.take(",")
        if cursor.at_pipe_end or cursor.at_word("by") or cursor.at_word("over"):
            return tuple(columns)


def _aggregate(cursor: Cursor, gaps: Gaps) -> Column | None:
    cursor.skip()
    cursor.count()
    start = cursor.position
    match = cursor.take_match(_FUNCTION)
    if match is None:
        raise cursor.unexpected("expected an aggregate", "count, avg(field), dc(field), perc95(field) …")
    argument = _argument(cursor, gaps) if cursor.peek() == "(" else None
    written = cursor.text[start : cursor.position].strip()
    expression = _meaning(cursor, gaps, match[0].lower(), argument, start)
    alias = take_name(cursor) if cursor.take_word("as") else None
    if expression is None:
        return None
    if alias is None and expression_text(expression) != written:
        alias = written
    return Column(expression, alias, span=cursor.span(start))


def _argument(cursor: Cursor, gaps: Gaps) -> tuple[Expression, bool] | None:
    """What stands in the parentheses, and whether it was an `eval(…)`."""
    cursor.expect("(")
    if cursor.take(")"):
        return None
    start = cursor.position
    evaluated = cursor.take_word("eval") and cursor.take("(")
    if evaluated:
        expression = parse_expression(cursor, gaps)
        cursor.expect(")", "a parenthesis is not closed")
    else:
        cursor.position = start
        expression = Field(take_name(cursor), span=cursor.span(start))
    cursor.expect(")", "a parenthesis is not closed")
    return expression, evaluated


def _meaning(
    cursor: Cursor, gaps: Gaps, name: str, argument: tuple[Expression, bool] | None, start: int
) -> Expression | None:
    end = cursor.position
    if (percentile := _PERCENTILE.fullmatch(name)) is not None:
        wanted = f"p{percentile[1]}"
    elif name not in FUNCTIONS:
        hint = NEAREST.get(name) or did_you_mean(name, list(FUNCTIONS))
        gaps.add(start, end, "there is no such aggregate", hint)
        return None
    else:
        wanted = FUNCTIONS[name]
    if function_named(wanted) is None:
        gaps.add(start, end, "there is no such percentile", "p50, p95, p99 …")
        return None
    if argument is None:
        if wanted != "count":
            raise cursor.error(f"{name} needs a field", start, end - start, f"{name}(field)")
        return Call("count", span=cursor.span(start))
    expression, evaluated = argument
    if evaluated and wanted == "count":
        return Call("count_if", (expression,), span=cursor.span(start))
    return Call(wanted, (expression,), span=cursor.span(start))


def parse_keys(cursor: Cursor) -> Keys:
    """Behind `by`."""
    return Keys(tuple(Column(Field(name)) for name in take_names(cursor)))
