"""`exists(value)`: whether it is there."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.values import present
from heimdall.query.types import Type

FUNCTION = Function(
    name="exists",
    signature="exists(value)",
    doc="Whether the value is there; `not exists(x)` finds what is missing.",
    example="* | where not exists(user_id)",
    takes=(Kind.VALUE,),
    gives=Type.BOOLEAN,
    sql=lambda a: present(a.value(0)),
    frame=lambda a: a.expression(0).is_not_null(),
)
