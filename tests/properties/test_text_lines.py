"""Laws of text decoding that hold for any lines at all."""

from __future__ import annotations

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heimdall.ingest.decode.multiline import continuations
from heimdall.ingest.decode.recognise import recognise
from heimdall.ingest.decode.text import decode_lines
from heimdall.model.batch import LOG_SCHEMA

NOW_NS = 1_795_343_400_000_000_000

LIKELY = st.sampled_from(
    [
        "2026-11-22 10:00:00,123 INFO [main] a.b.C: ready",
        '203.0.113.7 - - [22/Nov/2026:10:15:30 +0100] "GET / HTTP/1.1" 200 5',
        "<34>1 2026-11-22T10:14:15Z h app - - - hello",
        "level=info msg=hi n=1",
        '{"level":"warn","msg":"x"}',
        '{"broken',
        "java.lang.IllegalStateException: no",
        "\tat a.b.C.d(C.java:1)",
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "ValueError: x",
        "goroutine 1 [running]:",
        "2026-11-22T10:00:00Z stdout P part",
        "2026-11-22T10:00:00Z stdout F rest",
        "E1122 10:15:31.000001       1 pods.go:7] sync failed",
    ]
)
STAMPISH = st.from_regex(r"[ \t]{0,3}[\[({<]?\d{1,4}[-/:. ]?.{0,20}")
LINES = st.lists(st.one_of(LIKELY, st.text(max_size=60), STAMPISH), max_size=12)
RELAXED = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(LINES)
def test_no_text_raises_and_every_column_has_its_type(lines: list[str]) -> None:
    table = decode_lines(pl.Series(lines, dtype=pl.String), now_ns=NOW_NS).table
    for spec in table.schema:
        assert spec.type == LOG_SCHEMA.field(spec.name).type
    for required in ("timestamp", "observed_timestamp", "severity_number", "message"):
        assert table[required].null_count == 0


@RELAXED
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_raise(lines: list[bytes]) -> None:
    kept = [line for line in lines if line.replace(b"\x00", b"").strip()]
    table = decode_lines(pl.Series(lines, dtype=pl.Binary), now_ns=NOW_NS).table
    assert table.num_rows <= len(kept)


@RELAXED
@given(st.lists(st.one_of(LIKELY, st.text(alphabet="abc \t.:(){}[]\"'=0123", min_size=1, max_size=30)), min_size=1))
def test_records_and_continuing_lines_are_all_the_lines(lines: list[str]) -> None:
    texts = pl.Series([line for line in lines if line.strip() and "stdout" not in line], dtype=pl.String)
    if texts.is_empty():
        return
    known = recognise(texts, now_ns=NOW_NS)
    continuing = continuations(texts, known["format"].is_not_null(), known["joins"])
    records = decode_lines(texts, now_ns=NOW_NS).num_rows
    assert records + continuing.sum() == len(texts)


@RELAXED
@given(st.lists(LIKELY.filter(lambda line: line[0] in "2<lE" and "stdout" not in line), min_size=1, max_size=6))
def test_a_line_becomes_the_same_record_in_a_large_batch_as_in_a_small_one(lines: list[str]) -> None:
    small = decode_lines(pl.Series(lines), now_ns=NOW_NS).table.to_pylist()
    large = decode_lines(pl.Series(lines * 200), now_ns=NOW_NS).table.to_pylist()
    distinct = {repr(sorted(row.items(), key=repr)) for row in small}
    assert {repr(sorted(row.items(), key=repr)) for row in large} == distinct
