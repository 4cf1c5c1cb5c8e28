"""Whole records: what a statement asks for, and what it gives as people see it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from heimdall.query.cursor import Behind
from heimdall.query.fields import ATTRIBUTES, POSITION_COLUMN, TIME_COLUMN
from heimdall.query.rows import record_table
from heimdall.query.sql.nodes import TABLE, call, column, number
from heimdall.storage.stored import STORED_SCHEMA


def everything(unused: frozenset[str], message_chars: int | None = None) -> exp.Expr:
    """The columns of `STORED_SCHEMA` but the unused ones, in any order; attributes as JSON text, of messages only the
    first `message_chars`."""
    looks = {ATTRIBUTES: call("toJSONString", column(ATTRIBUTES))}
    if message_chars is not None:
        looks["message"] = call("substringUTF8", column("message"), number(1), number(message_chars))
    return exp.Star(
        except_=[exp.column(name) for name in ("tenant", *sorted(unused))],
        replace=[exp.alias_(value, name, copy=False) for name, value in looks.items() if name not in unused],
    )


def behind(record: Behind) -> list[exp.Expression]:
    """Older than a record in the order (timestamp, position); the first condition is one the key understands."""
    moment = exp.Anonymous(this="fromUnixTimestamp64Nano", expressions=[exp.Literal.number(record.timestamp_ns)])
    time, position = (exp.column(name, table=TABLE, quoted=True) for name in ("timestamp", "position"))
    last = exp.LT(this=position, expression=exp.Literal.number(record.position))
    return [
        exp.LTE(this=time, expression=moment),
        exp.Paren(this=exp.Or(this=exp.LT(this=time.copy(), expression=moment.copy()), expression=last)),
    ]


def with_order(stored: pa.Table) -> pa.Table:
    """Records as people see them, and the two columns every page of records ends with."""
    rows = record_table(_absent_as_null(stored))
    return rows.append_column(TIME_COLUMN, stored.column("timestamp")).append_column(
        POSITION_COLUMN, stored.column("position")
    )


def _absent_as_null(stored: pa.Table) -> pa.Table:
    """A table's absent values (empty text, zero ids, `{}`) and columns as nulls."""
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    there = set(stored.column_names)
    for field in STORED_SCHEMA:
        if field.name not in there:
            columns[field.name] = pa.nulls(stored.num_rows, _plain_type(field))
        elif pa.types.is_fixed_size_binary(field.type):
            columns[field.name] = _null_where(stored.column(field.name), bytes(field.type.byte_width))
        elif field.name == ATTRIBUTES:
            columns[field.name] = _null_where(stored.column(field.name), "{}")
        elif field.nullable and (pa.types.is_dictionary(field.type) or pa.types.is_large_string(field.type)):
            columns[field.name] = _null_where(stored.column(field.name), "")
        else:
            columns[field.name] = stored.column(field.name)
    return pa.table(columns)


def _plain_type(field: pa.Field) -> pa.DataType:
    """As the engine answers: text is text, attributes are JSON text."""
    is_text = pa.types.is_dictionary(field.type) or pa.types.is_large_string(field.type) or field.name == ATTRIBUTES
    return pa.string() if is_text else field.type


def _null_where(column: pa.ChunkedArray, absent: str | bytes) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(column, pa.scalar(absent, column.type)), pa.scalar(None, column.type), column)
