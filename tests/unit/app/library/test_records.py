"""What programs append, as JSON lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from heimdall.app.library.records import PIECE_RECORDS, Records, json_lines
from heimdall.errors import InvalidInput


def lines(records: Records) -> list[dict[str, Any]]:
    return [json.loads(line) for piece in json_lines(records) for line in piece.splitlines()]


def test_dictionaries_keep_their_values_and_times_are_utc() -> None:
    moment = datetime(2026, 11, 22, 12, 15, tzinfo=timezone(timedelta(hours=2)))
    assert lines([{"message": "a", "timestamp": moment, "raw": b"\x01", "price": Decimal("1.5")}]) == [
        {"message": "a", "timestamp": "2026-11-22T12:15:00+02:00", "raw": "01", "price": 1.5}
    ]
    assert lines({"message": "one alone"}) == [{"message": "one alone"}]


@pytest.mark.parametrize("kind", ["polars", "lazy", "arrow", "batch"])
def test_tables_of_every_kind_give_the_same_lines(kind: str) -> None:
    frame = pl.DataFrame(
        {
            "timestamp": [datetime(2026, 11, 22, 10, 15, tzinfo=UTC), None],
            "message": ["a", 'quoted "b"'],
            "took": [timedelta(milliseconds=5), None],
        },
        schema={"timestamp": pl.Datetime("us", "UTC"), "message": pl.String, "took": pl.Duration("us")},
    )
    table: Any = {
        "polars": frame,
        "lazy": frame.lazy(),
        "arrow": frame.to_arrow(),
        "batch": frame.to_arrow().combine_chunks().to_batches()[0],
    }[kind]
    assert lines(table) == [
        {"timestamp": "2026-11-22T10:15:00.000000000Z", "message": "a", "took": 5.0},
        {"timestamp": None, "message": 'quoted "b"', "took": None},
    ]


def test_many_records_go_a_piece_at_a_time() -> None:
    pieces = list(json_lines({"n": n} for n in range(PIECE_RECORDS + 1)))
    assert [piece.count(b"\n") for piece in pieces] == [PIECE_RECORDS, 1]


@pytest.mark.parametrize("wrong", ["text", 7, ["text"], [{"message": object()}]])
def test_what_is_no_record_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        lines(wrong)


def test_an_arrow_table_needs_no_polars_of_the_caller() -> None:
    assert lines(pa.table({"message": ["x"]})) == [{"message": "x"}]
