"""An entry as bytes: a checksum, a head that names the key it belongs to, an Arrow stream compressed with zstd."""

from __future__ import annotations

import struct

import google_crc32c
import pyarrow as pa

from heimdall.query.cache.port import CacheKey, Entry

_MAGIC = b"HdC1"
_SUM = struct.Struct("<4sI")  # magic, CRC-32C of everything behind
_HEAD = struct.Struct("<HIq")  # bytes of the key, bytes of the note, made at


def encode(key: CacheKey, entry: Entry) -> bytes:
    name = _name(key)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, entry.table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(entry.table)
    head = _HEAD.pack(len(name), len(entry.note), entry.made_at_ns)
    body = b"".join((head, name, entry.note, sink.getvalue()))
    return _SUM.pack(_MAGIC, google_crc32c.value(body)) + body


def decode(key: CacheKey, data: bytes) -> Entry | None:
    """The entry; None when the bytes are not one, are damaged, or are another key's."""
    if len(data) < _SUM.size + _HEAD.size:
        return None
    magic, checksum = _SUM.unpack_from(data)
    body = data[_SUM.size :]
    if magic != _MAGIC or google_crc32c.value(body) != checksum:
        return None
    name_bytes, note_bytes, made_at_ns = _HEAD.unpack_from(body)
    note_at = _HEAD.size + name_bytes
    if body[_HEAD.size : note_at] != _name(key):
        return None
    try:
        table = pa.ipc.open_stream(memoryview(body)[note_at + note_bytes :]).read_all()
    except (pa.ArrowException, OSError):  # whole, but written by another version of Arrow
        return None
    return Entry(table, body[note_at : note_at + note_bytes], made_at_ns)


def _name(key: CacheKey) -> bytes:
    return f"{key.plan}@{key.version}".encode()
