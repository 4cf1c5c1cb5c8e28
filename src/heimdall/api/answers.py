"""The envelope, in the form the caller accepts: JSON, NDJSON, CSV or an Arrow stream."""

from __future__ import annotations

import io

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.ipc
from starlette.requests import Request
from starlette.responses import Response

from heimdall.columns import named
from heimdall.query.request import Answer
from heimdall.query.rows import flat_table, json_rows

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"

_NATIVE = f"{ARROW};types=native"
"""Rows as the query service has them: times are timestamps, `attributes` is one column of JSON text, and fields whose
type is the record's own are JSON text marked `heimdall: json` in the column's metadata."""

_FORMULA_START = r"^[=+\-@\t\r]"
"""Cells that begin so are run as formulas by spreadsheets; a quote before them makes them text."""


def respond(request: Request, answer: Answer) -> Response:
    """`answer` as the `Accept` header wants it; JSON when it does not say."""
    form = _wanted(request.headers.get("accept", ""))
    if form == JSON:
        return Response(_envelope(answer), media_type=JSON)
    native = form == ARROW and _NATIVE in request.headers.get("accept", "").replace(" ", "")
    body = _native_arrow(answer) if native else _WRITERS[form](answer)
    return Response(body, media_type=form, headers=_headers(answer))


def respond_data(data: object, *, took_ms: float, **extra: object) -> Response:
    """An exact answer that no engine was asked for, in the same envelope."""
    head = {"data": data, "exact": True, "error": None, "scanned_rows": 0, "tiers": [], "took_ms": took_ms}
    return Response(orjson.dumps(head | {"partial": False, "notices": None, "next": None} | extra), media_type=JSON)


def _wanted(accept: str) -> str:
    offered = [part.split(";")[0].strip() for part in accept.split(",")]
    return next((form for form in offered if form in _WRITERS or form == JSON), JSON)


def _facts(answer: Answer) -> dict[str, object]:
    return {
        "exact": answer.exact,
        "error": answer.error,
        "scanned_rows": answer.scanned_rows,
        "tiers": list(answer.tiers),
        "took_ms": round(answer.took_ms, 3),
        "partial": answer.partial,
        "notices": list(answer.notices) or None,
        "next": answer.next,
        "query_id": answer.query_id,
        "cached": answer.cached,
        "age_ms": None if answer.age_ms is None else round(answer.age_ms, 3),
        "known_pieces": answer.known_pieces,
        "estimated_ms": None if answer.estimated_ms is None else round(answer.estimated_ms, 1),
    }


def _envelope(answer: Answer) -> bytes:
    facts = orjson.dumps(_facts(answer) | dict(answer.extra))
    data = json_rows(answer.rows) if answer.data is None else orjson.dumps(answer.data)
    return b'{"data":' + data + b"," + facts[1:]


def _headers(answer: Answer) -> dict[str, str]:
    headers = {}
    for name, value in (_facts(answer) | dict(answer.extra)).items():
        if value is not None:
            if isinstance(value, list):
                text = ",".join(value)
            else:
                text = str(value).lower() if isinstance(value, bool) else str(value)
            headers["X-Heimdall-" + name.replace("_", "-").title()] = text
    return headers


def _ndjson(answer: Answer) -> bytes:
    if isinstance(answer.data, list):
        return b"".join(orjson.dumps(item) + b"\n" for item in answer.data)
    return json_rows(answer.rows, lines=True)


def _csv(answer: Answer) -> bytes:
    frame = pl.from_arrow(flat_table(answer.rows))
    assert isinstance(frame, pl.DataFrame)
    names = pl.DataFrame({"name": frame.columns}, schema={"name": pl.String}).select(_guarded(pl.col("name")))
    frame = frame.with_columns(_json_text(name) for name, dtype in frame.schema.items() if dtype.is_nested())
    frame = frame.with_columns(_guarded(named(name)) for name, dtype in frame.schema.items() if dtype == pl.String)
    target = io.BytesIO()
    if names.height:  # a sender's text, too
        names.transpose().write_csv(target, include_header=False)
    frame.write_csv(target, include_header=False)
    return target.getvalue()


def _json_text(name: str) -> pl.Expr:
    """A column of lists or objects as the JSON they are in the other forms."""
    whole = pl.struct(named(name).alias("v")).struct.json_encode()
    inner = whole.str.strip_prefix('{"v":').str.strip_suffix("}")
    return pl.when(named(name).is_not_null()).then(inner).alias(name)


def _guarded(text: pl.Expr) -> pl.Expr:
    quoted = pl.concat_str(pl.lit("'"), text)
    return pl.when(text.str.contains(_FORMULA_START)).then(quoted).otherwise(text).name.keep()


def _arrow(answer: Answer) -> bytes:
    return _stream(flat_table(answer.rows))


def _native_arrow(answer: Answer) -> bytes:
    return _stream(answer.rows)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


_WRITERS = {NDJSON: _ndjson, CSV: _csv, ARROW: _arrow}
