"""What the sender says about all records of a body at once: for those that do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from heimdall.model.batch import LOG_SCHEMA

DEFAULTABLE = ("service", "instance", "region", "environment")
"""Columns a sender may give once per body: who writes and where it runs."""


def with_defaults(table: pa.Table, defaults: Mapping[str, str]) -> pa.Table:
    """`table` (columns of LOG_SCHEMA) with the nulls of the named columns filled; its column order stays."""
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
