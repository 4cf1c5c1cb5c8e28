"""On call and escalation on a real node: by the clock, over HTTP and the command line, and over kill -9."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from node_process import NodeProcess

from recorder import Recorder, recording

RULES = """
[[rule]]
id = "declines"
name = "Many declined cards"
severity = "P2"
kind = "threshold"
condition = '"card declined"'
group_by = ["service"]
threshold = 5
window = "10m"
"""

ALERTING = """
[[user]]
name = "kim"
channels = ["kim"]
[[user]]
name = "lee"
channels = ["lee"]
[[user]]
name = "boss"
channels = ["boss"]

[[schedule]]
name = "platform"
timezone = "Europe/Berlin"
[[schedule.layer]]
name = "weeks"
users = ["kim"]
start = 2024-01-01

[[escalation]]
name = "platform"
repeat = 1
repeat_after = "2s"
[[escalation.step]]
schedules = ["platform"]
[[escalation.step]]
after = "2s"
users = ["lee"]
[[escalation.step]]
after = "4s"
users = ["boss"]

[route]
escalations = ["platform"]
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Recorder]:
    with recording() as server:
        yield server


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, receiver: Recorder) -> Iterator[NodeProcess]:
    path = tmp_path_factory.mktemp("escalation")
    (path / "rules.toml").write_text(RULES)
    channels = "".join(
        f'[[channel]]\nname = "{name}"\nkind = "webhook"\nurl = "{receiver.url}/{name}"\nallow_private = true\n'
        for name in ("kim", "lee", "boss")
    )
    (path / "alerting.toml").write_text(channels + ALERTING)
    settings = {
        "HEIMDALL_ALERTING__FILE": str(path / "alerting.toml"),
        "HEIMDALL_ALERTING__RULES": str(path / "rules.toml"),
        "HEIMDALL_ALERTING__GROUP_WINDOW_S": "0.001",  # a test's alert is an incident of its own
    }
    with NodeProcess(path / "data", environment=settings) as own:
        yield own


def decline(node: NodeProcess, service: str) -> None:
    record = {"service": service, "message": "card declined by bank", "timestamp": time.time()}
    node.send(b"".join(json.dumps(record).encode() + b"\n" for _ in range(5)))


def until(found: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (answer := found()):
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.02)
    return answer


def told(receiver: Recorder, service: str) -> list[tuple[str, str]]:
    """Channel and event of what arrived, each key once: a crash may send the same again."""
    first = {
        request.headers["idempotency-key"] + request.path: (request.path[1:], request.json["event"])
        for request in reversed(receiver.got)
        if request.json["services"] == [service]
    }
    return list(reversed(first.values()))


def escalations(node: NodeProcess, service: str) -> tuple[dict[str, Any], list[str]]:
    (alert,) = httpx.get(f"{node.url}/api/v1/alerts?service={service}").json()["data"]
    incident = httpx.get(f"{node.url}/api/v1/incidents/{alert['incident']}").json()
    return incident, [entry["text"] for entry in incident["timeline"] if entry["kind"] == "escalated"]


STEPS = [("kim", "trigger"), ("lee", "trigger"), ("boss", "trigger")]
AGAIN = [(name, "escalate") for name, _ in STEPS]


def test_a_node_killed_between_steps_takes_each_of_them_once(node: NodeProcess, receiver: Recorder) -> None:
    decline(node, "bank")
    for number in (1, 2, 4):
        until(lambda n=number: len(told(receiver, "bank")) >= n, f"step {number}")
        node.kill()
        node.start()
    time.sleep(5)  # longer than a round's pause: nothing more may come
    assert told(receiver, "bank") == STEPS + AGAIN
    incident, steps = escalations(node, "bank")
    assert [step.partition(":")[0] for step in steps] == [
        f"platform, step {number} of 3{again}" for again in ("", ", round 2") for number in (1, 2, 3)
    ]
    (escalation,) = incident["escalations"]
    assert (escalation["ended"], escalation["due"]) == ("exhausted", None)


def test_a_step_whose_receiver_is_down_while_the_node_is_killed_arrives_once_it_is_up(
    node: NodeProcess, receiver: Recorder
) -> None:
    receiver.answer = lambda request: (503 if request.path == "/lee" else 200, b"")
    decline(node, "shop")
    until(lambda: [r for r in receiver.of("/lee") if r.json["services"] == ["shop"]], "try")
    node.kill()
    receiver.answer = lambda request: (200, b"")
    node.start()
    until(lambda: len(told(receiver, "shop")) >= 6, "all steps")
    time.sleep(3)
    assert sorted(told(receiver, "shop")) == sorted(STEPS + AGAIN)
    keys = [r.headers["idempotency-key"] for r in receiver.of("/lee") if r.json["services"] == ["shop"]]
    assert len(set(keys)) == 2, "tried again under the same key"


