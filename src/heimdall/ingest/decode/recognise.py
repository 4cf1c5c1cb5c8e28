"""One line → one record's columns, for batches of lines in any mixture of text formats."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.ingest.decode import (
    access_log,
    cluster_event,
    database_log,
    generic,
    klog,
    log4j,
    logcat,
    logfmt,
    python_logging,
    security_event,
    server_error_log,
    syslog,
)
from heimdall.ingest.decode.format import ATTRIBUTE_OF_GROUP, CLOCK_ONLY, LEVEL_WORDS, STAMP, Format
from heimdall.ingest.decode.json_text import json_objects
from heimdall.ingest.decode.levels import parse_levels
from heimdall.ingest.decode.matching import Matched, match_formats
from heimdall.ingest.decode.structured_data import read_structured_data
from heimdall.ingest.decode.timestamps import parse_timestamps

JSON = Format("json", r"^(?P<json>\{\s*(?:\"|\})(?s:.*))$", joins=False, whole=True)
"""A line that looks like a JSON object; `heimdall.ingest.decode.text` has it decoded as one."""

LOGFMT = logfmt.FORMAT

TIMED = Format(
    "timed",
    rf"^[\[(<]?(?P<timestamp>{STAMP})(?:[\])>,]|\])?[,:]?(?:[ \t]+(?:[-|:] +)?|$)(?P<message>(?s:.*))$",
)
"""A time, then something: `LAYOUTS` say what."""

FORMATS: tuple[Format, ...] = (
    JSON,
    *security_event.FORMATS,
    *syslog.FORMATS,
    *access_log.FORMATS,
    *cluster_event.FORMATS,
    *klog.FORMATS,
    *database_log.FORMATS,
    *logcat.FORMATS,
    LOGFMT,
    TIMED,
    *log4j.FORMATS,
    *python_logging.FORMATS,
    *generic.FORMATS,
)

LAYOUTS: tuple[Format, ...] = (
    *logcat.LAYOUTS,
    *log4j.LAYOUTS,
    *python_logging.LAYOUTS,
    *server_error_log.LAYOUTS,
    *database_log.LAYOUTS,
    *generic.LAYOUTS[:-3],
    *syslog.LAYOUTS,
    *generic.LAYOUTS[-3:],
)

SCHEMA: dict[str, type[pl.DataType]] = {
    "row": pl.UInt32,
    "format": pl.String,
    "joins": pl.Boolean,
    "stamped": pl.Boolean,
    "timestamp": pl.Int64,
    "severity_number": pl.UInt8,
    "service": pl.String,
    "instance": pl.String,
    "region": pl.String,
    "environment": pl.String,
    "message": pl.String,
    "trace_id": pl.String,
    "span_id": pl.String,
    "parent_span_id": pl.String,
    "user_id": pl.String,
    "session_id": pl.String,
    "request_id": pl.String,
    "customer_id": pl.String,
    "duration_ms": pl.Float64,
    "attributes": pl.String,
}
"""Columns of a recognised batch. `timestamp` in ns or null, `stamped` where the line has a time (understood or not),
ids in hexadecimal, `format` null for unknown lines. JSON and logfmt lines have only their text, as `message`."""

SNIFFED_CHARS = 200
"""How far into an unknown line a level or time is looked for: headers are at the front."""


def recognise(lines: pl.Series, *, now_ns: int, zone: str = "UTC") -> pl.DataFrame:
    """A frame of `SCHEMA` with one row for each of `lines`, in their order.

    A line no format knows keeps its text as the message; its level and time are taken where they stand out.
    """
    matched, unknown = match_formats(FORMATS, lines)
    parts = [_columns(part, now_ns, zone) for part in _with_layouts(matched)]
    if len(unknown):
        parts.append(_unknown(lines.gather(unknown), unknown, now_ns, zone))
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    return parts[0] if len(parts) == 1 else pl.concat(parts).sort("row")


def known_lines(lines: pl.Series) -> tuple[pl.Series, pl.Series]:
    """For each line whether some format knows it, and whether lines that continue it may follow."""
    matched, _ = match_formats(FORMATS, lines)
    known = pl.Series([False]).new_from_index(0, len(lines))
    joins = pl.Series([True]).new_from_index(0, len(lines))
    for part in matched:
        known = known.scatter(part.rows, True)
        if not part.format.joins:
            joins = joins.scatter(part.rows, False)
    return known, joins


def _with_layouts(matched: Iterable[Matched]) -> Iterable[Matched]:
    for part in matched:
        if part.format is not TIMED:
            yield part
            continue
        inner, _ = match_formats(LAYOUTS, part.groups["message"])
        for found in inner:
            whole = len(found.rows) == len(part.rows)
            outer = part.groups if whole else part.groups[found.rows]
            groups = found.groups.with_columns(outer["timestamp"], outer["line"])
            yield Matched(found.format, part.rows if whole else part.rows.gather(found.rows), groups)


def _columns(part: Matched, now_ns: int, zone: str) -> pl.DataFrame:
    if part.format is JSON or part.format is LOGFMT:
        return _framed(part.format, part.rows, {"message": part.groups["line"]}, part.groups)
    groups = _clean(part)
    names = groups.columns
    level = (
        groups["severity_number"]
        if "severity_number" in names
        else parse_levels(groups["level"])
        if "level" in names
        else sniffed_levels(groups["message"])
    )
    times = parse_times(groups["timestamp"], now_ns, zone) if "timestamp" in names else _null(pl.Int64, len(groups))
    attributes = [
        groups[name].cast(ATTRIBUTE_OF_GROUP[name][1], strict=False).alias(ATTRIBUTE_OF_GROUP[name][0])
        for name in names
        if name in ATTRIBUTE_OF_GROUP and groups[name].null_count() < len(groups)
    ]
    structured = read_structured_data(groups["structured_data"]) if "structured_data" in names else None
    pieces = list(_inner_members(groups)) if structured is None else [structured.members]
    text = json_objects(attributes, pieces) if attributes or pieces else _null(pl.String, len(groups))
    stamped = groups["timestamp"].is_not_null() if "timestamp" in names else None
    ready = {"timestamp": times, "severity_number": level.fill_null(0), "attributes": text}
    ready |= {"stamped": stamped} if stamped is not None else {}
    ready |= structured.columns if structured is not None else {}
    return _framed(part.format, part.rows, ready, groups)


def _inner_members(groups: pl.DataFrame) -> Iterable[pl.Series]:
    """Attributes whose names stand in the line itself."""
    if "cef_extension" in groups.columns:
        yield security_event.extension_members(groups["cef_extension"])
    if "leef_attributes" in groups.columns:
        yield security_event.attribute_members(groups["leef_attributes"], groups["leef_delimiter"])


def _clean(part: Matched) -> pl.DataFrame:
    """The groups, with the format's own columns, and without `-` and empty values."""
    frame = part.groups
    for group, pattern in part.format.within.items():
        frame = frame.hstack(frame[group].str.extract_groups(pattern).struct.unnest())
    if part.format.columns:
        frame = frame.with_columns(**part.format.columns)
    optional = [name for name, dtype in frame.schema.items() if dtype == pl.String and name not in ("message", "line")]
    return frame.with_columns(
        pl.when(~pl.col(name).is_in(["-", ""])).then(pl.col(name)).alias(name) for name in optional
    )


