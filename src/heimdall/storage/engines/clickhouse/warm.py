"""The warm tier: the same columns in a second table of heavier compression, one partition a unit.

A unit is copied in one statement and listed in the catalogue afterwards; until then, and after it has moved on, no
query names its partition. So whatever a crash leaves half copied is one partition that goes whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
from sqlglot import exp

from heimdall.storage.engines.clickhouse import layout, leaving
from heimdall.storage.engines.clickhouse.connection import Driver, Settings
from heimdall.storage.engines.clickhouse.errors import map_driver_errors
from heimdall.storage.engines.clickhouse.wording import Wording
from heimdall.storage.engines.parquet.writer import FileFacts
from heimdall.storage.selection import Selection

NAME = "logs_warm"
TABLE = f"{layout.DATABASE}.{NAME}"

CODEC = "ZSTD(6)"
"""Where the hot table has ZSTD(1): a record is read less often here and lies three times as long."""

MEBIBYTE = 1024 * 1024

COPY_SETTINGS: Settings = {
    # One core, blocks of bounded size: queries and appends go on beside a move.
    "max_threads": 1,
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 250_000,
    "min_insert_block_size_bytes": 96 * MEBIBYTE,
    "max_partitions_per_insert_block": 0,
    "max_memory_usage": 600 * MEBIBYTE,
    "insert_deduplicate": 0,
    "insert_allow_materialized_columns": 1,
}

EXPORT_SETTINGS: Settings = {
    "max_threads": 1,
    "max_block_size": 16_384,
    "max_memory_usage": 600 * MEBIBYTE,
    "max_bytes_before_external_sort": 150 * MEBIBYTE,
}


def create_statement() -> str:
    """DDL of the warm table: the hot one's columns, indexes, rollups and order, with heavier codecs and a unit."""
    columns = ["`unit` UInt64 CODEC(ZSTD(1))"]
    columns += [f"`{c.name}` {c.type} CODEC({c.codec.replace('ZSTD(1)', CODEC)})" for c in layout.COLUMNS]
    columns.append(layout.FORM_LINE.replace("ZSTD(1)", CODEC))
    columns += [*layout.indexes(), *layout.projections("unit", "tenant")]
    settings = ", ".join(f"{name} = {value!r}" for name, value in _settings().items())
    body = ",\n  ".join(columns)
    return (
        f"CREATE TABLE IF NOT EXISTS {TABLE} (\n  {body}\n) ENGINE = MergeTree\n"
        f"PARTITION BY unit\nORDER BY {layout.ORDER}\nSETTINGS {settings}"
    )


def _settings() -> dict[str, int | str]:
    kept = dict(layout.TABLE_SETTINGS)
    kept["non_replicated_deduplication_window"] = 0  # units have numbers of their own
    return kept


class WarmTable:
    """Copies units in, reads them out sorted, drops them."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        with map_driver_errors("manage"):
            driver.command(create_statement())
            self.wording = Wording.of(driver, NAME)
            hot = Wording.of(driver, layout.TABLE)
        self._columns = [column.name for column in layout.COLUMNS]
        if self.wording.forms and hot.forms:
            self._columns.append(layout.FORM)

    def copy(self, selection: Selection, unit_id: int) -> FileFacts:
        """Copy a selection of the hot table as one unit; returns what lies in it."""
        names = [exp.column(name, quoted=True) for name in self._columns]
        rows = exp.select(exp.alias_(exp.Literal.number(unit_id), "unit"), *names)
        rows = rows.from_(exp.to_table(leaving.TABLE)).where(leaving.bounds(selection))
        target = exp.Schema(
            this=exp.to_table(TABLE), expressions=[exp.to_identifier("unit"), *(name.this.copy() for name in names)]
        )
        self._driver.run(exp.Insert(this=target, expression=rows).sql("clickhouse"), COPY_SETTINGS)
        return self._facts(unit_id)

    def drop(self, unit_id: int) -> None:
        """Remove a unit, whole or half copied; one that is not there is no error."""
        self._driver.command(f"ALTER TABLE {TABLE} DROP PARTITION ID '{unit_id}'")

    def units(self) -> list[int]:
        """Numbers of all units that lie here, listed or not."""
        statement = exp.select("partition_id").distinct().from_("system.parts").where(
            exp.EQ(this=exp.column("database"), expression=exp.Literal.string(layout.DATABASE)),
            exp.EQ(this=exp.column("table"), expression=exp.Literal.string(NAME)),
            exp.column("active"),
        )  # fmt: skip
        return [int(name) for name in self._driver.fetch(statement.sql("clickhouse"), {}).table.column(0).to_pylist()]

    def _facts(self, unit_id: int) -> FileFacts:
        of_unit = exp.EQ(this=exp.column("unit"), expression=exp.Literal.number(unit_id))
        statement = exp.select(
            "count() AS rows",
            "toUnixTimestamp64Nano(min(timestamp)) AS oldest",
            "toUnixTimestamp64Nano(max(timestamp)) AS newest",
            "min(position) AS first",
            "max(position) AS last",
        )
        found = self._driver.fetch(statement.from_(exp.to_table(TABLE)).where(of_unit).sql("clickhouse"), {})
        row = found.table.to_pylist()[0]
        size = exp.select("sum(bytes_on_disk) AS bytes").from_("system.parts").where(
            exp.EQ(this=exp.column("table"), expression=exp.Literal.string(NAME)),
            exp.EQ(this=exp.column("partition_id"), expression=exp.Literal.string(str(unit_id))),
            exp.column("active"),
        )  # fmt: skip
        size_bytes = self._driver.fetch(size.sql("clickhouse"), {}).table.column(0)[0].as_py() or 0
        facts = FileFacts(
            int(row["rows"]), int(size_bytes), int(row["oldest"]), int(row["newest"]), int(row["first"]),
            int(row["last"]),
        )  # fmt: skip
        facts.minutes.update(leaving.count_by_minute(self._driver, of_unit.copy(), TABLE))
        return facts


def sorted_rows(driver: Driver, source: Selection | Iterable[int]) -> Iterator[pa.RecordBatch]:
    """Records of a selection of the hot table, or of units of the warm one, as a cold file holds them, oldest first."""
    values = [
        exp.alias_(exp.Anonymous(this="toJSONString", expressions=[exp.column(column.name)]), column.name, quoted=True)
        if column.type.startswith("JSON")
        else exp.column(column.name, quoted=True)
        for column in layout.COLUMNS
    ]
    if isinstance(source, Selection):
        table, test = leaving.TABLE, leaving.bounds(source)
    else:
        table, test = TABLE, exp.column("unit").isin(*source)
    statement = exp.select(*values).from_(exp.to_table(table)).where(test).order_by("timestamp", "position")
    return driver.stream(statement.sql("clickhouse"), EXPORT_SETTINGS)
