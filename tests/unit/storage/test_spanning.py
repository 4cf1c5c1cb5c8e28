from __future__ import annotations

import pytest
from sqlglot import exp, parse_one

from heimdall.storage.engines.clickhouse.branches import top_rows
from heimdall.storage.rollups import MINUTE_NS, minute_of
from heimdall.storage.spanning import Reach, reach_of

MINUTE = minute_of(exp.column("timestamp", table="r")).sql("clickhouse")


@pytest.mark.parametrize(
    ("where", "reach"),
    [
        ("tenant = 'a'", Reach(tenant="a")),  # type: ignore[arg-type]
        ("timestamp >= fromUnixTimestamp64Nano(5) AND timestamp < fromUnixTimestamp64Nano(9)", Reach(None, 5, 9)),
        ("timestamp <= fromUnixTimestamp64Nano(toInt64('9'), 'UTC')", Reach(None, None, 10)),
        ("timestamp >= fromUnixTimestamp64Nano((-5))", Reach(None, -5, None)),
        (f"{MINUTE} >= 2 AND {MINUTE} < 4", Reach(None, 2 * MINUTE_NS, 4 * MINUTE_NS)),
        (f"{MINUTE} <= 4", Reach()),
        (f"{MINUTE} = 4", Reach()),
        ("service IN ('a', 'b')", Reach(equal={"service": (b"a", b"b")})),
        ("(template_id = 7) AND (user_id = 'u')", Reach(equal={"template_id": (b"7",), "user_id": (b"u",)})),
        ("trace_id = toFixedString(unhex('0aff'), 16)", Reach(equal={"trace_id": (b"\x0a\xff",)})),
        ("tenant = 'a' OR tenant = 'b'", Reach()),
        ("NOT (service = 'a')", Reach()),
        ("service != 'a'", Reach()),
    ],
)
def test_conditions_say_where_records_lie(where: str, reach: Reach) -> None:
    """What is understood narrows, everything else leaves all open: a unit ruled out wrongly would lose records."""
    statement = parse_one(f"SELECT position FROM heimdall.logs AS r WHERE {where}", dialect="clickhouse")
    assert isinstance(statement, exp.Select)
    assert reach_of(statement) == reach


@pytest.mark.parametrize(
    ("selected", "order", "kept"),
    [
        ("r.message", "r.timestamp DESC", True),
        ("r.message", "r.attributes", False),
        ("r.message, hasAllTokens(r.message, ['a']) * 2.5 + hasPhrase(r.message, 'b c') AS w", "w DESC", True),
        ("count() AS w", "w DESC", False),
        ("uniq(r.message) AS w", "w DESC", False),
        ("sum(r.position) AS w", "w DESC", False),
        ("lower(s.message) AS w", "w DESC", False),
        ("r.message", "lower(r.message)", False),
    ],
)
def test_branches_keep_to_an_order_they_can_compute_themselves(selected: str, order: str, kept: bool) -> None:
    statement = parse_one(f"SELECT {selected} FROM heimdall.logs AS r ORDER BY {order} LIMIT 5", dialect="clickhouse")
    assert isinstance(statement, exp.Select)
    assert (top_rows(statement, "r") is not None) is kept
