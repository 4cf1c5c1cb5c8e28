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
import orjson
import polars as pl

from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import decode_json, joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.oddity import ODDITY_FIELD, RAW_MESSAGE_FIELD, Oddity
from heimdall.ingest.decompress import decompress

MAX_UNPACKED_BYTES = 64 << 20
"""Of one compressed message: what a chunk may be, several times over."""

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


def decode_forward(messages: Iterable[bytes], *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of whole messages, in their order. `messages`: each the msgpack of one array."""
    lines = _Lines()
    for message in messages:
        _read(message, lines)
    tables = []
    rejected = RejectedList()
    for begin in range(0, len(lines.records), MAX_ENTRIES):
        part = slice(begin, begin + MAX_ENTRIES)
        body = _body(lines.times[part], lines.tags[part], lines.metadata[part], lines.records[part])
        decoded = decode_json(body, now_ns=now_ns, hints=_HINTS, schemas=schemas)
        rejected.extend(decoded.rejected, decoded.rejected_count)
        tables.append(decoded.table)
    return rejected.decoded(joined(tables))


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


def _read(message: bytes, lines: _Lines) -> None:
    before = len(lines.records)
    try:
        whole = _unpack(message)
        tag, second, *rest = whole
        if type(second) is list:
            _entries(second, tag, message, lines)
        elif type(second) is bytes or type(second) is str:
            _packed(second, tag, rest[0] if rest and type(rest[0]) is dict else {}, lines)
        elif rest:
            _entries([[second, rest[0]]], tag, message, lines)
        else:
            _keep_raw(message, lines)
    except (ValueError, TypeError, OverflowError, RecursionError, HeimdallError, msgpack.UnpackException):
        if len(lines.records) == before:
            _keep_raw(message, lines)


def _packed(packed: bytes | str, tag: Any, options: dict[Any, Any], lines: _Lines) -> None:
    """Entries one after the other, perhaps compressed; what follows a broken one is kept as bytes."""
    data = packed.encode("utf-8", "surrogateescape") if isinstance(packed, str) else packed
    coding = options.get("compressed")
    if coding in ("gzip", "zstd"):
        try:
            data = decompress(data, coding, max_bytes=MAX_UNPACKED_BYTES)
        except HeimdallError:
            _keep_raw(data, lines, tag)
            return
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
