"""`values(x)`: the different values."""

from __future__ import annotations

from sqlglot import exp

from heimdall.query.frame.values import as_json as frame_json
from heimdall.query.frame.values import json_list
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, choose, null, number, string
from heimdall.query.sql.values import Value
from heimdall.query.sql.values import as_json as sql_json
from heimdall.query.types import Type

MAX_VALUES = 100
"""Longest list; the smallest values are kept. More would make one row as large as a page of answers."""


def _sql_list(texts: exp.Expression) -> exp.Expression:
    joined = call("concat", string("["), call("arrayStringConcat", texts, string(",")), string("]"))
    return choose(call("empty", texts.copy()), null(), joined)


def _sql_values(value: Value) -> exp.Expression:
    distinct = call("arraySort", call("groupUniqArray", sql_json(value)))
    return _sql_list(call("arraySlice", distinct, number(1), number(MAX_VALUES)))


FUNCTION = Function(
    name="values",
    signature="values(value)",
    doc=f"The different values as a list, sorted as JSON text, at most {MAX_VALUES}; missing when there is none.",
    example="* | stats values(region) by service",
    takes=(Kind.VALUE,),
    gives=Type.LIST,
    aggregate=True,
    sql=lambda a: _sql_values(a.value(0)),
    frame=lambda a: json_list(frame_json(a.value(0)).drop_nulls().unique().sort().head(MAX_VALUES)),
)
