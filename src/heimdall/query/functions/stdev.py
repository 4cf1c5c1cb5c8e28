"""`stdev(x)`: how far values lie from their mean, as a rule."""

from __future__ import annotations

from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import binary, call, choose, null, number
from heimdall.query.types import Type

FUNCTION = Function(
    name="stdev",
    signature="stdev(number)",
    doc="The standard deviation of a sample; nothing where fewer than two rows have the value.",
    example="* | stats avg(duration_ms), stdev(duration_ms) by service",
    takes=(Kind.NUMBER,),
    gives=Type.NUMBER,
    aggregate=True,
    sql=lambda a: choose(  # of one value the engine says NaN
        binary("<", call("count", a.number(0)), number(2)), null(), call("stddevSampStableOrNull", a.number(0))
    ),
    frame=lambda a: a.number(0).std(),
)
