"""The envelope in headers, and Arrow with the query service's own types."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.ipc
from starlette.requests import Request
from starlette.responses import Response

from heimdall.api.answers import ARROW, respond
from heimdall.query.request import Answer

ROWS = pa.table(
    {
        "timestamp": pa.array([1_700_000_000_000_000_001], pa.timestamp("ns", "UTC")),
        "attributes": pa.array(['{"n":1}'], pa.large_string()),
    }
)


def answer(accept: str) -> Response:
    request = Request({"type": "http", "headers": [(b"accept", accept.encode())]})
    return respond(request, Answer(rows=ROWS, query_id="q", scanned_rows=1, extra={"interval_ms": 1}))


def table(accept: str) -> pa.Table:
    with pa.ipc.open_stream(bytes(answer(accept).body)) as reader:
        return reader.read_all()


def test_native_arrow_keeps_types_and_attributes() -> None:
    assert table(f"{ARROW}; types=native").equals(ROWS)


def test_arrow_without_a_word_about_types_is_flat_and_readable() -> None:
    assert table(ARROW).to_pylist() == [{"timestamp": "2023-11-14T22:13:20.000000001Z", "n": 1}]


def test_headers_tell_numbers_from_truth() -> None:
    headers = answer(ARROW).headers
    assert headers["x-heimdall-scanned-rows"] == "1"
    assert headers["x-heimdall-interval-ms"] == "1"
    assert headers["x-heimdall-exact"] == "true"
    assert "x-heimdall-error" not in headers


def test_lists_of_a_sender_are_json_in_csv() -> None:
    marked = pa.field("attributes", pa.large_string())
    rows = pa.table([pa.array(['{"tags":["a","b"],"n":1}', '{"n":2}'], pa.large_string())], pa.schema([marked]))
    request = Request({"type": "http", "headers": [(b"accept", b"text/csv")]})
    told = bytes(respond(request, Answer(rows=rows, query_id="q", scanned_rows=2)).body).decode()
    assert told.splitlines() == ["n,tags", '1,"[""a"",""b""]"', "2,"]


def test_a_sender_may_call_a_field_as_polars_writes_a_pattern() -> None:
    rows = pa.table({"ab": ["=x"], "^a.*$": ["=y"], "n": [1]})
    request = Request({"type": "http", "headers": [(b"accept", b"text/csv")]})
    told = bytes(respond(request, Answer(rows=rows, query_id="q", scanned_rows=1)).body).decode()
    assert told.splitlines() == ["ab,^a.*$,n", "'=x,'=y,1"]
