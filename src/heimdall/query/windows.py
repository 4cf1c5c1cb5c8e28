"""Which parts of time to read, newest first, so that "latest N" of anything never scans the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from heimdall.query.ast import And, Compare, MatchAll, Operator, Predicate, Query, Word
from heimdall.query.fields import parse_hex, parse_identity
from heimdall.query.pipes.head import Head
from heimdall.storage.engine import TierStatistics

STATELESS = frozenset({"where", "extend", "parse", "fields"})
"""Pipes that look at one record at a time: a window's rows are final, and the next window only adds to them."""

STREAMING = STATELESS | {"head", "dedup"}
"""Pipes whose first rows depend on newer rows only: a window that gives enough rows gives the right ones."""

NEEDLE_FIELDS = frozenset(
    {"id", "trace_id", "span_id", "parent_span_id", "request_id", "session_id", "user_id", "customer_id"}
)
"""Fields with so many values that an index finds one of them in all of time faster than windows could."""

FIRST_WINDOW_ROWS, FIRST_WINDOW_ROWS_OF_ALL = 64, 4
"""Records, matching or not, that the first window should hold for each row wanted; the second number is for queries
that every record matches. Larger: more is read for common things. Smaller: more statements for rarer ones."""

LEAST_GROWTH, MOST_GROWTH = 4, 4_096
"""Factors between a window and the next, which is made as long as the rows found so far let expect it has to be. A
statement has a fixed cost of some milliseconds: fewer, larger windows. Where nothing was found the next one is
`MOST_GROWTH` times as long, so two reach through 4 M records, and a word that is only rare is not looked for in all of
time at once."""

SHORTEST_NS = 1_000_000_000
LONGEST_FIRST_NS = 3_600 * 1_000_000_000
"""A single record of 1970 must not make the first window a year long."""


@dataclass(frozen=True, slots=True)
class Window:
    """[start_ns, end_ns); None = no bound."""

    start_ns: int | None
    end_ns: int | None


def is_stateless(query: Query) -> bool:
    return all(pipe.name in STATELESS for pipe in query.pipes)


def is_streaming(query: Query) -> bool:
    return all(pipe.name in STREAMING for pipe in query.pipes)


def most_rows(query: Query) -> float:
    """Rows after which more records cannot change the answer: those of a `head` that nothing behind it thins out."""
    for pipe in reversed(query.pipes):
        if isinstance(pipe, Head):
            return pipe.rows
        if pipe.name not in ("fields", "extend", "parse"):
            break
    return float("inf")


def is_needle(predicate: Predicate) -> bool:
    """Whether a condition every match fulfils is best answered by an index."""
    match predicate:
        case And(items=items):
            return any(is_needle(item) for item in items)
        case Compare(field=name, operator=Operator.EQ):
            return name in NEEDLE_FIELDS
        case Word(text=text):
            return parse_hex(text, 16) is not None or (len(text) == 36 and parse_identity(text) is not None)
        case _:
            return False


def windows(
    query: Query,
    start_ns: int | None,
    end_ns: int | None,
    statistics: TierStatistics,
    limit: int,
    found: Callable[[], int] = lambda: 0,
    *,
    at_once: bool | None = None,
) -> Iterator[Window]:
    """Adjacent windows, newest first, that together are [start_ns, end_ns).

    The first holds some dozens of records a row wanted by the tier's average density; how long a further one is
    follows from how many rows were `found` in those before it. One window when the query must see everything or, unless
    `at_once` says otherwise, an index finds its rows anywhere.
    """
    oldest_ns, newest_ns = statistics.oldest_ns, statistics.newest_ns
    if at_once is None:
        at_once = is_needle(query.search)
    if oldest_ns is None or newest_ns is None or not is_streaming(query) or at_once:
        yield Window(start_ns, end_ns)
        return
    last_ns = oldest_ns if start_ns is None else max(start_ns, oldest_ns)
    edge_ns = newest_ns + 1 if end_ns is None else min(end_ns, newest_ns + 1)
    width_ns = first_width_ns(query, statistics, limit)
    upper_ns = end_ns
    while edge_ns - width_ns > last_ns + width_ns:
        edge_ns -= width_ns
        yield Window(edge_ns, upper_ns)
        upper_ns = edge_ns
        rows = found()
        width_ns *= max(LEAST_GROWTH, min(2 * limit // rows, MOST_GROWTH)) if rows else MOST_GROWTH
    yield Window(start_ns, upper_ns)


def first_width_ns(query: Query, statistics: TierStatistics, limit: int) -> int:
    for_each = FIRST_WINDOW_ROWS_OF_ALL if isinstance(query.search, MatchAll) else FIRST_WINDOW_ROWS
    assert statistics.oldest_ns is not None
    assert statistics.newest_ns is not None
    extent_ns = max(statistics.newest_ns - statistics.oldest_ns, 1)
    by_density_ns = extent_ns * limit * for_each // max(statistics.rows, 1)
    return max(SHORTEST_NS, min(by_density_ns, LONGEST_FIRST_NS))
