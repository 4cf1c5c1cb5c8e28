"""`replace(text, what, with)`: every occurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

from heimdall.query.ast import Pattern
from heimdall.query.frame.values import each
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.regex import compile_pattern
from heimdall.query.sql.nodes import call, string
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.expressions import FrameArguments
    from heimdall.query.sql.expressions import SqlArguments


def _sql(arguments: SqlArguments) -> exp.Expression:
    what, new = str(arguments.literal(1)), string(str(arguments.literal(2)))
    if not what:
        return arguments.text(0)
    name = "replaceRegexpAll" if isinstance(arguments.expressions[1], Pattern) else "replaceAll"
    return call(name, arguments.text(0), string(what), new)


def _frame(arguments: FrameArguments) -> pl.Expr:
    what, new = str(arguments.literal(1)), str(arguments.literal(2))
    if not what:
        return arguments.text(0)
    if isinstance(arguments.expressions[1], Pattern):
        pattern = compile_pattern(what)
        return each(arguments.text(0), lambda text: pattern.sub(new, text), pl.String)
    return arguments.text(0).str.replace_all(what, new, literal=True)


FUNCTION = Function(
    name="replace",
    signature="replace(text, what, with)",
    doc="The text with every `what` (quoted text or /pattern/) replaced; in `with`, `\\1` is the first group.",
    example='* | extend masked = replace(message, /[0-9]+/, "N")',
    takes=(Kind.TEXT, Kind.LITERAL, Kind.LITERAL),
    gives=Type.TEXT,
    sql=_sql,
    frame=_frame,
)
