"""What each kind of rule notices, and what it lets pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from heimdall.insight.rules.engine import OTHERS, RuleEngine
from unit.insight.rules.records import START_S, engine, fired, rule


def keys(firings: list[Any]) -> list[tuple[str, ...]]:
    return [tuple(value for _, value in firing.labels) for firing in firings]


def restarted(before: RuleEngine) -> RuleEngine:
    """The same rules with a state that went through a checkpoint."""
    after = RuleEngine(before.tenant, before.compiled)
    after.restore(json.loads(json.dumps(before.snapshot())))
    return after


def test_a_threshold_of_one_tells_every_batch_and_key() -> None:
    own = engine(rule(condition="declined", group_by=["service"]))
    first, second = fired(
        own,
        [{"message": "card declined", "service": "pay"}, {"message": "ok"}, {"message": "declined", "service": "b"}],
        [{"message": "fine"}],
    )
    assert sorted(keys(first)) == [("b",), ("pay",)]
    assert first[0].query == "declined service=b" or "service" in first[0].query
    assert second == []


def test_a_level_is_told_by_its_name_and_found_again() -> None:
    own = engine(
        rule(condition="declined", group_by=["level"]), rule(id="d", condition="*", distinct="level", threshold=2)
    )
    rows = [{"message": "declined", "level": "warn"}, {"message": "declined", "level": "warn2"}, {"level": "info"}]
    first, second = fired(own, rows)[0]
    assert first.labels == (("level", "warn"),)
    assert first.query == "declined level:warn"
    assert first.records == 2
    assert second.value == 2


def test_a_threshold_counts_across_batches_within_its_window() -> None:
    own = engine(rule(condition="declined", threshold=3, window="1m"))
    batches = [[{"message": "declined", "at": at}] for at in (0, 30, 61, 70, 200)]
    found = fired(own, *batches)
    assert [len(firings) for firings in found] == [0, 0, 0, 1, 0]
    assert found[3][0].value == 3


def test_a_restart_forgets_nothing_and_repeats_nothing() -> None:
    own = engine(rule(condition="declined", threshold=3, window="1m"))
    fired(own, [{"message": "declined", "at": 0}, {"message": "declined", "at": 1}])
    after = restarted(own)
    assert [len(f) for f in fired(after, [{"message": "x", "at": 2}], [{"message": "declined", "at": 3}])] == [0, 1]


def test_a_replay_makes_the_same_firings() -> None:
    own = engine(rule(condition="declined", threshold=2, window="1m", group_by=["service"]))
    fired(own, [{"message": "declined", "service": "a"}])
    twin = restarted(own)
    rows = [{"message": "declined", "service": "a", "at": 1}]
    assert fired(own, rows) == fired(twin, rows)


def test_different_values_are_counted_once_each() -> None:
    own = engine(rule(condition="login", distinct="user", threshold=3, window="1m", group_by=["ip"]))
    rows = [{"message": "login", "ip": "1.1.1.1", "user": user, "at": at} for at, user in enumerate("aabab")]
    assert fired(own, rows)[0] == []
    (found,) = fired(own, [{"message": "login", "ip": "1.1.1.1", "user": "c", "at": 9}])[0]
    assert found.value == 3


def test_a_ratio_needs_enough_records() -> None:
    own = engine(rule(kind="ratio", condition="level>=error", of="*", ratio=0.5, min_count=4, window="1m"))
    few = [{"level": "error"}, {"level": "error", "at": 1}]
    assert fired(own, few)[0] == []
    (found,) = fired(own, [{"at": 2}, {"level": "error", "at": 3}])[0]
    assert found.value == 0.75


def test_absence_is_told_once_and_ends_with_the_next_record() -> None:
    own = engine(rule(kind="absence", condition="beat", group_by=["service"], window="30s"))
    beat = {"message": "beat", "service": "cron"}
    found = fired(own, [beat], [{"at": 20}], [{"at": 36}], [{"at": 60}], [beat | {"at": 61}], [{"at": 62}])
    assert [[firing.resolved for firing in firings] for firings in found] == [[], [], [False], [], [True], []]


def test_absence_without_fields_waits_from_the_first_record_of_all() -> None:
    own = engine(rule(kind="absence", condition="beat", window="30s"))
    found = fired(own, [{"at": 0}], [{"at": 31}], [{"at": 36}])
    assert [len(firings) for firings in found] == [0, 0, 1]


def test_a_template_is_new_once() -> None:
    own = engine(rule(kind="new_template", condition="level>=error", learn="10s", group_by=["service"]))
    a = {"level": "error", "service": "a", "template": 7}
    found = fired(own, [a], [a | {"at": 20}, a | {"at": 20, "template": 8}], [a | {"at": 30, "template": 8}])
    assert [len(firings) for firings in found] == [0, 1, 0]
    assert found[1][0].template_id == 8


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("start", 0), ("stop", 5)], 1),
        ([("stop", 0), ("start", 5)], 0),
        ([("start", 0), ("stop", 11)], 0),
        ([("start", 0), ("start", 8), ("stop", 11)], 1),
        ([("start", 0), ("stop", 1), ("stop", 2)], 1),
    ],
)
def test_a_sequence_wants_order_and_time(events: list[tuple[str, int]], expected: int) -> None:
    given = rule(kind="sequence", steps=["start", "stop"], group_by=["job"], window="10s")
    rows = [{"message": word, "job": "j1", "at": at} for word, at in events]
    together = fired(engine(given), rows)[0]
    apart = [firing for firings in fired(engine(given), *[[row] for row in rows]) for firing in firings]
    assert [sum(firing.records for firing in found) for found in (together, apart)] == [expected, expected]


def test_a_sequence_joins_records_of_one_key_only() -> None:
    own = engine(rule(kind="sequence", steps=["start", "stop"], group_by=["job"], window="10s"))
    assert fired(own, [{"message": "start", "job": "a"}, {"message": "stop", "job": "b", "at": 1}])[0] == []
    assert fired(own, [{"message": "stop", "at": 1}])[0] == [], "a record without the key belongs to nobody"


def test_what_is_not_answered_in_time_is_told() -> None:
    own = engine(rule(kind="sequence", steps=["asked", "answered"], absent_last=True, group_by=["order"], window="10s"))
    asked = [{"message": "asked", "order": name} for name in "ab"]
    found = fired(
        own, asked, [{"message": "answered", "order": "a", "at": 4}], [{"at": 14}], [{"at": 16}], [{"at": 40}]
    )
    assert [keys(firings) for firings in found] == [[], [], [], [("b",)], []]
    assert found[3][0].detected_ns == (START_S + 10) * 10**9


def test_waiting_survives_a_restart() -> None:
    own = engine(rule(kind="sequence", steps=["asked", "answered"], absent_last=True, group_by=["order"], window="10s"))
    fired(own, [{"message": "asked", "order": "a"}])
    after = restarted(own)
    assert [keys(f) for f in fired(after, [{"at": 16}])] == [[("a",)]]


def test_a_join_takes_any_order() -> None:
    own = engine(rule(kind="join", steps=["deploy", "level>=error"], group_by=["service"], window="1m"))
    error, deploy = {"level": "error", "service": "a"}, {"message": "deploy done", "service": "a"}
    assert [len(f) for f in fired(own, [error], [deploy | {"at": 59}], [deploy | {"at": 300}])] == [0, 1, 0]


def test_a_flood_of_keys_is_told_as_one_more() -> None:
    own = engine(rule(condition="bad", group_by=["host"]))
    (found,) = fired(own, [{"message": "bad", "host": f"h{number:04}"} for number in range(5_000)])
    assert len(found) == 201
    assert keys(found)[-1] == (OTHERS,)
    assert sum(firing.records for firing in found) == 5_000


def test_what_a_rule_remembers_is_bounded() -> None:
    given = rule(kind="sequence", steps=["start", "stop"], group_by=["job"], window="1h")
    own = engine(given)
    for turn in range(3):
        fired(own, [{"message": "start", "job": f"{turn}-{number}", "at": turn} for number in range(5_000)])
    ((_, _, state),) = own.snapshot()["rules"]
    assert len(state) <= 10_000
    assert ["2-4999"] in [key for key, _ in state], "the newest are kept"


def test_rules_that_change_begin_anew_and_others_go_on() -> None:
    same, changed = rule(id="same", condition="a", threshold=2), rule(id="x", condition="a", threshold=2)
    before = engine(same, changed)
    fired(before, [{"message": "a"}])
    after = before.recompiled(engine(same, rule(id="x", condition="a or b", threshold=2)).compiled)
    assert [firing.rule for firing in fired(after, [{"message": "a", "at": 1}])[0]] == ["same"]
