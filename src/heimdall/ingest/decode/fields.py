"""A sender's fields as columns → canonical columns and attributes, without Python per record."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.ingest.decode.canonical import (
    KINDS,
    OTEL_NUMBERED,
    Kind,
    candidates,
    hinted,
    may_hold_canonical,
    names_message,
)
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json_text import json_members, json_objects, json_values
from heimdall.ingest.decode.levels import parse_levels
from heimdall.ingest.decode.oddity import ODDITY_FIELD, Oddity
from heimdall.ingest.decode.timestamps import DAY_S, SECOND_NS, parse_timestamps
from heimdall.model.batch import LOG_SCHEMA

EARLIEST_NS = 365 * DAY_S * SECOND_NS
"""1971: a clock that was never set counts from 1970."""

MAX_AHEAD_NS = DAY_S * SECOND_NS
"""A sender's clock may be a time zone wrong, hardly more; beyond, newest-first would show its records for ever."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Records as their sender named them: row i of every part is record i.

    `mixed` names columns of `frame` whose values had several types: they hold JSON text (strings in quotes).
    `rest` is a JSON object of the fields that are not in `frame`, for records read one by one.
    """

    frame: pl.DataFrame
    count: int
    raw: Callable[[], pl.Series]
    """The record as it was sent, for one without a message."""
    rest: pl.Series | None = None
    mixed: frozenset[str] = frozenset()
    odd: tuple[tuple[Oddity, pl.Series], ...] = ()
    """Marks that decoding gave, as boolean columns."""
    plain: bool = False
    """No text in `frame` needs escaping as JSON."""
    numbers: tuple[int, ...] = ()
    """Where each record stood in its body, for records taken from among others; empty = they are all of a stretch."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """What is known of every record besides, as attributes; `frame` has no such columns, and `rest` is None."""


@dataclass(slots=True)
class _Outcome:
    """Grows while the columns are read one after the other."""

    columns: dict[str, pa.Array] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    pieces: list[pl.Series] = field(default_factory=list)
    odd: list[tuple[Oddity, pl.Series]] = field(default_factory=list)
    message_objects: pl.Series | None = None
    """Rows whose message field was an object or a list, not text."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """Columns of `LOG_SCHEMA` (null ones left out), each in its type; `timestamp` null where no field says it."""

    table: pa.Table
    own_message: pl.Series
    """Whether the message is the text of a field; else it is JSON that Heimdall put there."""
    attribute_names: frozenset[str] | None
    """Top-level names in the attributes; None = not known."""


def canonical(fields: Fields, *, now_ns: int, hints: Hints) -> Canonical:
    """Sort the fields into columns; `finished` then fills the required ones.

    What is not understood stays an attribute under the sender's own name.
    """
    frame, mixed = _lifted(fields.frame, hints), fields.mixed
    outcome = _Outcome(odd=list(fields.odd))
    for column, names in candidates(frame.columns, hints).items():
        zone = hints.time_zone or "UTC"
        _fill(column, [frame[name] for name in names], outcome, mixed, now_ns, plain=fields.plain, zone=zone)
    own_message = _fill_message(outcome, fields)
    attributes = _attributes(frame, fields, outcome)
    if attributes is not None:
        outcome.columns["attributes"] = _large(attributes)
    some = {name: array for name, array in outcome.columns.items() if array.null_count < len(array)}
    table = pa.table({name: some[name] for name in LOG_SCHEMA.names if name in some})
    known = None if fields.rest is not None else frozenset((*frame.columns, *fields.beside, ODDITY_FIELD))
    return Canonical(table, own_message, known)


def _fill_message(outcome: _Outcome, fields: Fields) -> pl.Series:
    message = outcome.columns.get("message")
    if message is None:
        outcome.columns["message"] = _large(fields.raw())
        return _constant(False, fields.count)
    own = _valid(message)
    if outcome.message_objects is not None:
        own = own & ~outcome.message_objects.fill_null(value=False)
    if message.null_count:
        outcome.columns["message"] = pc.coalesce(message, _large(fields.raw()))
    return own


def finished(table: pa.Table, *, now_ns: int) -> pa.Table:
    """The same with the columns every record must have: times (observed = now), severity, message; schema order."""
    rows = table.num_rows
    now = pa.scalar(now_ns, pa.int64()).cast(LOG_SCHEMA.field("timestamp").type)
    columns = {name: table[name] for name in table.column_names}
    columns["observed_timestamp"] = _filled(columns.get("observed_timestamp"), now, rows)
    columns["timestamp"] = _filled(columns.get("timestamp"), now, rows)
    columns["severity_number"] = _filled(columns.get("severity_number"), pa.scalar(0, pa.uint8()), rows)
    columns["message"] = _filled(columns.get("message"), pa.scalar("", pa.large_string()), rows)
    order = [spec for spec in LOG_SCHEMA if spec.name in columns]
    return pa.table([columns[spec.name] for spec in order], schema=pa.schema(order))


def _filled(column: pa.ChunkedArray | None, value: pa.Scalar, rows: int) -> pa.Array | pa.ChunkedArray:
    if column is None:
        return pa.repeat(value, rows)
    return pc.fill_null(column, value) if column.null_count else column


def _lifted(frame: pl.DataFrame, hints: Hints) -> pl.DataFrame:
    """Canonical fields inside nested objects get columns of their own, named by their path."""
    paths = frozenset(hinted(hints))
    roots = {path[:place] for path in paths for place, char in enumerate(path) if char == "."}
    for column in frame.get_columns():
        if isinstance(column.dtype, pl.Struct) and (may_hold_canonical(column.name) or column.name in roots):
            lifted, rest = _split(column, column.name, paths, roots)
            if lifted:
                frame = frame.with_columns(
                    *[values for values in lifted if values.name not in frame.columns],
                    rest if rest is not None else pl.lit(None, pl.Null).alias(column.name),
                )
    return frame


def _split(
    column: pl.Series, path: str, hints: frozenset[str], roots: set[str]
) -> tuple[list[pl.Series], pl.Series | None]:
    """Canonical descendants as columns of their own, and what is left of the objects (None = nothing)."""
    lifted: list[pl.Series] = []
    kept: list[pl.Series] = []
    for child in column.struct.unnest().get_columns():
        name = f"{path}.{child.name}"
        if isinstance(child.dtype, pl.Struct) and (may_hold_canonical(name) or name in roots):
            inner, rest = _split(child, name, hints, roots)
            lifted += inner
            kept += [rest] if rest is not None else []
        elif name in hints or candidates([name], Hints()):
            lifted.append(child.alias(name))
        else:
            kept.append(child)
    if not lifted:
        return [], column
    if not kept:
        return lifted, None
    some = pl.any_horizontal([pl.lit(child).is_not_null() for child in kept])
    rest = pl.select(pl.when(some).then(pl.struct([pl.lit(child).alias(child.name) for child in kept]))).to_series()
    return lifted, rest.alias(column.name)


def _fill(
    column: str,
    choices: list[pl.Series],
    outcome: _Outcome,
    mixed: frozenset[str],
    now_ns: int,
    *,
    plain: bool,
    zone: str,
) -> None:
    """Take each record's first choice that can be read; choices not taken stay attributes."""
    filled: pa.Array | None = None
    taken_by: list[tuple[pl.Series, pl.Series]] = []
    for choice in choices:
        if choice.dtype == pl.Null or (filled is not None and filled.null_count == 0):
            continue
        nested = isinstance(choice.dtype, pl.Struct | pl.List)
        if nested and not (column == "message" and names_message(choice.name)):
            continue
        read = partial(_read_time, zone=zone) if KINDS[column] is Kind.TIME else _READERS[KINDS[column]]
        value = read(choice, choice.name in mixed, now_ns)
        if value is None:
            continue
        taken = _valid(value)
        # whatever the choice says is taken, unless part of it cannot be read or was said before
        some_left = filled is not None or value.null_count > choice.null_count()
        if filled is not None:
            taken = taken & _to_series(pc.is_null(filled))
        filled = value if filled is None else pc.coalesce(filled, value)
        taken_by.append((choice, taken))
        if column == "message" and (nested or choice.name in mixed):
            objects = taken if nested else taken & ~choice.str.starts_with('"')
            outcome.message_objects = objects if outcome.message_objects is None else outcome.message_objects | objects
        if nested:
            continue  # an object as message: its text is the message, and the object stays an attribute
        outcome.used.add(choice.name)
        if some_left and (left := choice.is_not_null() & ~taken).any():
            outcome.pieces.append(_where(left, _own_members(choice, choice.name in mixed, plain=plain)))
    if filled is None:
        return
    if column == "timestamp":
        filled = _plausible(filled, taken_by, outcome, mixed, now_ns, plain=plain)
    outcome.columns[column] = filled


