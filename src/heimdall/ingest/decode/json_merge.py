"""Two JSON objects a record into one: what a record says itself, and what its surroundings say about it."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import orjson
import polars as pl
import pyarrow as pa

from heimdall.model.batch import LOG_SCHEMA


def with_members(table: pa.Table, outer: pl.Series, names: Collection[str]) -> pa.Table:
    """`table` (columns of `LOG_SCHEMA`) with the members of `outer`, one JSON object or null a row, in its attributes.

    `names`: every top-level name in `outer`. A name that both have keeps the record's own value; another value of the
    surroundings becomes `outer.<name>`.
    """
    if not names or outer.null_count() == len(outer):
        return table
    if "attributes" in table.column_names:
        inner = cast(pl.Series, pl.from_arrow(table["attributes"]))
        text = merged_objects(outer, inner, names)
        place = table.column_names.index("attributes")
        return table.set_column(place, LOG_SCHEMA.field("attributes"), _large(text))
    table = table.append_column(LOG_SCHEMA.field("attributes"), _large(outer))
    return table.select([name for name in LOG_SCHEMA.names if name in table.column_names])


def merged_objects(outer: pl.Series, inner: pl.Series, outer_names: Collection[str] | None) -> pl.Series:
    """As text, a row where both are objects merged; `outer_names` = None when they are not known."""
    both = pl.DataFrame({"outer": outer, "inner": inner})
    if outer_names is None:
        return pl.Series([merged_text(a, b) for a, b in both.iter_rows()], dtype=pl.String)
    keys = [f"{orjson.dumps(name).decode()}:" for name in outer_names]
    clash = both.select(pl.col("inner").str.contains_any(keys) & pl.col("outer").is_not_null()).to_series()
    text = both.select(
        pl.coalesce(
            pl.concat_str(pl.col("outer").str.strip_suffix("}"), pl.lit(","), pl.col("inner").str.slice(1)),
            "outer",
            "inner",
        )
    ).to_series()
    rows = clash.fill_null(value=False).arg_true()
    if len(rows):
        exact = [merged_text(a, b) for a, b in both[rows].iter_rows()]
        text = text.scatter(rows, pl.Series(exact, dtype=pl.String))
    return text


def merged_text(outer: str | None, inner: str | None) -> str | None:
    if outer is None or inner is None:
        return outer or inner
    first, second = orjson.loads(inner), orjson.loads(outer)
    clashing = {name for name, value in second.items() if name in first and first[name] != value}
    return orjson.dumps(
        first | {f"outer.{name}" if name in clashing else name: second[name] for name in second}
    ).decode()


def _large(text: pl.Series) -> pa.Array:
    array = text.to_arrow().cast(pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
