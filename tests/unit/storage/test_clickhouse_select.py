from __future__ import annotations

from pathlib import Path

from sqlglot import exp, parse_one

from heimdall.clock import ManualClock
from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine


def test_a_statement_may_use_every_core(tmp_path: Path) -> None:
    """The engine's default takes threads away from statements where the server has less than a GB a thread free."""
    engine = ClickHouseEngine.embedded(tmp_path, ManualClock(0))
    try:
        reserve = parse_one(
            "SELECT getSetting('max_threads_min_free_memory_per_thread') AS reserve", dialect="clickhouse"
        )
        assert isinstance(reserve, exp.Query)
        (row,) = [
            row
            for batch in engine.select(reserve, query_id="threads", timeout_s=10, max_memory_bytes=2**28)
            for row in batch.to_pylist()
        ]
        assert row == {"reserve": 0}
    finally:
        engine.close()
