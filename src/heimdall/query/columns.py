"""Rows as typed columns: what a program works on, where `heimdall.query.rows` is what a person reads."""

from __future__ import annotations

from collections import Counter

import orjson
import polars as pl
import pyarrow as pa

from heimdall.query.rows import JSON_TEXT, attribute_object, flat_attributes, typed_column

ATTRIBUTES = "attributes"

MAX_ATTRIBUTE_COLUMNS = 1_000
"""Senders' fields with a column of their own, the most frequent ones. Were there no bound, rows that each have fields
of their own would need memory by their square."""


def typed_columns(table: pa.Table) -> pa.Table:
    """An answer's rows with each of the sender's fields as a column behind the others, by name.

    A column of whole and other numbers has floats, one of several types has text (JSON of what is no text). Times stay
    times. Beyond `MAX_ATTRIBUTE_COLUMNS` fields the column `attributes` stays, with all of them.
    """
    fields: dict[str, pa.Array | pa.ChunkedArray] = {}
    for name, field in zip(table.column_names, table.schema, strict=True):
        if name != ATTRIBUTES:
            column = table.column(name)
            fields[name] = typed_column(_values(column)) if _is_json(field) else column
    if ATTRIBUTES not in table.column_names:
        return pa.table(fields)
    found = _attribute_columns(table.column(ATTRIBUTES), taken=set(fields))
    if len(found) > MAX_ATTRIBUTE_COLUMNS:
        fields[ATTRIBUTES] = table.column(ATTRIBUTES)
    common = Counter({name: len(places) for name, (places, _) in found.items()}).most_common(MAX_ATTRIBUTE_COLUMNS)
    for name in sorted(name for name, _ in common):
        fields[name] = _spread(*found[name], rows=table.num_rows)
    return pa.table(fields)


def text_columns(table: pa.Table) -> pa.Table:
    """The same columns with the same types whatever the rows hold: fields of a type of their own as text.

    Text is bare, anything else is JSON. `attributes` stays one JSON text. For streams, whose batches share a schema.
    """
    for place, field in enumerate(table.schema):
        if _is_json(field):
            texts = [v if v is None or isinstance(v, str) else orjson.dumps(v).decode() for v in _values(table[place])]
            table = table.set_column(place, pa.field(field.name, pa.large_string()), pa.array(texts, pa.large_string()))
    return table


def _is_json(field: pa.Field) -> bool:
    return bool((field.metadata or {}).items() >= JSON_TEXT.items())


def _values(column: pa.ChunkedArray) -> list[object]:
    """What the JSON texts of a column say; each distinct text is read once."""
    known = {text: None if text is None else orjson.loads(text) for text in column.unique().to_pylist()}
    return [known[text] for text in column.to_pylist()]


def _attribute_columns(column: pa.ChunkedArray, taken: set[str]) -> dict[str, tuple[list[int], list[object]]]:
    """Name → the rows that have the field and their values."""
    found: dict[str, tuple[list[int], list[object]]] = {}
    for row, text in enumerate(column.to_pylist()):
        if text:
            for name, value in flat_attributes(attribute_object(text)):
                places, values = found.setdefault(f"{ATTRIBUTES}.{name}" if name in taken else name, ([], []))
                places.append(row)
                values.append(value)
    return found


def _spread(places: list[int], values: list[object], *, rows: int) -> pa.Array:
    at = pl.Series(places, dtype=pl.UInt32)
    order = (
        pl.Series([None], dtype=pl.UInt32)
        .new_from_index(0, rows)
        .scatter(at, pl.arange(len(at), eager=True, dtype=pl.UInt32))
    )
    return typed_column(values).take(order.to_arrow())
