"""Who is told of what: channels, owners, routes, inhibitions, on-call schedules and escalations, from one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heimdall.alerting.alert import Alert, Matchers
from heimdall.alerting.escalation import Policy, policies_of
from heimdall.alerting.keys import names_of, only
from heimdall.alerting.oncall import Roster, roster_of
from heimdall.alerting.owners import Owner, owners_of
from heimdall.errors import HeimdallError, Misconfigured

Sources = dict[tuple[str, ...], set[str]]
KINDS = ("webhook", "slack", "slack-bot", "email", "pagerduty", "teams", "alertmanager", "push")


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """One way out. `settings` are the kind's own; values `env:NAME` and `file:PATH` are read when it is opened."""

    name: str
    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that match go to the first route below that matches, or to these channels where none does."""

    matchers: Matchers
    channels: tuple[str, ...]
    escalations: tuple[str, ...] = ()
    """Policies that begin with such an alert."""
    routes: tuple[Route, ...] = ()
    go_on: bool = False
    """Routes behind this one are looked at, too."""

    def channels_of(self, alert: Alert) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for route in self._taken(alert.matched_labels) for name in route.channels))

    def escalations_of(self, alert: Alert) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for route in self._taken(alert.matched_labels) for name in route.escalations))

    def _taken(self, labels: Mapping[str, str]) -> Iterator[Route]:
        """The routes at which the alert's way ends."""
        matched = False
        for route in self.routes:
            if route.matchers.match(labels):
                matched = True
                yield from route._taken(labels)
                if not route.go_on:
                    break
        if not matched:
            yield self


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert matches `source`, others that match `target` and have the same `equal` labels are not told."""

    source: Matchers
    target: Matchers
    equal: tuple[str, ...]

    def sources(self, alerts: Iterable[Alert]) -> Sources:
        """Keys of alerts that inhibit, by tenant and equal labels."""
        found: Sources = {}
        for alert in alerts:
            labels = alert.matched_labels
            if self.source.match(labels):
                found.setdefault(self._place(labels), set()).add(alert.key)
        return found

    def inhibited(self, alert: Alert, sources: Sources) -> bool:
        """Whether some other alert of `sources` inhibits this one."""
        labels = alert.matched_labels
        return self.target.match(labels) and bool(sources.get(self._place(labels), set()) - {alert.key})

    def _place(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return (labels["tenant"], *(labels.get(name, "") for name in self.equal))


@dataclass(frozen=True, slots=True)
class Routing:
    channels: tuple[ChannelConfig, ...] = ()
    route: Route = Route(Matchers(), ())
    inhibitions: tuple[Inhibition, ...] = ()
    roster: Roster = field(default_factory=Roster)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    owners: tuple[Owner, ...] = ()


def read_routing(path: Path | None) -> Routing:
    """The file; without one nobody is told, and alerts are only kept.

    Raises:
        Misconfigured: names the file and the key.
    """
    if path is None:
        return Routing()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise Misconfigured(f"cannot read alerting.file {path}: {exc}") from exc
    try:
        return routing_of(given)
    except HeimdallError as exc:
        raise Misconfigured(f"{path}: {exc}") from exc


def routing_of(given: Mapping[str, Any]) -> Routing:
    """Raises Misconfigured, InvalidInput."""
    only(given, {"channel", "owner", "route", "inhibit", "user", "schedule", "escalation"}, "the file")
    channels: list[ChannelConfig] = []
    for each in given.get("channel", []):
        name, kind = str(each.get("name", "")), str(each.get("kind", ""))
        if not name or kind not in KINDS:
            raise Misconfigured(f"channel {name or '?'}: needs a name, and a kind of {', '.join(KINDS)}")
        if name in {known.name for known in channels}:
            raise Misconfigured(f"channel {name} is there twice")
        channels.append(ChannelConfig(name, kind, {k: v for k, v in each.items() if k not in ("name", "kind")}))
    names = {channel.name for channel in channels}
    roster = roster_of(given, names)
    policies = policies_of(given, roster, names)
    route = _route(given.get("route", {}), names, policies, "route")
    inhibitions = tuple(_inhibition(each) for each in given.get("inhibit", []))
    return Routing(tuple(channels), route, inhibitions, roster, policies, owners_of(given))


def _route(given: Mapping[str, Any], names: set[str], policies: Mapping[str, Policy], what: str) -> Route:
    only(given, {"match", "channels", "escalations", "routes", "continue"}, what)
    channels = names_of(given, "channels", what, names, "channel")
    escalations = names_of(given, "escalations", what, policies, "escalation")
    below = tuple(
        _route(each, names, policies, f"{what}.routes[{n}]") for n, each in enumerate(given.get("routes", []))
    )
    go_on = bool(given.get("continue", False))
    return Route(Matchers.of(given.get("match", {}), what), channels, escalations, below, go_on)


def _inhibition(given: Mapping[str, Any]) -> Inhibition:
    only(given, {"source", "target", "equal"}, "inhibit")
    source, target = (Matchers.of(given.get(name, {}), f"inhibit.{name}") for name in ("source", "target"))
    if not source.terms or not target.terms:
        raise Misconfigured("inhibit: source and target need matchers")
    return Inhibition(source, target, tuple(str(name) for name in given.get("equal", [])))


def secret(value: object, what: str, environment: Mapping[str, str]) -> str:
    """A setting that may stand elsewhere: `env:NAME`, `file:PATH`, or itself. Raises Misconfigured."""
    text = str(value)
    if text.startswith("env:"):
        found = environment.get(text[4:])
        if found is None:
            raise Misconfigured(f"{what}: there is no environment variable {text[4:]}")
        return found
    if text.startswith("file:"):
        try:
            return Path(text[5:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise Misconfigured(f"{what}: cannot read {text[5:]}: {exc}") from exc
    return text
