from __future__ import annotations

from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.request import SearchRequest
from heimdall.query.warming.history import FOLLOWERS, QUESTIONS, History, moved

NOW_NS = 1_700_000_000_000_000_000
S, HOUR_NS, DAY_NS = 10**9, 3_600 * 10**9, 86_400 * 10**9
ANN, BOB = (DEFAULT_TENANT, "ann"), (DEFAULT_TENANT, "bob")


def last_day(q: str, now_ns: int = NOW_NS) -> SearchRequest:
    return SearchRequest(q=q, start_ns=now_ns - DAY_NS, end_ns=now_ns, query_id="once")


def test_a_range_up_to_now_moves_and_one_of_the_past_stays() -> None:
    moving = moved(last_day("a"), NOW_NS).at(NOW_NS + HOUR_NS)
    assert (moving.start_ns, moving.end_ns) == (NOW_NS + HOUR_NS - DAY_NS, NOW_NS + HOUR_NS)
    report = SearchRequest(q="a", start_ns=NOW_NS - 2 * DAY_NS, end_ns=NOW_NS - DAY_NS)
    assert moved(report, NOW_NS).at(NOW_NS + HOUR_NS) == report
    assert moved(last_day("a"), NOW_NS) == moved(last_day("a", NOW_NS + HOUR_NS), NOW_NS + HOUR_NS)
    assert moving.query_id is None


def test_what_usually_follows_is_likely_for_this_person_alone() -> None:
    history = History()
    for day in range(3):
        now_ns = NOW_NS + day * DAY_NS
        history.note(ANN, last_day("overview", now_ns), now_ns)
        history.note(ANN, last_day("errors", now_ns + S), now_ns + S)
    overview = moved(last_day("overview"), NOW_NS)
    (next_,) = history.after(ANN, overview, 5)
    assert next_.request.q == "errors"
    assert history.after(BOB, overview, 5) == []


def test_what_follows_the_next_one_is_likely_too() -> None:
    history = History()
    page = ("overview", "errors", "slowest", "users")
    for day in range(2):
        for place, q in enumerate(page):
            now_ns = NOW_NS + day * DAY_NS + place * S
            history.note(ANN, last_day(q, now_ns), now_ns)
    overview = moved(last_day("overview"), NOW_NS)
    assert [one.request.q for one in history.after(ANN, overview, 5)] == ["errors", "slowest", "users"]
    assert [one.request.q for one in history.after(ANN, overview, 2)] == ["errors", "slowest"]


def test_what_came_once_or_much_later_is_no_habit() -> None:
    history = History()
    history.note(ANN, last_day("overview"), NOW_NS)
    history.note(ANN, last_day("errors"), NOW_NS + S)
    for day in range(1, 4):
        now_ns = NOW_NS + day * DAY_NS
        history.note(ANN, last_day("overview", now_ns), now_ns)
        history.note(ANN, last_day("lunch", now_ns + HOUR_NS), now_ns + HOUR_NS)
    assert history.after(ANN, moved(last_day("overview"), NOW_NS), 5) == []


def test_what_is_asked_at_an_hour_on_several_days_is_usual_then() -> None:
    history = History()
    history.note(ANN, last_day("once"), NOW_NS)
    for day in range(2):
        now_ns = NOW_NS + day * DAY_NS
        history.note(ANN, last_day("report", now_ns), now_ns)
        history.note(ANN, last_day("report", now_ns), now_ns)
    assert [one.request.q for one in history.at_hour(NOW_NS + 2 * DAY_NS)] == ["report"]
    assert list(history.at_hour(NOW_NS + 2 * DAY_NS + 3 * HOUR_NS)) == []


def test_memory_is_bounded() -> None:
    history = History()
    for number in range(QUESTIONS * 3):
        history.note(ANN, last_day("overview"), NOW_NS)
        history.note(ANN, last_day(f"q{number}"), NOW_NS)
    (known,) = history._people.values()
    assert len(known.habits) == QUESTIONS
    assert all(len(habit.followers) <= FOLLOWERS for habit in known.habits.values())
