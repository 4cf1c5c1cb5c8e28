"""Which source reads which engine."""

from __future__ import annotations

from heimdall.query.executor import Executor
from heimdall.query.frame.source import FrameSource
from heimdall.query.source import Source
from heimdall.query.sql.source import SqlSource
from heimdall.storage.engine import SqlEngine
from heimdall.storage.engines.memory import MemoryEngine


def source_of(tier: str, executor: Executor) -> Source:
    engine = executor.tiers[tier]
    if isinstance(engine, SqlEngine):
        return SqlSource(tier, engine, executor)
    if isinstance(engine, MemoryEngine):
        return FrameSource(tier, engine)
    raise TypeError(f"tier {tier}: queries do not know how to read {type(engine).__name__}")
