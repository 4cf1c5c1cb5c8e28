from __future__ import annotations

from datetime import UTC, datetime

import pytest

from heimdall.errors import Misconfigured
from heimdall.query.warming.schedule import read_plan

HOUR_NS = 3_600 * 10**9


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("fields", "moment", "due"),
    [
        ("* * * * *", "2026-11-25T18:46:30", True),
        ("*/10 * * * *", "2026-11-25T18:40:00", True),
        ("*/10 * * * *", "2026-11-25T18:46:00", False),
        ("5,46 18 * * *", "2026-11-25T18:46:59", True),
        ("46 8-17 * * *", "2026-11-25T18:46:00", False),
        ("46 8-18/2 * * *", "2026-11-25T18:46:00", True),
        ("0 0 1 * *", "2026-12-01T00:00:00", True),
        ("* * * 12 *", "2026-11-25T18:46:00", False),
        ("* * * * 3", "2026-11-25T18:46:00", True),  # a Wednesday
        ("* * * * 1-5", "2026-11-29T18:46:00", False),
        ("* * * * 7", "2026-11-29T18:46:00", True),
        ("* * * * 0", "2026-11-29T18:46:00", True),
        ("* * 1 * 3", "2026-11-25T18:46:00", True),  # one of the two days suffices
        ("* * 1 * 3", "2026-11-26T18:46:00", False),
    ],
)
def test_when_a_line_is_due(fields: str, moment: str, due: bool) -> None:
    (planned,) = read_plan([f"{fields} -24h level:error"])
    assert planned.due(at(moment)) is due


def test_a_line_asks_a_range_that_moves_with_the_clock() -> None:
    (planned,) = read_plan(["0 * * * *  -24h  * | timechart span=5m count() by level"])
    request = planned.question.at(48 * HOUR_NS)
    assert (request.start_ns, request.end_ns) == (24 * HOUR_NS, 48 * HOUR_NS)
    assert request.q == "* | timechart span=5m count() by level"


@pytest.mark.parametrize(
    "line",
    ["* * * *", "61 * * * * -1h *", "* * * * * 1h-ago *", "a * * * * -1h *", "5-1 * * * * -1h *", "*/0 * * * * -1h *",
     "* * * * * -1h | stats"],
)  # fmt: skip
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(Misconfigured, match=r"query\.warm"):
        read_plan([line])
