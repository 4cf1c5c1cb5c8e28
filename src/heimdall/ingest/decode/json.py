"""JSON bodies → records: lines, an array, or objects one after the other.

A body is parsed straight into columns (`json_columns`). What does not go that way (types that differ from record to
record, broken lines, odd numbers or bytes) is read record by record (`json_records`), with the same result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.errors import TooLarge
from heimdall.ingest.decode.canonical import KINDS, Kind, candidates
from heimdall.ingest.decode.decoded import Decoded, Numbered, RejectedList, Together, split
from heimdall.ingest.decode.fields import Canonical, Fields, canonical, finished
from heimdall.ingest.decode.hints import NO_HINTS, Hints
from heimdall.ingest.decode.json_columns import columns_of_array, columns_of_lines, columns_of_most
from heimdall.ingest.decode.json_container import as_cri_lines, with_docker_names
from heimdall.ingest.decode.json_nested import unwrapped
from heimdall.ingest.decode.json_records import Names, records_of
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.model.batch import LOG_SCHEMA

MAX_RECORD_BYTES = 1 << 20
"""1 MiB: longer records are refused one by one. Four times what Loki takes; beyond it is a file, not a log line."""

MAX_RECORDS = 500_000
"""Of one body: 64 MiB of empty objects would be 22 million rows, each larger than its text."""

_PIECE_BYTES = 8 << 20
"""Parsed at a time, so that the columns of a large body never stand beside all of its text."""

_PIECE_RECORDS = 8192
"""Read one by one at a time; a record as Python objects takes some kB."""

_BOM = b"\xef\xbb\xbf"


def decode_json(
    body: bytes,
    *,
    now_ns: int,
    hints: Hints = NO_HINTS,
    schemas: SchemaMemory | None = None,
    names: Names | None = None,
) -> Decoded:
    """Records of a JSON body. A broken record is rejected, not its neighbours.

    `body`: NDJSON, one array of objects, or objects with any white space between. Lines (elements of an array) are
    numbered from 1. `schemas`: pass the same one for the bodies of a door, so that each starts from what was learned.
    `names`: what a format calls its top-level fields → what they are called here.

    Raises:
        TooLarge: more than `MAX_RECORDS` records, read or rejected.
    """
    schemas = schemas or SchemaMemory()
    body = body.removeprefix(_BOM)
    rejected = RejectedList()
    tables: list[pa.Table] = []
    first_line = 1
    array = body.lstrip()[:1] == b"["
    seen = 0
    for piece in [body] if array else _pieces(body):
        lines = 0 if array else piece.count(b"\n") + (not piece.endswith(b"\n"))
        seen += lines
        if seen > MAX_RECORDS:
            raise _too_many()
        parts: list[pa.Table] = []
        numbers: list[int] = []
        for found in _read(piece, lines, first_line, array, hints, rejected, schemas, names):
            wrapped = as_cri_lines(found) if hints == NO_HINTS else None
            if wrapped is not None:
                from heimdall.ingest.decode.text import decode_lines  # noqa: PLC0415  (they call each other)

                tables.append(with_docker_names(decode_lines(wrapped, now_ns=now_ns).table))
                continue
            whole = unwrapped(canonical(found, now_ns=now_ns, hints=hints), now_ns=now_ns, schemas=schemas)
            parts.append(finished(whole.table, now_ns=now_ns))
            numbers += found.numbers
        tables.append(_in_order(joined(parts), numbers))
        first_line += lines
    return rejected.decoded(joined(tables))


def decode_json_texts(texts: list[bytes], *, now_ns: int, schemas: SchemaMemory, hints: Hints = NO_HINTS) -> Numbered:
    """Records of texts that should be one JSON object each, without line ends; they are numbered from 1.

    Raises:
        TooLarge: more than `MAX_RECORDS`.
    """
    if len(texts) > MAX_RECORDS:
        raise _too_many()
    rejected = RejectedList()
    tables: list[pa.Table] = []
    numbers: list[int] = []
    whole = True
    for first, piece in _pieces_of(texts):
        for found in _read_texts(piece, first, hints, rejected, schemas):
            ready = unwrapped(canonical(found, now_ns=now_ns, hints=hints), now_ns=now_ns, schemas=schemas)
            tables.append(finished(ready.table, now_ns=now_ns))
            whole = whole and not found.numbers
            numbers += found.numbers or range(first, first + found.count)
    if whole and len(numbers) == len(texts):
        return rejected.numbered(joined(tables), None)
    return rejected.numbered(_in_order(joined(tables), numbers), pa.array(sorted(numbers), pa.int64()))


def decode_json_together(
    bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory, hints: Hints = NO_HINTS
) -> Together[Decoded]:
    """Records of several small bodies in one go, those of each as `decode_json` reads them.

    Left for `decode_json`: what is neither lines of one object each nor an array in one line, text that Docker wrapped
    (its lines may belong together), and a body with a record that cannot be read.

    Raises:
        TooLarge: more than `MAX_RECORDS`.
    """
    by_body = [_single_texts(body.removeprefix(_BOM)) for body in bodies]
    counts = np.fromiter(map(len, by_body), np.int64, len(bodies))
    decoded = decode_json_texts(list(chain.from_iterable(by_body)), now_ns=now_ns, schemas=schemas, hints=hints)
    table = decoded.table
    if decoded.numbers is not None:
        owners = np.repeat(np.arange(len(bodies)), counts)[decoded.numbers.to_numpy() - 1]
        whole = np.bincount(owners, minlength=len(bodies)) == counts
        table = table.filter(pa.array(whole[owners]))
        counts = np.where(whole, counts, 0)
    return split(table, counts.tolist())


def _single_texts(body: bytes) -> list[bytes]:
    """Texts that seem to be one object each; none when the body may be something else."""
    if b'"log"' in body and b'"stream"' in body:
        return []
    if body.startswith(b"[") and b"\n" not in body.rstrip():
        values, broken = _split(body, array=True)
        return [] if broken else [text for _, text in values]
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    return lines if all(line.startswith(b"{") for line in lines) else []


def decode_json_objects(
    body: bytes, count: int, beside: Mapping[str, str], *, now_ns: int, schemas: SchemaMemory
) -> Decoded | None:
    """Records of `count` lines that each begin an object, `beside` among the attributes of all; None where some of them
    need another look (`decode_json_texts`)."""
    if len(body) > _PIECE_BYTES or count > MAX_RECORDS:
        return None
    found = _by_columns(body, count, schemas, array=False)
    if found is None or found.count != count or not beside.keys().isdisjoint(found.frame.columns):
        return None
    ready = canonical(replace(found, beside=beside), now_ns=now_ns, hints=NO_HINTS)
    return Decoded(finished(unwrapped(ready, now_ns=now_ns, schemas=schemas).table, now_ns=now_ns))


def decode_fields(found: Fields, *, now_ns: int, schemas: SchemaMemory, hints: Hints = NO_HINTS) -> Decoded:
    """Records whose fields are columns already."""
    ready = unwrapped(canonical(found, now_ns=now_ns, hints=hints), now_ns=now_ns, schemas=schemas)
    return Decoded(finished(ready.table, now_ns=now_ns))


def _pieces_of(texts: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """(number of its first text, texts) of about `_PIECE_BYTES` each."""
    sizes = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    first = 0
    while first < len(texts):
        before = sizes[first - 1] if first else 0
        last = max(int(np.searchsorted(sizes, before + _PIECE_BYTES, side="right")), first + 1)
        yield first + 1, texts[first:last] if first or last < len(texts) else texts
        first = last


def _read_texts(
    texts: list[bytes], first: int, hints: Hints, rejected: RejectedList, schemas: SchemaMemory
) -> Iterator[Fields]:
    piece = b"\n".join(texts)
    # each begins an object, so as many records as texts is one record each
    if piece.startswith(b"{") and piece.count(b"\n{") == len(texts) - 1:
        found = _by_columns(piece, len(texts), schemas, array=False, hints=hints)
        if found is not None and found.count == len(texts):
            yield found
            return
        if _is_clean(piece) and not _has_long_line(piece):
            found, rest = _most_by_columns(list(enumerate(texts, start=first)), hints)
            if found is not None:
                yield found
            yield from _one_by_one(rest, hints, rejected)
            return
    yield from _one_by_one(enumerate(texts, start=first), hints, rejected)


def _in_order(table: pa.Table, numbers: list[int]) -> pa.Table:
    if all(one < next_one for one, next_one in pairwise(numbers)):
        return table
    return table.unify_dictionaries().take(pc.sort_indices(pa.array(numbers)))


def joined(tables: list[pa.Table]) -> pa.Table:
    """One table of several with columns of `LOG_SCHEMA`, in its order."""
    if len(tables) == 1:
        return tables[0]
    if not tables:
        required = pa.schema([spec for spec in LOG_SCHEMA if not spec.nullable])
        return required.empty_table()
    whole = pa.concat_tables(tables, promote_options="default")
    return whole.select([name for name in LOG_SCHEMA.names if name in whole.column_names])


def canonical_of_lines(lines: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Canonical | None:
    """Records of texts that each are one JSON object; None when one of them is not."""
    body = b"\n".join(line.replace(b"\n", b" ") for line in lines)
    found = _by_columns(body, len(lines), schemas, array=False)
    if found is None:
        rejected = RejectedList()
        found = records_of(enumerate(lines), NO_HINTS, rejected)
    if found is None or found.count != len(lines):
        return None
    return canonical(found, now_ns=now_ns, hints=NO_HINTS)


def _read(
    piece: bytes,
    lines: int,
    first_line: int,
    array: bool,
    hints: Hints,
    rejected: RejectedList,
    schemas: SchemaMemory,
    names: Names | None,
) -> Iterator[Fields]:
    found = _by_columns(piece, lines, schemas, array=array, hints=hints, names=names)
    if found is not None:
        yield found
        return
    values: Iterable[tuple[int, bytes]] = _values(piece, array, first_line)
    if not array and names is None and _is_clean(piece) and not _has_long_line(piece):
        found, values = _most_by_columns(list(values), hints)
        if found is not None:
            yield found
    yield from _one_by_one(values, hints, rejected, names)


def _one_by_one(
    values: Iterable[tuple[int, bytes]], hints: Hints, rejected: RejectedList, names: Names | None = None
) -> Iterator[Fields]:
    chunk: list[tuple[int, bytes]] = []
    for numbered in values:
        if len(numbered[1]) > MAX_RECORD_BYTES:
            rejected.add(numbered[0], f"longer than {MAX_RECORD_BYTES} bytes", numbered[1])
            continue
        chunk.append(numbered)
        if len(chunk) == _PIECE_RECORDS:
            found = records_of(chunk, hints, rejected, names)
            if found is not None:
                yield found
            chunk = []
    found = records_of(chunk, hints, rejected, names)
    if found is not None:
        yield found


def _by_columns(
    piece: bytes,
    lines: int,
    schemas: SchemaMemory,
    *,
    array: bool,
    hints: Hints = NO_HINTS,
    names: Names | None = None,
) -> Fields | None:
    if not _is_clean(piece):
        return None
    if array:
        found = columns_of_array(piece, schemas) if len(piece) <= _PIECE_BYTES else None
    else:
        found = None if _has_long_line(piece) else columns_of_lines(piece, lines, schemas)
    if found is not None and names is not None:
        found = replace(found, frame=found.frame.rename(names(found.frame.columns)))
    return found if found is not None and _keeps_text(found.frame, hints) else None


def _most_by_columns(lines: list[tuple[int, bytes]], hints: Hints) -> tuple[Fields | None, Iterable[tuple[int, bytes]]]:
    """As `columns_of_most`."""
    found, rest = columns_of_most(lines)
    return (found, rest) if found is None or _keeps_text(found.frame, hints) else (None, lines)


_AS_TEXT = frozenset(name for name, kind in KINDS.items() if kind in (Kind.MESSAGE, Kind.TEXT, Kind.WORD))


def _keeps_text(frame: pl.DataFrame, hints: Hints) -> bool:
    """Whether no field that becomes text holds floats: an integer beside them is one, too, and its 7 would read 7.0."""
    floats = [name for name, dtype in _leaves(frame.schema.items()) if dtype.is_float()]
    return not floats or _AS_TEXT.isdisjoint(candidates(floats, hints))


def _leaves(fields: Iterable[tuple[str, Any]], prefix: str = "") -> Iterator[tuple[str, pl.DataType]]:
    """Names, dotted when nested, and types."""
    for name, dtype in fields:
        if isinstance(dtype, pl.Struct):
            yield from _leaves(dtype, f"{prefix}{name}.")
        else:
            yield prefix + name, dtype


def _is_clean(piece: bytes) -> bool:
    """Whether the columnar parser can be trusted with it: it does not check the encoding, and ends at NUL."""
    return b"\x00" not in piece and _is_utf8(piece)


def _is_utf8(body: bytes) -> bool:
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_long_line(body: bytes) -> bool:
    start = 0
    while len(body) - start > MAX_RECORD_BYTES:
        end = body.rfind(b"\n", start, start + MAX_RECORD_BYTES + 1)
        if end < 0:
            return True
        start = end + 1
    return False


def _pieces(body: bytes) -> Iterator[bytes]:
    """The body cut at line ends; a line longer than a piece stays whole."""
    start = 0
    while start < len(body):
        end = len(body)
        if end - start > _PIECE_BYTES:
            cut = body.rfind(b"\n", start, start + _PIECE_BYTES)
            if cut < 0:
                cut = body.find(b"\n", start)
            end = cut + 1 if cut >= 0 else end
        yield body if end - start == len(body) else body[start:end]
        start = end


def _values(piece: bytes, array: bool, first_line: int) -> Iterator[tuple[int, bytes]]:
    """Texts that should be one JSON object each: elements of an array, lines, or objects set one after the other."""
    if array or _spans_lines(piece):
        values, broken = _split(piece, array=array)
        if array or not broken:
            yield from values
            yield from broken
            return
    for number, line in enumerate(piece.split(b"\n"), start=first_line):
        if line and not line.isspace():
            yield number, line


def _spans_lines(piece: bytes) -> bool:
    """Whether the first line is the beginning of something longer, or holds more than one object."""
    first = piece.lstrip().split(b"\n", 1)[0].decode("utf-8", "replace")
    try:
        json.JSONDecoder(strict=False).decode(first)
    except (ValueError, RecursionError):
        return first.startswith("{")
    return False


def _split(piece: bytes, *, array: bool) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """Texts of the values, numbered from 1, and what could not be read from there on."""
    text = piece.decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder(strict=False)
    skip = " \t\r\n," if array else " \t\r\n"
    place, values = _after(text, 0, " \t\r\n") + array, list[tuple[int, bytes]]()
    while True:
        place = _after(text, place, skip)
        if place >= len(text) or (array and text[place] == "]"):
            rest = text[place + 1 :].strip() if array else ""
            tail = [(len(values) + 1, rest.encode("utf-8", "surrogateescape"))] if rest else []
            return values, tail
        try:
            end = decoder.raw_decode(text, place)[1]
        except (ValueError, RecursionError):
            return values, [(len(values) + 1, text[place:].encode("utf-8", "surrogateescape"))]
        if len(values) >= MAX_RECORDS:
            raise _too_many()
        values.append((len(values) + 1, text[place:end].encode("utf-8", "surrogateescape")))
        place = end


def _too_many() -> TooLarge:
    return TooLarge(f"more than {MAX_RECORDS} records in one body; send smaller batches")


def _after(text: str, place: int, skip: str) -> int:
    while place < len(text) and text[place] in skip:
        place += 1
    return place
