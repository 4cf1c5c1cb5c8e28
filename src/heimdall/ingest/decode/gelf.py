"""Graylog Extended Log Format → records: one JSON object each, plain or compressed by gzip or zlib.

`host` is the instance, `short_message` the message, `level` a syslog severity. Additional fields lose the underscore
they are sent with and find their columns like any sender's; other fields keep their names. What is no GELF is kept as
its bytes and marked `malformed`. Source: GELF 1.1.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json import MAX_RECORD_BYTES, decode_json, joined
from heimdall.ingest.decode.json_records import parse_record
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.malformed import malformed

_GZIP = b"\x1f\x8b"
_RESERVED = "version|host|short_message|full_message|timestamp|level|facility|line|file"
_ADDITIONAL = r'([{,]\s*)"_([A-Za-z0-9_.-]+"\s*:)'
"""A quotation mark right after a brace or comma begins a key: inside a text it would have a backslash."""
_CLASHING = rf'[{{,]\s*"_(?:{_RESERVED})"\s*:'
_ADDITIONAL_UNLESS_RESERVED = re.compile(rf'([{{,]\s*)"_(?!(?:{_RESERVED})")([A-Za-z0-9_.-]+"\s*:)')
_HOST = r'([{,]\s*)"host"(\s*:)'
_VERSION = r'"version"\s*:\s*"1\.[01]"\s*,\s*'


def decode_gelf(documents: Sequence[bytes], *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of messages that are whole; one that is compressed may unfold to 1 MiB."""
    texts: list[bytes] = []
    broken: list[bytes] = []
    for document in documents:
        text = document if document[:1] == b"{" else _unfolded(document)
        if text is None:
            broken.append(document)
        else:
            texts.append(text)
    tables = [_records(texts, broken, now_ns, schemas)] if texts else []
    if broken:
        tables.append(malformed(broken, now_ns=now_ns))
    return Decoded(joined(tables))


def is_gelf(document: bytes) -> bool:
    """Whether it can be read, for those who may refuse it."""
    text = document if document[:1] == b"{" else _unfolded(document)
    return text is not None and _is_object(text)


def _records(texts: list[bytes], broken: list[bytes], now_ns: int, schemas: SchemaMemory) -> pa.Table:
    """Those that cannot be read go to `broken`."""
    decoded = decode_json(_body(texts), now_ns=now_ns, schemas=schemas)
    if decoded.rejected_count == 0 and decoded.num_rows == len(texts):
        return decoded.table
    good = [text for text in texts if _is_object(text)]
    broken += [text for text in texts if not _is_object(text)]
    return decode_json(_body(good), now_ns=now_ns, schemas=schemas).table


def _body(texts: list[bytes]) -> bytes:
    """As JSON lines, with the names a record keeps."""
    lines = b"\n".join([text.translate(_ONE_LINE) for text in texts])
    try:
        text = pl.Series([lines.decode()])
    except UnicodeDecodeError:
        return _renamed(lines.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if text.str.contains(_CLASHING).item():
        return _renamed(lines.decode()).encode()
    split = text.str.split("\n").explode()
    named = split.str.replace(_VERSION, "").str.replace(_HOST, '$1"service.instance.id"$2')
    return str(named.str.replace_all(_ADDITIONAL, '$1"$2').str.join("\n").item()).encode()


_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")


def _renamed(lines: str) -> str:
    """The same for lines among which some field has the name of a reserved one, and keeps its underscore."""
    named = re.sub(_HOST, r'\1"service.instance.id"\2', re.sub(_VERSION, "", lines))
    return _ADDITIONAL_UNLESS_RESERVED.sub(r'\1"\2', named)


def _is_object(text: bytes) -> bool:
    if len(text) > MAX_RECORD_BYTES:
        return False
    try:
        parse_record(text.translate(_ONE_LINE))
    except (ValueError, RecursionError):
        return False
    return True


def _unfolded(document: bytes) -> bytes | None:
    """Decompressed, or as it is when nothing says otherwise; None when it cannot be."""
    zipped = len(document) > 2 and document[0] & 0x0F == 8 and int.from_bytes(document[:2]) % 31 == 0
    if not zipped and document[:2] != _GZIP:
        return document.strip(b" \t\r\n\0") or None
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        text = stream.decompress(document, MAX_RECORD_BYTES)
    except zlib.error:
        return None
    return text.strip() if stream.eof else None
