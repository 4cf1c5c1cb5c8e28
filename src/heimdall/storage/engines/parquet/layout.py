"""A file of the cold tier, as data: columns, order, row groups, filters.

Sorted by time, so that the statistics of row groups narrow a time range, and a trace, whose records come close
together, lies in one or two of them. Absent values are written as in the table (`''`, zero bytes, `{}`), so that a
condition on a column is one on the file's own statistics and filters.
"""

from __future__ import annotations

from heimdall.model.batch import TenantId
from heimdall.model.timerange import format_time
from heimdall.storage.engines.clickhouse.layout import COLUMNS
from heimdall.storage.schedule import DAY_NS

ROW_GROUP_ROWS = 131_072
"""Rows of a group at most. More: a needle reads longer column chunks. Fewer: footers and filters grow."""

ROW_GROUP_BYTES = 128 * 1024 * 1024
"""Bytes of columns a group may hold before it is written; bounds the writer's memory when records are long."""

PAGE_BYTES = 64 * 1024
"""Of a column's page, before compression: what is read to show one record of a group."""

COMPRESSION, COMPRESSION_LEVEL = "zstd", 3

DICTIONARIES = (
    "tenant", "severity_number", "service", "instance", "region", "environment", "attributes", "trace_id",
    "trace_flags", "user_id", "session_id", "request_id", "customer_id", "template_id", "parent_span_id",
    "retention_policy",
)  # fmt: skip
"""Columns whose values repeat; a chunk with too many different ones falls back to plain pages by itself."""

FILTERED = ("trace_id", "user_id", "session_id", "request_id", "customer_id")
"""Columns with a bloom filter in every row group and a sketch of the whole file in the catalogue."""

SKETCHED = (*FILTERED, "service", "template_id")
"""Columns with a sketch of the file: a query for one value asks it before the file."""

FILTER_FALSE_SHARE = 0.01

FOLDER = "records"
"""Above all files of records in a store."""

ABSENT_TEXT = frozenset(column.name for column in COLUMNS if column.absent == "''")


def structure() -> str:
    """The file's columns and types, as ClickHouse's table functions take them; saves reading a footer to learn them."""
    return ", ".join(f"`{column.name}` {_file_type(column.type)}" for column in COLUMNS)


def _file_type(table_type: str) -> str:
    if table_type.startswith("JSON"):
        return "String"
    return (
        table_type.removeprefix("LowCardinality(").removesuffix(")") if "LowCardinality" in table_type else table_type
    )


def object_key(tenant: TenantId, day: int, unit_id: int, suffix: str) -> str:
    """`records/<tenant>/YYYY-MM-DD/<unit>-<suffix>.parquet`; the day is the kept day.

    Not `tenant=…/`: readers that know Hive's folders would take the escaped name for the column of that name.
    """
    return f"{FOLDER}/{_plain(tenant)}/{_date(day)}/{unit_id}-{suffix}.parquet"


def _date(day: int) -> str:
    moment_ns = max(-(2**63) + 1, min(day * DAY_NS, 2**63 - 1))
    return format_time(moment_ns)[:10]


def _plain(text: str) -> str:
    """Only characters that mean nothing to URLs, globs and file systems; others as `~` and their UTF-8 in hex."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "-_") else f"~{char.encode().hex()}" for char in text
    )
