"""From records to findings, through the stage."""

from __future__ import annotations

import io
import json

import numpy as np
import orjson
import pyarrow as pa
import pytest
import zstandard

from heimdall.clock import ManualClock
from heimdall.insight.feedback import Feedback, Opinion
from heimdall.insight.finding import Finding, FindingKind, Verdict
from heimdall.insight.step import STEP_S
from heimdall.insight.watch import OTHER, WatchConfig
from heimdall.model.batch import DEFAULT_TENANT, TIMESTAMP, LogBatch, Origin, TenantId
from heimdall.pipeline.stages.detect import DetectConfig, DetectStage
from heimdall.pipeline.stages.detect.stage import FAILURES, STEPS, UNJUDGED, UNJUDGED_STEPS

START_S = 1_763_985_600  # 2025-11-24T12:00:00Z
INFO, ERROR = 9, 17
READ, WRITE, FAILED = 11, 12, 99


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def report(self, finding: Finding) -> None:
        orjson.dumps(finding)  # as the store keeps it: numbers are Python's
        self.findings.append(finding)

    def of(self, service: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.service == service]


class Shop:
    """Two services that log at an even rate, and what a test makes them log besides. One batch a step."""

    def __init__(self, stage: DetectStage, seed: int = 1) -> None:
        self.stage = stage
        self.step = 0
        self._rng = np.random.default_rng(seed)

    def run(
        self, steps: int, *, extra: tuple[tuple[str, int, int, int], ...] = (), silent: frozenset[str] = frozenset()
    ) -> pa.Table:
        """`extra`: (service, template, severity, records a step)."""
        for _ in range(steps):
            rows = [
                (name, template, INFO)
                for name in ("cart", "pay")
                if name not in silent
                for template, count in zip((READ, WRITE), self._rng.poisson((12, 6)), strict=True)
                for _ in range(count)
            ]
            rows += [(name, template, severity) for name, template, severity, count in extra for _ in range(count)]
            table = self.stage.process(batch(rows, START_S + self.step * STEP_S, self.step * 1_000 + 1)).table
            self.step += 1
        return table


def batch(rows: list[tuple[str, int, int]], at_s: float, position: int, *, observed_s: float | None = None) -> LogBatch:
    count = len(rows)
    times = pa.array([int((at_s + 10 * place / max(count, 1)) * 1e9) for place in range(count)], pa.int64())
    observed = pa.array([int((at_s + STEP_S if observed_s is None else observed_s) * 1e9)] * count, pa.int64())
    table = pa.table(
        {
            "timestamp": times.cast(TIMESTAMP),
            "observed_timestamp": observed.cast(TIMESTAMP),
            "severity_number": pa.array([row[2] for row in rows], pa.uint8()),
            "service": pa.array([row[0] for row in rows], pa.string()).dictionary_encode(),
            "message": pa.array([f"message of template {row[1]}" for row in rows], pa.large_string()),
            "template_id": pa.array([row[1] for row in rows], pa.uint64()),
            "position": pa.array(range(position, position + count), pa.uint64()),
        }
    )
    return LogBatch(DEFAULT_TENANT, table, Origin(position, position + count - 1))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def shop(kept: Kept) -> Shop:
    return Shop(DetectStage(kept, Feedback()))


