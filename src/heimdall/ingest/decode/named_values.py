"""Names and values found inside a record's text → members of its attributes, a column at a time."""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.json_text import json_values


def pair_members(pairs: pl.DataFrame, height: int) -> pl.Series:
    """`,"name":"value"…` for each of `height` rows; null for a row without pairs.

    `pairs`: columns `row` (UInt32), `name` and `value` (String, no nulls), in order. A name a row has more than once
    becomes a list of its values.
    """
    rows = pl.DataFrame({"row": pl.int_range(height, dtype=pl.UInt32, eager=True)})
    if pairs.is_empty():
        return pl.Series("member", [None], dtype=pl.String).new_from_index(0, height)
    value = json_values(pairs["value"])
    keyed = pairs.select("row", key=json_values(pairs["name"])).with_columns(value.alias("value"))
    if keyed.select(pl.struct("row", "key").is_duplicated().any()).item():
        keyed = keyed.group_by("row", "key", maintain_order=True).agg("value").select(
            "row",
            "key",
            value=pl.when(pl.col("value").list.len() == 1)
            .then(pl.col("value").list.first())
            .otherwise(pl.concat_str(pl.lit("["), pl.col("value").list.join(","), pl.lit("]"))),
        )  # fmt: skip
    members = keyed.select("row", member=pl.concat_str(pl.lit(","), "key", pl.lit(":"), "value"))
    joined = members.group_by("row").agg(pl.col("member").str.join(""))
    return rows.join(joined, on="row", how="left", maintain_order="left")["member"]
