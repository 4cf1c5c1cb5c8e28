"""Channels of the routing file → notifiers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from heimdall.alerting.notification import Notifier
from heimdall.alerting.notifiers.alertmanager import Alertmanager
from heimdall.alerting.notifiers.email import Email, Mailbox
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.pagerduty import URL as PAGERDUTY_URL
from heimdall.alerting.notifiers.pagerduty import PagerDuty
from heimdall.alerting.notifiers.push import Push, Subscriptions
from heimdall.alerting.notifiers.slack import Slack
from heimdall.alerting.notifiers.slackbot import URL as SLACK_URL
from heimdall.alerting.notifiers.slackbot import SlackBot, Threads
from heimdall.alerting.notifiers.teams import Teams
from heimdall.alerting.notifiers.webhook import Webhook
from heimdall.alerting.routing import ChannelConfig, Routing, secret
from heimdall.clock import Clock
from heimdall.errors import Misconfigured, MissingExtra

if TYPE_CHECKING:
    from heimdall.alerting.push.vapid import VapidKey


class Memory(Threads, Subscriptions, Protocol):
    """What channels keep beside the outbox."""


def open_notifiers(
    routing: Routing, clock: Clock, environment: Mapping[str, str], memory: Memory, push_key: VapidKey | None
) -> dict[str, Notifier]:
    """By name. `environment`: where `env:NAME` is looked up; `push_key`: of `open_push_key`.

    Raises:
        Misconfigured: names the channel and the key.
    """
    return {each.name: open_notifier(each, clock, environment, memory, push_key) for each in routing.channels}


def open_push_key(routing: Routing, path: Path) -> VapidKey | None:
    """None where no channel pushes to browsers. Raises MissingExtra."""
    if not any(channel.kind == "push" for channel in routing.channels):
        return None
    try:
        from heimdall.alerting.push.vapid import VapidKey
    except ImportError as exc:
        raise MissingExtra("cryptography", "push") from exc
    return VapidKey(path)


def open_notifier(
    channel: ChannelConfig,
    clock: Clock,
    environment: Mapping[str, str],
    memory: Memory,
    push_key: VapidKey | None = None,
) -> Notifier:
    what = f"channel {channel.name}"
    settings = dict(channel.settings)
    private = settings.pop("allow_private", False)
    if not isinstance(private, bool):
        raise Misconfigured(f"{what}: allow_private must be true or false")
    texts = {name: secret(value, f"{what}: {name}", environment) for name, value in settings.items()}
    match channel.kind:
        case "webhook":
            _only(texts, {"url", "secret"}, {"url"}, what)
            return Webhook(Outbound(texts["url"], what, allow_private=private), texts.get("secret", ""), clock)
        case "slack":
            _only(texts, {"url"}, {"url"}, what)
            return Slack(Outbound(texts["url"], what, allow_private=private))
        case "slack-bot":
            _only(texts, {"token", "channel", "signing_secret", "url"}, {"token", "channel"}, what)
            api = texts.get("url", SLACK_URL).rstrip("/")
            post, update = (
                Outbound(f"{api}/{method}", what, allow_private=private)
                for method in ("chat.postMessage", "chat.update")
            )
            return SlackBot(
                channel.name, post, update, token=texts["token"], channel=texts["channel"],
                signing_secret=texts.get("signing_secret", ""), threads=memory,
            )  # fmt: skip
        case "teams":
            _only(texts, {"url"}, {"url"}, what)
            return Teams(Outbound(texts["url"], what, allow_private=private))
        case "pagerduty":
            _only(texts, {"url", "routing_key"}, {"routing_key"}, what)
            url = texts.get("url", PAGERDUTY_URL)
            return PagerDuty(Outbound(url, what, allow_private=private), texts["routing_key"])
        case "alertmanager":
            _only(texts, {"url"}, {"url"}, what)
            url = f"{texts['url'].rstrip('/')}/api/v2/alerts"
            return Alertmanager(Outbound(url, what, allow_private=private), clock)
        case "email":
            return Email(_mailbox(texts, what), clock)
        case "push":
            _only(texts, {"subject"}, {"subject"}, what)
            if not texts["subject"].startswith(("mailto:", "https://")):
                raise Misconfigured(f"{what}: subject must be mailto: or https:// of whoever runs this node")
            assert push_key is not None
            return Push(
                channel.name, subject=texts["subject"], key=push_key, subscriptions=memory, clock=clock,
                allow_private=private,
            )  # fmt: skip
        case other:
            raise Misconfigured(f"{what}: there is no channel of kind {other}")


_TLS_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _mailbox(texts: dict[str, str], what: str) -> Mailbox:
    known = {"host", "port", "from", "to", "user", "password", "tls", "ca"}
    _only(texts, known, {"host", "from", "to"}, what)
    tls = texts.get("tls", "starttls")
    if tls not in _TLS_PORTS:
        raise Misconfigured(f"{what}: tls must be one of {', '.join(_TLS_PORTS)}")
    if tls == "none" and texts.get("password"):
        raise Misconfigured(f"{what}: a password is not sent without TLS")
    try:
        port = int(texts.get("port", _TLS_PORTS[tls]))
    except ValueError:
        raise Misconfigured(f"{what}: port must be a number") from None
    to = tuple(address.strip() for address in texts["to"].split(",") if address.strip())
    if not to or any(char in address for address in (*to, texts["from"]) for char in "\r\n"):
        raise Misconfigured(f"{what}: to and from must be addresses; several are separated by commas")
    return Mailbox(
        host=texts["host"], port=port, sender=texts["from"], to=to, user=texts.get("user", ""),
        password=texts.get("password", ""), tls=tls, ca=texts.get("ca", ""),
    )  # fmt: skip


def _only(given: dict[str, str], known: set[str], needed: set[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise Misconfigured(f"{what}: unknown key {name}; keys are {', '.join(sorted(known | {'allow_private'}))}")
    for name in sorted(needed - given.keys()):
        raise Misconfigured(f"{what}: needs {name}")
