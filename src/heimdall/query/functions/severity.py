"""`severity(name)`: OpenTelemetry severity number of a level's name."""

from __future__ import annotations

import polars as pl

from heimdall.model.severity import SEVERITY_BY_NAME
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import array, call, cast, null, number, string
from heimdall.query.types import Type

_NAMES = array([string(name) for name in SEVERITY_BY_NAME])
_NUMBERS = array([number(value) for value in SEVERITY_BY_NAME.values()])


FUNCTION = Function(
    name="severity",
    signature="severity(name)",
    doc="The OpenTelemetry severity number of any usual level name (`warning`, `ERR`, `notice` …).",
    example="* | where severity(log.level) >= 17",
    takes=(Kind.TEXT,),
    gives=Type.INTEGER,
    sql=lambda a: call(
        "transform", call("lowerUTF8", a.text(0)), _NAMES.copy(), _NUMBERS.copy(), cast(null(), "Nullable(Int64)")
    ),
    frame=lambda a: a.text(0).str.to_lowercase().replace_strict(SEVERITY_BY_NAME, default=None, return_dtype=pl.Int64),
)
