"""What callers of the query service ask, and what they get back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from heimdall.model.batch import DEFAULT_TENANT, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """The part every question has."""

    q: str = "*"
    """HQL; empty means everything."""
    start_ns: int | None = None
    """First moment, ns since 1970; None = as far back as there is data."""
    end_ns: int | None = None
    """First moment after the range; None = no bound."""
    tenant: TenantId = DEFAULT_TENANT
    query_id: str | None = None
    """Name to cancel it by; one is made up when None."""
    timeout_s: float | None = None
    """Deadline; None = the configured one."""
    max_scan_bytes: int | None = None
    """Bytes of records it may read, uncompressed; None = as many as the node allows."""
    max_memory_bytes: int | None = None
    """Memory it may use; None = as much as the node allows."""
    exact: bool = False
    """Fail rather than estimate where an exact answer needs more memory than there is."""
    user: str = ""
    """Who asks, as far as is known; what is asked ahead follows each one's own habits."""
    background: bool = False
    """Nobody waits for it: it gives way to every other question."""
    fresh: bool = False
    """Neither look into the cache nor keep anything there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest(QueryRequest):
    limit: int = 100
    """Rows at most, 1 … 10,000."""
    cursor: str | None = None
    """Continue where an answer's `next` pointed."""
    rank: int | None = None
    """Place of the first row in the whole result, newest first, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest(QueryRequest):
    analyze: bool = False
    """Run it, past the cache, and say what it really read and took."""
    limit: int = 100
    """Rows of the page that is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramRequest(QueryRequest):
    buckets: int = 120
    """Wanted number of buckets; the interval is rounded up to a readable one."""
    interval_ns: int | None = None
    """Exact width instead of `buckets`."""
    by: str | None = "level"
    """Field whose values split each bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetsRequest(QueryRequest):
    fields: tuple[str, ...] = ()
    """Empty = the usual ones."""
    limit: int = 5
    """Values per field."""


class PatternOrder(StrEnum):
    """Which templates come first."""

    FREQUENT = "frequent"
    RARE = "rare"
    NEW = "new"
    """Those whose first matching record is the latest."""
    ERRORS = "errors"
    """Those with the most records of level error and fatal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternsRequest(QueryRequest):
    limit: int = 100
    """Templates, the first ones of `order`."""
    order: PatternOrder = PatternOrder.FREQUENT
    buckets: int = 60
    """Wanted number of counts over time; the interval is rounded up to a readable one."""
    interval_ns: int | None = None
    """Exact width instead of `buckets`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows, and how sure they are. `rows` has the columns people see (`heimdall.query.rows` writes them out)."""

    rows: pa.Table
    query_id: str
    exact: bool = True
    error: float | None = None
    """Bound of an estimate's error, relative to its values; None when exact."""
    scanned_rows: int = 0
    tiers: tuple[str, ...] = ()
    took_ms: float = 0.0
    partial: bool = False
    notices: tuple[str, ...] = ()
    """Why rows are missing, a sentence each, where it is not the limit that cut the answer."""
    next: str | None = None
    """Cursor of the following page; None when there is none."""
    cached: bool = False
    """Nothing was computed: the answer was kept from an earlier time, and no record of its range has changed since."""
    age_ms: float | None = None
    """Time since it was computed; None when it was just now."""
    estimated_ms: float | None = None
    """What it was expected to take before it ran; None where nothing was known, and for kept answers."""
    known_pieces: int = 0
    """Pieces of time that were put together from the cache, in an answer computed in part."""
    data: object = None
    """What `data` is in JSON where rows cannot say it (an object, nested lists); `rows` still serves CSV and Arrow."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """What stands beside `data` in this route's envelope (a histogram's `interval_ms`, …)."""
