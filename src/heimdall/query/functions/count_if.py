"""`count_if(condition)`: rows for which a condition holds."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call
from heimdall.query.types import Type

FUNCTION = Function(
    name="count_if",
    signature="count_if(condition)",
    doc="How many rows fulfil the condition.",
    example='* | stats count_if(level >= "error") / count() as error_share by service',
    takes=(Kind.CONDITION,),
    gives=Type.INTEGER,
    aggregate=True,
    sql=lambda a: call("countIf", a.condition(0)),
    frame=lambda a: a.condition(0).sum().cast(pl.Int64),
)