def _framed(format_: Format, rows: pl.Series, ready: dict[str, pl.Series], groups: pl.DataFrame) -> pl.DataFrame:
    size = len(rows)
    columns = [rows.alias("row"), _full(format_.name, pl.String, size), _full(format_.joins, pl.Boolean, size)]
    for name in list(SCHEMA)[3:]:
        values = ready.get(name, groups[name] if name in groups.columns else None)
        columns.append(_null(SCHEMA[name], size) if values is None else values.cast(SCHEMA[name], strict=False))
    return pl.DataFrame({name: column.alias(name) for name, column in zip(SCHEMA, columns, strict=True)})


def _unknown(lines: pl.Series, rows: pl.Series, now_ns: int, zone: str) -> pl.DataFrame:
    head = lines.str.head(SNIFFED_CHARS)
    stamp = head.str.extract(rf"(?:^|[\s\[(])({_DATED})(?:[\])\s,]|$)")
    ready = {
        "stamped": stamp.is_not_null(),
        "timestamp": parse_times(stamp, now_ns, zone),
        "severity_number": sniffed_levels(lines).fill_null(0),
        "message": lines,
    }
    frame = _framed(_UNKNOWN, rows, ready, pl.DataFrame())
    return frame.with_columns(format=pl.lit(None, pl.String))


