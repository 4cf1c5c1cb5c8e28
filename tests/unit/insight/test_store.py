"""Findings and verdicts that survive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heimdall.errors import NotFound
from heimdall.insight import store as module
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Feature, Finding, FindingKind, Verdict, finding_id
from heimdall.insight.store import FindingsRequest, FindingStore
from heimdall.model.batch import DEFAULT_TENANT, TenantId

FINDING = Finding(
    id=finding_id("default", "pay", "errors", 7), tenant=DEFAULT_TENANT, service="pay", kind=FindingKind.ERRORS,
    state="degraded", statement="pay logs more errors than usual", started_ns=100, detected_ns=200, evidence=5.5,
    features=(Feature("errors", 9.0, 0.0, 2.0, 5.5, 60),), examples=("refused",), template_id=3,
    query="service:pay level>=error", from_ns=50, to_ns=200, watched_s=900.0,
)  # fmt: skip
ALL = FindingsRequest(tenant=DEFAULT_TENANT)


def test_findings_are_there_after_a_restart_and_each_once(tmp_path: Path) -> None:
    first = FindingStore(tmp_path / "findings.db")
    first.report(FINDING)
    first.report(FINDING)
    first.close()
    again = FindingStore(tmp_path / "findings.db")
    assert again.find(ALL) == [(FINDING, None)]
    again.close()


def test_filters_and_order(tmp_path: Path) -> None:
    store = FindingStore(tmp_path / "findings.db")
    others = [replace(FINDING, id=f"{n:020x}", detected_ns=n, service="cart" if n % 2 else "pay") for n in range(6)]
    for finding in others:
        store.report(finding)
    store.report(replace(FINDING, id="f" * 20, tenant=TenantId("other")))
    times = [one.detected_ns for one, _ in store.find(replace(ALL, service="cart"))]
    assert times == [5, 3, 1]
    assert [one.detected_ns for one, _ in store.find(replace(ALL, start_ns=2, end_ns=5, limit=2))] == [4, 3]
    assert store.find(replace(ALL, kind=FindingKind.SILENCE)) == []
    store.close()


def test_findings_are_counted_by_steps_of_time(tmp_path: Path) -> None:
    store = FindingStore(tmp_path / "findings.db")
    for n, at in enumerate([3, 10, 19, 20, 45]):
        state, service = ("critical", "pay") if at == 19 else ("degraded", "cart")
        store.report(replace(FINDING, id=f"{n:020x}", detected_ns=at, state=state, service=service))
    assert store.count(replace(ALL, limit=1), 10) == [(0, 1, 0), (10, 2, 1), (20, 1, 0), (40, 1, 0)]
    assert store.count(replace(ALL, service="pay"), 10) == [(10, 1, 1)]
    assert store.count(replace(ALL, start_ns=10, end_ns=20), 10) == [(10, 2, 1)]
    store.close()


def test_the_oldest_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FINDINGS", 10)
    monkeypatch.setattr(module, "_PRUNE_EVERY", 2)
    store = FindingStore(tmp_path / "findings.db")
    for n in range(31):
        store.report(replace(FINDING, id=f"{n:020x}", detected_ns=n))
    assert [one.detected_ns for one, _ in store.find(ALL)] == list(range(30, 20, -1))
    store.close()


def test_a_verdict_changes_the_bar_at_once_and_after_a_restart(tmp_path: Path) -> None:
    store, feedback = FindingStore(tmp_path / "findings.db"), Feedback()
    store.report(FINDING)
    about = ("default", "pay", FindingKind.ERRORS, 3)
    feedback.add(store.judge(FINDING, Verdict.NOISE, 1))
    assert feedback.handicap(*about) == 2.0
    feedback.add(store.judge(FINDING, Verdict.EXPECTED, 2))
    assert feedback.handicap(*about) == float("inf")
    assert feedback.handicap("default", "pay", FindingKind.ERRORS, 4) == 2.0
    assert Feedback(store.opinions()).handicap(*about) == float("inf")
    assert store.find(ALL) == [(FINDING, Verdict.EXPECTED)]
    feedback.add(store.judge(FINDING, Verdict.USEFUL, 3))
    assert feedback.handicap(*about) == 1.5
    store.close()


def test_an_unknown_finding_is_not_found(tmp_path: Path) -> None:
    store = FindingStore(tmp_path / "findings.db")
    store.report(FINDING)
    with pytest.raises(NotFound):
        store.get(TenantId("other"), FINDING.id)
    store.close()
