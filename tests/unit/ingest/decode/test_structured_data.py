"""Parameters of RFC 5424 elements: which fill a column, which stay attributes."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from heimdall.ingest.decode.text import decode_lines

NOW_NS = 1_795_343_400_000_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def records(*elements: str) -> list[dict[str, Any]]:
    lines = pl.Series([f"<165>1 2026-11-22T10:00:00Z h app - ID {data} text" for data in elements])
    rows = decode_lines(lines, now_ns=NOW_NS).table.to_pylist()
    return [row | json.loads(row["attributes"]) for row in rows]


def test_parameters_named_like_a_column_fill_it() -> None:
    [row] = records(
        f'[ctx@32473 trace_id="{TRACE}" span_id="{SPAN}" user_id="u7" region="eu-1" duration_ms="1.5" pod="cart-1"]'
    )
    assert (row["trace_id"].hex(), row["span_id"].hex()) == (TRACE, SPAN)
    assert (row["user_id"], row["region"], row["duration_ms"]) == ("u7", "eu-1", 1.5)
    assert {name for name in row if name.startswith("syslog.structured")} == {"syslog.structured_data.ctx@32473.pod"}


def test_it_makes_no_difference_how_a_record_is_written() -> None:
    """One element, two, an escape, another order: the same columns."""
    rows = records(
        f'[a@1 trace_id="{TRACE}" user_id="u7"]',
        f'[a@1 trace_id="{TRACE}"][b@1 user_id="u7"]',
        f'[a@1 note="\\"quoted\\"" user_id="u7" trace_id="{TRACE}"]',
    )
    assert {(row["trace_id"].hex(), row["user_id"]) for row in rows} == {(TRACE, "u7")}
    assert rows[2]["syslog.structured_data.a@1.note"] == '"quoted"'


def test_what_is_no_id_stays_an_attribute() -> None:
    one, other = records('[a@1 trace_id="none" duration_ms="fast"]', f'[a@1 trace_id="{TRACE}" duration_ms="2"]')
    assert one.get("trace_id") is None
    assert one["syslog.structured_data.a@1.trace_id"] == "none"
    assert one["syslog.structured_data.a@1.duration_ms"] == "fast"
    assert (other["trace_id"].hex(), other["duration_ms"]) == (TRACE, 2.0)


def test_the_most_telling_name_wins_and_the_other_is_kept() -> None:
    [row] = records('[a@1 userid="second" user_id="first"]')
    assert (row["user_id"], row["syslog.structured_data.a@1.userid"]) == ("first", "second")


def test_the_header_is_not_replaced() -> None:
    [row] = records('[a@1 service="other" level="debug" message="other" timestamp="2020-01-01T00:00:00Z"]')
    assert (row["service"], row["severity_number"], row["message"]) == ("app", 10, "text")
    assert row["syslog.structured_data.a@1.service"] == "other"
