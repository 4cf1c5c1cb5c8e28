"""Who failed first: the order in which the services of one trace complain.

A callee logs its failure before its caller logs that the call failed, so over many traces the service that complains
first is the deepest that is known to fail.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from heimdall.insight.comparing.sides import Side
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Query
from heimdall.query.languages.hql import parse

MAX_ROWS = 50_000
"""(trace, service) that are read; of more traces than that, any will do."""
MAX_CHAINS = 10

_COMPLAINTS = parse("level>=warn trace_id:* | stats min(timestamp) as first by trace_id, service")


@dataclass(frozen=True, slots=True)
class Chains:
    first: dict[str, float]
    """Service → share of the traces it complains in, with others, in which it is the first to."""
    orders: list[tuple[tuple[str, ...], int]]
    """Services in the order of their first complaint, and how many traces have that order; the most frequent first."""
    traces: int


def chains_of(asking: Asking, side: Side) -> Chains:
    search = And((side.search, _COMPLAINTS.search))
    rows = asking.rows(Query(search, _COMPLAINTS.pipes), side.window, MAX_ROWS)
    rows = rows.with_columns(pl.col("service").cast(pl.String).fill_null("")).filter(pl.col("service") != "")
    ordered = rows.sort("first", "service").group_by("trace_id", maintain_order=True).agg("service")
    several = ordered.filter(pl.col("service").list.len() > 1)
    if not several.height:
        return Chains({}, [], ordered.height)
    taking_part = several.explode("service").group_by("service").len(name="all")
    firsts = several.select(pl.col("service").list.first()).group_by("service").len(name="first")
    shares = taking_part.join(firsts, on="service", how="left").with_columns(pl.col("first").fill_null(0))
    first = {service: count / everything for service, everything, count in shares.iter_rows()}
    counted = several.group_by("service").len(name="traces").sort("traces", descending=True).head(MAX_CHAINS)
    return Chains(first, [(tuple(order), traces) for order, traces in counted.iter_rows()], ordered.height)
