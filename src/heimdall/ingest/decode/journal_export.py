"""The journal export format → records: what systemd-journal-upload sends and `journalctl -o export` writes.

`MESSAGE` is the message, `PRIORITY` the level, `SYSLOG_IDENTIFIER` the service, `_HOSTNAME` the instance,
`_SOURCE_REALTIME_TIMESTAMP` (else `__REALTIME_TIMESTAMP`) the time; other fields keep their names. A field an entry has
more than once is a list. The journal's own bookkeeping (cursor, sequence number, monotonic time) is left out.

Stretches of text fields are taken apart as columns; entries with binary fields (a size and any bytes) one by one.
Source: systemd, "Journal Export Formats".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.json import decode_json, joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.malformed import malformed
from heimdall.ingest.decode.named_values import pair_members

MAX_FIELD_BYTES = 64 << 20
"""A larger size is no size."""

_BOOKKEEPING = ("__CURSOR", "__MONOTONIC_TIMESTAMP", "__SEQNUM", "__SEQNUM_ID")
_RENAMED = {"_HOSTNAME": "service.instance.id"}
_NO_TEXT_FIELD = re.compile(rb"^[^=\n]+$", re.MULTILINE)
"""A line that is a name alone: a binary field follows."""


class ExportFraming:
    """Bytes as they come → whole entries."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending_bytes(self) -> int:
        return len(self._rest)

    def feed(self, data: bytes) -> bytes:
        """The entries completed by `data`, and those before it that were not given yet."""
        data = self._rest + data
        end = max((end for _, _, end in _stretches(data)), default=0)
        self._rest = data[end:]
        return data[:end]

    def end(self) -> bytes:
        """The last entry, which need not have an empty line after it."""
        rest, self._rest = self._rest, b""
        return rest


def decode_journal_export(body: bytes, *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of the entries in `body`; what is no entry is kept as its bytes and marked `malformed`."""
    lines: list[bytes] = []
    broken: list[bytes] = []
    whole = body.rstrip(b"\n") + b"\n\n" if not body.endswith(b"\n\n") else body
    end = 0
    for plain, begin, end in _stretches(whole):
        if plain:
            lines.append(_text_entries(whole[begin:end]))
            continue
        try:
            entry = _entry(whole, begin)[0]
        except ValueError:
            broken.append(whole[begin:end])
        else:
            lines.append(_line(entry))
    if whole[end:].strip(b"\n"):
        broken.append(whole[end:].strip(b"\n"))
    rejected = RejectedList()
    tables: list[pa.Table] = []
    body = b"\n".join(filter(None, lines))
    if body:
        decoded = decode_json(body, now_ns=now_ns, schemas=schemas)
        rejected.extend(decoded.rejected, decoded.rejected_count)
        tables.append(decoded.table)
    if broken:
        tables.append(malformed(broken, now_ns=now_ns))
    return rejected.decoded(joined(tables))


def _stretches(data: bytes) -> Iterator[tuple[bool, int, int]]:
    """(text fields only?, begin, end) of the whole entries in `data`: many text ones together, others one by one."""
    place = 0
    while place < len(data):
        binary = _NO_TEXT_FIELD.search(data, place)
        limit = len(data) if binary is None else binary.start()
        end = data.rfind(b"\n\n", place, limit)
        if end >= 0:
            yield True, place, end + 2
            place = end + 2
            continue
        if binary is None:
            return
        try:
            end = _entry(data, place)[1]
        except EOFError:
            return
        except ValueError:
            end = data.find(b"\n\n", place)
            if end < 0:
                return
            end += 2
        yield False, place, end
        place = end


def _entry(data: bytes, place: int) -> tuple[list[tuple[bytes, bytes]], int]:
    """Fields of the entry at `place`, and where the next one begins.

    Raises:
        EOFError: it is not whole.
        ValueError: it is none.
    """
    fields: list[tuple[bytes, bytes]] = []
    while True:
        end = data.find(b"\n", place)
        if end < 0:
            raise EOFError
        line = data[place:end]
        if not line:
            return fields, end + 1
        name, equals, value = line.partition(b"=")
        if equals:
            fields.append((name, value))
            place = end + 1
            continue
        size = int.from_bytes(data[end + 1 : end + 9], "little")
        begin = end + 9
        if len(data) < begin:
            raise EOFError
        if size > MAX_FIELD_BYTES or not name.isascii():
            raise ValueError("no size of a field")
        if len(data) < begin + size + 1:
            raise EOFError
        if data[begin + size] != 0x0A:
            raise ValueError("a field does not end where its size says")
        fields.append((name, data[begin : begin + size]))
        place = begin + size + 1


def _line(fields: list[tuple[bytes, bytes]]) -> bytes:
    record: dict[str, Any] = {}
    for raw_name, raw_value in fields:
        name = raw_name.decode("utf-8", "replace")
        if name in _BOOKKEEPING:
            continue
        name, value = _RENAMED.get(name, name), _value(raw_value)
        if name not in record:
            record[name] = value
        elif isinstance(record[name], list):
            record[name].append(value)
        else:
            record[name] = [record[name], value]
    members = [orjson.dumps(name) + b":" + _json(value) for name, value in record.items()]
    return b"{%s}" % b",".join(members) if members else b""


def _value(raw: bytes) -> bytes:
    """As JSON text; bytes that are no UTF-8 stay as they are, for the JSON decoder to mark."""
    try:
        return orjson.dumps(raw.decode())
    except UnicodeDecodeError:
        escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return b'"%s"' % re.sub(rb"[\x00-\x1f]", lambda found: b"\\u%04x" % found[0][0], escaped)


def _json(value: bytes | list[bytes]) -> bytes:
    return b"[%s]" % b",".join(value) if isinstance(value, list) else value


def _text_entries(stretch: bytes) -> bytes:
    """`NAME=value` lines, entries apart by empty lines → a JSON object a line."""
    try:
        text = stretch.decode()
    except UnicodeDecodeError:
        entries = [one for one in stretch.split(b"\n\n") if one.strip(b"\n")]
        fields = [[line.partition(b"=")[::2] for line in one.split(b"\n") if line] for one in entries]
        return b"\n".join(filter(None, map(_line, fields)))
    lines = pl.Series("line", [text]).str.split("\n").explode().to_frame()
    marked = lines.with_columns(empty=pl.col("line") == "").with_columns(
        row=(pl.col("empty").cast(pl.UInt32).cum_sum() - pl.col("empty").cast(pl.UInt32)).cast(pl.UInt32)
    )
    pairs = (
        marked.filter(~pl.col("empty"))
        .with_columns(pl.col("line").str.splitn("=", 2).struct.rename_fields(["name", "value"]))
        .unnest("line")
        .filter(~pl.col("name").is_in(_BOOKKEEPING))
        .with_columns(pl.col("name").replace(_RENAMED), row=pl.col("row").rle_id())
    )
    if pairs.is_empty():
        return b""
    members = pair_members(pairs.select("row", "name", "value"), pairs["row"].n_unique())
    objects = members.to_frame().select(pl.concat_str(pl.lit("{"), pl.col("member").str.slice(1), pl.lit("}")))
    return str(objects.to_series().str.join("\n").item()).encode()
