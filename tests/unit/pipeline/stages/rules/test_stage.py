"""Records pass the rules stage unchanged; what rules found goes to the sink, the same after a crash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heimdall.insight.rules.engine import CompiledRules
from heimdall.insight.rules.firing import Firing
from heimdall.insight.rules.rule import Rule
from heimdall.model.batch import LogBatch, TenantId
from heimdall.pipeline.stages.rules import RulesStage
from unit.insight.rules.records import rule, table


class Held:
    """Rules in force, and a sink."""

    def __init__(self, *rules: Rule) -> None:
        self.compiled = CompiledRules(rules)
        self.firings: list[Firing] = []

    def fired(self, firings: Sequence[Firing]) -> None:
        self.firings += firings


def batch(rows: list[dict[str, Any]], first: int, tenant: str = "default") -> LogBatch:
    return LogBatch(TenantId(tenant), table(rows, first=first))


def test_records_pass_unchanged() -> None:
    held = Held(rule(condition="bad"))
    given = batch([{"message": "bad"}, {"message": "good"}], 1)
    assert RulesStage(held, held).process(given) is given
    assert [firing.records for firing in held.firings] == [1]


def test_tenants_are_counted_apart() -> None:
    held = Held(rule(condition="bad", threshold=2, window="1m"))
    stage = RulesStage(held, held)
    for tenant in ("a", "b"):
        stage.process(batch([{"message": "bad"}], 1, tenant))
    assert held.firings == []
    stage.process(batch([{"message": "bad", "at": 1}], 2, "b"))
    assert [firing.tenant for firing in held.firings] == ["b"]


def test_a_replay_from_a_checkpoint_gives_the_same_firings() -> None:
    held = Held(rule(condition="bad", threshold=2, window="1m", group_by=["service"]))
    stage = RulesStage(held, held)
    stage.process(batch([{"message": "bad", "service": "a"}], 1))
    saved = stage.snapshot()
    rest = [batch([{"message": "bad", "service": "a", "at": at}], at + 1) for at in (1, 2)]
    for each in rest:
        stage.process(each)
    before, held.firings = held.firings, []
    again = RulesStage(held, held)
    again.restore(saved)
    for each in rest:
        again.process(each)
    assert held.firings == before
    assert len(before) == 2


def test_rules_change_between_batches() -> None:
    held = Held(rule(id="a", condition="bad"))
    stage = RulesStage(held, held)
    stage.process(batch([{"message": "bad"}], 1))
    held.compiled = CompiledRules([rule(id="b", condition="bad")])
    stage.process(batch([{"message": "bad"}], 2))
    assert [firing.rule for firing in held.firings] == ["a", "b"]


def test_a_rule_that_breaks_keeps_no_record_from_storage(monkeypatch: Any) -> None:
    held = Held(rule(id="breaks", condition="bad"), rule(id="works", condition="bad"))
    stage = RulesStage(held, held)
    stage.process(batch([{"message": "fine"}], 1))

    def broken(found: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(stage._engines[TenantId("default")]._kinds["breaks"], "step", broken)
    given = batch([{"message": "bad"}], 2)
    assert stage.process(given) is given
    assert [firing.rule for firing in held.firings] == ["works"]
