"""The clock of alerts: a scheduled query that takes long holds up nothing else."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from heimdall.alerting.schedule import AlertClock
from heimdall.insight.rules.rule import rule_of
from unit.alerting.signals import Desk


def test_a_slow_query_of_a_scheduled_rule_holds_up_no_escalation(tmp_path: Path, monkeypatch: Any) -> None:
    desk = Desk(tmp_path)
    asked, answered, ticked = threading.Event(), threading.Event(), threading.Semaphore(0)
    rule = rule_of({"id": "s", "name": "S", "kind": "scheduled", "condition": "* | stats count() as n", "every": "1s"})

    def search(request: Any) -> Any:
        asked.set()
        answered.wait(30)
        return SimpleNamespace(rows=SimpleNamespace(num_rows=0))

    monkeypatch.setattr("heimdall.alerting.schedule.TICK_S", 0.01)
    monkeypatch.setattr(desk.manager, "tick", ticked.release)
    clock = AlertClock(desk.manager, SimpleNamespace(rules=lambda: [rule]), SimpleNamespace(search=search), desk.clock)  # type: ignore[arg-type]
    clock.start()
    try:
        while not asked.wait(0.05):
            desk.clock.advance(1)
        while ticked.acquire(blocking=False):
            pass
        assert all(ticked.acquire(timeout=10) for _ in range(3)), "the clock goes on while the query does"
    finally:
        answered.set()
        clock.stop()
        desk.store.close()
