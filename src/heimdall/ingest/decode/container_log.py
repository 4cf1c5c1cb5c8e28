"""The CRI text wrapper of Kubernetes container logs: `2026-11-22T10:15:30.123456789Z stdout F message`.

Lines the runtime cut (`P`) are put together again, for each stream by itself. Source: Kubernetes CRI logging format.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from heimdall.ingest.decode.matching import extract_with_rest

_CRI = (
    r"^(?P<timestamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})) "
    r"(?P<stream>stdout|stderr) (?P<tag>[FP])(?::[^ ]*)? ?(?P<content>(?s:.*))$"
)
_WORTH_A_LOOK = 64
"""First lines asked before the whole batch is."""


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """Lines without their wrapper, the streams one after the other.

    `rows` are the places (of the first part) among the wrapped lines; `stamps` and `streams` are null for lines that
    had no wrapper.
    """

    rows: pl.Series
    lines: pl.Series
    stamps: pl.Series
    streams: pl.Series


def unwrap(lines: pl.Series) -> Unwrapped | None:
    """None when no line is wrapped. A line put together of several has the time of its first."""
    step = max(1, len(lines) // _WORTH_A_LOOK)
    if not lines.gather_every(step).str.contains(_CRI).any():
        return None
    parts = extract_with_rest(lines, _CRI, "content").with_columns(line=lines).with_row_index("row")
    wrapped = parts.filter(pl.col("tag").is_not_null())
    whole = wrapped.with_columns(
        record=(pl.col("tag").shift(1).over("stream").fill_null("F") == "F").cum_sum().over("stream")
    )
    records = whole.group_by("stream", "record").agg(
        pl.col("row").min(), pl.col("timestamp").first(), pl.col("content").str.join("")
    )
    bare = parts.filter(pl.col("tag").is_null()).select("row", content="line")
    result = pl.concat([records.drop("record"), bare], how="diagonal").sort("stream", "row")
    return Unwrapped(result["row"], result["content"], result["timestamp"], result["stream"])
