from __future__ import annotations

from heimdall.model.batch import LOG_SCHEMA
from heimdall.storage.engines.clickhouse import layout


def test_every_column_of_a_record_has_one_in_the_table() -> None:
    names = [column.name for column in layout.COLUMNS]
    assert names == ["tenant", *LOG_SCHEMA.names, "position", "template_id", "anomaly_score", "predicted_category"]


def test_columns_that_may_be_null_have_a_way_to_say_so() -> None:
    for field in LOG_SCHEMA:
        column = layout.COLUMN_BY_NAME[field.name]
        says_null = column.absent is not None or column.type.startswith("Nullable")
        assert says_null == field.nullable, field.name
