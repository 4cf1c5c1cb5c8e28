"""`avg(x)`: the arithmetic mean."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="avg",
    signature="avg(number)",
    doc="The arithmetic mean of the rows that have the value.",
    example="* | stats avg(duration_ms) by service",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    aggregate=True,
    sql=lambda a: call("avgOrNull", a.number(0)),
    frame=lambda a: a.number(0).mean(),
)
