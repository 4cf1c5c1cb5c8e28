"""`| dedup` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_the_newest_of_each_value_and_one_without() -> None:
    assert ask("* | dedup service | fields message", *SHOP) == [
        {"message": "started"},
        {"message": "refused"},
        {"message": "user al took 7 ms"},
    ]


def test_the_first_in_the_order_asked_for() -> None:
    assert ask("service:cart | sort duration_ms desc | dedup service | fields message", *SHOP) == [
        {"message": "user bob took 15 ms"}
    ]


def test_so_many_of_each_value() -> None:
    assert ask("* | dedup 2 service | fields message", *SHOP, {"service": "cart", "message": "user cy took 9 ms"}) == [
        {"message": "user cy took 9 ms"},
        {"message": "started"},
        {"message": "refused"},
        {"message": "user al took 7 ms"},
    ]
