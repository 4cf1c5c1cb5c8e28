"""`last(x)`: the value of the latest record that has one."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, is_not_null
from heimdall.query.sql.values import grouped
from heimdall.query.types import Type

FUNCTION = Function(
    name="last",
    signature="last(value)",
    doc="The value in the latest record, by time, that has one.",
    example="* | stats last(message) by service",
    takes=(Kind.VALUE,),
    gives=lambda types: Type.NUMBER if types[0] is Type.DURATION else types[0],
    aggregate=True,
    records_only=True,
    sql=lambda a: call("argMaxOrNullIf", grouped(a.value(0)).sql, a.builder.moment, is_not_null(a.value(0).sql)),
    frame=lambda a: a.in_order(a.expression(0)).last(),
)
