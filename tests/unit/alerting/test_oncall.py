"""Whose turn it is: rotations over days, weeks and clock changes, layers, hours and overrides."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from heimdall.alerting.oncall import Override, Schedule, override_moment, roster_of
from heimdall.errors import InvalidInput, Misconfigured

USERS = [{"name": name, "channels": ["ops"]} for name in ("kim", "lee", "sam")]
BERLIN = ZoneInfo("Europe/Berlin")


def layer(**given: Any) -> dict[str, Any]:
    return {"name": "all", "users": ["kim", "lee"], "rotation": "daily", "start": "2026-03-02"} | given


def schedule(*layers: dict[str, Any], **given: Any) -> Schedule:
    own = {"name": "s", "timezone": "Europe/Berlin", "layer": list(layers)} | given
    return roster_of({"user": USERS, "schedule": [own]}, {"ops"}).schedules["s"]


def at(text: str, fold: int = 0) -> int:
    """A moment by Berlin's wall clock."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp()) * 10**9


def user(of: Schedule, text: str, fold: int = 0) -> str:
    return of.user_at(at(text, fold))[0]


def test_a_daily_turn_changes_hands_at_its_time_of_day() -> None:
    daily = schedule(layer(handover="09:00"))
    told = [
        user(daily, text) for text in ("2026-03-02 08:59", "2026-03-02 09:00", "2026-03-03 08:59", "2026-03-03 09:00")
    ]
    assert told == ["", "kim", "kim", "lee"], "nobody before the first turn"


def test_a_weekly_turn_changes_hands_on_the_weekday_of_its_start() -> None:
    weekly = schedule(layer(rotation="weekly", start="2026-03-04", handover="17:30"))
    told = [
        user(weekly, text) for text in ("2026-03-04 17:30", "2026-03-11 17:29", "2026-03-11 17:30", "2026-03-18 18:00")
    ]
    assert told == ["kim", "kim", "lee", "kim"]
    fortnightly = schedule(layer(rotation="weekly", every=2, start="2026-03-04", users=["kim", "lee", "sam"]))
    assert [user(fortnightly, f"2026-{day} 12:00") for day in ("03-17", "03-18", "04-01", "04-15")] == [
        "kim", "lee", "sam", "kim",
    ]  # fmt: skip


def test_nobody_hands_over_twice_when_clocks_change() -> None:
    night = schedule(layer(handover="02:30"))
    # 29 March 2026: 02:00 becomes 03:00; the turn changes at what would have been 02:30, which is 03:30
    assert [user(night, f"2026-03-29 {time}") for time in ("01:59", "03:29", "03:30")] == ["kim", "kim", "lee"]
    # 25 October 2026: 02:30 comes twice; the first one counts, and the second 02:10 is not before it
    before, first, again = (
        user(night, "2026-10-25 02:10"), user(night, "2026-10-25 02:30"), user(night, "2026-10-25 02:10", fold=1),
    )  # fmt: skip
    assert (before != first, first == again) == (True, True)
    (turn,) = [duty for duty in night.duties(at("2026-10-25 01:00"), at("2026-10-26 01:00")) if duty.user == first]
    assert (turn.start_ns, turn.end_ns) == (at("2026-10-25 02:30"), at("2026-10-26 01:00"))


def test_a_turn_over_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    daily = schedule(layer(handover="09:00"))
    spring = daily.duties(at("2026-03-28 09:00"), at("2026-03-31 00:00"))
    autumn = daily.duties(at("2026-10-24 09:00"), at("2026-10-27 00:00"))
    hours = [(duty.end_ns - duty.start_ns) / 3600e9 for duty in (spring[0], spring[1], autumn[0], autumn[1])]
    assert hours == [23, 24, 25, 24]


def test_a_later_layer_stands_above_where_it_has_somebody() -> None:
    both = schedule(
        layer(name="always", users=["sam"]),
        layer(name="office", hours=[{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}]),
    )
    told = [both.user_at(at(text)) for text in ("2026-03-02 12:00", "2026-03-02 17:00", "2026-03-07 12:00")]
    assert told == [("kim", "office"), ("sam", "always"), ("sam", "always")]


