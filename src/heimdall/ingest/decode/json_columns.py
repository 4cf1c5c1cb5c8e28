"""JSON lines → columns in one call of the columnar parser, for bodies that are what JSON logs usually are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, cast

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from heimdall.ingest.decode.fields import Fields
from heimdall.ingest.decode.json_schema import NoColumns, SchemaMemory, Shape, arrow_schema, learn

_SAMPLE_RECORDS = 64
"""Looked at before the first try; a field none of them has costs one more look at the whole body."""

_MAX_OBJECTS = 500_000
"""In an array, nested ones counted: all of them become Python objects at once."""

_MAX_MEAN_BYTES = 64 << 10
"""Of the elements of an array: beyond, one of them may be over the record limit, which is seen one by one."""

_MAX_KINDS = 16
"""Sets of fields and types a body may have before its records are better read one by one."""

_EXACT_INTEGERS = 2.0**53
"""Beyond, a double may be a rounded integer: only reading one by one tells."""

_ROWS = "rows"


def columns_of_lines(body: bytes, lines: int, schemas: SchemaMemory) -> Fields | None:
    """Records of newline-delimited JSON objects; None when they must be read one by one.

    `lines`: how many there are, blank ones counted.
    `body`: valid UTF-8 without NUL, no line longer than the record limit.
    """
    table = _parsed(body, lambda: _lines(body), schemas)
    if table is None or not _one_a_line(table.num_rows, lines, body):
        return None
    return _fields(table, body, raw=lambda: _raw_lines(body))


def columns_of_most(lines: list[tuple[int, bytes]]) -> tuple[Fields | None, list[tuple[int, bytes]]]:
    """Records of the numbered lines that share columns, and the lines that do not fit among them.

    For a body that `columns_of_lines` gave up on account of a few lines. None when too few share columns; then all
    lines come back.
    """
    kinds: dict[tuple[Any, ...], list[tuple[int, bytes]]] = {}
    records: dict[tuple[Any, ...], list[Any]] = {}
    others: list[tuple[int, bytes]] = []
    for numbered in lines:
        try:
            record = orjson.loads(numbered[1])
            kind = (tuple(record), tuple(map(type, record.values())))
        except (orjson.JSONDecodeError, AttributeError, TypeError):
            others.append(numbered)
            continue
        known = kinds.setdefault(kind, [])
        if len(kinds) > _MAX_KINDS:
            return None, lines
        known.append(numbered)
        if len(known) == 1 or dict in kind[1] or list in kind[1]:
            records.setdefault(kind, []).append(record)
    shape: dict[str, Shape] = {}
    fitting: list[tuple[int, bytes]] = []
    for kind, members in sorted(kinds.items(), key=lambda item: -len(item[1])):
        try:
            shape = learn(records[kind], shape)
            fitting += members
        except NoColumns:
            others += members
    if len(fitting) < len(lines) // 2:
        return None, lines
    fitting.sort()
    body = b"\n".join([line for _, line in fitting])
    table = _strict(body, shape, wrapped=False)
    if table is None or table.num_rows != len(fitting) or _may_have_rounded(table):
        return None, lines
    numbers, texts = zip(*fitting, strict=True)
    return replace(_fields(table, body, raw=lambda: _raw_texts(texts)), numbers=numbers), sorted(others)


def columns_of_array(body: bytes, schemas: SchemaMemory) -> Fields | None:
    """Records of one JSON array of objects; None when they must be read one by one."""
    if body.count(b"{") > _MAX_OBJECTS:
        return None
    try:
        records = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not records or type(records[0]) is not dict or len(body) > len(records) * _MAX_MEAN_BYTES:
        return None
    wrapped = b'{"%s":%s}' % (_ROWS.encode(), body.replace(b"\n", b" ").replace(b"\r", b" "))
    table = _parsed(wrapped, lambda: records, schemas, wrapped=True)
    if table is None or table.num_rows != len(records):
        return None
    return _fields(
        table, body, raw=lambda: pl.Series([orjson.dumps(record).decode() for record in records], dtype=pl.String)
    )


def _parsed(
    body: bytes, records: Callable[[], Iterable[Any]], schemas: SchemaMemory, *, wrapped: bool = False
) -> pa.Table | None:
    try:
        sample = list(islice(records(), _SAMPLE_RECORDS))
    except orjson.JSONDecodeError:
        return None
    if not sample or type(sample[0]) is not dict:
        return None
    names = tuple(sample[0])
    shape = schemas.recall(names)
    try:
        if shape is None:
            shape = learn(sample)
        table = _strict(body, shape, wrapped=wrapped)
        if table is None:
            shape = learn(records(), shape)
            table = _strict(body, shape, wrapped=wrapped)
    except (NoColumns, orjson.JSONDecodeError):
        return None
    if table is not None:
        schemas.keep(names, shape)
        if _may_have_rounded(table):
            return None
    return table


def _strict(body: bytes, shape: dict[str, Shape], *, wrapped: bool) -> pa.Table | None:
    """The body as columns of exactly this shape; None when anything in it is otherwise."""
    schema = arrow_schema(shape)
    if wrapped:
        schema = pa.schema([pa.field(_ROWS, pa.list_(pa.struct(list(schema))))])
    try:
        table = pj.read_json(
            pa.BufferReader(body),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if not wrapped:
        return table
    rows = pc.list_flatten(table[_ROWS]).combine_chunks()
    return None if rows.null_count else pa.Table.from_struct_array(rows)


def _fields(table: pa.Table, body: bytes, raw: Callable[[], pl.Series]) -> Fields:
    frame = cast(pl.DataFrame, pl.from_arrow(table))
    said = [column for column in frame.get_columns() if column.null_count() < len(column)]
    # not `drop`, which takes a name for a pattern of names
    return Fields(
        frame if len(said) == frame.width else pl.DataFrame(said), table.num_rows, raw=raw, plain=b"\\" not in body
    )


def _may_have_rounded(table: pa.Table) -> bool:
    return any(_rounded(column.combine_chunks()) for column in table.columns)


def _rounded(column: pa.Array) -> bool:
    kind = column.type
    if pa.types.is_floating(kind):
        largest = pc.max(pc.abs(column)).as_py()
        # written so that NaN counts as well
        return largest is not None and not largest < _EXACT_INTEGERS or bool(pc.any(pc.is_nan(column)).as_py())
    if pa.types.is_struct(kind):
        return any(_rounded(child) for child in column.flatten())
    if pa.types.is_list(kind):
        return _rounded(column.flatten())
    return False


def _one_a_line(records: int, lines: int, body: bytes) -> bool:
    """Whether there are as many records as lines that are not blank."""
    return records == lines or records == sum(1 for line in body.split(b"\n") if line and not line.isspace())


def _lines(body: bytes) -> Iterator[Any]:
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end]
        if not line.isspace() and line:
            yield orjson.loads(line)
        start = end + 1


def _raw_texts(texts: Sequence[bytes]) -> pl.Series:
    """Of records that may each span several lines."""
    return pl.Series(texts, dtype=pl.Binary).cast(pl.String).str.strip_suffix("\r")


def _raw_lines(body: bytes) -> pl.Series:
    lines = pl.Series([body.decode()]).str.split("\n").explode().str.strip_suffix("\r")
    return lines.filter(lines.str.contains(r"[^ \t\r]"))
