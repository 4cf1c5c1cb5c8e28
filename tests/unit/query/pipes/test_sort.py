"""`| sort` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_smallest_first_and_missing_last() -> None:
    assert ask("* | sort duration_ms | fields duration_ms", *SHOP) == [
        {"duration_ms": 7.0},
        {"duration_ms": 15.0},
        {"duration_ms": 30.0},
        {},
    ]


def test_a_minus_turns_it_round_and_missing_stays_last() -> None:
    assert ask("* | sort -duration_ms | fields duration_ms | head 2", *SHOP) == [
        {"duration_ms": 30.0},
        {"duration_ms": 15.0},
    ]


def test_equal_rows_keep_their_order() -> None:
    assert ask("* | sort service desc | fields message", *SHOP) == [
        {"message": "refused"},
        {"message": "user al took 7 ms"},
        {"message": "user bob took 15 ms"},
        {"message": "started"},
    ]


def test_a_senders_field_sorts_as_numbers() -> None:
    assert ask("status:* | sort status desc | fields status", *SHOP) == [{"status": "500"}, {"status": 200}]


def test_a_column_is_named_as_it_was_written() -> None:
    assert ask("* | stats count() by service | sort -count(), service | head 1", *SHOP) == [
        {"service": "cart", "count()": 2}
    ]
