"""The rules stage: records pass unchanged; what rules find in them is told to a sink."""

from __future__ import annotations

import logging
from typing import Protocol

import orjson
import zstandard
from prometheus_client import Counter, Gauge, Histogram

from heimdall.insight.rules.engine import FAILED, CompiledRules, RuleEngine
from heimdall.insight.rules.firing import Firing, FiringSink
from heimdall.model.batch import LogBatch, TenantId

_log = logging.getLogger(__name__)

SECONDS = Histogram("heimdall_rules_batch", "Time of a batch in all rules.", unit="seconds")
STATE_BYTES = Gauge("heimdall_rules_state_bytes", "Size of the newest checkpoint of all rules.", unit="bytes")

UNTOLD = Counter("heimdall_rules_untold_firings", "Firings of rules that could not be kept as alerts.")

MAX_TENANTS = 256
"""Tenants whose records are matched; each keeps a state of its own."""


class Rules(Protocol):
    """Where the stage finds the rules in force."""

    @property
    def compiled(self) -> CompiledRules:
        """Another object when rules have changed."""


class RulesStage:
    """Satisfies `Stage`. What rules remember is part of the checkpoint, so a replay after a crash makes the same
    firings with the same ids. Rules that change take effect with the next batch."""

    name = "rules"

    def __init__(self, rules: Rules, sink: FiringSink) -> None:
        self._rules = rules
        self._sink = sink
        self._engines: dict[TenantId, RuleEngine] = {}

    def process(self, batch: LogBatch) -> LogBatch:
        engine = self._engine(batch.tenant)
        if engine is None or not engine.compiled.rules:
            return batch
        with SECONDS.time():
            try:
                firings = engine.process(batch.table)
            except Exception:  # a rule that cannot be evaluated is no reason to keep records from storage
                FAILED.inc()
                _log.exception("rules could not be evaluated on a batch of %d records", batch.num_rows)
                return batch
        if firings:
            self._tell(firings)
        return batch

    def _tell(self, firings: list[Firing]) -> None:
        try:
            self._sink.fired(firings)
        except Exception:  # a full disk of alerts must not stop the records
            UNTOLD.inc(len(firings))
            _log.exception("%d firings of rules could not be kept", len(firings))

    def _engine(self, tenant: TenantId) -> RuleEngine | None:
        compiled = self._rules.compiled
        engine = self._engines.get(tenant)
        if engine is None:
            if len(self._engines) >= MAX_TENANTS:
                return None
            engine = self._engines[tenant] = RuleEngine(tenant, compiled)
        elif engine.compiled is not compiled:
            engine = self._engines[tenant] = engine.recompiled(compiled)
        return engine

    def snapshot(self) -> bytes:
        state = {tenant: engine.snapshot() for tenant, engine in self._engines.items()}
        packed = zstandard.ZstdCompressor(level=1).compress(orjson.dumps({"version": 1, "tenants": state}))
        STATE_BYTES.set(len(packed))
        return packed

    def restore(self, state: bytes) -> None:
        self._engines = {}
        if not state:
            return
        for tenant, own in orjson.loads(zstandard.ZstdDecompressor().decompress(state))["tenants"].items():
            engine = RuleEngine(TenantId(tenant), self._rules.compiled)
            engine.restore(own)
            self._engines[TenantId(tenant)] = engine
