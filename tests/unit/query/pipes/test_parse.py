"""`| parse` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_captures_reach_to_the_text_behind_them() -> None:
    assert ask('took | parse "user <who> took <ms> ms" | fields who, ms', *SHOP) == [
        {"who": "al", "ms": "7"},
        {"who": "bob", "ms": "15"},
    ]


def test_what_is_not_found_is_missing() -> None:
    assert ask('refused | parse "user <who> took" | fields who, message', *SHOP) == [{"message": "refused"}]


def test_an_underscore_skips() -> None:
    assert ask('al | parse "<_> took <ms> ms" | fields ms', *SHOP) == [{"ms": "7"}]


def test_patterns_name_groups() -> None:
    assert ask("bob | parse /(?P<number>[0-9]+)/ | where number > 10 | fields number", *SHOP) == [{"number": "15"}]


def test_another_field_can_be_the_source() -> None:
    assert ask('refused | parse "p<rest>" from service | fields rest', *SHOP) == [{"rest": "ay"}]
