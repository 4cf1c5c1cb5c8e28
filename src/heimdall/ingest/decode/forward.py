"""Fluent Forward messages → records: modes Message, Forward, PackedForward and CompressedPackedForward.

Time is the event's own (EventTime to the nanosecond, or seconds), whatever a record's fields say; the tag becomes the
attribute `fluent.tag`, metadata of an entry (Fluent Bit's) `fluent.metadata`. What is no entry is kept as its bytes
and marked `malformed`.

msgpack becomes JSON lines in C, message by message, and those become columns like any others. Source: Fluentd Forward
Protocol Specification, v1.5.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgpack
import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.fields import Fields
from heimdall.ingest.decode.forward_columns import columns_of_entries
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import decode_fields, decode_json, joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.oddity import ODDITY_FIELD, RAW_MESSAGE_FIELD, Oddity
from heimdall.ingest.decode.recognise import levelled
from heimdall.ingest.decompress import decompress

MAX_UNPACKED_BYTES = 64 << 20
"""Of one compressed message: what a chunk may be, several times over."""

_TOGETHER_BYTES = 8 << 20
"""Of packed entries that become one table."""

MAX_ENTRIES = 200_000
"""Of one body handed to the JSON decoder."""

_TIME = "fluent.time"
_TAG = "fluent.tag"
_METADATA = "fluent.metadata"
_HINTS = Hints(time_field=_TIME)
_EVENT_TIME = 0
_NOT_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]|\xca[\x7f\xff][\x80-\xff]")
"""What NaN and the infinities look like; JSON would say null for them."""
_MAYBE_NOT_FINITE = (b"\xcb\x7f", b"\xcb\xff", b"\xca\x7f", b"\xca\xff")
"""Looked for first: a search for bytes costs a fraction of one for a pattern."""


@dataclass(slots=True)
class _Lines:
    """Records as JSON text, one list for each column: times in ns, tags as JSON, metadata as JSON or None."""

    times: list[int | None] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    metadata: list[str | None] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)

    def body(self, part: slice) -> bytes:
        return _body(self.times[part], self.tags[part], self.metadata[part], self.records[part])


@dataclass(slots=True)
class _Reading:
    """Messages become packed entries or lines, and those become tables, each in their order."""

    now_ns: int
    schemas: SchemaMemory
    tables: list[pa.Table] = field(default_factory=list)
    rejected: RejectedList = field(default_factory=RejectedList)
    packed: list[tuple[str, bytes]] = field(default_factory=list)
    """Tag and entries of messages that came one after the other."""
    packed_bytes: int = 0
    lines: _Lines = field(default_factory=_Lines)
    """What was read entry by entry since; nothing while `packed` has something."""

    def add(self, tag: str, data: bytes) -> None:
        if self.lines.records and not self.packed:
            self.settle()
        self.packed.append((tag, data))
        self.packed_bytes += len(data)
        if self.packed_bytes > _TOGETHER_BYTES:
            self.settle()

    def one_by_one(self) -> _Lines:
        """Where entries go that are no columns."""
        if self.packed:
            self.settle()
        return self.lines

    def settle(self) -> None:
        packed, self.packed, self.packed_bytes = self.packed, [], 0
        if packed:
            table = self._columns(packed)
            if table is not None:
                self.tables.append(table)
            else:
                for tag, data in packed:
                    _entries_of(data, tag, self.lines)
        lines, self.lines = self.lines, _Lines()
        for begin in range(0, len(lines.records), MAX_ENTRIES):
            body = lines.body(slice(begin, begin + MAX_ENTRIES))
            decoded = decode_json(body, now_ns=self.now_ns, hints=_HINTS, schemas=self.schemas)
            self.rejected.extend(decoded.rejected, decoded.rejected_count)
            self.tables.append(decoded.table)

    def _columns(self, packed: list[tuple[str, bytes]]) -> pa.Table | None:
        found = columns_of_entries([data for _, data in packed])
        if found is None:
            return None
        tags = pl.Series(_TAG, [tag for tag, _ in packed], dtype=pl.String)
        own = [
            pl.Series(_TIME, found.times_ns),
            tags.gather(np.repeat(np.arange(len(packed)), found.each)),
            *(column for column in found.frame.get_columns() if column.null_count() < len(column)),
        ]
        fields = Fields(pl.DataFrame(own), len(found.times_ns), raw=lambda: _as_lines(packed))
        return decode_fields(fields, now_ns=self.now_ns, schemas=self.schemas, hints=_HINTS).table


def _as_lines(packed: list[tuple[str, bytes]]) -> pl.Series:
    lines = _Lines()
    for tag, data in packed:
        _entries_of(data, tag, lines)
    return pl.Series(lines.body(slice(None)).decode().split("\n"), dtype=pl.String)


def decode_forward(messages: Iterable[bytes], *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of whole messages, in their order. `messages`: each the msgpack of one array."""
    reading = _Reading(now_ns, schemas)
    for message in messages:
        _read(message, reading)
    reading.settle()
    return reading.rejected.decoded(levelled(joined(reading.tables)))


