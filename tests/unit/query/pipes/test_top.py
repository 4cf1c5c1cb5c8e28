"""`| top` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_most_frequent_first_with_count_and_share() -> None:
    assert ask("* | top 1 service", *SHOP) == [{"service": "cart", "count": 2, "share": 0.6666666666666666}]


def test_ties_stand_in_the_order_of_their_values() -> None:
    assert ask("* | top message | fields message | head 2", *SHOP) == [{"message": "refused"}, {"message": "started"}]


def test_combinations_of_fields() -> None:
    assert ask("* | top 1 service, level", *SHOP) == [
        {"service": "cart", "level": "info", "count": 2, "share": 0.6666666666666666}
    ]
