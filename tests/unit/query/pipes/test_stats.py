"""`| stats` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_one_row_without_keys() -> None:
    assert ask("* | stats count() as n, sum(duration_ms)", *SHOP) == [{"n": 4, "sum(duration_ms)": 52.0}]


def test_one_row_of_nothing_at_all() -> None:
    assert ask("nothing | stats count() as n, max(duration_ms) as longest", *SHOP) == [{"n": 0}]


def test_rows_come_sorted_by_their_keys_missing_last() -> None:
    assert ask("* | stats count() as n by service", *SHOP) == [
        {"service": "cart", "n": 2},
        {"service": "pay", "n": 1},
        {"n": 1},
    ]


def test_aggregates_can_be_calculated_with() -> None:
    assert ask('* | stats count_if(level >= "error") / count() as share', *SHOP) == [{"share": 0.25}]


def test_parentheses_of_count_may_be_left_out() -> None:
    assert ask("* | stats count by level", *SHOP) == [{"level": "info", "count()": 3}, {"level": "error", "count()": 1}]


def test_a_step_in_time_is_named_timestamp() -> None:
    assert ask("* | stats count() as n by bin(2s)", *SHOP) == [
        {"timestamp": "2023-11-14T22:13:20+00:00", "n": 2},
        {"timestamp": "2023-11-14T22:13:22+00:00", "n": 2},
    ]


def test_a_senders_values_keep_their_types() -> None:
    assert ask("status:* | stats count() as n by status", *SHOP) == [{"status": 200, "n": 1}, {"status": "500", "n": 1}]


def test_rate_divides_by_the_step() -> None:
    assert ask("* | stats rate() as r by bin(2s)", *SHOP) == [
        {"timestamp": "2023-11-14T22:13:20+00:00", "r": 1.0},
        {"timestamp": "2023-11-14T22:13:22+00:00", "r": 1.0},
    ]
