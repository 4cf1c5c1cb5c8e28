"""`coalesce(a, b, …)`: the first value that is there."""

from __future__ import annotations

import polars as pl

from heimdall.query.functions.definition import Function, Kind, common_type
from heimdall.query.sql.nodes import call

FUNCTION = Function(
    name="coalesce",
    signature="coalesce(value, …)",
    doc="The first value that is not missing.",
    example='* | stats count() by coalesce(user_id, session_id, "nobody") as who',
    takes=(Kind.VALUE,),
    repeats=True,
    gives=common_type,
    sql=lambda a: call("coalesce", *(a.converted(place, common_type(a.types)) for place in range(len(a)))),
    frame=lambda a: pl.coalesce([a.converted(place, common_type(a.types)) for place in range(len(a))]),
)
