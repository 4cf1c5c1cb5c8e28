from __future__ import annotations

import base64
import json

import polars as pl
import pyarrow as pa
import pytest

from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import MAX_RECORD_BYTES, Cut, decode_lines

NOW_NS = 1_795_343_400_000_000_000  # 2026-11-22T10:30:00Z


def decoded(*lines: str | bytes, **options: object) -> list[dict[str, object]]:
    dtype = pl.Binary if any(isinstance(line, bytes) for line in lines) else pl.String
    table: pa.Table = decode_lines(pl.Series(list(lines), dtype=dtype), now_ns=NOW_NS, **options).table  # type: ignore[arg-type]
    return table.to_pylist()


def attributes(row: dict[str, object]) -> dict[str, object]:
    return json.loads(str(row["attributes"]))


def test_a_line_nobody_recognises_is_kept_as_it_is() -> None:
    (row,) = decoded("the quick brown fox = 7")
    assert row["message"] == "the quick brown fox = 7"
    assert row["severity_number"] == 0


def test_a_level_in_capitals_is_seen_in_a_line_nobody_recognises() -> None:
    (row,) = decoded("fox jumped: ERROR at the fence")
    assert row["severity_number"] == 17


def test_empty_lines_and_carriage_returns_are_dropped() -> None:
    assert [row["message"] for row in decoded("one\r", "", "  ", "\r", "two")] == ["one", "two"]


def test_colours_for_terminals_hide_neither_time_nor_level_nor_words() -> None:
    (row,) = decoded("\x1b[90m2026-11-22T10:00:01Z\x1b[0m \x1b[1;31mERROR\x1b[0m queue \x1b[38;2;1;2;3mfull\x1b[m")
    assert (row["message"], row["severity_number"]) == ("queue full", 17)
    assert str(row["timestamp"]).startswith("2026-11-22 10:00:01")
    (row,) = decoded('\x1b[36m{"level":"warn","msg":"slow"}\x1b[0m')
    assert (row["message"], row["severity_number"]) == ("slow", 13)


def test_byte_order_marks_are_no_part_of_a_line() -> None:
    lines = lines_of(b'\xef\xbb\xbf{"msg":"one"}\n\xef\xbb\xbfERROR: two\nthree \xef\xbb\xbf\n')
    table: pa.Table = decode_lines(lines, now_ns=NOW_NS).table
    assert sorted(table["message"].to_pylist()) == ["one", "three \ufeff", "two"]


def test_no_lines_are_no_records() -> None:
    assert decoded() == []


def test_bytes_that_are_no_utf8_are_kept_beside_readable_text() -> None:
    (row,) = decoded(b"caf\xe9 open")
    assert row["message"] == "caf\ufffd open"
    assert base64.b64decode(str(attributes(row)["heimdall.message_base64"])) == b"caf\xe9 open"
    assert attributes(row)["heimdall.oddity"] == ["invalid_utf8"]


def test_a_nul_is_kept_and_marked() -> None:
    (row,) = decoded("a\x00b")
    assert row["message"] == "a\x00b"
    assert attributes(row)["heimdall.oddity"] == ["nul_byte"]


def test_a_line_over_the_limit_is_cut_and_says_how_long_it_was() -> None:
    long, short = decoded("x" * (MAX_RECORD_BYTES + 5), "short")
    assert len(str(long["message"])) == MAX_RECORD_BYTES
    assert attributes(long) == {
        "heimdall.oddity": ["truncated"],
        "heimdall.original_bytes": MAX_RECORD_BYTES + 5,
    }
    assert short["message"] == "short"


def test_a_line_the_reader_cut_is_marked_with_its_own_length() -> None:
    _, cut = decoded("whole", "beginning", cut=(Cut(line=1, original_bytes=10**8),))
    assert attributes(cut)["heimdall.original_bytes"] == 10**8


def test_a_time_beyond_reason_is_marked_and_now_stands_in() -> None:
    (row,) = decoded("9999-01-01T00:00:00Z INFO far ahead")
    assert row["timestamp"].value == NOW_NS  # type: ignore[attr-defined]
    assert attributes(row)["heimdall.oddity"] == ["time_not_understood"]


def test_times_without_a_zone_are_in_the_zone_given() -> None:
    (row,) = decoded("2026-07-01 12:00:00 INFO noon", zone="Europe/Berlin")
    assert str(row["timestamp"]) == "2026-07-01 10:00:00+00:00"


def test_a_service_given_fills_only_what_names_none() -> None:
    rows = decoded("<34>1 2026-11-22T10:14:15Z h su - - - hi", "plain", service="shop")
    assert [row["service"] for row in rows] == ["su", "shop"]


@pytest.mark.parametrize(
    ("line", "instance", "service", "pid", "message"),
    [
        ("<30>Nov 22 10:15:30 cart-1[4711]: took 7 ms: slow", None, "cart-1", 4711, "took 7 ms: slow"),
        ('<30>Nov 22 10:15:30 cart-1[4711]: {"level": "warn"}', None, "cart-1", 4711, '{"level": "warn"}'),
        ("<30>Nov 22 10:15:30 cart-1: said so", None, "cart-1", None, "said so"),
        ("<30>Nov 22 10:15:30 web01 cart-1[4711]: said so", "web01", "cart-1", 4711, "said so"),
        ("<30>Nov 22 10:15:30 web01 said so", "web01", None, None, "said so"),
    ],
)
def test_syslog_of_a_sender_that_names_no_host(
    line: str, instance: str | None, service: str | None, pid: int | None, message: str
) -> None:
    (row,) = decoded(line, "plain")[:1]
    assert (row.get("instance"), row.get("service"), row["message"]) == (instance, service, message)
    assert attributes(row).get("process.pid") == pid


def test_json_that_is_broken_is_kept_as_text_and_its_neighbours_as_json() -> None:
    rows = decoded('{"message":"good","n":1}', '{"message":"bro')
    assert {str(row["message"]) for row in rows} == {"good", '{"message":"bro'}


def test_ten_thousand_keys_in_logfmt_are_all_kept() -> None:
    (row,) = decoded(" ".join(f"key{number}={number}" for number in range(10_000)))
    assert len(attributes(row)) == 10_000


def test_rare_formats_in_a_large_batch_are_found() -> None:
    lines = ["2026-11-22 10:00:00 INFO a.b.C: x"] * 5_000
    lines[2_501] = "E1122 10:15:31.000001       1 pods.go:7] sync failed"
    table = decode_lines(pl.Series(lines), now_ns=NOW_NS).table
    assert table["message"][2_501].as_py() == "sync failed"


def test_a_json_object_over_several_lines_is_one_record() -> None:
    rows = decoded("plain", "{", '  "message": "spread",', '  "n": {', '    "deep": 1', "  }", "}", "plain again")
    assert [str(row["message"]) for row in rows] == ["plain", "plain again", "spread"]
    assert attributes(rows[2]) == {"n": {"deep": 1}}


def test_every_record_of_mixed_lines_has_the_time_it_was_observed() -> None:
    lines = [
        "plain words",
        '{"msg":"json"}',
        "level=info msg=logfmt n=1",
        "2026-11-22T10:15:30.1Z stdout F of a container",
    ]
    for some in (lines[:2], lines[:3], lines[1:], lines):
        table = decode_lines(pl.Series(some), now_ns=NOW_NS).table
        assert table.num_rows == len(some)
        for required in ("timestamp", "observed_timestamp", "severity_number", "message"):
            assert table[required].null_count == 0, (some, required)
