"""Steps are taken when nobody acknowledges: each once, in order, whatever happens to the node."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heimdall.alerting.alert import Matchers
from heimdall.alerting.routing import routing_of
from heimdall.errors import InvalidInput, Misconfigured, NotFound
from heimdall.model.batch import DEFAULT_TENANT
from unit.alerting.signals import Desk

STEPS = [
    {"schedules": ["first"]},
    {"after": "5m", "schedules": ["second"]},
    {"after": "15m", "users": ["boss"], "channels": ["ops"]},
]
START = "2023-11-14"
ROUTING: dict[str, Any] = {
    "channel": [{"name": n, "kind": "webhook", "url": f"https://{n}.example"} for n in ("ops", "kim", "lee", "boss")],
    "user": [{"name": name, "channels": [name]} for name in ("kim", "lee", "boss")],
    "schedule": [
        {"name": "first", "layer": [{"name": "a", "users": ["kim", "lee"], "rotation": "daily", "start": START}]},
        {"name": "second", "layer": [{"name": "all", "users": ["lee"], "start": START}]},
    ],
    "escalation": [{"name": "platform", "repeat": 1, "repeat_after": "30m", "step": STEPS}],
    "route": {"escalations": ["platform"]},
}  # fmt: skip
"""The clock of tests begins on 14 November 2023 at 22:13:20 UTC: kim's turn, since 09:00."""
FOR_LONG = 10**18


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, ROUTING)
    yield made
    made.store.close()


def escalated(desk: Desk) -> list[str]:
    (incident,) = desk.store.incidents()
    return [entry["text"] for entry in desk.store.timeline(incident.id) if entry["kind"] == "escalated"]


def told(desk: Desk) -> dict[str, list[str]]:
    return {name: events for name in ("kim", "lee", "boss", "ops") if (events := desk.events(name))}


