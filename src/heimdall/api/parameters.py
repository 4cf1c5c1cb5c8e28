"""What callers may ask, declared once: the query string of a GET and the JSON object of a POST have the same names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from heimdall.insight.pipes.similar import MAX_ROWS, ROWS
from heimdall.insight.similarity.features import MAX_CHARS
from heimdall.query.request import PatternOrder

_TIME = "RFC 3339, epoch in s, ms, µs or ns, `now`, or relative such as `-15m`; absent = all time"
MAX_RANK = 2**53
"""The largest number that every JSON reader keeps exact; no node holds more records."""
MAX_LETTER_ID = 2**63 - 1
_QUERY_ID = r"^[A-Za-z0-9._:-]{1,128}$"


class QueryParameters(BaseModel):
    """Taken by every query route."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    q: Annotated[str, Field(description="the question; empty = `*`")] = "*"
    language: Annotated[
        str, Field(max_length=20, description="what `q` is written in: `hql`, or one that is translated into it")
    ] = "hql"
    start: Annotated[str | int | None, Field(alias="from", description=_TIME)] = None
    end: Annotated[str | int | None, Field(alias="to", description=_TIME)] = None
    query_id: Annotated[
        str | None, Field(pattern=_QUERY_ID, description="a name of your own, to cancel the query by")
    ] = None
    fresh: Annotated[bool, Field(description="compute anew; so does the header `Cache-Control: no-cache`")] = False
    timeout_s: Annotated[float | None, Field(gt=0, le=3600, description="deadline in seconds")] = None
    max_scan_bytes: Annotated[
        int | None, Field(ge=1, le=2**63 - 1, description="bytes of records it may read, uncompressed")
    ] = None
    max_memory_bytes: Annotated[int | None, Field(ge=1, le=2**63 - 1, description="memory it may use")] = None
    exact: Annotated[bool, Field(description="fail rather than estimate where memory does not suffice")] = False


class SearchParameters(QueryParameters):
    limit: Annotated[int, Field(ge=1, le=10_000, description="rows at most")] = 100
    cursor: Annotated[str | None, Field(description="`next` of the answer to continue")] = None
    rank: Annotated[
        int | None, Field(ge=0, le=MAX_RANK, description="place of the first row in the whole result, newest = 0")
    ] = None


class ExplainParameters(QueryParameters):
    analyze: Annotated[bool, Field(description="run it, past the cache, and show what it really read and took")] = False
    limit: Annotated[int, Field(ge=1, le=10_000, description="rows of the page that is planned")] = 100


class HistogramParameters(QueryParameters):
    buckets: Annotated[int, Field(ge=1, le=2_000, description="wanted number of buckets")] = 120
    interval: Annotated[
        str | None, Field(pattern=r"^\d+(ms|s|m|h|d|w)$", description="exact bucket width, e.g. `5m`")
    ] = None
    by: Annotated[str | None, Field(description="field that splits each bucket; empty = none")] = "level"


class FacetsParameters(QueryParameters):
    fields: Annotated[str, Field(description="comma-separated; empty = the usual ones")] = ""
    limit: Annotated[int, Field(ge=1, le=1_000, description="values per field")] = 5


class PatternsParameters(QueryParameters):
    limit: Annotated[int, Field(ge=1, le=1_000, description="templates at most, the first ones of `order`")] = 100
    order: Annotated[
        PatternOrder,
        Field(
            description="which come first: the most frequent, the rarest, those whose first matching record is the"
            " latest, or those with the most records of level error and fatal"
        ),
    ] = PatternOrder.FREQUENT
    buckets: Annotated[int, Field(ge=1, le=500, description="wanted number of counts over time")] = 60
    interval: Annotated[
        str | None, Field(pattern=r"^\d+(ms|s|m|h|d|w)$", description="exact width of a count, e.g. `5m`")
    ] = None


class CompareParameters(QueryParameters):
    baseline_q: Annotated[str | None, Field(description="HQL of the baseline; absent = `q`")] = None
    baseline_start: Annotated[
        str | int | None,
        Field(
            alias="baseline_from", description="absent = as long before `from`, or `from` where `baseline_q` differs"
        ),
    ] = None
    baseline_end: Annotated[
        str | int | None, Field(alias="baseline_to", description="absent = as long as the range")
    ] = None
    parts: Annotated[
        Literal["all", "patterns"], Field(description="`patterns` leaves out the fields, which take most of the time")
    ] = "all"
    fields: Annotated[str, Field(description="comma-separated; empty = all that occur")] = ""
    limit: Annotated[int, Field(ge=1, le=1_000, description="templates at most, the most surprising ones")] = 50


class CausesParameters(QueryParameters):
    baseline_start: Annotated[
        str | int | None, Field(alias="baseline_from", description="absent = as long before `from`, an hour at least")
    ] = None
    baseline_end: Annotated[
        str | int | None, Field(alias="baseline_to", description="absent = as long as the range")
    ] = None
    parts: Annotated[
        Literal["all", "services"], Field(description="`services` leaves out the fields, which take most of the time")
    ] = "all"
    fields: Annotated[str, Field(description="comma-separated; empty = all that occur")] = ""


class SimilarParameters(QueryParameters):
    text: Annotated[
        str, Field(min_length=1, max_length=MAX_CHARS, description="a line, a stack trace, or words it should have")
    ]
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = ROWS


class CompleteParameters(QueryParameters):
    cursor: Annotated[int | None, Field(ge=0, description="place in `q`, code points from 0; absent = its end")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class LedgerParameters(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[str | int | None, Field(alias="from", description=_TIME)] = None
    end: Annotated[str | int | None, Field(alias="to", description=_TIME)] = None


class ReplayBody(BaseModel):
    """Which dead letters to send through the pipeline again."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[Annotated[int, Field(ge=1, le=MAX_LETTER_ID)]], Field(max_length=10_000)] = []
    all: bool = False
