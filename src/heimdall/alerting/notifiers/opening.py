"""Channels of the routing file → notifiers."""

from __future__ import annotations

from collections.abc import Mapping

from heimdall.alerting.notification import Notifier
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.webhook import Webhook
from heimdall.alerting.routing import ChannelConfig, Routing, secret
from heimdall.clock import Clock
from heimdall.errors import Misconfigured


def open_notifiers(routing: Routing, clock: Clock, environment: Mapping[str, str]) -> dict[str, Notifier]:
    """By name. `environment`: where `env:NAME` is looked up. Raises Misconfigured: names the channel and the key."""
    return {channel.name: open_notifier(channel, clock, environment) for channel in routing.channels}


def open_notifier(channel: ChannelConfig, clock: Clock, environment: Mapping[str, str]) -> Notifier:
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
        case other:
            raise Misconfigured(f"{what}: there is no channel of kind {other}")


def _only(given: dict[str, str], known: set[str], needed: set[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise Misconfigured(f"{what}: unknown key {name}; keys are {', '.join(sorted(known | {'allow_private'}))}")
    for name in sorted(needed - given.keys()):
        raise Misconfigured(f"{what}: needs {name}")
