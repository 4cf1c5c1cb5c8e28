"""`| timechart` over a small shop."""

from __future__ import annotations

import re
from pathlib import Path

from heimdall.query.pipes.timechart import _STEPS_S, MOST_STEPS
from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_earliest_first_with_a_row_a_step_and_key() -> None:
    assert ask("service:* | timechart span=2s count() as n by service", *SHOP) == [
        {"timestamp": "2023-11-14T22:13:20+00:00", "service": "cart", "n": 2},
        {"timestamp": "2023-11-14T22:13:22+00:00", "service": "pay", "n": 1},
    ]


def test_its_step_comes_from_the_time_range() -> None:
    assert ask("* | timechart count() as n", *SHOP) == [{"timestamp": "2023-11-14T22:13:20+00:00", "n": 4}]


def test_the_pages_know_the_same_steps() -> None:
    """A row of a chart without a span leads to the lines of its step, which the answer does not name."""
    source = (Path(__file__).parents[4] / "web" / "src" / "query" / "drill.ts").read_text("utf-8")
    listed = re.search(r"const STEPS_S = \[([^]]*)\]", source)
    most = re.search(r"const MOST_STEPS = (\d+);", source)
    assert listed is not None
    assert most is not None
    assert tuple(int(step.replace("_", "")) for step in re.findall(r"[\d_]+", listed[1])) == _STEPS_S
    assert int(most[1]) == MOST_STEPS
