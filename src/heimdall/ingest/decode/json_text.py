"""Columns → JSON text, a column at a time. Null members are left out; null elements of lists stay.

Senders name columns, and Polars takes a name such as `^a.*$` for a pattern of names wherever it makes an expression of
a column's method. So columns lose their names here before anything is done with them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import orjson
import polars as pl


def json_objects(
    columns: Iterable[pl.Series], pieces: Iterable[pl.Series] = (), *, plain: bool = False, before: str = ""
) -> pl.Series:
    """One JSON object a row, members named and ordered like `columns`; null where it would be empty.

    `pieces`: ready members, `,"name":value` or null (`json_members`). `plain`: no text needs escaping (known from
    the source), which saves looking. `before`: members that every object begins with, `"a":1,"b":2`.
    """
    columns, pieces = list(columns), list(pieces)
    members = [*(_member(column, plain=plain) for column in columns), *(pl.lit(piece) for piece in pieces)]
    if not members:
        raise ValueError("at least one column")
    if before:
        return pl.select(pl.concat_str([pl.lit(f"{{{before}"), *members, pl.lit("}")], ignore_nulls=True)).to_series()
    joined = pl.concat_str(members, ignore_nulls=True)
    objects = pl.concat_str(pl.lit("{"), joined.str.slice(1), pl.lit("}"))
    if all(part.null_count() for part in (*columns, *pieces)):
        objects = pl.when(joined.str.len_bytes() > 0).then(objects)
    return pl.select(objects).to_series()


def json_members(column: pl.Series, *, plain: bool = False) -> pl.Series:
    """`,"name":value` a row; null where the value is null."""
    return pl.select(_member(column, plain=plain)).to_series()


def _member(column: pl.Series, *, plain: bool) -> pl.Expr:
    key = f",{orjson.dumps(column.name).decode()}:"
    column = column.alias("")
    if column.dtype == pl.String and (plain or not needs_escape(column)):
        return pl.concat_str(pl.lit(f'{key}"'), pl.lit(column), pl.lit('"'))
    return pl.concat_str(pl.lit(key), pl.lit(json_values(column, plain=plain)))


def json_values(column: pl.Series, *, plain: bool = False) -> pl.Series:
    """JSON text of each value; null stays null. Floats that JSON cannot write become `null` text."""
    dtype, column = column.dtype, column.alias("")
    if not len(column):
        return pl.Series([], dtype=pl.String)
    if dtype == pl.String:
        if plain or not needs_escape(column):
            return pl.select(pl.concat_str(pl.lit('"'), pl.lit(column), pl.lit('"'))).to_series()
        return _by_engine(column)
    if dtype.is_integer() or dtype == pl.Boolean:
        return column.cast(pl.String)
    if isinstance(dtype, pl.Struct):
        return _structs(column, plain=plain)
    if isinstance(dtype, pl.List) and _holds_struct(dtype):
        return _lists(column, plain=plain)
    return _by_engine(column)


def needs_escape(column: pl.Series) -> bool:
    """Whether some text of the column has a character that JSON writes with a backslash."""
    text = column.drop_nulls().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = text.buffers()
    if offsets is None or data is None:
        return False
    ends = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    used = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    return bool((used < 0x20).any() or (used == ord('"')).any() or (used == ord("\\")).any())


def _by_engine(column: pl.Series) -> pl.Series:
    encoded = pl.select(pl.struct(pl.lit(column).alias("v")).struct.json_encode()).to_series()
    text = encoded.str.strip_prefix('{"v":').str.strip_suffix("}")
    return pl.select(pl.when(pl.lit(column.is_not_null())).then(pl.lit(text))).to_series()


def _holds_struct(dtype: object) -> bool:
    return isinstance(dtype, pl.Struct) or (isinstance(dtype, pl.List) and _holds_struct(dtype.inner))


def _structs(column: pl.Series, *, plain: bool) -> pl.Series:
    objects = json_objects(column.struct.unnest().get_columns(), plain=plain)
    return pl.select(pl.when(pl.lit(column.is_not_null())).then(pl.lit(objects.fill_null("{}")))).to_series()


def _lists(column: pl.Series, *, plain: bool) -> pl.Series:
    lengths = column.list.len().fill_null(0)
    rows = pl.int_range(len(column), dtype=pl.UInt32, eager=True)
    filled = column.filter(lengths > 0).explode()
    elements = pl.DataFrame(
        {
            "row": pl.select(pl.lit(rows).repeat_by(pl.lit(lengths)).explode().drop_nulls()).to_series(),
            "text": json_values(filled, plain=plain).fill_null("null"),
        }
    )
    joined = elements.group_by("row", maintain_order=True).agg(pl.col("text").str.join(","))
    by_row = pl.DataFrame({"row": rows}).join(joined, on="row", how="left", maintain_order="left")["text"].fill_null("")
    text = pl.concat_str(pl.lit("["), pl.lit(by_row), pl.lit("]"))
    return pl.select(pl.when(pl.lit(column.is_not_null())).then(text)).to_series()