def _body(times: list[int | None], tags: list[str], metadata: list[str | None], records: list[bytes]) -> bytes:
    """`{"fluent.time":…,"fluent.tag":…,<the record's own members>}` a line."""
    own = pl.Series(records, dtype=pl.Binary)
    head = pl.DataFrame(
        {
            "time": pl.Series(times, dtype=pl.Int64),
            "tag": pl.Series(tags, dtype=pl.String),
            "metadata": pl.Series(metadata, dtype=pl.String),
        }
    ).select(
        pl.concat_str(
            pl.lit(f'{{"{_TIME}":'), pl.col("time").cast(pl.String).fill_null("null"),
            pl.lit(f',"{_TAG}":'), "tag",
            pl.when(pl.col("metadata").is_not_null())
            .then(pl.concat_str(pl.lit(f',"{_METADATA}":'), "metadata")).otherwise(pl.lit("")),
        )
    ).to_series()  # fmt: skip
    try:
        text = own.cast(pl.String)
    except pl.exceptions.ComputeError:
        return b"\n".join(  # some are no UTF-8, which the JSON decoder marks
            one.encode() + (b"," if len(record) > 2 else b"") + record[1:]
            for one, record in zip(head.to_list(), records, strict=True)
        )
    comma = pl.when(pl.lit(text).str.len_bytes() > 2).then(pl.lit(",")).otherwise(pl.lit(""))
    whole = pl.select(pl.concat_str(pl.lit(head), comma, pl.lit(text).str.slice(1))).to_series()
    return str(whole.str.join("\n").item()).encode()


def _read(message: bytes, reading: _Reading) -> None:
    lines: _Lines | None = None
    before = 0
    try:
        whole = _unpack(message)
        tag, second, *rest = whole
        if type(second) is bytes or type(second) is str:
            _packed(second, tag, rest[0] if rest and type(rest[0]) is dict else {}, reading)
            return
        lines = reading.one_by_one()
        before = len(lines.records)
        if type(second) is list:
            _entries(second, tag, message, lines)
        elif rest:
            _entries([[second, rest[0]]], tag, message, lines)
        else:
            _keep_raw(message, lines)
    except (ValueError, TypeError, OverflowError, RecursionError, HeimdallError, msgpack.UnpackException):
        if lines is None or len(lines.records) == before:
            _keep_raw(message, reading.one_by_one())


def _packed(packed: bytes | str, tag: Any, options: dict[Any, Any], reading: _Reading) -> None:
    """Entries one after the other, perhaps compressed."""
    data = packed.encode("utf-8", "surrogateescape") if isinstance(packed, str) else packed
    coding = options.get("compressed")
    if coding in ("gzip", "zstd"):
        try:
            data = decompress(data, coding, max_bytes=MAX_UNPACKED_BYTES)
        except HeimdallError:
            _keep_raw(data, reading.one_by_one(), tag)
            return
    if _is_text(tag) and data:
        reading.add(tag, data)
    else:
        _entries_of(data, tag, reading.one_by_one())


def _entries_of(data: bytes, tag: Any, lines: _Lines) -> None:
    """What follows a broken entry is kept as bytes."""
    unpacker = _unpacker()
    unpacker.feed(data)
    entries: list[Any] = []
    good = 0
    try:
        for entry in unpacker:
            entries.append(entry)
            good = unpacker.tell()
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
        pass
    _entries(entries, tag, data, lines)
    if good < len(data):
        _keep_raw(data[good:], lines, tag)


