"""The bot on a recorder of Slack's Web API: a message an incident, its news in a thread, buttons that are proved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from fastapi import FastAPI

from heimdall.alerting.alert import Matchers
from heimdall.alerting.notification import Event
from heimdall.alerting.notifiers.opening import open_notifier
from heimdall.alerting.notifiers.slackbot import SlackBot
from heimdall.alerting.routing import ChannelConfig
from heimdall.api.errors import error_response
from heimdall.api.slack import signature, slack_routes
from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError, Misconfigured, Refused, Unavailable
from recorder import Recorder, Request, recording
from unit.alerting.signals import Desk, Remembering
from unit.alerting.test_channels import NASTY, told


class Slack:
    """Answers as Slack does: a message gets a time stamp, which is its name."""

    def __init__(self, server: Recorder) -> None:
        self.server = server
        self.errors: list[str] = []
        """By which the next calls are refused."""
        self.posted = 0
        server.answer = self._answer

    def _answer(self, request: Request) -> tuple[int, bytes]:
        if self.errors and (error := self.errors.pop(0)):
            return 200, orjson.dumps({"ok": False, "error": error})
        self.posted += request.path.endswith("chat.postMessage")
        return 200, orjson.dumps({"ok": True, "channel": "C042", "ts": f"1700000000.{self.posted:06}"})

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        return [(request.path.rpartition("/")[2], request.json) for request in self.server.got]


@pytest.fixture
def slack() -> Iterator[Slack]:
    with recording() as server:
        yield Slack(server)


def bot(slack: Slack, memory: Remembering, **settings: str) -> SlackBot:
    given = {"token": "xoxb-1", "channel": "#ops", "signing_secret": "s", "url": f"{slack.server.url}/api"} | settings
    made = open_notifier(ChannelConfig("team", "slack-bot", given | {"allow_private": True}), ManualClock(), {}, memory)
    assert isinstance(made, SlackBot)
    return made


def buttons(body: dict[str, Any]) -> list[str]:
    return [
        each["text"]["text"] for block in body["blocks"] if block["type"] == "actions" for each in block["elements"]
    ]


def test_an_incident_is_one_message_that_shows_its_state_and_a_thread_of_its_news(slack: Slack) -> None:
    made = bot(slack, Remembering())
    made.send(told())
    made.send(told(Event.UPDATE, key="i1-2", title="Worse"))
    made.send(told(Event.ACKNOWLEDGE, key="i1-3", shown=[], acknowledged_by="kim"))
    made.send(told(Event.RESOLVE, key="i1-4", shown=[]))
    made.close()
    calls = slack.calls
    assert [method for method, _ in calls] == ["chat.postMessage", *["chat.update", "chat.postMessage"] * 3]
    first = calls[0][1]
    assert (first["channel"], "thread_ts" in first) == ("#ops", False)
    for method, body in calls[1:]:
        place = body["ts"] if method == "chat.update" else body["thread_ts"]
        assert (body["channel"], place) == ("C042", "1700000000.000001")
    states = [str(body["blocks"][1]["text"]["text"]) for _, body in [calls[0], *calls[1::2]]]
    assert states == [
        ":rotating_light: Nobody has acknowledged it yet", ":rotating_light: Nobody has acknowledged it yet",
        ":eyes: Acknowledged by kim", ":white_check_mark: Over",
    ]  # fmt: skip
    assert [buttons(body) for _, body in [calls[0], *calls[1::2]]] == [
        ["Acknowledge", "Silence for 2h"], ["Acknowledge", "Silence for 2h"], ["Silence for 2h"], [],
    ]  # fmt: skip
    assert "and 24 more alerts" in str(calls[-2][1]), "the message keeps its alerts when there is no news of them"
    assert [body["text"].partition("\n")[0] for _, body in calls[2::2]] == [
        "*News: P1 pay, cart: Worse*", "*Acknowledged: P1 pay, cart: Many declined cards*",
        "*Over: P1 pay, cart: Many declined cards*",
    ]  # fmt: skip
    head = slack.server.got[0].headers
    assert (head["authorization"], head["content-type"]) == ("Bearer xoxb-1", "application/json; charset=utf-8")


def test_log_text_mentions_nobody(slack: Slack) -> None:
    made = bot(slack, Remembering())
    made.send(told(title=NASTY))
    made.send(told(Event.UPDATE))
    made.close()
    assert "<!channel>" not in str(slack.calls)
    assert "&lt;!channel&gt;" in str(slack.calls)


def test_a_restart_goes_on_in_the_same_thread(slack: Slack) -> None:
    memory = Remembering()
    for kind in (Event.TRIGGER, Event.RESOLVE):
        made = bot(slack, memory)
        made.send(told(kind))
        made.close()
    assert [method for method, _ in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]


def test_a_message_that_was_deleted_is_posted_anew_and_one_too_old_keeps_its_thread(slack: Slack) -> None:
    made = bot(slack, Remembering())
    made.send(told())
    slack.errors = ["message_not_found"]
    made.send(told(Event.UPDATE))
    slack.errors = ["edit_window_closed"]
    made.send(told(Event.UPDATE))
    made.close()
    bodies = [body for _, body in slack.calls]
    assert [body.get("thread_ts") for body in bodies] == [None, None, None, None, "1700000000.000002"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, b'{"ok":false,"error":"ratelimited"}'), Unavailable),
        ((200, b'{"ok":false,"error":"not_in_channel"}'), Unavailable),
        ((200, b'{"ok":false,"error":"invalid_blocks"}'), Refused),
        ((429, b""), Unavailable),
        ((200, b"<html>"), Unavailable),
        ((200, b'"ok"'), Unavailable),
    ],
)
def test_slack_says_whether_to_try_again(slack: Slack, answer: tuple[int, bytes], error: type[Exception]) -> None:
    made = bot(slack, memory := Remembering())
    slack.server.answer = lambda request: answer
    with pytest.raises(error, match="channel team"):
        made.send(told())
    made.close()
    assert memory.kept == {}


def test_without_a_signing_secret_there_are_no_buttons(slack: Slack) -> None:
    made = bot(slack, Remembering(), signing_secret="")
    made.send(told())
    made.close()
    assert buttons(slack.calls[0][1]) == []


def test_a_bot_needs_a_token_and_a_channel() -> None:
    with pytest.raises(Misconfigured, match="channel team: needs channel"):
        open_notifier(ChannelConfig("team", "slack-bot", {"token": "x"}), ManualClock(), {}, Remembering())


# ---- buttons ------------------------------------------------------------------------------------------------------


def test_the_signature_is_the_one_of_slacks_example() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    made = signature("8f742231b10e8888abcd99yyyzzz85a5", body, "1531420618")
    assert made == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


class Node:
    """A desk whose channel is the bot, and the route that Slack calls."""

    def __init__(self, desk: Desk, made: SlackBot) -> None:
        self.desk = desk
        app = FastAPI()
        app.include_router(slack_routes([made], desk.manager, desk.clock))
        app.add_exception_handler(HeimdallError, lambda request, exc: error_response(exc, ""))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://h")
        self.made = made

    def deliver(self) -> None:
        for notification in self.desk.told("ops")[len(self.sent) :]:
            self.made.send(notification)
            self.sent.append(notification.key)

    sent: list[str]

    async def press(self, action: str, incident: str, **changes: Any) -> httpx.Response:
        payload = {
            "type": "block_actions", "user": {"id": "U1", "username": "kim"},
            "actions": [{"type": "button", "action_id": action, "value": incident}],
        }  # fmt: skip
        body = urlencode({"payload": orjson.dumps(payload).decode()}).encode()
        sent = str(self.desk.clock.time_ns() // 10**9 + changes.get("late_s", 0))
        given = changes.get("signature") or signature(changes.get("secret", "s"), body, sent)
        head = {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": given}
        return await self.http.post(
            "/api/v1/slack/interactions", content=body + changes.get("added", b""), headers=head
        )


@pytest.fixture
def node(slack: Slack, tmp_path: Any) -> Iterator[Node]:
    desk = Desk(tmp_path)
    made = bot(slack, desk.store)  # type: ignore[arg-type]
    own = Node(desk, made)
    own.sent = []
    desk.fire("r", "a", quiet_after_ns=10**18)
    own.deliver()
    yield own
    made.close()
    desk.store.close()


async def test_acknowledge_in_slack_acknowledges_here(node: Node, slack: Slack) -> None:
    (incident,) = node.desk.store.incidents()
    assert (await node.press("heimdall_acknowledge", incident.id)).status_code == 200
    (incident,) = node.desk.store.incidents()
    assert (incident.state.value, incident.acknowledged_by) == ("acknowledged", "kim (Slack)")
    node.deliver()
    assert "Acknowledged by kim (Slack)" in str(slack.calls[-2])


async def test_silence_in_slack_silences_the_services_and_says_so_in_the_thread(node: Node, slack: Slack) -> None:
    (incident,) = node.desk.store.incidents()
    assert (await node.press("heimdall_silence", incident.id)).status_code == 200
    (silence,) = node.desk.manager.silences()
    assert silence.matchers == Matchers(terms=(("service", "a"),))
    assert (silence.end_ns - silence.start_ns) / 1e9 == 7200
    method, body = slack.calls[-1]
    assert (method, body["text"]) == ("chat.postMessage", "Silenced for 2h by kim (Slack): service a")
    assert node.desk.store.timeline(incident.id)[-1]["kind"] == "silenced"


async def test_an_incident_that_is_over_is_said_to_be_in_the_thread(node: Node, slack: Slack) -> None:
    (incident,) = node.desk.store.incidents()
    node.desk.manager.resolve(incident.tenant, incident.id, "lee")
    assert (await node.press("heimdall_acknowledge", incident.id)).status_code == 200
    assert slack.calls[-1][1]["text"] == f"Not done: incident {incident.id} is over"


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "other"}, {"signature": "v0=00"}, {"added": b"&x=1"}, {"late_s": -301},
        {"late_s": 301},
    ],
)  # fmt: skip
async def test_what_slack_did_not_sign_now_changes_nothing(node: Node, changes: dict[str, Any]) -> None:
    (incident,) = node.desk.store.incidents()
    answer = await node.press("heimdall_acknowledge", incident.id, **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert node.desk.store.incidents()[0].state.value == "firing"


async def test_what_is_signed_but_no_press_of_a_button_is_refused(node: Node) -> None:
    sent = str(node.desk.clock.time_ns() // 10**9)
    for body in (b"", b"payload=1", b"payload=%7B%7D", b"\xff"):
        head = {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": signature("s", body, sent)}
        answer = await node.http.post("/api/v1/slack/interactions", content=body, headers=head)
        assert answer.status_code == 400, body


async def test_without_a_bot_there_is_nothing_to_press(desk_alone: Desk) -> None:
    app = FastAPI()
    app.include_router(slack_routes([], desk_alone.manager, desk_alone.clock))
    app.add_exception_handler(HeimdallError, lambda request, exc: error_response(exc, ""))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://h") as http:
        assert (await http.post("/api/v1/slack/interactions", content=b"")).status_code == 404


@pytest.fixture
def desk_alone(tmp_path: Any) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()
