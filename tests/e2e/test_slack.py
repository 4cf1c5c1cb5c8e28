"""A Slack bot on a real node: a log line is posted, a signed press of a button acknowledges, and kill -9 in between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from node_process import NodeProcess

from heimdall.api.slack import signature
from recorder import Recorder, Request, recording

ALERTING = """
[[channel]]
name = "team"
kind = "slack-bot"
token = "env:SLACK_TOKEN"
channel = "#ops"
signing_secret = "env:SLACK_SECRET"
url = "{url}/api"
allow_private = true

[route]
channels = ["team"]
"""
RULE = {"id": "declines", "name": "Many declined cards", "kind": "threshold", "severity": "P1",
        "condition": '"card declined"', "group_by": ["service"]}  # fmt: skip


@pytest.fixture(scope="module")
def slack() -> Iterator[Recorder]:
    def answer(request: Request) -> tuple[int, bytes]:
        return 200, orjson.dumps({"ok": True, "channel": "C042", "ts": f"1700000000.{len(server.got):06}"})

    with recording() as server:
        server.answer = answer
        yield server


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, slack: Recorder) -> Iterator[NodeProcess]:
    path = tmp_path_factory.mktemp("slack")
    (path / "alerting.toml").write_text(ALERTING.format(url=slack.url))
    settings = {
        "HEIMDALL_ALERTING__FILE": str(path / "alerting.toml"), "SLACK_TOKEN": "xoxb-1", "SLACK_SECRET": "signing",
    }  # fmt: skip
    with NodeProcess(path / "data", environment=settings) as own:
        httpx.post(f"{own.url}/api/v1/rules", json=RULE).raise_for_status()
        yield own


def calls(slack: Recorder, number: int) -> list[tuple[str, dict[str, Any]]]:
    """The first so many, once they have come."""
    _until(lambda: len(slack.got) >= number)
    return [(request.path, request.json) for request in slack.got]


def _until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def press(node: NodeProcess, action: str, incident: str, secret: str = "signing") -> httpx.Response:  # noqa: S107
    payload = {
        "type": "block_actions", "user": {"id": "U1", "username": "kim"},
        "actions": [{"type": "button", "action_id": action, "value": incident}],
    }  # fmt: skip
    body, sent = urlencode({"payload": json.dumps(payload)}).encode(), str(int(time.time()))
    head = {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": signature(secret, body, sent)}
    return httpx.post(f"{node.url}/api/v1/slack/interactions", content=body, headers=head)


def test_an_incident_lives_in_one_thread_from_the_log_line_to_its_end(node: NodeProcess, slack: Recorder) -> None:
    node.send(json.dumps({"timestamp": time.time(), "service": "payment", "message": "card declined"}).encode())
    ((path, posted),) = calls(slack, 1)
    assert (path, posted["channel"]) == ("/api/chat.postMessage", "#ops")
    assert slack.got[0].headers["authorization"] == "Bearer xoxb-1"
    buttons = next(block["elements"] for block in posted["blocks"] if block["type"] == "actions")
    incident = buttons[0]["value"]
    _until(lambda: _notifications(node, incident) == ["sent"])
    node.kill()
    node.start()

    assert press(node, buttons[0]["action_id"], incident, secret="other").status_code == 401
    assert press(node, buttons[0]["action_id"], incident).status_code == 200
    update, reply = calls(slack, 3)[1:3]
    assert (update[0], update[1]["channel"], update[1]["ts"]) == ("/api/chat.update", "C042", "1700000000.000001")
    assert "Acknowledged by kim (Slack)" in str(update[1]["blocks"])
    assert (reply[0], reply[1]["thread_ts"]) == ("/api/chat.postMessage", "1700000000.000001")
    assert httpx.get(f"{node.url}/api/v1/incidents/{incident}").json()["acknowledged_by"] == "kim (Slack)"

    assert press(node, buttons[1]["action_id"], incident).status_code == 200
    assert calls(slack, 4)[3][1]["text"] == "Silenced for 2h by kim (Slack): service payment"
    (silence,) = httpx.get(f"{node.url}/api/v1/silences").json()["data"]
    assert silence["matchers"] == {"service": "payment"}

    httpx.post(f"{node.url}/api/v1/incidents/{incident}", json={"action": "resolve"}).raise_for_status()
    assert ":white_check_mark: Over" in str(calls(slack, 6)[4][1]["blocks"])


def _notifications(node: NodeProcess, incident: str) -> list[str]:
    found = httpx.get(f"{node.url}/api/v1/incidents/{incident}").json()
    return [each["state"] for each in found["notifications"]]
