"""What every engine keeps of a batch: the columns of a record and their types."""

from __future__ import annotations

import pyarrow as pa

from heimdall.errors import BatchRefused
from heimdall.model.batch import CATEGORY_FIELD, LOG_SCHEMA, POSITION_FIELD, SCORE_FIELD, TEMPLATE_FIELD, LogBatch

STORED_SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, SCORE_FIELD, CATEGORY_FIELD])


def storable(batch: LogBatch) -> pa.Table:
    """The batch's columns that the table has, in the types of `STORED_SCHEMA`; columns null throughout left out.

    Raises:
        BatchRefused: a column has another type, a required one is missing or has nulls.
    """
    table = batch.table
    names = [field.name for field in STORED_SCHEMA if field.name in table.column_names]
    fields: list[pa.Field] = []
    columns: list[pa.ChunkedArray] = []
    for name in names:
        field = STORED_SCHEMA.field(name)
        column = table.column(name)
        if column.null_count == len(column) and field.nullable:
            continue
        if not field.nullable and column.null_count:
            raise BatchRefused(f"column {name} has {column.null_count} nulls; every record needs a value")
        if column.type != field.type:
            try:
                column = column.cast(field.type)
            except pa.ArrowException as exc:
                raise BatchRefused(f"column {name} is {column.type}, not {field.type}: {exc}") from exc
        fields.append(field)
        columns.append(column)
    present = {field.name for field in fields}
    missing = [field.name for field in STORED_SCHEMA if not field.nullable and field.name not in present]
    if missing:
        raise BatchRefused(f"the batch lacks {', '.join(missing)}")
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