def _where(rows: pl.Series, members: pl.Series) -> pl.Series:
    return pl.select(pl.when(pl.lit(rows)).then(pl.lit(members))).to_series()


def _plausible(
    times: pa.Array,
    taken_by: list[tuple[pl.Series, pl.Series]],
    outcome: _Outcome,
    mixed: frozenset[str],
    now_ns: int,
    *,
    plain: bool,
) -> pa.Array:
    """Times a log can have; the others become null, are marked, and keep their field."""
    ns = times.cast(pa.int64())
    if times.null_count:
        said = pl.select(pl.any_horizontal([pl.lit(choice.is_not_null()) for choice, _ in taken_by])).to_series()
        outcome.odd.append((Oddity.TIME_NOT_UNDERSTOOD, said & _to_series(pc.is_null(times))))
    bounds = pc.min_max(ns).as_py()
    if bounds["min"] is None or (bounds["min"] >= EARLIEST_NS and bounds["max"] <= now_ns + MAX_AHEAD_NS):
        return times
    good = pc.and_(pc.greater_equal(ns, EARLIEST_NS), pc.less_equal(ns, now_ns + MAX_AHEAD_NS))
    bad = _to_series(pc.fill_null(pc.invert(good), False))
    outcome.odd.append((Oddity.TIME_OUT_OF_RANGE, bad))
    for choice, taken in taken_by:
        outcome.pieces.append(_where(bad & taken, _own_members(choice, choice.name in mixed, plain=plain)))
    return pc.if_else(good, times, pa.scalar(None, times.type))


