"""`extract(text, /pattern/, group)`: what a pattern finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

from heimdall.query.frame.values import each
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.regex import compile_pattern
from heimdall.query.sql.nodes import call, number, string
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.expressions import FrameArguments
    from heimdall.query.sql.expressions import SqlArguments


def group_of(pattern: str, asked: int | None) -> int:
    """The group to take; 0 is the whole match."""
    groups = int(compile_pattern(pattern).groups)
    return min(groups, 1) if asked is None else max(0, min(asked, groups))


def _asked(arguments: SqlArguments | FrameArguments) -> int | None:
    return int(arguments.literal(2)) if len(arguments) > 2 else None


def _sql(arguments: SqlArguments) -> exp.Expression:
    pattern = str(arguments.literal(1))
    text = call("ifNull", arguments.text(0), string(""))
    found = call("regexpExtract", text, string(pattern), number(group_of(pattern, _asked(arguments))))
    return call("nullIf", found, string(""))


def _frame(arguments: FrameArguments) -> pl.Expr:
    pattern = str(arguments.literal(1))
    compiled, group = compile_pattern(pattern), group_of(pattern, _asked(arguments))

    def find(text: str) -> str | None:
        match = compiled.search(text)
        return (match.group(group) or None) if match else None

    return each(arguments.text(0), find, pl.String)


FUNCTION = Function(
    name="extract",
    signature="extract(text, /pattern/[, group])",
    doc="The pattern's group (the first one, else all it finds), or nothing when it is not found or empty.",
    example="* | stats count() by extract(message, /user=(\\w+)/) as who",
    takes=(Kind.TEXT, Kind.PATTERN, Kind.WHOLE),
    optional=1,
    gives=Type.TEXT,
    sql=_sql,
    frame=_frame,
)
