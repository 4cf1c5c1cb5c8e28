"""`| extend` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_later_columns_use_earlier_ones() -> None:
    assert ask("refused | extend a = 2 * 3, b = a + 1 | fields a, b", *SHOP) == [{"a": 6.0, "b": 7.0}]


def test_a_column_of_the_same_name_is_replaced() -> None:
    assert ask("refused | extend service = upper(service) | fields service", *SHOP) == [{"service": "PAY"}]


def test_new_columns_stand_behind_the_record() -> None:
    assert ask(
        "refused | extend x = 1 | fields - id, timestamp, observed_timestamp, severity_number, template_id", *SHOP
    ) == [{"level": "error", "service": "pay", "message": "refused", "x": 1}]