def _own_members(choice: pl.Series, mixed: bool, *, plain: bool) -> pl.Series:
    if not mixed:
        return json_members(choice, plain=plain)
    key = json_members(pl.Series(choice.name, [""])).item().removesuffix('""')
    return pl.select(pl.concat_str(pl.lit(key), pl.lit(choice))).to_series()


def _attributes(frame: pl.DataFrame, fields: Fields, outcome: _Outcome) -> pl.Series | None:
    own = [column for column in frame.get_columns() if column.name not in outcome.used and column.dtype != pl.Null]
    if outcome.odd:
        outcome.pieces.append(_marks(outcome.odd))
    if fields.rest is None:
        before = orjson.dumps(fields.beside).decode()[1:-1]
        if own or outcome.pieces:
            return json_objects(own, outcome.pieces, plain=fields.plain, before=before)
        return pl.Series([f"{{{before}}}"]).new_from_index(0, fields.count) if before else None
    # read one by one: all that is not canonical lies in `rest` already
    members = fields.rest.str.slice(1).str.strip_suffix("}")
    rest = pl.select(
        pl.when(pl.lit(members).str.len_bytes() > 0).then(pl.concat_str(pl.lit(","), pl.lit(members)))
    ).to_series()
    columns = [column for column in own if column.name not in fields.mixed]
    pieces = [_own_members(column, True, plain=False) for column in own if column.name in fields.mixed]
    return json_objects(columns, [rest, *pieces, *outcome.pieces])


def _marks(odd: list[tuple[Oddity, pl.Series]]) -> pl.Series:
    """By name: which was found first depends on the records beside."""
    marks = [pl.when(pl.lit(rows)).then(pl.lit(str(mark))) for mark, rows in sorted(odd, key=lambda each: each[0])]
    named = pl.select(pl.concat_list(marks).list.drop_nulls()).to_series()
    some = pl.select(pl.when(pl.lit(named).list.len() > 0).then(pl.lit(named))).to_series()
    return json_members(some.alias(ODDITY_FIELD))


def _read_time(values: pl.Series, _mixed: bool, now_ns: int, zone: str = "UTC") -> pa.Array | None:
    if isinstance(values.dtype, pl.Struct | pl.List | pl.Boolean):
        return None
    ns = parse_timestamps(values, now_ns=now_ns, zone=zone)
    return _contiguous(ns.to_arrow()).cast(LOG_SCHEMA.field("timestamp").type)


def _read_level(values: pl.Series, _mixed: bool, _now_ns: int) -> pa.Array | None:
    if isinstance(values.dtype, pl.Struct | pl.List | pl.Boolean):
        return None
    return _contiguous(parse_levels(values, otel=values.name.lower() in OTEL_NUMBERED).to_arrow())


def _read_message(values: pl.Series, mixed: bool, _now_ns: int) -> pa.Array | None:
    if values.dtype != pl.String:
        return _large(json_values(values))
    text = _unquoted(values) if mixed else values
    return _large(text.str.strip_suffix("\n") if values.name == "log" else text)  # Docker keeps the line's end


def _read_text(values: pl.Series, mixed: bool, _now_ns: int) -> pa.Array | None:
    if values.dtype == pl.String:
        return _large(_words_and_integers(values) if mixed else values)
    return _large(values.cast(pl.String)) if values.dtype.is_integer() else None