def test_hours_over_midnight_belong_to_the_day_they_begin_on() -> None:
    nights = schedule(layer(users=["kim"], hours=[{"days": ["fri"], "from": "22:00", "to": "06:00"}]))
    told = [
        user(nights, text) for text in ("2026-03-06 21:59", "2026-03-06 22:00", "2026-03-07 05:59", "2026-03-07 22:00")
    ]
    assert told == ["", "kim", "kim", ""]


def test_an_override_stands_above_every_layer_and_the_newest_above_others() -> None:
    given = {"user": "sam", "from": "2026-03-02T10:00:00", "to": "2026-03-02T12:00:00"}
    daily = schedule(layer(), override=[given])
    assert [user(daily, f"2026-03-02 {time}") for time in ("09:59", "10:00", "12:00")] == ["kim", "sam", "kim"]
    made = Override(schedule="s", user="lee", start_ns=at("2026-03-02 11:00"), end_ns=at("2026-03-02 11:30"), id="1")
    assert daily.user_at(at("2026-03-02 11:15"), [made]) == ("lee", "override")


def test_turns_are_told_without_gaps_and_one_that_goes_on_is_one() -> None:
    office = schedule(layer(users=["kim"], hours=[{"from": "09:00", "to": "17:00"}]))
    found = office.duties(at("2026-03-03 12:00"), at("2026-03-05 00:00"))
    assert [(duty.user, duty.source) for duty in found] == [("kim", "all"), ("", ""), ("kim", "all"), ("", "")]
    assert all(one.end_ns == two.start_ns for one, two in zip(found, found[1:], strict=False))
    always = schedule(layer(users=["kim"]))
    assert len(always.duties(at("2026-03-03 12:00"), at("2026-04-03 12:00"))) == 1


@pytest.mark.parametrize("days", [0, 93])
def test_turns_of_no_time_or_of_years_are_not_worked_out(days: int) -> None:
    start_ns = at("2026-03-03 12:00")
    with pytest.raises(InvalidInput, match="92 days"):
        schedule(layer()).duties(start_ns, start_ns + days * 86_400 * 10**9)


def test_moments_go_by_the_schedules_clock() -> None:
    daily, now_ns = schedule(layer()), at("2026-03-02 12:00")
    assert override_moment("2026-07-01T09:00", daily, now_ns) == at("2026-07-01 09:00")
    assert override_moment("2026-07-01T09:00Z", daily, now_ns) == at("2026-07-01 11:00")
    assert override_moment("+2h", daily, now_ns) == at("2026-03-02 14:00")
    assert override_moment("1712011200123", daily, now_ns) == 1712011200123 * 10**6


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"timezone": "Mars/Olympus"}, "schedule s: there is no time zone Mars/Olympus here"),
        ({"layer": []}, r"schedule s: needs one to 20 tables \[\[schedule.layer\]\]"),
        ({"layer": [layer(users=["joe"])]}, "layer all: there is no user joe; users are kim, lee, sam"),
        ({"layer": [layer(users=[])]}, "layer all: needs users"),
        ({"layer": [layer(start="monday")]}, "start must be the date of the first turn"),
        ({"layer": [layer(handover="nine")]}, "handover must be a time of day such as 09:00, not nine"),
        ({"layer": [layer(rotation="monthly")]}, "rotation must be daily or weekly, not monthly"),
        ({"layer": [layer(hours=[{"days": ["Monday"]}])]}, "days must be a list of mon, tue"),
        ({"layer": [layer(), layer()]}, "layer all is there twice"),
        ({"layer": [layer(colour="red")]}, "unknown key colour"),
        (
            {"override": [{"user": "kim", "from": "2026-03-02T12:00:00", "to": "2026-03-02"}]},
            "must end after it begins",
        ),
        ({"override": [{"user": "kim", "from": "noon"}]}, "from must be a moment such as"),
    ],
)
def test_a_wrong_schedule_is_told_at_the_start(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        schedule(**({"layer": [layer()]} | given)) if "layer" not in given else schedule(*given["layer"])


def test_somebody_whom_nothing_reaches_cannot_be_on_call() -> None:
    with pytest.raises(Misconfigured, match="user kim: needs channels"):
        roster_of({"user": [{"name": "kim"}]}, {"ops"})