_UNKNOWN = Format("unknown", "(?P<message>.*)")
_DATED = (
    r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
    r"|1[0-9]{9}(?:\.[0-9]{1,9}|[0-9]{3})?"
)

_UPPER = "|".join(word.upper() for word in LEVEL_WORDS if word.isalpha() and word not in ("note", "alert"))
_SNIFF = (
    rf"(?:^|[\s\[(<\"|])({_UPPER})(?:[\s\])>:,\"|]|$)",
    r"(?i)\b(?:level|severity|lvl|loglevel)[\"']?\s*[=:]\s*[\"']?([a-z]{3,13})\b",
    rf"(?i)^[\[(<]?({'|'.join(LEVEL_WORDS)})[\])>]?:",
)


def sniffed_levels(texts: pl.Series) -> pl.Series:
    """UInt8 severity numbers of levels that stand out: a word in capitals, `level=…`, or `error: …` in front."""
    head = texts.str.head(SNIFFED_CHARS).alias("head").to_frame()
    found = head.select(pl.coalesce(*(pl.col("head").str.extract(pattern) for pattern in _SNIFF))).to_series()
    if found.null_count() == len(found):
        return _null(pl.UInt8, len(found))
    return parse_levels(found)


def levelled(table: pa.Table) -> pa.Table:
    """Records whose senders state no level, with the one that stands out in the message: most of what ships lines as
    they are says nothing else about them."""
    silent = pc.equal(table["severity_number"], 0)
    if not pc.any(silent).as_py():
        return table
    messages = pl.Series(pl.from_arrow(table["message"].filter(silent)))
    sniffed = sniffed_levels(messages).fill_null(0).cast(pl.UInt8).to_arrow()
    levels = pc.replace_with_mask(table["severity_number"].combine_chunks(), silent.combine_chunks(), sniffed)
    place = table.schema.get_field_index("severity_number")
    return table.set_column(place, table.schema.field(place), levels)


def parse_times(stamps: pl.Series, now_ns: int, zone: str) -> pl.Series:
    """`parse_timestamps`, and times of day alone: of the last day on which they are not ahead of now."""
    clock = stamps.str.contains(CLOCK_ONLY).fill_null(value=False)
    if not clock.any():
        return parse_timestamps(stamps, now_ns=now_ns, zone=zone)
    today = pl.select(pl.from_epoch(pl.lit(now_ns), "ns").dt.strftime("%Y-%m-%dT")).item()
    dated = pl.select(pl.when(pl.lit(clock)).then(pl.lit(today) + pl.lit(stamps)).otherwise(pl.lit(stamps))).to_series()
    times = parse_timestamps(dated.str.replace(",", "."), now_ns=now_ns, zone=zone)
    ahead = clock & (times > now_ns + 3_600_000_000_000).fill_null(value=False)
    return times - ahead.cast(pl.Int64) * 86_400_000_000_000


def _null(dtype: type[pl.DataType], size: int) -> pl.Series:
    return pl.Series("null", [None], dtype=dtype).new_from_index(0, size)


def _full(value: object, dtype: type[pl.DataType], size: int) -> pl.Series:
    return pl.Series("full", [value], dtype=dtype).new_from_index(0, size)
