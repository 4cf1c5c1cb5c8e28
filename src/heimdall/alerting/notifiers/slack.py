"""Slack by incoming webhook: one message an event, in Block Kit, with plain text for notifications.

An incoming webhook cannot edit or thread what it has posted, and has no idempotency key: after a crash in the instant
between Slack's answer and the outbox's note the message comes twice, recognisable by its incident.
Source: Slack's reference of Block Kit and incoming webhooks.
"""

from __future__ import annotations

import orjson

from heimdall.alerting.notification import Notification
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.wording import headline, summary

LONGEST_TEXT = 2_900
"""Characters of a section; Slack refuses 3,000."""


class Slack:
    """Satisfies `Notifier`."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def send(self, notification: Notification) -> None:
        self._outbound.post(orjson.dumps(message(notification)), {})

    def close(self) -> None:
        self._outbound.close()


def message(notification: Notification) -> dict[str, object]:
    title = headline(notification)
    sections = [section(f"*{escaped(title)}*")]
    lines = "\n".join(f"• {escaped(line)}" for line in summary(notification))
    if lines:
        sections.append(section(lines))
    if notification.url:
        sections.append(section(f"<{notification.url}|Open incident>"))
    about = f"incident {notification.incident} · {notification.key}"
    sections.append({"type": "context", "elements": [{"type": "plain_text", "text": about}]})
    return {"text": escaped(title), "blocks": sections}


def section(text: str) -> dict[str, object]:
    """A block of `mrkdwn`, cut to what Slack takes."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_TEXT]}}


def escaped(text: str) -> str:
    """Log text cannot mention people or make links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
