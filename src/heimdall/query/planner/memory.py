"""Memory of exact aggregates whose states grow with the values they see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from heimdall.query.ast import Call, Field, Query, walk
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.timechart import Timechart
from heimdall.query.planner.selectivity import selectivity
from heimdall.query.source import Question
from heimdall.storage.profile import Profile

DISTINCT_BYTES = 48
"""One value in a set of ids: 16 bytes in a table that is half full, while it is copied to one of twice the size."""

VALUE_BYTES = 16
"""One number of a percentile, in an array that doubles."""

_PERCENTILE = re.compile(r"p\d|median")


def has_states(query: Query) -> bool:
    """Whether an aggregate of the query can be sketched."""
    return any(True for _ in _growing(query))


def state_bytes(question: Question, profile: Profile) -> float:
    """What the states of the first grouping take at most; groups share the values among them."""
    matching = 0.0
    total = 0.0
    for call in _growing(question.query):
        if not matching:
            rows = profile.rows_between(question.tenant, question.start_ns, question.end_ns)
            matching = rows * selectivity(question.query.search, profile, question.tenant)
        if call.name == "count_distinct":
            (value,) = call.arguments
            distinct = profile.distinct.get(value.name, 0.0) if isinstance(value, Field) else 0.0
            total += min(distinct, matching) * DISTINCT_BYTES
        else:
            total += matching * VALUE_BYTES
    return total


def _growing(query: Query) -> Iterator[Call]:
    grouping = next((pipe for pipe in query.pipes if pipe.aggregates), None)
    if not isinstance(grouping, (Stats, Timechart)):
        return
    for column in grouping.columns:
        for part in walk(column.expression):
            if isinstance(part, Call) and (part.name == "count_distinct" or _PERCENTILE.match(part.name)):
                yield part
