"""What programs append → JSON lines, as a sender would write them, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias, cast

import orjson
import polars as pl
import pyarrow as pa

from heimdall.columns import named
from heimdall.errors import InvalidInput

PIECE_RECORDS = 20_000
"""Appended at a time. More: fewer syncs, more memory."""

Records: TypeAlias = (
    Iterable[Mapping[str, Any]] | Mapping[str, Any] | pl.DataFrame | pl.LazyFrame | pa.Table | pa.RecordBatch
)


def json_lines(records: Records) -> Iterator[bytes]:
    """
    Raises:
        InvalidInput: something that is no record, or a value JSON cannot say.
    """
    if isinstance(records, pl.LazyFrame):
        records = records.collect()
    if isinstance(records, pl.DataFrame):
        return _of_frame(records)
    if hasattr(records, "__arrow_c_stream__") or hasattr(records, "__arrow_c_array__"):
        return _of_frame(pl.DataFrame(pa.table(cast(Any, records))))
    if isinstance(records, Mapping):
        return _of_mappings([records])
    if isinstance(records, str | bytes) or not isinstance(records, Iterable):
        raise InvalidInput(
            f"{type(records).__name__} holds no records; append dictionaries, or a Polars or Arrow table"
        )
    return _of_mappings(cast("Iterable[Mapping[str, Any]]", records))


def _of_mappings(records: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    rest = iter(records)
    while piece := list(islice(rest, PIECE_RECORDS)):
        yield b"".join(map(_line, piece))


def _line(record: Mapping[str, Any]) -> bytes:
    if not isinstance(record, Mapping):
        raise InvalidInput(f"a record is a mapping of fields, not {type(record).__name__}: {str(record)[:80]!r}")
    try:
        return orjson.dumps(dict(record), default=_plain, option=_OPTIONS)
    except TypeError as exc:
        raise InvalidInput(f"a record cannot be written as JSON: {exc}") from exc


_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_SERIALIZE_NUMPY


def _plain(value: object) -> object:
    """What orjson does not know: numbers of other libraries as numbers, bytes as hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "__float__"):
        return float(cast(Any, value))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _of_frame(frame: pl.DataFrame) -> Iterator[bytes]:
    for start in range(0, frame.height, PIECE_RECORDS):
        piece = frame.slice(start, PIECE_RECORDS)
        yield piece.with_columns(_written(piece)).write_ndjson().encode()


def _written(frame: pl.DataFrame) -> list[pl.Expr]:
    """Times in RFC 3339, bytes as hex, spans of time in milliseconds, decimals as floats."""
    changed = []
    for name, dtype in frame.schema.items():
        column = named(name)
        if isinstance(dtype, pl.Datetime):
            utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
            changed.append(utc.dt.replace_time_zone(None).dt.cast_time_unit("ns").dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ"))
        elif dtype == pl.Binary:
            changed.append(column.bin.encode("hex"))
        elif dtype == pl.Duration:
            changed.append(column.dt.total_nanoseconds() / 1e6)
        elif dtype.is_decimal():
            changed.append(column.cast(pl.Float64))
    return changed


def time_text(moment: datetime | str | float | None) -> str | int | None:
    """A bound of a range as the API takes it. A datetime without a zone is local time, as everywhere in Python."""
    if isinstance(moment, datetime):
        return moment.astimezone().isoformat()
    if isinstance(moment, float):
        return str(moment)
    return moment
