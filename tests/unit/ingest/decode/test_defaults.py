from __future__ import annotations

import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.defaults import with_defaults
from heimdall.ingest.decode.text import decode_lines
from heimdall.model.batch import LOG_SCHEMA


def table(**columns: list) -> pa.Table:
    return pa.table({name: pa.array(values).cast(LOG_SCHEMA.field(name).type) for name, values in columns.items()})


def test_a_record_that_names_its_service_keeps_it() -> None:
    filled = with_defaults(table(service=["cart", None], message=["a", "b"]), {"service": "shop"})
    assert filled.column("service").to_pylist() == ["cart", "shop"]


def test_a_column_that_is_missing_is_added_in_the_schemas_order_and_type() -> None:
    filled = with_defaults(table(message=["a", "b"]), {"region": "eu-west-1", "service": "shop"})
    assert filled.column_names == ["service", "region", "message"]
    assert filled.schema.field("region").type == LOG_SCHEMA.field("region").type
    assert filled.column("region").to_pylist() == ["eu-west-1"] * 2


def test_no_records_stay_no_records() -> None:
    assert with_defaults(LOG_SCHEMA.empty_table(), {"service": "shop"}).num_rows == 0
    assert with_defaults(LOG_SCHEMA.empty_table().select(["message"]), {"service": "shop"}).num_rows == 0


def test_lines_of_a_format_without_a_service_take_the_default() -> None:
    lines = pl.Series(["2026-11-22 09:00:00,123 - auth.login - INFO - hello"])
    decoded = decode_lines(lines, now_ns=1_795_340_100_000_000_000, service="auth")
    assert decoded.table.column("service").to_pylist() == ["auth"]