def _entries(entries: list[Any], tag: Any, raw: bytes, lines: _Lines) -> None:
    named = orjson.dumps(tag if type(tag) is str else str(tag)).decode() if _is_text(tag) else json.dumps(repr(tag))
    plain = not any(begin in raw for begin in _MAYBE_NOT_FINITE) or _NOT_FINITE.search(raw) is None
    try:
        if not plain:
            raise ValueError
        times = [_nanoseconds(entry[0]) for entry in entries]
        records = [_dumps(entry[1], default=_plain, option=_OPTIONS) for entry in entries if type(entry[1]) is dict]
        if len(records) != len(entries) or None in times:
            raise ValueError
        lines.metadata.extend([None] * len(records))
    except (ValueError, TypeError, IndexError, KeyError, RecursionError):
        for entry in entries:
            _entry(entry, named, tag, lines)
        return
    lines.times.extend(times)
    lines.records.extend(records)
    lines.tags.extend([named] * len(records))


def _entry(entry: Any, named: str, tag: Any, lines: _Lines) -> None:
    """One that is not as plain as the others: with metadata, odd values, or no entry at all."""
    try:
        time, record = entry
        metadata: Any = None
        if type(time) is list:
            time, metadata = time
        if type(record) is not dict:
            raise ValueError("no record")
        text = _exact_text(record)
        metadata_text = _exact_text(metadata).decode("utf-8", "replace") if metadata else None
    except (ValueError, TypeError, RecursionError):
        packed = msgpack.packb(entry, default=repr, unicode_errors="surrogateescape")
        _keep_raw(packed, lines, tag)
        return
    lines.times.append(_nanoseconds(time))
    lines.tags.append(named)
    lines.metadata.append(metadata_text)
    lines.records.append(text)


def _keep_raw(raw: bytes, lines: _Lines, tag: Any = "") -> None:
    text = raw[:_MAX_RAW_BYTES]
    record = {
        "message": text.decode("utf-8", "replace"),
        RAW_MESSAGE_FIELD: base64.b64encode(text).decode(),
        ODDITY_FIELD: [str(Oddity.MALFORMED)],
    }
    lines.times.append(None)
    lines.tags.append(orjson.dumps(tag).decode() if type(tag) is str and _is_text(tag) else '""')
    lines.metadata.append(None)
    lines.records.append(orjson.dumps(record))


_MAX_RAW_BYTES = 64 << 10
"""Of bytes nobody understands."""

_OPTIONS = orjson.OPT_NON_STR_KEYS
_dumps = orjson.dumps


def _unpack(message: bytes) -> Any:
    return msgpack.unpackb(message, raw=False, strict_map_key=False, unicode_errors="surrogateescape")


def _unpacker() -> msgpack.Unpacker:
    return msgpack.Unpacker(
        raw=False, strict_map_key=False, unicode_errors="surrogateescape", max_buffer_size=MAX_UNPACKED_BYTES + 1
    )


def _is_text(value: Any) -> bool:
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nanoseconds(time: Any) -> int | None:
    """EventTime (seconds and nanoseconds, 4 bytes each), whole or fractional seconds, msgpack's own timestamp."""
    if type(time) is msgpack.ExtType and time.code == _EVENT_TIME and len(time.data) == 8:
        return int.from_bytes(time.data[:4]) * 1_000_000_000 + int.from_bytes(time.data[4:])
    if type(time) is int and 0 <= time < 2**33:
        return time * 1_000_000_000
    if type(time) is float and 0 <= time < 2**33:
        return int(time * 1_000_000) * 1_000
    if type(time) is msgpack.Timestamp and 0 <= time.seconds < 2**33:
        return int(time.to_unix_nano())
    return None


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if type(value) is bytes:
        return value.decode()
    if type(value) is msgpack.ExtType or type(value) is msgpack.Timestamp:
        time = _nanoseconds(value)
        return time if time is not None else {"type": value.code, "data": base64.b64encode(value.data).decode()}
    raise TypeError


def _exact_text(value: Any) -> bytes:
    """JSON with what orjson would not write: NaN, bytes that are no UTF-8. The JSON decoder marks them."""
    text = json.dumps(_with_text_keys(value), ensure_ascii=False, default=_escaped, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape")


def _with_text_keys(value: Any) -> Any:
    if type(value) is dict:
        return {_key(name): _with_text_keys(child) for name, child in value.items()}
    if type(value) is msgpack.ExtType:
        return _plain(value)  # a tuple, to Python's JSON
    return [_with_text_keys(child) for child in value] if type(value) is list else value


def _key(name: Any) -> str:
    if type(name) is str:
        return name
    return name.decode("utf-8", "surrogateescape") if type(name) is bytes else str(name)


def _escaped(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if type(value) is bytes else _plain(value)
