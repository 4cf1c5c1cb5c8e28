"""`count()`, `avg(a) as b`, `percentile(a, 95)`, `by span(timestamp, 5m) as t, service`: what `stats` is made of."""

from __future__ import annotations

import re

from heimdall.query.ast import Call, Duration, Expression, Field, Literal
from heimdall.query.functions import function_named
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.hql.printer import expression_text
from heimdall.query.languages.ppl.expressions import parse_expression, take_name
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_duration, parse_number
from heimdall.query.pipes.aggregation import Column

_FUNCTION = re.compile(r"[^\W\d]\w*")
_PERCENTILE = re.compile(r"(?:perc|p)(\d{1,2}(?:\.\d{1,4})?|100)")
_LEVEL = re.compile(r"\s*(\d{1,3}(?:\.\d{1,4})?)\s*")
_SPAN = re.compile(r"span\s*\(", re.IGNORECASE)
_STEP = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-zA-Z]*)\s*")

AGGREGATES = {
    "avg": "avg",
    "c": "count",
    "count": "count",
    "dc": "count_distinct",
    "distinct_count": "count_distinct",
    "distinct_count_approx": "count_distinct",
    "earliest": "first",
    "latest": "last",
    "max": "max",
    "median": "median",
    "min": "min",
    "stddev_samp": "stdev",
    "sum": "sum",
    "values": "values",
}
"""PPL's aggregate → HQL's; `percentile(a, 95)` beside them."""

NEAREST_AGGREGATE = {
    "first": "earliest(field)",
    "last": "latest(field)",
    "list": "values(field)",
    "take": "values(field)",
}
UNITS = {"ms": "ms", "s": "s", "m": "m", "h": "h", "d": "d", "w": "w", "second": "s", "minute": "m", "hour": "h"}
UNITS |= {"sec": "s", "min": "m", "hr": "h", "day": "d", "week": "w"}


def parse_aggregates(cursor: Cursor, gaps: Gaps) -> tuple[Column, ...]:
    """Up to `by`, the next bar or the end."""
    columns: list[Column] = []
    while True:
        column = _aggregate(cursor, gaps)
        if column is not None:
            columns.append(column)
        if not cursor.take(",") and (cursor.at_pipe_end or cursor.at_word("by")):
            return tuple(columns)


def _aggregate(cursor: Cursor, gaps: Gaps) -> Column | None:
    cursor.skip()
    cursor.count()
    start = cursor.position
    match = cursor.take_match(_FUNCTION)
    if match is None:
        raise cursor.unexpected("expected an aggregate", "count(), avg(field), dc(field), percentile(field, 95) …")
    name = match[0].lower()
    argument: Expression | None = None
    level: str | None = None
    if cursor.peek() == "(":
        cursor.expect("(")
        if not cursor.take(")"):
            argument = parse_expression(cursor, gaps)
            if name in ("percentile", "percentile_approx") and cursor.take(","):
                found = cursor.take_match(_LEVEL)
                if found is None:
                    raise cursor.unexpected("expected a percentile", "percentile(field, 95)")
                level = found[1]
            cursor.expect(")", "a parenthesis is not closed")
    written = cursor.text[start : cursor.position].strip()
    expression = _meaning(cursor, gaps, name, argument, level, start)
    alias = take_name(cursor) if cursor.take_word("as") else None
    if expression is None:
        return None
    if alias is None and expression_text(expression) != written:
        alias = written
    return Column(expression, alias, span=cursor.span(start))


def _meaning(
    cursor: Cursor, gaps: Gaps, name: str, argument: Expression | None, level: str | None, start: int
) -> Expression | None:
    end = cursor.position
    short = _PERCENTILE.fullmatch(name)
    if level is not None or short is not None:
        wanted = f"p{level or (short[1] if short else '')}"
    elif name in AGGREGATES:
        wanted = AGGREGATES[name]
    else:
        nearest = NEAREST_AGGREGATE.get(name) or did_you_mean(name, list(AGGREGATES))
        gaps.add(start, end, "there is no such aggregate", nearest)
        return None
    if function_named(wanted) is None:
        gaps.add(start, end, "there is no such percentile", "percentile(field, 95)")
        return None
    if argument is None:
        if wanted != "count":
            raise cursor.error(f"{name} needs a field", start, end - start, f"{name}(field)")
        return Call("count", span=cursor.span(start))
    return Call(wanted, (argument,), span=cursor.span(start))


def parse_keys(cursor: Cursor, gaps: Gaps) -> tuple[Column, ...]:
    """Behind `by`: fields and one span, each with a name of its own if it has one."""
    columns: list[Column] = []
    while True:
        cursor.skip()
        start = cursor.position
        expression = _span(cursor, gaps) if cursor.matches(_SPAN) else Field(take_name(cursor))
        alias = take_name(cursor) if cursor.take_word("as") else None
        if isinstance(expression, Call) and alias is None:
            alias = cursor.text[start : cursor.position].strip()
        if expression is not None:
            columns.append(Column(expression, alias, span=cursor.span(start)))
        if not cursor.take(","):
            return tuple(dict.fromkeys(columns))


def _span(cursor: Cursor, gaps: Gaps) -> Expression | None:
    """`span(timestamp, 5m)`, `span(duration_ms, 100)`, `span(5m)`."""
    start = cursor.position
    cursor.take_match(_SPAN)
    cursor.skip()
    name = "timestamp"
    if cursor.matches(_STEP) is None:
        name = take_name(cursor)
        cursor.expect(",", "span(timestamp, 5m)")
    width = take_width(cursor, gaps, name, start)
    cursor.expect(")", "a parenthesis is not closed")
    return None if width is None else Call("bin", (Field(name), width), span=cursor.span(start))


def take_width(cursor: Cursor, gaps: Gaps, name: str, start: int) -> Expression | None:
    """How wide the steps of `name` are: a time for times, a number above 0 for numbers."""
    found = cursor.take_match(_STEP)
    if found is None:
        raise cursor.unexpected("expected a width", "span(timestamp, 5m)")
    amount, unit = found[1], found[2]
    if unit:
        known = UNITS.get(unit) or UNITS.get(unit.lower().removesuffix("s"))
        nanoseconds = parse_duration(f"{amount}{known}") if known and unit != "M" else None
        if nanoseconds:
            return Duration(nanoseconds)
        gaps.add(start, cursor.position, "steps are milliseconds to weeks", "span(timestamp, 5m)")
        return None
    number = parse_number(amount)
    if number is None or number <= 0 or name in ("timestamp", "observed_timestamp"):
        gaps.add(start, cursor.position, "a width above 0 is wanted, of times with its unit", "span(timestamp, 5m)")
        return None
    return Literal(int(number) if number.is_integer() else number)
