"""Text lines → records: any mixture of log formats, continued lines joined, nothing thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.ingest.decode.container_log import unwrap
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.defaults import with_defaults
from heimdall.ingest.decode.fields import EARLIEST_NS, MAX_AHEAD_NS, finished, from_hexadecimal
from heimdall.ingest.decode.hints import NO_HINTS, Hints
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.json_records import parse_record
from heimdall.ingest.decode.json_text import json_members
from heimdall.ingest.decode.logfmt import decode_logfmt
from heimdall.ingest.decode.multiline import continuations, joined_tails
from heimdall.ingest.decode.oddity import ODDITY_FIELD, RAW_MESSAGE_FIELD, Oddity
from heimdall.ingest.decode.recognise import JSON, LOGFMT, parse_times, recognise, sniffed_levels
from heimdall.ingest.decode.stack_trace import exceptions
from heimdall.model.batch import LOG_SCHEMA

MAX_RECORD_BYTES = 1 << 20
"""Of one record's text; the rest is cut and the record marked. A message a hundred times the size of a page serves
nobody, and bounds what one line can cost in memory."""

ORIGINAL_LENGTH_FIELD = "heimdall.original_bytes"
"""Bytes the record had before it was cut."""

_LOGGER_AT_END = r"(?:^|\n| )\(([A-Za-z_$][A-Za-z0-9_$]*(?:[.$][A-Za-z0-9_$-]+)+)\)\s*$"
"""Where a layout ends in the logger (Kafka's does), it stands at the end of the last line."""

_AS_RECOGNISED = (
    "service", "instance", "region", "environment", "trace_id", "span_id", "parent_span_id", "user_id", "session_id",
    "request_id", "customer_id", "duration_ms",
)  # fmt: skip
"""Columns that are taken over as the line's format has them."""

_COLOUR = r"\x1b\[[0-9;:]*m"
"""SGR (ECMA-48, 8.3.117): how a terminal is told to colour what follows. It hides times, levels and words."""

_MENTIONS_TRACE = r"(?i)trace[-_.]?id"
_IN_TEXT = {
    "trace_id": r"(?i)\btrace[-_.]?id[\"']?\s*[=:]\s*[\"']?([0-9a-f]{32})\b",
    "span_id": r"(?i)\bspan[-_.]?id[\"']?\s*[=:]\s*[\"']?([0-9a-f]{16})\b",
    "parent_span_id": r"(?i)\bparent[-_.]?span[-_.]?id[\"']?\s*[=:]\s*[\"']?([0-9a-f]{16})\b",
    "user_id": r"(?i)\buser[-_.]?id[\"']?\s*[=:]\s*[\"']?([0-9a-z][0-9a-z._@-]{0,63})\b",
}


@dataclass(frozen=True, slots=True)
class Cut:
    """A line the reader gave only the beginning of."""

    line: int
    """Its place among the lines, from 0."""
    original_bytes: int


def decode_lines(
    lines: pl.Series,
    *,
    now_ns: int,
    hints: Hints = NO_HINTS,
    zone: str | None = None,
    service: str | None = None,
    cut: tuple[Cut, ...] = (),
    join: bool = True,
    instances: pl.Series | None = None,
    members: pl.Series | None = None,
) -> Decoded:
    """Records of `lines`, in their order but for JSON and logfmt ones, which come last. Nothing is rejected.

    `lines`: String or Binary (then bytes that are no UTF-8 are kept beside the readable text), without line ends;
    empty ones are skipped, ones that continue a record (stack traces) join it. `zone`: IANA name for times that state
    none; without it the one of the hints, else UTC. `service`: for records that name none. A record that states no
    time has `now_ns`. `join`: False where every line is known to be a record. `instances`: String, one for each line,
    for records that name none. `members`: ready members (`,"name":value`) of each line's record's attributes.
    """
    zone = zone or hints.time_zone or "UTC"
    frame = _readable(lines, cut, instances, members)
    if frame.is_empty():
        return Decoded(finished(LOG_SCHEMA.empty_table().select(["timestamp"]), now_ns=now_ns))
    wrapped = unwrap(frame["line"])
    if wrapped is not None:
        frame = frame[wrapped.rows].with_columns(line=wrapped.lines, stamp=wrapped.stamps, stream=wrapped.streams)
    records = recognise(frame["line"], now_ns=now_ns, zone=zone)
    joined = _joined(frame, records, join=join)
    if wrapped is not None:
        joined = _with_wrapper(joined, now_ns)
    special = joined["format"].is_in([JSON.name, LOGFMT.name]).fill_null(value=False)
    tables = []
    if not special.all():
        tables.append(_text_table(joined.filter(~special) if special.any() else joined, now_ns))
    for name, decode in ((LOGFMT.name, _logfmt_table), (JSON.name, _json_table)):
        rows = joined.filter(pl.col("format") == name) if special.any() else joined.clear()
        if not rows.is_empty():
            tables.append(decode(rows, now_ns, hints))
    table = finished(pa.concat_tables(tables, promote_options="default"), now_ns=now_ns)
    return Decoded(table if service is None else with_defaults(table, {"service": service}))


def _readable(
    lines: pl.Series, cut: tuple[Cut, ...], instances: pl.Series | None, members: pl.Series | None
) -> pl.DataFrame:
    """Columns `line` (String), `base64`, `original_bytes`, `sender`, `members`, without empty lines.

    The middle two only where some line has one: bytes that are no UTF-8, a cut. `sender`: `instances`, if given.
    """
    given = {"sender": instances, "members": members}
    frame = pl.DataFrame({"line": lines} | {name: column for name, column in given.items() if column is not None})
    if cut:
        lengths = pl.DataFrame(
            {"row": [c.line for c in cut], "original_bytes": [c.original_bytes for c in cut]},
            schema={"row": pl.UInt32, "original_bytes": pl.Int64},
        )
        frame = frame.with_row_index("row").join(lengths, on="row", how="left", maintain_order="left").drop("row")
    if lines.dtype == pl.Binary:
        frame = _decoded_bytes(frame)
    if frame["line"].str.contains("\x1b[", literal=True).any():
        frame = frame.with_columns(pl.col("line").str.replace_all(_COLOUR, ""))
    frame = frame.with_columns(pl.col("line").str.strip_chars_end("\r\n"))
    frame = frame.filter(pl.col("line").str.contains(r"[^\s\x00]"))
    return _cut_to_size(frame)


def _decoded_bytes(frame: pl.DataFrame) -> pl.DataFrame:
    try:
        return frame.with_columns(pl.col("line").cast(pl.String))
    except pl.exceptions.ComputeError:
        pass
    raw = frame["line"].fill_null(b"")
    values = [value.decode("utf-8", "replace") for value in raw.to_list()]  # some are no UTF-8: one by one
    text = pl.Series("line", values, dtype=pl.String)
    rows = (text.cast(pl.Binary) != raw).arg_true()
    encoded = raw.gather(rows).bin.slice(0, MAX_RECORD_BYTES).bin.encode("base64")
    return frame.with_columns(text, _nulls(pl.String, len(text)).scatter(rows, encoded).alias("base64"))


def _cut_to_size(frame: pl.DataFrame) -> pl.DataFrame:
    long = frame["line"].str.len_bytes() > MAX_RECORD_BYTES
    if not long.any():
        return frame
    rows = long.arg_true()
    texts = frame["line"].gather(rows)
    shorter = _head_bytes(texts)
    lengths = (
        frame["original_bytes"]
        if "original_bytes" in frame.columns
        else pl.Series([None], dtype=pl.Int64).new_from_index(0, len(frame))
    )
    stated = lengths.gather(rows)
    actual = pl.select(pl.coalesce(pl.lit(stated), pl.lit(texts.str.len_bytes().cast(pl.Int64)))).to_series()
    return frame.with_columns(line=frame["line"].scatter(rows, shorter), original_bytes=lengths.scatter(rows, actual))


def _head_bytes(texts: pl.Series) -> pl.Series:
    """The first `MAX_RECORD_BYTES` of each text, less what would split a character."""
    raw = texts.cast(pl.Binary)
    heads = [value.decode("utf-8", "ignore") for value in raw.bin.slice(0, MAX_RECORD_BYTES).to_list()]
    return pl.Series(texts.name, heads, dtype=pl.String)


def _joined(frame: pl.DataFrame, records: pl.DataFrame, *, join: bool) -> pl.DataFrame:
    """Records with their continuing lines in the message, and the marks of the line each begins with."""
    marks = [name for name in frame.columns if name != "line"]
    recognised = records["format"].is_not_null()
    records = records.hstack(frame.select(marks)) if marks else records
    continues = continuations(frame["line"], recognised, records["joins"]) if join else None
    if continues is None or not continues.any():
        return records.drop("row").with_columns(tail=pl.lit(None, pl.String))
    tails = joined_tails(frame["line"], continues)
    heads = records.filter(~continues).join(tails, on="row", how="left", maintain_order="left").drop("row")
    message = heads.select(pl.concat_str("message", "tail", separator="\n", ignore_nulls=True)).to_series()
    long = message.str.len_bytes() > MAX_RECORD_BYTES
    if long.any():
        lengths = pl.when(pl.lit(long)).then(pl.lit(message.str.len_bytes().cast(pl.Int64)))
        known = pl.col("original_bytes") if "original_bytes" in heads.columns else pl.lit(None, pl.Int64)
        heads = heads.with_columns(original_bytes=pl.coalesce(known, lengths))
        message = message.scatter(long.arg_true(), _head_bytes(message.filter(long)))
    spread = pl.lit(message.str.starts_with("{") & message.str.ends_with("}")) & pl.col("format").is_null()
    heads = heads.with_columns(format=pl.when(spread).then(pl.lit(JSON.name)).otherwise("format"))  # over several lines
    return heads.with_columns(message=message, late_logger=heads["tail"].str.extract(_LOGGER_AT_END))


def _with_wrapper(records: pl.DataFrame, now_ns: int) -> pl.DataFrame:
    """The wrapper's time where the line states none, or one without a date or year; its stream as an attribute."""
    outer = parse_times(records["stamp"], now_ns, "UTC")
    far = ((records["timestamp"] - outer).abs() > MAX_AHEAD_NS).fill_null(value=False)
    stream = json_members(records["stream"].alias("log.iostream"))
    return records.with_columns(
        timestamp=pl.coalesce(pl.when(~pl.lit(far)).then("timestamp"), pl.lit(outer), "timestamp"),
        attributes=_with_members(records["attributes"], [stream]),
    )


def _text_table(records: pl.DataFrame, now_ns: int) -> pa.Table:
    plausible = records["timestamp"].is_between(EARLIEST_NS, now_ns + MAX_AHEAD_NS)
    odd = {
        Oddity.TIME_NOT_UNDERSTOOD: records["stamped"].fill_null(value=False) & records["timestamp"].is_null(),
        Oddity.TIME_OUT_OF_RANGE: (~plausible).fill_null(value=False),
        Oddity.INVALID_UTF8: _present(records, "base64"),
        Oddity.TRUNCATED: _present(records, "original_bytes"),
        Oddity.NUL_BYTE: records["message"].str.contains("\x00", literal=True),
    }
    pieces = _mark_members(records, odd)
    if "members" in records.columns:
        pieces.append(records["members"])
    if "late_logger" in records.columns:
        stated = records["attributes"].str.contains('"logger":', literal=True).fill_null(value=False)
        late = pl.select(pl.when(~pl.lit(stated)).then(pl.lit(records["late_logger"]))).to_series()
        pieces.append(json_members(late.alias("logger")))
    severity = records["severity_number"].fill_null(0)
    with_tail = records["tail"].is_not_null() | records["message"].str.contains("\n", literal=True)
    if with_tail.any():
        found = _exceptions(records["message"], with_tail)
        pieces += [json_members(found[name]) for name in found.columns]
        severity = pl.select(
            pl.when(pl.lit((severity == 0) & found["exception.type"].is_not_null()))
            .then(17)
            .otherwise(pl.lit(severity))
        ).to_series()
    columns: dict[str, pl.Series] = {
        "timestamp": pl.select(pl.when(pl.lit(plausible)).then(pl.lit(records["timestamp"]))).to_series(),
        "severity_number": severity,
        "message": records["message"],
        "attributes": _with_members(records["attributes"], pieces),
    }
    columns |= {name: records[name] for name in _AS_RECOGNISED}
    if "sender" in records.columns:
        columns["instance"] = records.select(pl.coalesce("instance", "sender")).to_series()
    return _arrow(columns | _trace_context(records))


def _trace_context(records: pl.DataFrame) -> dict[str, pl.Series]:
    """Ids that stand in the text beside a trace id, `TraceID: 0af7…`, where no field states them."""
    mentioned = records["message"].str.contains(_MENTIONS_TRACE)
    if not mentioned.any():
        return {}
    rows = mentioned.arg_true()
    texts = records["message"].gather(rows)
    found = {}
    for name, pattern in _IN_TEXT.items():
        ids = _nulls(pl.String, len(records)).scatter(rows, texts.str.extract(pattern))
        stated = records[name] if name in records.columns else ids
        found[name] = pl.select(pl.coalesce(pl.lit(stated), pl.lit(ids))).to_series()
    return found


def _logfmt_table(records: pl.DataFrame, now_ns: int, hints: Hints) -> pa.Table:
    return _with_marks(decode_logfmt(records["message"], now_ns=now_ns, hints=hints), records, now_ns)


def _json_table(records: pl.DataFrame, now_ns: int, hints: Hints) -> pa.Table:
    """Lines that only look like JSON are kept as they are."""
    decoded = decode_json(_body(records["message"]), now_ns=now_ns, hints=hints)
    if not decoded.rejected_count:
        return _with_marks(decoded.table, records, now_ns) if decoded.num_rows == len(records) else decoded.table
    good = pl.Series([_is_object(line) for line in records["message"]])  # one by one: some line is broken
    raw = _text_table(_sniffed(records.filter(~good)), now_ns)
    return pa.concat_tables(
        [raw, decode_json(_body(records["message"].filter(good)), now_ns=now_ns, hints=hints).table],
        promote_options="default",
    )


def _body(lines: pl.Series) -> bytes:
    return str(lines.str.join("\n").item()).encode() if len(lines) else b""


def _is_object(line: str) -> bool:
    try:
        parse_record(line.encode())
    except (ValueError, RecursionError):
        return False
    return True


def _sniffed(records: pl.DataFrame) -> pl.DataFrame:
    return records.with_columns(severity_number=sniffed_levels(records["message"]).fill_null(0))


def _with_marks(table: pa.Table, records: pl.DataFrame, now_ns: int) -> pa.Table:
    """Adds what is known of the lines themselves: their marks, and the time and stream of a wrapper."""
    odd = {
        Oddity.INVALID_UTF8: _present(records, "base64"),
        Oddity.TRUNCATED: _present(records, "original_bytes"),
    }
    pieces = [_members_of(records["attributes"]), *_mark_members(records, odd)]
    if "members" in records.columns:
        pieces.append(records["members"])
    pieces = [piece for piece in pieces if piece.null_count() < len(piece)]
    if pieces:
        names = table.column_names
        own = _series(table["attributes"]) if "attributes" in names else _nulls(pl.String, len(records))
        merged = _with_members(own, pieces).to_arrow().cast(pa.large_string())
        place = names.index("attributes") if "attributes" in names else len(names)
        table = (table.remove_column(place) if "attributes" in names else table).append_column("attributes", merged)
    if records["timestamp"].null_count() < len(records):
        outer = records["timestamp"].to_arrow().cast(LOG_SCHEMA.field("timestamp").type)
        inner = table["timestamp"] if "timestamp" in table.column_names else pa.nulls(len(records), outer.type)
        stated = pc.fill_null(pc.not_equal(inner.cast(pa.int64()), now_ns), False)  # now stands in for a missing time
        table = table.drop_columns(["timestamp"]) if "timestamp" in table.column_names else table
        table = table.append_column("timestamp", pc.if_else(stated, inner, pc.coalesce(outer, inner)))
    return _with_senders(table, records["sender"]) if "sender" in records.columns else table


def _with_senders(table: pa.Table, senders: pl.Series) -> pa.Table:
    sent = senders.to_arrow().cast(pa.string())
    named = table["instance"].cast(pa.string()).combine_chunks() if "instance" in table.column_names else None
    filled = (sent if named is None else pc.coalesce(named, sent)).dictionary_encode()
    rest = table.drop_columns(["instance"]) if named is not None else table
    return rest.append_column("instance", filled.cast(LOG_SCHEMA.field("instance").type))


def _present(records: pl.DataFrame, name: str) -> pl.Series:
    if name in records.columns:
        return records[name].is_not_null()
    return pl.Series([False]).new_from_index(0, len(records))


def _mark_members(records: pl.DataFrame, odd: Mapping[Oddity, pl.Series]) -> list[pl.Series]:
    """Members of the attributes that say what was odd, and what is needed to mend it."""
    some = {mark: rows for mark, rows in odd.items() if rows.any()}
    if not some:
        return []
    named = pl.select(
        pl.concat_list(pl.when(pl.lit(rows)).then(pl.lit(str(mark))) for mark, rows in some.items()).list.drop_nulls()
    ).to_series()
    listed = pl.select(pl.when(pl.lit(named).list.len() > 0).then(pl.lit(named))).to_series()
    members = [json_members(listed.alias(ODDITY_FIELD))]
    for column, field in (("base64", RAW_MESSAGE_FIELD), ("original_bytes", ORIGINAL_LENGTH_FIELD)):
        if column in records.columns:
            members.append(json_members(records[column].alias(field)))
    return members


def _exceptions(messages: pl.Series, rows: pl.Series) -> pl.DataFrame:
    places = rows.arg_true()
    found = exceptions(messages.gather(places))
    return pl.DataFrame({name: _nulls(pl.String, len(messages)).scatter(places, found[name]) for name in found.columns})


def _members_of(objects: pl.Series) -> pl.Series:
    """`{"a":1}` → `,"a":1`."""
    return pl.select(
        pl.concat_str(pl.lit(","), pl.lit(objects).str.strip_prefix("{").str.strip_suffix("}"))
    ).to_series()


def _with_members(objects: pl.Series, members: list[pl.Series]) -> pl.Series:
    """Flat JSON objects (or null) and further members of them (or null), in one object each (or null)."""
    if not members:
        return objects
    frame = pl.DataFrame([_members_of(objects).alias("0"), *(m.alias(str(n)) for n, m in enumerate(members, 1))])
    joined = frame.select(pl.concat_str(pl.all(), ignore_nulls=True)).to_series()
    return pl.select(
        pl.when(pl.lit(joined).str.len_bytes() > 0).then(
            pl.concat_str(pl.lit("{"), pl.lit(joined).str.slice(1), pl.lit("}"))
        )
    ).to_series()


def _arrow(columns: Mapping[str, pl.Series]) -> pa.Table:
    """Columns as `LOG_SCHEMA` types them, those that are null throughout left out."""
    ready = {}
    for name, values in columns.items():
        if values.null_count() == len(values):
            continue
        target = LOG_SCHEMA.field(name).type
        array = values.to_arrow()
        if pa.types.is_fixed_size_binary(target):
            array = from_hexadecimal(values, target.byte_width)
        elif pa.types.is_dictionary(target):
            array = array.dictionary_encode()
        ready[name] = array.cast(target)
    return pa.table(ready)


def _series(column: pa.ChunkedArray) -> pl.Series:
    return pl.Series(pl.from_arrow(column))


def _nulls(dtype: type[pl.DataType], size: int) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, size)
