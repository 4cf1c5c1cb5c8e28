"""Microsoft Teams by a workflow's webhook: an Adaptive Card a message.

Source: Microsoft's reference of Adaptive Cards 1.4 and of "Send webhook alerts" workflows.
"""

from __future__ import annotations

import orjson

from heimdall.alerting.notification import Notification
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.wording import headline, summary

_COLOURS = {"P1": "attention", "P2": "warning", "P3": "accent"}


class Teams:
    """Satisfies `Notifier`."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def send(self, notification: Notification) -> None:
        self._outbound.post(orjson.dumps(message(notification)), {})

    def close(self) -> None:
        self._outbound.close()


def message(notification: Notification) -> dict[str, object]:
    title: dict[str, object] = {
        "type": "TextBlock", "text": _plain(headline(notification)), "wrap": True, "weight": "bolder",
        "color": _COLOURS.get(notification.severity, "default"),
    }  # fmt: skip
    lines = [{"type": "TextBlock", "text": _plain(line), "wrap": True} for line in summary(notification)]
    about = {"type": "TextBlock", "text": f"incident {notification.incident}", "isSubtle": True, "size": "small"}
    card: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *lines, about],
    }
    if notification.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open incident", "url": notification.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str) -> str:
    """Log text is no Markdown: brackets make links, stars and underscores emphasis."""
    return "".join(f"\\{char}" if char in "\\[]()*_`#<>" else char for char in text)
