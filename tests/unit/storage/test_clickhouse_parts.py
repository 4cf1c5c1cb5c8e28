from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from sqlglot import parse_one

from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine

NOW_NS = 1_700_000_000_000_000_000


def records(first: int, count: int) -> pa.Table:
    time = pa.array([NOW_NS + n for n in range(count)], pa.timestamp("ns", tz="UTC"))
    return pa.table(
        {
            "timestamp": time,
            "observed_timestamp": time,
            "severity_number": pa.array([9] * count, pa.uint8()),
            "message": pa.array([f"message {first + n}" for n in range(count)], pa.large_string()),
            "position": pa.array(range(first, first + count), pa.uint64()),
            "template_id": pa.array([7] * count, pa.uint64()),
        }
    )


def test_an_append_is_one_part_however_many_frames_its_span_had(tmp_path: Path) -> None:
    """Every part more is a merge more; a span of 100,000 records comes in dozens of frames."""
    engine = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
    try:
        frames = pa.concat_tables([records(1 + 10 * n, 10) for n in range(8)])
        engine.append(LogBatch(DEFAULT_TENANT, frames, Origin(1, 80)))
        parts = parse_one("SELECT rows FROM system.parts WHERE active AND table = 'logs'", dialect="clickhouse")
        found = engine.select(parts, query_id="parts", timeout_s=10, max_memory_bytes=2**28)  # type: ignore[arg-type]
        assert [row["rows"] for batch in found for row in batch.to_pylist()] == [80]
    finally:
        engine.close()