def _read_word(values: pl.Series, mixed: bool, now_ns: int) -> pa.Array | None:
    text = _read_text(values, mixed, now_ns)
    return None if text is None else text.cast(pa.string()).dictionary_encode()


def _read_number(values: pl.Series, mixed: bool, _now_ns: int) -> pa.Array | None:
    if values.dtype.is_numeric():
        exact = values.cast(pl.Float64)
    elif mixed:
        exact = values.cast(pl.Float64, strict=False)  # quoted text does not parse, as it should not
    else:
        return None
    return _contiguous(pl.select(pl.when(pl.lit(exact).is_finite()).then(pl.lit(exact))).to_series().to_arrow())


def _read_flags(values: pl.Series, mixed: bool, _now_ns: int) -> pa.Array | None:
    if values.dtype.is_integer():
        number = values.cast(pl.UInt8, strict=False)
    elif values.dtype == pl.String:
        text = _unquoted(values) if mixed else values
        number = text.str.extract(r"^([0-9a-fA-F]{2})$").str.to_integer(base=16, strict=False).cast(pl.UInt8)
    else:
        return None
    return _contiguous(number.to_arrow())


def _hex_reader(size: int) -> Callable[[pl.Series, bool, int], pa.Array | None]:
    def read(values: pl.Series, mixed: bool, _now_ns: int) -> pa.Array | None:
        if values.dtype != pl.String:
            return None
        return from_hexadecimal(_unquoted(values) if mixed else values, size)

    return read


def from_hexadecimal(text: pl.Series, size: int) -> pa.Array:
    """`size` bytes from 2 · `size` hexadecimal digits each; null for anything else. One pass over the whole column."""
    digits = 2 * size
    array = _large(text)
    lengths = pc.min_max(pc.binary_length(array)).as_py()
    if array.null_count == 0 and lengths["min"] == lengths["max"] == digits:
        raw = _unhexlified(array, size)
        if raw is not None:
            return raw
    valid = text.str.contains(rf"^[0-9a-fA-F]{{{digits}}}$").fill_null(value=False)
    zeros = "0" * digits
    filled = pl.select(pl.when(pl.lit(valid)).then(pl.lit(text)).otherwise(pl.lit(zeros))).to_series()
    raw = cast(pa.Array, _unhexlified(_large(filled), size))
    return pc.if_else(_contiguous(valid.to_arrow()), raw, pa.scalar(None, pa.binary(size)))


def _unhexlified(array: pa.Array, size: int) -> pa.Array | None:
    start, end = array.offset * 2 * size, (array.offset + len(array)) * 2 * size
    try:
        raw = binascii.unhexlify(memoryview(array.buffers()[2])[start:end]) if len(array) else b""
    except binascii.Error:
        return None
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(array), [None, pa.py_buffer(raw)])


def _unquoted(values: pl.Series) -> pl.Series:
    """JSON text: the text of strings, other values as they stand."""
    decoded = pl.select(
        pl.when(pl.lit(values).str.starts_with('"'))
        .then(pl.concat_str(pl.lit('{"v":'), pl.lit(values), pl.lit("}")))
        .str.json_decode(pl.Struct({"v": pl.String}))
        .struct.field("v")
    ).to_series()
    return pl.select(pl.coalesce(pl.lit(decoded), pl.lit(values))).to_series()


def _words_and_integers(values: pl.Series) -> pl.Series:
    plain = values.str.contains(r'^("|-?\d+$)')
    return pl.select(pl.when(pl.lit(plain)).then(pl.lit(_unquoted(values)))).to_series()


def _large(values: pl.Series) -> pa.Array:
    return _contiguous(values.to_arrow().cast(pa.large_string()))


def _contiguous(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _valid(array: pa.Array) -> pl.Series:
    return _to_series(pc.is_valid(array)) if array.null_count else _constant(True, len(array))


def _constant(value: bool, rows: int) -> pl.Series:
    return pl.Series([value]).new_from_index(0, rows)


def _to_series(array: pa.Array) -> pl.Series:
    return cast(pl.Series, pl.from_arrow(array))


_READERS: dict[Kind, Callable[[pl.Series, bool, int], pa.Array | None]] = {
    Kind.TIME: _read_time,
    Kind.LEVEL: _read_level,
    Kind.MESSAGE: _read_message,
    Kind.WORD: _read_word,
    Kind.TEXT: _read_text,
    Kind.HEX_16: _hex_reader(16),
    Kind.HEX_8: _hex_reader(8),
    Kind.FLAGS: _read_flags,
    Kind.NUMBER: _read_number,
}