def test_an_acknowledgement_stops_it_for_good(node: NodeProcess, receiver: Recorder) -> None:
    decline(node, "cart")
    until(lambda: ("lee", "trigger") in told(receiver, "cart"), "second step")
    incident, _ = escalations(node, "cart")
    assert (incident["escalations"][0]["step"], incident["escalations"][0]["steps"]) == (2, 3)
    httpx.post(f"{node.url}/api/v1/incidents/{incident['id']}", json={"action": "acknowledge"}).raise_for_status()
    node.kill()
    node.start()
    time.sleep(4)
    assert sorted(told(receiver, "cart")) == [
        ("kim", "acknowledge"), ("kim", "trigger"), ("lee", "acknowledge"), ("lee", "trigger"),
    ]  # fmt: skip
    assert escalations(node, "cart")[0]["escalations"][0]["ended"] == "acknowledged"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_node_killed_at_any_moment_takes_every_step_of_every_incident_once(
    node: NodeProcess, receiver: Recorder
) -> None:
    services = [f"load-{number}" for number in range(10)]
    chance = random.Random(7)
    for service in services:
        decline(node, service)
        until(lambda of=service: told(receiver, of), f"first step of {service}")  # one at a time: each its own incident
    for _ in range(8):
        time.sleep(chance.uniform(0, 10))  # in its start or later
        node.kill()
        node.start(wait=False)
    for service in services:
        until(lambda of=service: len(told(receiver, of)) >= 6, f"all steps of {service}")
    time.sleep(4)
    for service in services:
        assert sorted(told(receiver, service)) == sorted(STEPS + AGAIN), service
        assert len(escalations(node, service)[1]) == 6


def heimdall(node: NodeProcess, *words: str) -> str:
    command = [sys.executable, "-m", "heimdall", "alerts", *words, "--url", node.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603
    return done.stdout + done.stderr


def test_people_swap_and_are_told_in_each_others_place(node: NodeProcess, receiver: Recorder) -> None:
    (row,) = httpx.get(f"{node.url}/api/v1/oncall").json()["data"]
    assert (row["schedule"], row["user"], row["source"], row["channels"]) == ("platform", "kim", "weeks", ["kim"])
    assert (row["until"], row["next"]) == (None, None)
    assert "there is no user joe; users are boss, kim, lee" in heimdall(node, "override", "platform", "joe")
    made = heimdall(node, "override", "platform", "boss", "--for", "1h", "--comment", "swap", "--author", "kim")
    assert "boss is on call from" in made
    shown = heimdall(node, "oncall")
    assert ("boss" in shown, "override" in shown, "kim" in shown) == (True, True, True)
    turns = heimdall(node, "oncall", "--turns", "--for", "2d")
    assert ("override" in turns, "weeks" in turns) == (True, True)
    node.kill()
    node.start()
    decline(node, "loans")
    until(lambda: told(receiver, "loans"), "first step")
    assert told(receiver, "loans")[0] == ("boss", "trigger")
    (override,) = httpx.get(f"{node.url}/api/v1/oncall/overrides").json()["data"]
    assert (override["user"], override["comment"], override["author"]) == ("boss", "swap", "kim")
    assert httpx.delete(f"{node.url}/api/v1/oncall/overrides/{override['id']}").status_code == 204
    assert httpx.get(f"{node.url}/api/v1/oncall").json()["data"][0]["user"] == "kim"
    wrong = httpx.get(f"{node.url}/api/v1/oncall?for=1y")
    assert (wrong.status_code, "14d" in wrong.json()["error"]["message"]) == (400, True)
    assert httpx.get(f"{node.url}/api/v1/oncall?schedule=x").status_code == 404


def test_a_wrong_file_is_told_before_the_node_starts(tmp_path: Path) -> None:
    file = tmp_path / "alerting.toml"
    file.write_text('[[schedule]]\nname = "platform"\ntimezone = "Europe/Berlim"\n')
    node = NodeProcess(tmp_path / "data", environment={"HEIMDALL_ALERTING__FILE": str(file)})
    with pytest.raises(AssertionError, match="schedule platform: there is no time zone Europe/Berlim here"):
        node.start()
