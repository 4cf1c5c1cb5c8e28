"""Between the batch's columns and the table's: absent values in, nulls out."""

from __future__ import annotations

import pyarrow as pa
from sqlglot import exp, parse_one

from heimdall.storage.engines.clickhouse.layout import COLUMN_BY_NAME, COLUMNS

ABSENT: dict[str, exp.Expr] = {
    column.name: parse_one(column.absent, dialect="clickhouse") for column in COLUMNS if column.absent is not None
}


def stored_value(name: str, rows: pa.Table) -> exp.Expr:
    """The table's value of a batch column: absent instead of null."""
    column = exp.column(name, quoted=True)
    absent = ABSENT.get(name)
    if absent is None or rows.column(name).null_count == 0:
        return column
    return exp.Anonymous(this="ifNull", expressions=[column, absent.copy()])


def record_value(name: str) -> exp.Expr:
    """The record's value of a table column: null instead of absent, aliased to its own name."""
    column = exp.column(name, quoted=True)
    if name == "attributes":
        value: exp.Expr = exp.Anonymous(this="toJSONString", expressions=[column])
    else:
        value = column
    if name in ABSENT:
        value = exp.Anonymous(this="nullIf", expressions=[value, ABSENT[name].copy()])
    elif COLUMN_BY_NAME.get(name) is None:
        raise KeyError(name)
    return exp.alias_(value, name, quoted=True)


def as_records(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` in exactly the types of `schema`, column by column."""
    columns = [batch.column(at).cast(field.type) for at, field in enumerate(schema)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
