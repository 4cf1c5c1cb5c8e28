"""`| where` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_conditions_hold_or_do_not() -> None:
    assert ask("* | where duration_ms > 10 | fields message", *SHOP) == [
        {"message": "started"},
        {"message": "user bob took 15 ms"},
    ]


def test_a_missing_value_makes_a_comparison_false_and_its_negation_true() -> None:
    assert ask("* | where not duration_ms > 10 | fields message", *SHOP) == [
        {"message": "refused"},
        {"message": "user al took 7 ms"},
    ]


def test_levels_compare_by_rank() -> None:
    assert ask('* | where level >= "warn" | fields message', *SHOP) == [{"message": "refused"}]


def test_numbers_in_text_are_numbers() -> None:
    assert ask("* | where status == 500 | fields status", *SHOP) == [{"status": "500"}]