def test_steps_reach_more_people_until_somebody_acknowledges(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    assert told(desk) == {"kim": ["trigger"]}
    desk.wait(299)
    assert told(desk) == {"kim": ["trigger"]}
    desk.wait(1)
    assert told(desk) == {"kim": ["trigger"], "lee": ["trigger"]}
    assert desk.told("lee")[0].escalation == "platform, step 2 of 3: lee (on call, second)"
    desk.manager.acknowledge(DEFAULT_TENANT, desk.store.incidents()[0].id, "lee")
    for _ in range(10):
        desk.wait(600)
    assert told(desk) == {"kim": ["trigger", "acknowledge"], "lee": ["trigger", "acknowledge"]}
    (escalation,) = desk.store.incidents()[0].escalations
    assert (escalation.step, escalation.ended, escalation.due_ns) == (2, "acknowledged", None)


def test_after_the_last_step_it_begins_again_as_often_as_it_may(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    for _ in range(130):
        desk.wait(60)
    assert escalated(desk) == [
        "platform, step 1 of 3: kim (on call, first)",
        "platform, step 2 of 3: lee (on call, second)",
        "platform, step 3 of 3: boss, ops",
        "platform, step 1 of 3, round 2: kim (on call, first)",
        "platform, step 2 of 3, round 2: lee (on call, second)",
        "platform, step 3 of 3, round 2: boss, ops",
    ]
    assert told(desk) == {name: ["trigger", "escalate"] for name in ("kim", "lee", "boss", "ops")}
    (escalation,) = desk.store.incidents()[0].escalations
    assert (escalation.round, escalation.ended) == (2, "exhausted")


def test_whoever_is_on_call_when_the_step_is_taken_is_told(desk: Desk) -> None:
    desk.wait(11 * 3600)  # 15 November, 09:13: lee's turn
    desk.fire("r", "a")
    assert told(desk) == {"lee": ["trigger"]}
    now_ns = desk.clock.time_ns()
    desk.manager.on_call.override("second", "boss", now_ns, now_ns + 3600 * 10**9, "swap", "lee")
    desk.restart()
    desk.wait(290)
    desk.fire("r", "a")
    desk.wait(10)
    assert told(desk) == {"lee": ["trigger"], "boss": ["trigger"]}


def test_a_restart_takes_no_step_twice_and_none_is_left_out(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    for _ in range(40):
        desk.wait(30)
        desk.restart()
        desk.manager.tick()
    assert told(desk) == {name: ["trigger"] for name in ("kim", "lee", "boss", "ops")}
    assert len(escalated(desk)) == 3


def test_a_node_that_was_down_takes_one_step_and_not_all_that_it_missed(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    desk.clock.advance(3600)
    desk.restart()
    desk.wait(0)
    assert told(desk) == {"kim": ["trigger"], "lee": ["trigger"]}
    desk.wait(599)
    assert "boss" not in told(desk)
    desk.wait(1)
    assert told(desk)["boss"] == ["trigger"]


def test_a_step_that_could_not_be_written_was_not_taken(desk: Desk, monkeypatch: Any) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)

    def full(outgoing: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(desk.store, "put_outgoing", full)
    with pytest.raises(sqlite3.OperationalError):
        desk.wait(300)
    monkeypatch.undo()
    assert (len(escalated(desk)), "lee" in told(desk)) == (1, False)
    desk.wait(1)
    assert (len(escalated(desk)), told(desk)["lee"]) == (2, ["trigger"])


def test_a_silence_holds_the_steps_and_its_end_lets_them_go_on_one_by_one(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    now_ns = desk.clock.time_ns()
    desk.manager.silence(Matchers(terms=(("service", "a"),)), now_ns, now_ns + 3600 * 10**9, "work", "kim")
    desk.wait(3599)
    assert told(desk) == {"kim": ["trigger"]}
    desk.wait(1)
    assert told(desk) == {"kim": ["trigger"], "lee": ["trigger"]}


def test_what_gets_worse_than_acknowledged_escalates_anew(desk: Desk) -> None:
    desk.fire("r1", "a", quiet_after_ns=FOR_LONG)
    desk.manager.acknowledge(DEFAULT_TENANT, desk.store.incidents()[0].id, "kim")
    desk.fire("r2", "a", quiet_after_ns=FOR_LONG)
    assert told(desk) == {"kim": ["trigger", "acknowledge"]}
    desk.fire("r3", "a", severity="P1", quiet_after_ns=FOR_LONG)
    assert told(desk) == {"kim": ["trigger", "acknowledge", "update"]}
    desk.wait(300)
    assert told(desk)["lee"] == ["trigger"]


def test_the_end_of_an_incident_ends_its_escalation_and_tells_whom_it_reached(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    desk.wait(300)
    desk.manager.resolve(DEFAULT_TENANT, desk.store.incidents()[0].id, "lee")
    desk.wait(3600)
    assert told(desk) == {"kim": ["trigger", "resolve"], "lee": ["trigger", "resolve"]}


def test_a_step_that_reaches_nobody_makes_nobody_wait(tmp_path: Path) -> None:
    later = {"name": "first", "layer": [{"name": "all", "users": ["kim"], "start": "2099-01-01"}]}
    desk = Desk(tmp_path, ROUTING | {"schedule": [later, ROUTING["schedule"][1]]})
    desk.fire("r", "a")
    assert escalated(desk) == [
        "platform, step 1 of 3: nobody (on call, first)", "platform, step 2 of 3: lee (on call, second)",
    ]  # fmt: skip
    assert told(desk) == {"lee": ["trigger"]}
    desk.store.close()


def test_channels_of_the_route_and_of_the_step_are_told_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ROUTING | {"route": {"channels": ["kim"], "escalations": ["platform"]}})
    desk.fire("r", "a")
    assert told(desk) == {"kim": ["trigger"]}
    desk.store.close()


def test_a_policy_that_is_gone_ends_and_says_so(desk: Desk) -> None:
    desk.fire("r", "a", quiet_after_ns=FOR_LONG)
    desk._routing = routing_of({name: each for name, each in ROUTING.items() if name not in ("escalation", "route")})
    desk.restart()
    desk.wait(300)
    assert escalated(desk)[1:] == ["platform is no longer in alerting.file; it ends"]
    assert desk.store.incidents()[0].escalations[0].ended == "unknown"


def test_an_override_needs_a_schedule_a_person_and_a_while(desk: Desk) -> None:
    on_call = desk.manager.on_call
    with pytest.raises(NotFound, match="no schedule x; schedules are first, second"):
        on_call.override("x", "kim", 0, 1, "", "")
    with pytest.raises(NotFound, match="no user joe; users are boss, kim, lee"):
        on_call.override("first", "joe", 0, 1, "", "")
    with pytest.raises(InvalidInput, match="must end after it begins"):
        on_call.override("first", "kim", 1, 1, "", "")
    made = on_call.override("first", "boss", 0, 1, "", "")
    on_call.end_override(made.id)
    with pytest.raises(NotFound):
        on_call.end_override(made.id)


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"step": []}, r"escalation e: needs one to 20 tables \[\[escalation.step\]\]"),
        ({"step": [{"after": "5m"}]}, "step 1: needs schedules, users or channels"),
        ({"step": [{"schedules": ["third"]}]}, "step 1: there is no schedule third; schedules are first, second"),
        ({"step": [{"users": ["joe"]}]}, "step 1: there is no user joe"),
        ({"step": [{"users": ["kim"], "after": "soon"}]}, "after must be a duration such as 15m, not soon"),
        ({"step": [{"users": ["kim"], "after": "5m"}, {"users": ["lee"], "after": "5m"}]}, "must be more than 5m"),
        ({"step": [{"users": ["kim"]}], "repeat": -1}, "repeat must be a number of rounds, 0 to 100"),
        ({"step": [{"users": ["kim"]}], "repeat_after": "0s"}, "repeat_after must be 1s or longer"),
        ({"step": [{"users": ["kim"]}], "colour": "red"}, "unknown key colour"),
    ],
)
def test_a_wrong_policy_is_told_at_the_start(policy: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        routing_of(ROUTING | {"escalation": [{"name": "e"} | policy], "route": {}})


def test_a_route_names_policies_there_are() -> None:
    with pytest.raises(Misconfigured, match="route: there is no escalation nightly; escalations are platform"):
        routing_of(ROUTING | {"route": {"escalations": ["nightly"]}})
