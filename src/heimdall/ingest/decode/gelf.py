"""Graylog Extended Log Format → records: one JSON object each, plain or compressed by gzip or zlib.

`host` is the instance, `short_message` the message, `level` a syslog severity. Additional fields lose the underscore
they are sent with and find their columns like any sender's, unless another field has that name. What is no GELF is
kept as its bytes and marked `malformed`. Source: GELF 1.1.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any

import pyarrow as pa

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded, Together, split
from heimdall.ingest.decode.json import MAX_RECORD_BYTES, decode_json, joined
from heimdall.ingest.decode.json_records import parse_record
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.malformed import malformed
from heimdall.ingest.decode.recognise import levelled

_GZIP = b"\x1f\x8b"
_OWN_NAMES = {"host": "service.instance.id", "version": "gelf.version"}


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
    return Decoded(levelled(joined(tables)))


def decode_gelf_together(documents: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Together[Decoded]:
    """Records of several messages in one go, each as `decode_gelf` reads it alone.

    Left to be read alone: what is no GELF, what may be text that Docker wrapped, whose lines may belong together, and
    what would call a field otherwise beside the others' (`_x` is `x`, but not where that is a field of its own).
    """
    given = [set() if b'log"' in each and b'stream"' in each else _names(each) for each in documents]
    called = gelf_names(set().union(*given))
    counts = [int(bool(own) and _calls_alike(own, called)) for own in given]
    good = [each for each, count in zip(documents, counts, strict=True) if count]
    if not good:
        return Together(joined([]), [None] * len(documents))
    decoded = decode_gelf(good, now_ns=now_ns, schemas=schemas)
    if decoded.num_rows != len(good):
        raise InvalidInput("one of the messages is not one record")
    return split(decoded.table, counts)


def _calls_alike(names: set[str], called: dict[str, str]) -> bool:
    if any(f"_{name}" in names for name in names):
        return False  # a field that is null does not count, which only its values tell
    return gelf_names(names) == {name: called[name] for name in names & called.keys()}


def is_gelf(document: bytes) -> bool:
    """Whether it can be read, for those who may refuse it."""
    text = document if document[:1] == b"{" else _unfolded(document)
    return text is not None and _object(text) is not None


def _names(document: bytes) -> set[str]:
    """Of its fields; none where it cannot be read."""
    text = document if document[:1] == b"{" else _unfolded(document)
    return set() if text is None else set(_object(text) or ())


def _records(texts: list[bytes], broken: list[bytes], now_ns: int, schemas: SchemaMemory) -> pa.Table:
    """Those that cannot be read go to `broken`."""
    decoded = decode_json(_body(texts), now_ns=now_ns, schemas=schemas, names=gelf_names)
    if decoded.rejected_count == 0 and decoded.num_rows == len(texts):
        return decoded.table
    readable = [_object(text) is not None for text in texts]
    good = list(compress(texts, readable))
    broken += [text for text, is_read in zip(texts, readable, strict=True) if not is_read]
    return decode_json(_body(good), now_ns=now_ns, schemas=schemas, names=gelf_names).table


def _body(texts: list[bytes]) -> bytes:
    """As JSON lines."""
    lines = b"\n".join(texts)
    if lines.count(b"\n") >= len(texts):
        lines = b"\n".join([text.translate(_ONE_LINE) for text in texts])
    return lines


_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")


def gelf_names(names: Iterable[str]) -> dict[str, str]:
    """Additional fields without their underscore, where that is no other field's name then."""
    given = set(names)
    taken = given - _OWN_NAMES.keys()
    called = {own: name for own, name in _OWN_NAMES.items() if own in given and name not in taken}
    for name in given:
        bare = name[1:]
        if name.startswith("_") and bare and bare not in taken and (bare != "host") and bare not in called.values():
            called[name] = bare
            taken.add(bare)
    return called


def _object(text: bytes) -> dict[str, Any] | None:
    if len(text) > MAX_RECORD_BYTES:
        return None
    try:
        return parse_record(text.translate(_ONE_LINE))[0]
    except (ValueError, RecursionError):
        return None


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
