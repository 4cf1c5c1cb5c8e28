"""`| patterns` over a small shop."""

from __future__ import annotations

from unit.query.asking import Record, ask

SHOP: list[Record] = [
    {"service": "cart", "message": "user bob took 15 ms", "duration_ms": 15.0, "template_id": 1, "status": 200},
    {"service": "cart", "message": "user al took 7 ms", "duration_ms": 7.0, "template_id": 1, "status": "500"},
    {"service": "pay", "message": "refused", "template_id": 2, "severity_number": 17},
    {"message": "started", "duration_ms": 30.0, "template_id": 3},
]


def test_templates_by_frequency() -> None:
    assert ask("* | patterns 1", *SHOP) == [
        {
            "template_id": 1,
            "count": 2,
            "first": "2023-11-14T22:13:20+00:00",
            "last": "2023-11-14T22:13:21+00:00",
            "example": "user al took 7 ms",
            "share": 0.5,
        }
    ]
