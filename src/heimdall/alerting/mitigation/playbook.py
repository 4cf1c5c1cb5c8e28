"""Which alert is answered with which action, and what may never happen: read from one TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from heimdall.alerting.alert import Matchers
from heimdall.alerting.keys import duration_of, name_of, only
from heimdall.alerting.mitigation.action import Target
from heimdall.errors import HeimdallError, Misconfigured
from heimdall.query.languages.hql import parse

KINDS = ("kubernetes-scale", "kubernetes-rollback", "kubernetes-switch", "cache-warm", "webhook")
MAX_ACTIONS = 200
MAX_NAME = 100
LONGEST_AFTER_NS = 3600 * 10**9
LONGEST_WATCH_NS = 24 * 3600 * 10**9

Choice = TypeVar("Choice", bound=StrEnum)


class Mode(StrEnum):
    DRY_RUN = "dry_run"
    """Plan it, say what would be done, change nothing."""
    APPROVE = "approve"
    """Wait for somebody."""
    AUTO = "auto"


class Then(StrEnum):
    KEEP = "keep"
    REVERT = "revert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The signal after an action: the alert itself, or a query with one number as its answer."""

    lasts_ns: int
    every_ns: int
    query: str
    """HQL; empty = the alert's own value and severity."""
    window_ns: int
    """Of the query: the last so long. Nothing is judged before a whole window has passed."""
    worse: float
    """Undo when the signal is more than so many times what it was …"""
    margin: float
    """… and by more than this."""
    confirm: int
    """Measurements in a row that have to say so."""
    recovered: float
    """It is well again when the query's answer is at most this share of what it was, or the alert is over."""
    on_recovery: Then
    at_end: Then


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionConfig:
    """One table `[[action]]`. `settings` are the kind's own."""

    name: str
    kind: str
    match: Matchers
    mode: Mode
    after_ns: int
    """The alert has to be open for so long."""
    per_hour: int
    target_per_hour: int
    cooldown_ns: int
    """Between two actions of any kind on one target."""
    approvers: tuple[str, ...]
    """Empty = anybody."""
    approval_expires_ns: int
    watch: Watch | None
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Kubernetes objects that may be touched at all. Nothing is allowed that is not named."""

    namespaces: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    names: Matchers | None = None
    """Of `name`; None = every name."""

    def refusal(self, target: Target) -> str:
        """Why a target must not be touched; empty = it may."""
        if not target.namespace:
            return ""
        if target.namespace not in self.namespaces:
            return f"namespace {target.namespace} is not in scope.namespaces"
        if target.kind not in self.kinds:
            return f"kind {target.kind} is not in scope.kinds"
        if self.names is not None and not self.names.match({"name": target.name}):
            return f"name {target.name} does not match scope.names"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    actions: tuple[ActionConfig, ...] = ()
    scope: Scope = field(default_factory=Scope)
    per_hour: int = 10
    """Actions of all kinds that are applied within an hour."""
    at_once: int = 3
    """Targets that are changed or watched at the same time."""
    token: str = ""
    """What approvals, rejections and undos have to bring; empty = nothing. May be `env:NAME` or `file:PATH`."""
    kubernetes: Mapping[str, Any] = field(default_factory=dict)


def read_playbook(path: Path | None) -> Playbook:
    """The file; without one nothing is ever done.

    Raises:
        Misconfigured: names the file and the key.
    """
    if path is None:
        return Playbook()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise Misconfigured(f"cannot read alerting.actions {path}: {exc}") from exc
    try:
        return playbook_of(given)
    except HeimdallError as exc:
        raise Misconfigured(f"{path}: {exc}") from exc


def playbook_of(given: Mapping[str, Any]) -> Playbook:
    """Raises Misconfigured, InvalidInput."""
    only(given, {"mode", "limits", "scope", "approval", "kubernetes", "action"}, "the file")
    limits, approval = _table(given, "limits"), _table(given, "approval")
    only(limits, {"per_hour", "at_once"}, "limits")
    only(approval, {"token"}, "approval")
    mode = _choice(given, "mode", Mode, Mode.DRY_RUN, "the file")
    actions: dict[str, ActionConfig] = {}
    tables = given.get("action", [])
    if not isinstance(tables, list) or len(tables) > MAX_ACTIONS:
        raise Misconfigured(f"action must be tables [[action]], at most {MAX_ACTIONS}")
    for each in tables:
        name = name_of(each, "action", actions)
        if len(name) > MAX_NAME:
            raise Misconfigured(f"action {name[:40]}…: a name has at most {MAX_NAME} characters")
        actions[name] = _action(each, name, mode)
    return Playbook(
        actions=tuple(actions.values()),
        scope=_scope(_table(given, "scope")),
        per_hour=_count(limits, "per_hour", 10, "limits"),
        at_once=_count(limits, "at_once", 3, "limits"),
        token=_text(approval, "token", "approval"),
        kubernetes=_table(given, "kubernetes"),
    )


_ACTION_KEYS = frozenset(
    {"name", "kind", "match", "mode", "after", "per_hour", "target_per_hour", "cooldown", "approvers",
     "approval_expires", "watch"}
)  # fmt: skip


def _action(given: Mapping[str, Any], name: str, mode: Mode) -> ActionConfig:
    what = f"action {name}"
    kind = given.get("kind", "")
    if kind not in KINDS:
        raise Misconfigured(f"{what}: kind must be one of {', '.join(KINDS)}")
    match = Matchers.of(_table(given, "match", what), what)
    if not match.terms:
        raise Misconfigured(f'{what}: needs match, such as {{ service = "payment" }}; it would answer every alert')
    after_ns = duration_of(given, "after", "0s", what)
    if after_ns > LONGEST_AFTER_NS:
        raise Misconfigured(f"{what}: after must be 1h or shorter")
    expires_ns = duration_of(given, "approval_expires", "30m", what)
    if expires_ns <= 0:
        raise Misconfigured(f"{what}: approval_expires must be longer than 0s")
    approvers = given.get("approvers", [])
    if not isinstance(approvers, list) or not all(isinstance(each, str) and each for each in approvers):
        raise Misconfigured(f'{what}: approvers must be a list of names, such as ["kim"]')
    return ActionConfig(
        name=name,
        kind=kind,
        match=match,
        mode=_choice(given, "mode", Mode, mode, what),
        after_ns=after_ns,
        per_hour=_count(given, "per_hour", 3, what),
        target_per_hour=_count(given, "target_per_hour", 2, what),
        cooldown_ns=duration_of(given, "cooldown", "15m", what),
        approvers=tuple(approvers),
        approval_expires_ns=expires_ns,
        watch=_watch(_table(given, "watch", what), f"{what}: watch") if "watch" in given else None,
        settings={key: value for key, value in given.items() if key not in _ACTION_KEYS},
    )


def _watch(given: Mapping[str, Any], what: str) -> Watch:
    known = {"for", "every", "query", "window", "worse", "margin", "confirm", "recovered", "on_recovery", "at_end"}
    only(given, known, what)
    query = _text(given, "query", what)
    if query:
        parse(query)
    watch = Watch(
        lasts_ns=duration_of(given, "for", "10m", what),
        every_ns=duration_of(given, "every", "15s", what),
        query=query,
        window_ns=duration_of(given, "window", "2m", what) if query else 0,
        worse=_number(given, "worse", 1.5, what),
        margin=_number(given, "margin", 0.0, what),
        confirm=_count(given, "confirm", 2, what),
        recovered=_number(given, "recovered", 0.5, what),
        on_recovery=_choice(given, "on_recovery", Then, Then.KEEP, what),
        at_end=_choice(given, "at_end", Then, Then.KEEP, what),
    )
    if not query and "window" in given:
        raise Misconfigured(f"{what}: window belongs to a query")
    if not 10**9 <= watch.every_ns <= watch.lasts_ns <= LONGEST_WATCH_NS:
        raise Misconfigured(f"{what}: every must be 1s or longer, for at least as long as every, and at most 24h")
    if query and not 0 < watch.window_ns <= watch.lasts_ns:
        raise Misconfigured(f"{what}: window must be longer than 0s and not longer than for")
    if watch.worse < 1 or watch.recovered > 1:
        raise Misconfigured(f"{what}: worse must be 1 or more, recovered 1 or less")
    return watch


def _scope(given: Mapping[str, Any]) -> Scope:
    only(given, {"namespaces", "kinds", "names"}, "scope")
    for key in ("namespaces", "kinds"):
        found = given.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise Misconfigured(f"scope: {key} must be a list of texts")
    names = _text(given, "names", "scope")
    return Scope(
        namespaces=frozenset(given.get("namespaces", [])),
        kinds=frozenset(given.get("kinds", [])),
        names=Matchers.of({"name": names}, "scope") if names else None,
    )


def _table(given: Mapping[str, Any], key: str, what: str = "the file") -> Mapping[str, Any]:
    found = given.get(key, {})
    if not isinstance(found, Mapping):
        raise Misconfigured(f"{what}: {key} must be a table")
    return found


def _text(given: Mapping[str, Any], key: str, what: str) -> str:
    found = given.get(key, "")
    if not isinstance(found, str):
        raise Misconfigured(f"{what}: {key} must be text")
    return found


def _count(given: Mapping[str, Any], key: str, default: int, what: str) -> int:
    found = given.get(key, default)
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= 1_000:
        raise Misconfigured(f"{what}: {key} must be a number, 1 to 1000")
    return found


def _number(given: Mapping[str, Any], key: str, default: float, what: str) -> float:
    found = given.get(key, default)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found < float("inf"):
        raise Misconfigured(f"{what}: {key} must be a number, 0 or more")
    return float(found)


def _choice(given: Mapping[str, Any], key: str, kind: type[Choice], default: Choice, what: str) -> Choice:
    try:
        return kind(given.get(key, default))
    except ValueError:
        raise Misconfigured(f"{what}: {key} must be one of {', '.join(kind)}") from None
