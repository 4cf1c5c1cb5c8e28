"""`| fields` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_only_these_in_this_order() -> None:
    assert ask("cart* or service:cart | fields service, status | head 1", *SHOP) == [
        {"service": "cart", "status": "500"}
    ]


def test_all_but_these() -> None:
    assert ask(
        "refused | fields - id, timestamp, observed_timestamp, severity_number, template_id, service", *SHOP
    ) == [{"level": "error", "message": "refused"}]


def test_level_and_id_are_fields_like_others() -> None:
    assert ask("refused | fields level, id", *SHOP) == [
        {"level": "error", "id": "018bcfe5-6fd0-7000-8000-000000000003"}
    ]
