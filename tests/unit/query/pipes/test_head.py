"""`| head` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_the_newest_of_records() -> None:
    assert ask("* | head 1 | fields message", *SHOP) == [{"message": "started"}]


def test_what_follows_sees_only_these() -> None:
    assert ask("* | head 2 | stats count() as n", *SHOP) == [{"n": 2}]


def test_none_is_none() -> None:
    assert ask("* | head 0", *SHOP) == []
