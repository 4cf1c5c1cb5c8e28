from __future__ import annotations

import pytest

from heimdall.model.batch import LOG_SCHEMA
from heimdall.storage.engines.clickhouse import layout

DAY, YEAR = layout.DAY_NS, layout.YEAR_NS


def test_every_column_of_a_record_has_one_in_the_table() -> None:
    names = [column.name for column in layout.COLUMNS]
    assert names == ["tenant", *LOG_SCHEMA.names, "position", "template_id", "anomaly_score", "predicted_category"]


def test_columns_that_may_be_null_have_a_way_to_say_so() -> None:
    for field in LOG_SCHEMA:
        column = layout.COLUMN_BY_NAME[field.name]
        says_null = column.absent is not None or column.type.startswith("Nullable")
        assert says_null == field.nullable, field.name


@pytest.mark.parametrize(
    ("partition", "end_ns"),
    [
        (19_675, 19_676 * DAY),
        (0, DAY),
        (-1, -DAY + 1),
        (layout.LATE_BASE + 55, 56 * YEAR),
        (layout.LATE_BASE - 1, -YEAR + 1),
        (layout.LATE_BASE + layout.LATE_YEARS, None),
    ],
)
def test_where_a_partition_ends(partition: int, end_ns: int | None) -> None:
    assert layout.partition_end_ns(partition) == end_ns


def test_a_table_made_before_them_gets_the_later_columns() -> None:
    assert layout.later_columns_statements("logs") == (
        "ALTER TABLE heimdall.logs ADD COLUMN IF NOT EXISTS `anomaly_score` Nullable(Float64) CODEC(ZSTD(1))",
        "ALTER TABLE heimdall.logs ADD COLUMN IF NOT EXISTS `predicted_category` LowCardinality(String) CODEC(ZSTD(1))",
    )
