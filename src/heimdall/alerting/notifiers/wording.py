"""An incident in words, the same in every channel that is read by people."""

from __future__ import annotations

from heimdall.alerting.notification import Event, Notification

_VERBS = {
    Event.UPDATE: "News: ",
    Event.ESCALATE: "Escalated: ",
    Event.APPROVE: "Approval needed: ",
    Event.ACKNOWLEDGE: "Acknowledged: ",
    Event.RESOLVE: "Over: ",
}
MOST_LINES = 10


def headline(notification: Notification) -> str:
    """Its title, with what happened in front."""
    return f"{_VERBS.get(notification.event, '')}{title(notification)}"


def title(notification: Notification) -> str:
    """`P1 payment: Many declined cards…`."""
    services = ", ".join(notification.services[:3]) + (" and more" if len(notification.services) > 3 else "")
    about = f" {services}:" if services else ""
    return f"{notification.severity}{about} {notification.title}"


def summary(notification: Notification) -> list[str]:
    """A line an alert, and how many more there are."""
    lines = [alert.statement for alert in notification.shown[:MOST_LINES]]
    more = notification.alerts - len(lines)
    if lines and more > 0:
        lines.append(f"and {more:,} more alerts")
    if notification.owners:
        lines.append(
            f"Owner: {', '.join(notification.owners[:3])}{' and more' if len(notification.owners) > 3 else ''}"
        )
    if notification.flapping:
        lines.append("It comes and goes: it is told again only after it has been quiet for long.")
    if notification.escalation:
        lines.append(f"Escalation {notification.escalation}")
    if notification.approval:
        lines.append(notification.approval)
    if notification.event is Event.ACKNOWLEDGE:
        lines.append(f"{notification.acknowledged_by or 'Somebody'} looks after it.")
    return lines
