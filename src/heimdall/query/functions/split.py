"""`split(text, separator, place)`: one part of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlglot import exp

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, number, string
from heimdall.query.types import Type

if TYPE_CHECKING:
    from heimdall.query.frame.expressions import FrameArguments
    from heimdall.query.sql.expressions import SqlArguments


def _sql(arguments: SqlArguments) -> exp.Expression:
    text = call("ifNull", arguments.text(0), string(""))
    separator, place = str(arguments.literal(1)), max(int(arguments.literal(2)), 1)
    parts = call("splitByString", string(separator), text) if separator else call("array", text)
    return call("nullIf", call("arrayElement", parts, number(place)), string(""))


def _frame(arguments: FrameArguments) -> pl.Expr:
    separator, place = str(arguments.literal(1)), max(int(arguments.literal(2)), 1)
    text = arguments.text(0)
    if separator:
        part = text.str.split(separator).list.get(place - 1, null_on_oob=True)
    else:
        part = text if place == 1 else pl.lit(None, pl.String)
    return pl.when(part != "").then(part)


FUNCTION = Function(
    name="split",
    signature="split(text, separator, place)",
    doc="The part at a place (the first is 1) of a text cut at a separator; nothing when there"
    " is no such part or it is empty.",
    example='* | stats count() by split(instance, "-", 1) as group',
    takes=(Kind.TEXT, Kind.LITERAL, Kind.WHOLE),
    gives=Type.TEXT,
    sql=_sql,
    frame=_frame,
)
