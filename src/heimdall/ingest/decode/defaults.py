"""What the sender says about all records of a body at once: for those that do not say it themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.model.batch import LOG_SCHEMA

DEFAULTABLE = ("service", "instance", "region", "environment")
"""Columns a sender may give once per body: who writes and where it runs."""


def with_defaults(table: pa.Table, defaults: Mapping[str, str]) -> pa.Table:
    """`table` (columns of LOG_SCHEMA) with the nulls of the named columns filled; its column order stays."""
    if not defaults:
        return table
    for name, value in defaults.items():
        field = LOG_SCHEMA.field(name)
        if name in table.column_names:
            own = table.column(name).cast(pa.string())
            filled = pc.fill_null(own, value).combine_chunks()
            filled = filled.dictionary_encode().cast(field.type)
            table = table.set_column(table.column_names.index(name), field, filled)
        else:
            codes = pa.repeat(pa.scalar(0, pa.int32()), table.num_rows)
            table = table.append_column(field, pa.DictionaryArray.from_arrays(codes, pa.array([value], pa.string())))
    return table.select([name for name in LOG_SCHEMA.names if name in table.column_names])


def with_attributes(table: pa.Table, attributes: Mapping[str, str]) -> pa.Table:
    """`table` with the attributes added to each record's own, which win; its column order stays."""
    return with_attributes_each(table, [attributes])


def with_attributes_each(table: pa.Table, added: Sequence[Mapping[str, str]]) -> pa.Table:
    """`with_attributes`, of each record its own; one for all where there is one."""
    keys = [f"{orjson.dumps(name).decode()}:" for name in {name: None for each in added for name in each}]
    if not keys:
        return table
    field = LOG_SCHEMA.field("attributes")
    texts = pl.Series([orjson.dumps(each).decode() if each else None for each in added], dtype=pl.String)
    if len(texts) == 1:
        texts = texts.new_from_index(0, table.num_rows)
    if "attributes" not in table.column_names:
        whole = table.append_column(field, texts.to_arrow().cast(field.type))
        return whole.select([name for name in LOG_SCHEMA.names if name in whole.column_names])
    own = pl.Series(pl.from_arrow(table["attributes"]))
    merged, named = pl.select(
        pl.when(pl.lit(own).str.len_bytes() > 2)
        .then(pl.concat_str(pl.lit(texts).str.strip_suffix("}") + ",", pl.lit(own).str.slice(1)))
        .otherwise(pl.lit(texts))
        .fill_null(pl.lit(own)),
        pl.lit(own).str.contains_any(keys).fill_null(value=False).alias("named"),
    ).get_columns()
    if named.any():
        clashing = named.arg_true()
        exact = [
            orjson.dumps({**added[row if len(added) > 1 else 0], **orjson.loads(text)}).decode()
            for row, text in zip(clashing, own.gather(clashing), strict=True)
        ]
        merged = merged.scatter(clashing, pl.Series(exact, dtype=pl.String))
    place = table.column_names.index("attributes")
    return table.set_column(place, field, merged.to_arrow().cast(field.type))


def with_copies(table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    """`table` with text columns as attributes, too: name of the attribute → column; an attribute of the name stays."""
    field = LOG_SCHEMA.field("attributes")
    for name, column in columns.items():
        if column not in table.column_names:
            continue
        key = orjson.dumps(name).decode()
        value = pl.Series(pl.from_arrow(table[column].cast(pa.string())))
        distinct = value.drop_nulls().unique()
        members = pl.Series([f"{key}:{orjson.dumps(text).decode()}" for text in distinct], dtype=pl.String)
        member = value.replace_strict(distinct, members, default=None, return_dtype=pl.String)
        there = "attributes" in table.column_names
        own = (
            pl.Series(pl.from_arrow(table["attributes"])) if there else pl.Series([None] * len(value), dtype=pl.String)
        )
        merged = pl.select(
            pl.when(pl.lit(member).is_null() | pl.lit(own).str.contains(f"{key}:", literal=True).fill_null(value=False))
            .then(pl.lit(own))
            .when(pl.lit(own).str.len_bytes() > 2)
            .then(pl.concat_str(pl.lit("{"), pl.lit(member), pl.lit(","), pl.lit(own).str.slice(1)))
            .otherwise(pl.concat_str(pl.lit("{"), pl.lit(member), pl.lit("}")))
        ).to_series()
        array = merged.to_arrow().cast(field.type)
        place = table.column_names.index("attributes") if there else -1
        table = table.set_column(place, field, array) if there else table.append_column(field, array)
    return table.select([name for name in LOG_SCHEMA.names if name in table.column_names])


def without_attributes(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """`table` without these attributes (nested ones by dots; `a.*` is all that begin with `a.`); columns stay."""
    wanted = tuple(names)
    if not wanted or "attributes" not in table.column_names:
        return table
    exact = frozenset(wanted)
    prefixes = tuple(name[:-1] for name in wanted if name.endswith("*"))

    def kept(members: Mapping[str, Any], path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in members.items():
            whole = f"{path}{name}"
            if whole in exact or whole.startswith(prefixes):
                continue
            inner = kept(value, f"{whole}.") if isinstance(value, dict) else value
            if inner != {} or value == {}:
                found[name] = inner
        return found

    own = pl.Series(pl.from_arrow(table["attributes"]))
    firsts = {f'"{name.removesuffix("*").split(".")[0]}' for name in wanted}  # whichever way it is nested
    touched = pl.select(pl.lit(own).str.contains_any(sorted(firsts)).fill_null(value=False).arg_true()).to_series()
    if not len(touched):
        return table
    texts = own.gather(touched)
    distinct = texts.unique()
    lean = pl.Series([orjson.dumps(kept(orjson.loads(text), "")).decode() for text in distinct], dtype=pl.String)
    own = own.scatter(touched, texts.replace_strict(distinct, lean, return_dtype=pl.String))
    place = table.column_names.index("attributes")
    field = LOG_SCHEMA.field("attributes")
    return table.set_column(place, field, own.to_arrow().cast(field.type))
