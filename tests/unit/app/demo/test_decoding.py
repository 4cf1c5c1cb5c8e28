"""The doors' decoders understand every line of the shop: one record each, with its time, level, ids and service."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from heimdall.app.demo.feed import bodies
from heimdall.app.demo.plan import make_plan
from heimdall.app.demo.rhythm import HOUR_NS, Window
from heimdall.app.demo.shop import STREAMS, write_lines
from heimdall.app.demo.topology import INSTANCES, REGIONS, SERVICES
from heimdall.ingest.decode.defaults import with_defaults
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.text import decode_lines

ORIGIN_NS = 1_795_340_100_000_000_000
WINDOW = Window(ORIGIN_NS - 2 * HOUR_NS, ORIGIN_NS)


@pytest.fixture(scope="module")
def written() -> pl.DataFrame:
    lines = write_lines(make_plan(7, ORIGIN_NS), WINDOW)
    return lines.with_columns(service=pl.Series([i.service for i in STREAMS]).gather(lines["stream"]))


@pytest.fixture(scope="module")
def records(written: pl.DataFrame) -> pl.DataFrame:
    tables = []
    for body, content_type, parameters, expected in bodies(written):
        if content_type == "application/x-ndjson":
            decoded = decode_json(body, now_ns=ORIGIN_NS)
        else:
            decoded = decode_lines(pl.Series(body.decode().split("\n")[:-1]), now_ns=ORIGIN_NS)
        assert decoded.rejected_count == 0
        assert decoded.num_rows == expected
        tables.append(with_defaults(decoded.table, parameters))
    return pl.DataFrame(pl.from_arrow(pa.concat_tables(tables, promote_options="permissive")))


def test_every_line_becomes_one_record_of_its_service(written: pl.DataFrame, records: pl.DataFrame) -> None:
    sent = dict(written.group_by("service").len().rows())
    stored = dict(records.group_by(pl.col("service").cast(pl.String)).len().rows())
    assert stored == sent


def test_times_are_read_to_the_precision_they_were_written_in(written: pl.DataFrame, records: pl.DataFrame) -> None:
    for service in SERVICES:
        said = written.filter(pl.col("service") == service.name)["time_ns"].sort()
        read = records.filter(pl.col("service").cast(pl.String) == service.name)["timestamp"].cast(pl.Int64).sort()
        assert (said - read).is_between(0, 999_999_999).all(), service.name


def test_every_record_has_a_level_and_a_place(records: pl.DataFrame) -> None:
    assert (records["severity_number"] > 0).all()
    assert set(records["environment"].cast(pl.String)) == {"prod"}
    assert set(records["region"].cast(pl.String)) == set(REGIONS)
    known = {instance.name for instances in INSTANCES.values() for instance in instances}
    assert set(records["instance"].cast(pl.String)) == known


def test_a_checkout_is_one_tree_of_spans(records: pl.DataFrame) -> None:
    """Across JSON and text services: every parent is the root or a span of the same trace."""
    placed = records.filter(pl.col("message").str.contains("Order ORD-[0-9]+ placed"))
    trace = records.filter(pl.col("trace_id") == placed["trace_id"][10])
    spans = set(trace["span_id"].drop_nulls())
    # Stores that log nothing about a good call, and the root, are spans nobody wrote down.
    parents = trace.filter(pl.col("service").cast(pl.String) != "auth")["parent_span_id"].drop_nulls()
    assert len(spans) >= 7
    assert sum(parent in spans for parent in parents) >= 0.8 * len(parents)
    assert {"checkout", "payment", "order", "inventory"} <= set(trace["service"].cast(pl.String))


def test_stack_traces_stay_with_their_line(records: pl.DataFrame) -> None:
    failed = records.filter(
        pl.col("message").str.starts_with("charge for order"), pl.col("message").str.contains("JDBC")
    )
    assert failed.height > 0
    assert failed["message"].str.contains("\nCaused by: java.sql.SQLTransientConnectionException").all()


def test_the_guide_counts_right(written: pl.DataFrame) -> None:
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "demo.md").read_text(encoding="utf-8")
    assert f"{len(SERVICES)} services with {len(STREAMS)} instances" in guide
    assert all(f"`{service.name}`" in guide for service in SERVICES)
