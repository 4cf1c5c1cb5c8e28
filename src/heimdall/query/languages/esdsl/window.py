"""The time range a search asks for, taken out of its conditions so that nothing outside it is read."""

from __future__ import annotations

from heimdall.model.timerange import parse_time
from heimdall.query.ast import And, Predicate, Range
from heimdall.query.languages.esdsl.names import both


def window_of(search: Predicate) -> tuple[int | None, int | None, Predicate]:
    """(first ns, first ns after it, the other conditions); None is open."""
    start_ns: int | None = None
    end_ns: int | None = None
    rest: list[Predicate] = []
    for item in search.items if isinstance(search, And) else (search,):
        if isinstance(item, Range) and item.field == "timestamp" and item.include_low and not item.include_high:
            if item.low is not None:
                low_ns = parse_time(item.low, now_ns=0)
                start_ns = low_ns if start_ns is None else max(start_ns, low_ns)
            if item.high is not None:
                high_ns = parse_time(item.high, now_ns=0)
                end_ns = high_ns if end_ns is None else min(end_ns, high_ns)
        else:
            rest.append(item)
    if start_ns is not None and end_ns is not None and end_ns < start_ns:
        end_ns = start_ns
    return start_ns, end_ns, both(rest)
