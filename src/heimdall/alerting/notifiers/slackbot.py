"""Slack by a bot: one message an incident that shows how it stands now, and its news as a thread below.

The first event posts the message; each further one rewrites it (`chat.update`) and adds to its thread. Where the
message stands is remembered beside the outbox, so a restart goes on in the same thread. `chat.postMessage` has no
idempotency key: after a crash in the instant between Slack's answer and the outbox's note, that one post comes twice.
Source: Slack's reference of chat.postMessage, chat.update and Block Kit's buttons.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from heimdall.alerting.notification import Event, Notification
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.slack import LONGEST_TEXT, escaped, section
from heimdall.alerting.notifiers.wording import headline, summary, title
from heimdall.errors import HeimdallError, Refused, Unavailable

_log = logging.getLogger(__name__)

URL = "https://slack.com/api"
ACKNOWLEDGE, SILENCE = "heimdall_acknowledge", "heimdall_silence"
"""`action_id` of the buttons; their value is the incident's id."""
SILENCE_FOR = "2h"

_MAY_WORK_LATER = frozenset(
    {
        "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
        "team_added_to_org",
        # what somebody can mend in Slack while the outbox waits
        "invalid_auth", "not_authed", "account_inactive", "token_expired", "token_revoked", "missing_scope",
        "no_permission", "access_denied", "restricted_action", "not_in_channel", "channel_not_found", "is_archived",
    }
)  # fmt: skip
_CANNOT_REWRITE = frozenset({"cant_update_message", "edit_window_closed"})
_GONE = frozenset({"message_not_found", "thread_not_found"})


class Threads(Protocol):
    """Remembers what a channel needs to go on with an incident."""

    def thread(self, channel: str, incident: str) -> bytes:
        """Empty = nothing yet."""

    def keep_thread(self, channel: str, incident: str, value: bytes) -> None:
        """Durable on return."""


class _SlackError(Refused):
    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error


class SlackBot:
    """Satisfies `Notifier`. `reply` may be called from any thread."""

    def __init__(
        self,
        name: str,
        post: Outbound,
        update: Outbound,
        *,
        token: str,
        channel: str,
        signing_secret: str,
        threads: Threads,
    ) -> None:
        """`post`, `update`: addresses of the two methods. `signing_secret`: empty = no buttons."""
        self.name = name
        self.signing_secret = signing_secret
        self._post = post
        self._update = update
        self._token = token
        self._channel = channel
        self._threads = threads

    def send(self, notification: Notification) -> None:
        kept = self._threads.thread(self.name, notification.incident)
        if not kept:
            self._begin(notification, summary(notification))
            return
        root: dict[str, Any] = orjson.loads(kept)
        lines = summary(notification) if notification.shown else root["lines"]
        body = {"channel": root["channel"], "ts": root["ts"]} | message(notification, lines, bool(self.signing_secret))
        try:
            self._call(self._update, "chat.update", body)
        except _SlackError as exc:
            if exc.error in _GONE:  # somebody deleted it
                self._begin(notification, lines)
                return
            if exc.error not in _CANNOT_REWRITE:
                raise
        else:
            self._keep(notification.incident, root["channel"], root["ts"], lines)
        text = "\n".join(
            [f"*{escaped(headline(notification))}*", *(f"• {escaped(each)}" for each in summary(notification))]
        )
        self._call(self._post, "chat.postMessage", _in_thread(root, text))

    def reply(self, incident: str, text: str) -> None:
        """Add a line to the incident's thread; one that cannot be sent is only logged."""
        kept = self._threads.thread(self.name, incident)
        if not kept:
            return
        try:
            self._call(self._post, "chat.postMessage", _in_thread(orjson.loads(kept), escaped(text)))
        except HeimdallError as exc:
            _log.warning("channel %s: an answer in Slack could not be sent: %s", self.name, exc)

    def close(self) -> None:
        self._post.close()
        self._update.close()

    def _begin(self, notification: Notification, lines: list[str]) -> None:
        body = {"channel": self._channel} | message(notification, lines, bool(self.signing_secret))
        answer = self._call(self._post, "chat.postMessage", body)
        self._keep(notification.incident, str(answer["channel"]), str(answer["ts"]), lines)

    def _keep(self, incident: str, channel: str, ts: str, lines: list[str]) -> None:
        value = orjson.dumps({"channel": channel, "ts": ts, "lines": lines})
        self._threads.keep_thread(self.name, incident, value)

    def _call(self, method: Outbound, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json; charset=utf-8"}
        content = method.post(orjson.dumps(body), headers)
        try:
            answer = orjson.loads(content)
            error = None if answer["ok"] is True else str(answer.get("error", "no reason"))
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise Unavailable(f"channel {self.name}: {name} answered something that is not Slack's") from exc
        if error is None:
            return dict(answer)
        reason = f"channel {self.name}: {name} answered {error[:100]}"
        if error in _MAY_WORK_LATER:
            raise Unavailable(reason)
        raise _SlackError(reason, error)


def message(notification: Notification, lines: list[str], buttons: bool) -> dict[str, Any]:
    """The incident as it stands: what it is, its state, its alerts, and what can be done about it."""
    what = escaped(title(notification))
    blocks: list[dict[str, Any]] = [section(f"*{what}*"), section(_state(notification))]
    if lines:
        blocks.append(section("\n".join(f"• {escaped(line)}" for line in lines)))
    if notification.url:
        blocks.append(section(f"<{notification.url}|Open incident>"))
    if buttons and notification.event is not Event.RESOLVE:
        blocks.append({"type": "actions", "elements": _buttons(notification)})
    about = {"type": "plain_text", "text": f"incident {notification.incident}"}
    blocks.append({"type": "context", "elements": [about]})
    return {"text": what[:LONGEST_TEXT], "blocks": blocks}


def _state(notification: Notification) -> str:
    match notification.event:
        case Event.RESOLVE:
            return ":white_check_mark: Over"
        case Event.ACKNOWLEDGE:
            return f":eyes: Acknowledged by {escaped(notification.acknowledged_by or 'somebody')}"
        case _:
            return ":rotating_light: Nobody has acknowledged it yet"


def _buttons(notification: Notification) -> list[dict[str, Any]]:
    found = [_button("Acknowledge", ACKNOWLEDGE, notification) | {"style": "primary"}]
    if notification.event is Event.ACKNOWLEDGE:
        found = []
    return [*found, _button(f"Silence for {SILENCE_FOR}", SILENCE, notification)]


def _button(text: str, action: str, notification: Notification) -> dict[str, Any]:
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "text": label, "action_id": action, "value": notification.incident}


def _in_thread(root: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"channel": root["channel"], "thread_ts": root["ts"], "text": text[:LONGEST_TEXT]}
