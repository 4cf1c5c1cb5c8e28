"""`abs(number)`."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="abs",
    signature="abs(number)",
    doc="The number without its sign.",
    example="* | extend whole = abs(duration_ms)",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    sql=lambda a: call("abs", a.number(0)),
    frame=lambda a: a.number(0).abs(),
)
