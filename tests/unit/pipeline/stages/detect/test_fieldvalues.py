"""Values of fields, cut out of a batch's columns and attributes, and what rare ones cause."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import FindingKind
from heimdall.insight.fusion import BudgetConfig
from heimdall.insight.step import STEP_S
from heimdall.insight.watch import WatchConfig
from heimdall.model.batch import LogBatch
from heimdall.pipeline.stages.detect import DetectConfig, DetectStage
from heimdall.pipeline.stages.detect.fieldvalues import MOST_RECORDS, occurrences
from unit.pipeline.stages.detect.test_stage import INFO, READ, START_S, Kept, batch

WATCHFUL = DetectConfig(watch=WatchConfig(budget=BudgetConfig(alerts_per_service_day=20.0)))


def with_attributes(made: LogBatch, attributes: list[dict[str, Any]], **columns: list[str | None]) -> LogBatch:
    texts = [json.dumps(each, separators=(",", ":")) if each else None for each in attributes]
    table = made.table.append_column("attributes", pa.array(texts, pa.large_string()))
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values, pa.string()).dictionary_encode())
    return made.with_table(table)


def test_pairs_are_cut_out_wherever_they_are_nested() -> None:
    held = [
        {"http": {"status_code": 503, "target": 'odd "quotes"'}, "pool": "main", "took": 1.5, "big": 123_456_789},
        {"http": {"status_code": 503}, "pool": "spare", "ok": True, "tags": "unwanted", "text": "x" * 300},
        {},
    ]
    made = with_attributes(batch([("pay", READ, INFO)] * 3, START_S, 1), held, region=["eu", None, "us"])
    found = occurrences(made.table, np.array([7, 7, 8]), np.array([0, 0, 0]), {"tags"}.__contains__)
    assert found is not None
    named = sorted((step, *found.named[place], records) for step, _, place, records, _, _ in found.found)
    assert named == [
        (7, "pool", "main", 1), (7, "pool", "spare", 1), (7, "region", "eu", 1), (7, "status_code", "503", 2),
        (8, "region", "us", 1),
    ]  # fmt: skip
    assert found.show(0, "status_code") == (READ, f"message of template {READ}", "http.status_code")
    assert found.show(0, "region")[2] == "region"


def test_of_a_flood_a_bounded_part_is_looked_at_and_problems_first() -> None:
    rows = [("pay", READ, 17 if place % 997 == 0 else INFO) for place in range(20_000)]
    held = [{"code": "E1" if severity == 17 else "ok"} for _, _, severity in rows]
    made = with_attributes(batch(rows, START_S, 1), held)
    found = occurrences(made.table, np.full(20_000, 7), np.zeros(20_000, np.int64), {"tags"}.__contains__)
    assert found is not None
    counted = {found.named[place][1]: (records, grave) for _, _, place, records, grave, _ in found.found}
    assert counted["E1"] == (21, True)
    assert sum(records for records, _ in counted.values()) <= MOST_RECORDS


@pytest.fixture(scope="module")
def quiet() -> tuple[Kept, bytes]:
    """Six hours of a service with status codes, hosts, users and request ids, all of them usual."""
    kept = Kept()
    stage = DetectStage(kept, Feedback(), WATCHFUL)
    play(stage, 1_440, 0)
    return kept, stage.snapshot()


def play(stage: DetectStage, steps: int, first: int, odd: dict[str, Any] | None = None) -> None:
    rng = np.random.default_rng(first + 5)
    for step in range(first, first + steps):
        count = int(rng.poisson(12)) + 1
        held = [
            {"http": {"status_code": int(rng.choice([200, 404]))}, "host": f"h{rng.integers(4)}",
             "user": f"u{rng.integers(100_000)}", "request": f"r{step}-{place}"}
            for place in range(count)
        ]  # fmt: skip
        if odd:
            held[-1] |= odd
        made = batch([("pay", READ, INFO)] * count, START_S + step * STEP_S, step * 1_000 + 1)
        stage.process(with_attributes(made, held))


def test_quiet_hours_cause_nothing(quiet: tuple[Kept, bytes]) -> None:
    kept, _ = quiet
    assert [each for each in kept.findings if each.kind is FindingKind.RARE_VALUE] == []
    assert len(kept.findings) <= 20 / 4


@pytest.mark.parametrize(
    ("odd", "name", "value", "query"),
    [
        ({"http": {"status_code": 507}}, "http.status_code", "507", "service:pay http.status_code:507"),
        ({"host": "intruder-1"}, "host", "intruder-1", "service:pay host:intruder-1"),
    ],
)
def test_a_value_a_service_never_had_is_told_with_its_evidence(
    quiet: tuple[Kept, bytes], odd: dict[str, Any], name: str, value: str, query: str
) -> None:
    kept = Kept()
    stage = DetectStage(kept, Feedback(), WATCHFUL)
    stage.restore(quiet[1])
    play(stage, 3, 1_440, odd)
    play(stage, 3, 1_443)
    (finding,) = [each for each in kept.findings if each.kind is FindingKind.RARE_VALUE]
    assert (finding.service, finding.field, finding.value) == ("pay", name, value)
    assert finding.query == query
    assert finding.statement == f"pay has a value it never had, once in 15 s: {name} = {value}"
    assert finding.examples == (f"message of template {READ}",)
    assert finding.known_since_ns == START_S * 10**9
    assert (finding.features[0].observed, finding.features[0].high) == (1.0, 0.0)


def test_new_users_and_requests_are_no_news(quiet: tuple[Kept, bytes]) -> None:
    kept = Kept()
    stage = DetectStage(kept, Feedback(), WATCHFUL)
    stage.restore(quiet[1])
    play(stage, 40, 1_440, {"user": "never seen", "request": "neither"})
    assert [each for each in kept.findings if each.kind is FindingKind.RARE_VALUE] == []
