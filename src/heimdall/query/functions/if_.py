"""`if(condition, then, else)`."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from heimdall.query.functions.definition import Function, Kind, common_type
from heimdall.query.sql.nodes import choose
from heimdall.query.types import Type


def _gives(types: Sequence[Type]) -> Type:
    return common_type(types[1:])


FUNCTION = Function(
    name="if",
    signature="if(condition, then, else)",
    doc="`then` where the condition holds, else `else`.",
    example='* | extend slow = if(duration_ms > 1s, "slow", "fast")',
    takes=(Kind.CONDITION, Kind.VALUE, Kind.VALUE),
    gives=_gives,
    sql=lambda a: choose(a.condition(0), a.converted(1, _gives(a.types)), a.converted(2, _gives(a.types))),
    frame=lambda a: (
        pl.when(a.condition(0)).then(a.converted(1, _gives(a.types))).otherwise(a.converted(2, _gives(a.types)))
    ),
)