def test_a_healthy_shop_causes_at_most_a_finding_a_service_and_day(shop: Shop, kept: Kept) -> None:
    shop.run(86_400 // STEP_S // 4)
    assert len(kept.findings) <= 1


def test_how_far_judging_has_come_is_known(shop: Shop) -> None:
    assert shop.stage.judged_until_ns(DEFAULT_TENANT) is None
    shop.run(40)
    until_ns = shop.stage.judged_until_ns(DEFAULT_TENANT)
    assert until_ns is not None
    assert (START_S + 37 * STEP_S) * 10**9 <= until_ns <= (START_S + 40 * STEP_S) * 10**9
    assert shop.stage.judged_until_ns(TenantId("nobody")) is None


def test_a_new_error_is_told_with_its_service_its_number_and_its_query(shop: Shop, kept: Kept) -> None:
    shop.run(400)
    assert kept.findings == []
    shop.run(4, extra=(("pay", FAILED, ERROR, 5),))
    finding = kept.of("pay")[0]
    assert kept.of("cart") == []
    assert finding.kind in (FindingKind.ERRORS, FindingKind.NEW_ERROR)
    assert finding.template_id == FAILED
    assert finding.examples == (f"message of template {FAILED}",)
    assert "service:pay" in finding.query
    assert str(FAILED) in finding.query
    assert finding.features[0].observed in (5, 10, 15, 20)
    assert finding.features[0].observed > finding.features[0].high
    assert finding.detected_ns <= (START_S + 403 * STEP_S) * 10**9


def test_a_sure_thing_is_told_before_its_step_is_over_and_once(shop: Shop, kept: Kept) -> None:
    shop.run(400)
    at_s = START_S + shop.step * STEP_S
    flood = [("pay", READ, INFO)] * 60 + [("pay", FAILED, ERROR)] * 20
    shop.stage.process(batch(flood, at_s, 1_000_000, observed_s=at_s + 10))
    (finding,) = kept.findings
    assert (finding.service, finding.started_ns) == ("pay", at_s * 10**9)
    assert finding.detected_ns < (at_s + STEP_S) * 10**9
    shop.run(10)
    assert len(kept.findings) == 1


def test_looking_teaches_nothing(kept: Kept) -> None:
    """What is known after many looks at half a step is what is known without any."""

    def learnt(look_s: float) -> dict[str, np.ndarray]:
        stage = DetectStage(kept, Feedback(), DetectConfig(look_s=look_s))
        shop = Shop(stage)
        for _ in range(60):
            shop.run(1)
            late = [("cart", READ, INFO)] * 4 + [("pay", FAILED + shop.step % 3, ERROR)]
            stage.process(batch(late, START_S + shop.step * STEP_S - 9, 10_000_000 + shop.step))
        return {name: np.array(array) for name, array in stage._tenants[DEFAULT_TENANT].watch.arrays().items()}

    often, never = learnt(0.0), learnt(1e9)
    for name, array in never.items():
        if name not in ("told_at", "budget/fatigue"):
            np.testing.assert_array_equal(often[name], array, err_msg=name)


def test_a_look_waits_for_history_that_is_not_judged_yet(kept: Kept) -> None:
    """What is told of the newest step would hide where the trouble began."""
    stage = DetectStage(kept, Feedback(), DetectConfig(look_s=0.0, share=0.0))
    arrived_s = START_S + 120 * STEP_S
    well = [(name, READ, INFO) for name in ("cart", "pay") for _ in range(12)]
    ill = [*well, *[("pay", FAILED, ERROR)] * 20]
    for step in range(120):
        rows = ill if step >= 111 else well
        stage.process(batch(rows, START_S + step * STEP_S, step * 1_000 + 1, observed_s=arrived_s))
    for turn in range(3):
        at_s = arrived_s + turn * STEP_S
        stage.process(batch(ill, at_s, (200 + turn) * 1_000, observed_s=at_s + 10))
    for _ in range(200):
        stage.rest()
    assert kept.of("pay")[0].started_ns == (START_S + 111 * STEP_S) * 10**9


def test_trouble_in_the_first_minutes_is_told_and_how_little_is_known_too(shop: Shop, kept: Kept) -> None:
    shop.run(24)
    shop.run(4, extra=(("pay", FAILED, ERROR, 40),))
    finding = kept.of("pay")[0]
    assert finding.watched_s <= 420
    assert finding.confidence < 0.6


def test_a_service_that_falls_silent_is_told_once(shop: Shop, kept: Kept) -> None:
    shop.run(400)
    shop.run(100, silent=frozenset({"pay"}))
    silent = [finding for finding in kept.findings if finding.kind is FindingKind.SILENCE]
    assert [finding.service for finding in silent] == ["pay"]
    assert silent[0].detected_ns - silent[0].started_ns <= 90 * 10**9


def test_a_pause_of_all_senders_is_nobodys_silence(shop: Shop, kept: Kept) -> None:
    shop.run(400)
    shop.step += 1_000
    shop.run(50)
    assert [finding for finding in kept.findings if finding.kind is FindingKind.SILENCE] == []


def test_records_carry_a_score_and_the_state_of_their_service(shop: Shop) -> None:
    usual = shop.run(400)
    assert set(usual.column("predicted_category").to_pylist()) == {"normal"}
    assert max(usual.column("anomaly_score").to_pylist()) < 0.9
    odd = shop.run(6, extra=(("pay", FAILED, ERROR, 60),))
    rows = list(zip(*(odd.column(name).to_pylist() for name in ("service", "predicted_category")), strict=True))
    assert {category for service, category in rows if service == "pay"} <= {"degraded", "critical"}
    assert {category for service, category in rows if service == "cart"} == {"normal"}
    new = shop.run(1, extra=(("cart", 4_242, INFO, 1),))
    scores = dict(zip(new.column("template_id").to_pylist(), new.column("anomaly_score").to_pylist(), strict=True))
    assert scores[4_242] > 0.8


def test_a_restored_stage_goes_on_as_if_nothing_had_happened(kept: Kept) -> None:
    later = Kept()
    first, second = DetectStage(kept, Feedback()), DetectStage(later, Feedback())
    shop, other = Shop(first), Shop(second, seed=2)
    shop.run(300)
    second.restore(first.snapshot())
    other.step, other._rng = shop.step, np.random.default_rng(9)
    shop._rng = np.random.default_rng(9)
    trouble = (("pay", FAILED, ERROR, 9),)
    one, two = shop.run(5, extra=trouble), other.run(5, extra=trouble)
    assert one.equals(two)
    assert kept.findings == later.findings != []
    assert first.snapshot() == second.snapshot()


def test_last_week_sent_again_changes_nothing_and_alarms_nobody(shop: Shop, kept: Kept) -> None:
    shop.run(300)
    before = shop.stage.snapshot()
    rows = [("pay", FAILED, ERROR)] * 500
    for place in range(20):
        week_ago = START_S - 7 * 86_400 + place * STEP_S
        shop.stage.process(batch(rows, week_ago, 9_000_000 + place * 1_000, observed_s=START_S + 300 * STEP_S))
    assert kept.findings == []
    assert len(shop.stage.snapshot()) < 1.2 * len(before)


def test_a_clock_far_ahead_does_not_stop_the_watch(shop: Shop, kept: Kept) -> None:
    shop.run(300)
    ahead = batch([("cart", READ, INFO)], START_S + 400 * 86_400, 5_000_000, observed_s=START_S + 300 * STEP_S)
    shop.stage.process(ahead)
    shop.run(20)
    shop.run(4, extra=(("pay", FAILED, ERROR, 20),))
    assert kept.of("pay") != []


def test_floods_of_templates_and_services_are_bounded(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback(), DetectConfig(watch=WatchConfig(services=20)))
    shop = Shop(stage)
    shop.run(100)
    for place in range(10):
        rows = [(f"pod-{place}-{n}", 10_000 + place * 3_000 + n, INFO) for n in range(3_000)]
        stage.process(batch(rows, START_S + (100 + place) * STEP_S, 7_000_000 + place * 5_000))
    services = json.loads(json.dumps(stage._tenants[DEFAULT_TENANT].watch.services))
    assert len(services) == 20
    assert OTHER in services
    assert len(stage.snapshot()) < 5e6
    assert len(kept.findings) <= 20


def test_history_may_come_service_by_service(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback())
    now_s = START_S + 86_400
    for service in ("cart", "pay"):
        for place in range(200):
            rows = [(service, READ, INFO)] * 10
            stage.process(batch(rows, START_S + place * STEP_S, place * 100 + 1, observed_s=now_s))
    pending = stage._tenants[DEFAULT_TENANT].pending.all()
    assert len(np.unique(pending.steps)) == 200
    assert set(pending.services.tolist()) == {0, 1}
    assert kept.findings == []


def test_history_is_judged_in_its_share_of_the_time(kept: Kept) -> None:
    clock = ManualClock()
    stage = DetectStage(kept, Feedback(), DetectConfig(share=0.05), clock=clock)
    now_s = START_S + 86_400

    def arrive(step: int) -> int:
        stage.process(batch([("cart", READ, INFO)] * 10, START_S + step * STEP_S, step * 100 + 1, observed_s=now_s))
        return len(stage._tenants[DEFAULT_TENANT].pending)

    assert [arrive(step) for step in range(300)][-1] == 300  # they may still come in any order
    assert arrive(3_000) == 301 - 4
    clock.advance(60)
    assert arrive(3_001) == 2


def history(stage: DetectStage, steps: range, *, now_s: float, seed: int = 5) -> None:
    """A hundred steps a batch, as files are read."""
    rng = np.random.default_rng(seed)
    for first in range(steps.start, steps.stop, 100):
        rows = [
            (service, template, INFO)
            for service in ("cart", "pay")
            for template, count in zip((READ, WRITE), rng.poisson((1_200, 600)), strict=True)
            for _ in range(count)
        ]
        made = batch(rows, 0, 20_000_000 + first * 1_000, observed_s=now_s)
        at_s = START_S + (first + rng.permutation(len(rows)) * 100 // len(rows)) * STEP_S
        times = pa.array(at_s * 10**9, pa.int64()).cast(TIMESTAMP)
        stage.process(LogBatch(DEFAULT_TENANT, made.table.set_column(0, "timestamp", times), made.origin))


def test_old_history_teaches_and_is_not_judged(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback(), DetectConfig(judged_s=3_600), clock=ManualClock())
    taught, judged, records = UNJUDGED_STEPS._value.get(), STEPS._value.get(), UNJUDGED._value.get()
    history(stage, range(-8_000, 0), now_s=START_S)
    stage.rest()
    assert UNJUDGED_STEPS._value.get() - taught == 8_000 - 240
    assert UNJUDGED._value.get() - records == pytest.approx(36 * (8_000 - 240), rel=0.02)
    assert STEPS._value.get() - judged <= 240
    shop = Shop(stage)
    shop.run(40)
    assert kept.findings == []
    shop.run(4, extra=(("pay", FAILED, ERROR, 6),))
    assert {finding.service for finding in kept.findings} == {"pay"}
    assert kept.findings[0].watched_s > 86_400


def test_a_restart_in_the_midst_of_an_import_changes_nothing(kept: Kept) -> None:
    config = DetectConfig(judged_s=3_600)
    first, second = (DetectStage(sink, Feedback(), config, clock=ManualClock()) for sink in (kept, Kept()))
    history(first, range(-4_000, -2_000), now_s=START_S)
    second.restore(first.snapshot())
    for stage in (first, second):
        history(stage, range(-2_000, 0), now_s=START_S, seed=6)
    assert first.snapshot() == second.snapshot()


def test_what_is_too_much_to_keep_is_only_learnt_from(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback(), DetectConfig(pending_pairs=500))
    judged = STEPS._value.get()
    history(stage, range(1_000), now_s=START_S + 6 * 3_600)
    assert len(stage._tenants[DEFAULT_TENANT].pending) <= 500
    assert STEPS._value.get() == judged
    until_ns = stage.judged_until_ns(DEFAULT_TENANT)
    assert until_ns is not None
    assert until_ns > (START_S + 700 * STEP_S) * 10**9


class Broken:
    def report(self, finding: Finding) -> None:
        raise OSError(f"no room for {finding.id}")


def test_a_failure_costs_what_was_learnt_but_no_record() -> None:
    stage = DetectStage(Broken(), Feedback())
    shop = Shop(stage)
    shop.run(400)
    failures = FAILURES._value.get()
    marked = shop.run(4, extra=(("pay", FAILED, ERROR, 60),))
    assert marked.num_rows > 60
    assert marked.column("predicted_category").null_count == 0
    assert FAILURES._value.get() == failures + 1


def test_what_was_put_off_is_judged_while_nothing_comes(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback(), clock=ManualClock())
    for step in (*range(300), 3_000):
        rows = [("cart", READ, INFO)] * 10
        stage.process(batch(rows, START_S + step * STEP_S, step * 100 + 1, observed_s=START_S + 86_400))
    stage.rest()
    assert stage._tenants[DEFAULT_TENANT].pending.all().steps.tolist() == [START_S // STEP_S + 3_000]


def test_a_checkpoint_of_another_version_is_left_alone(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback())
    packed = io.BytesIO()
    np.savez(packed, version=np.array([1]))
    stage.restore(zstandard.ZstdCompressor().compress(packed.getvalue()))
    assert stage.process(batch([("cart", READ, INFO)], START_S, 1)).num_rows == 1


def test_what_is_called_expected_is_not_told_again(kept: Kept) -> None:
    feedback = Feedback()
    shop = Shop(DetectStage(kept, feedback))
    shop.run(400)
    for kind in FindingKind:
        for template in (0, FAILED):
            feedback.add(Opinion(DEFAULT_TENANT, "pay", kind, template, Verdict.EXPECTED))
    shop.run(6, extra=(("pay", FAILED, ERROR, 20), ("cart", FAILED, ERROR, 20)))
    assert kept.of("pay") == []
    assert kept.of("cart") != []


def test_records_without_a_service_are_watched_together(kept: Kept) -> None:
    stage = DetectStage(kept, Feedback())
    table = batch([("x", READ, INFO)] * 3, START_S, 1).table.drop_columns(["service"])
    assert stage.process(LogBatch(DEFAULT_TENANT, table)).num_rows == 3
    assert stage._tenants[DEFAULT_TENANT].watch.services == ("(none)",)
