"""Escalation: an incident that nobody acknowledges is told step by step to more people, and then from the first again.

Where an incident stands is part of it (`Escalation`), and is written in the transaction that puts a step's
notifications into the outbox: a node that is killed takes the step afterwards, or has taken it, and nothing in between.
Steps follow each other by the time since the step before was taken, so that a node that was down, or a silence that
ends, does not catch up several steps at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from heimdall.alerting.keys import duration_of, name_of, names_of, only
from heimdall.alerting.oncall import Roster
from heimdall.errors import Misconfigured
from heimdall.query.literals import print_duration

MAX_STEPS = 20
MAX_REPEAT = 100
_SHORTEST_ROUND_NS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Whom a step tells: whoever is on call by `schedules`, `users` themselves, and `channels` as they are."""

    after_ns: int
    """Since the round began."""
    schedules: tuple[str, ...]
    users: tuple[str, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    steps: tuple[Step, ...]
    repeat: int
    """Rounds after the first."""
    repeat_after_ns: int
    """From the last step of a round to the first of the next."""


@dataclass(slots=True, kw_only=True)
class Escalation:
    """Where an incident stands in a policy."""

    policy: str
    began_ns: int
    due_ns: int | None
    """Of the next step; None: there is none."""
    round: int = 1
    step: int = 0
    """Steps taken in this round."""
    steps: int = 0
    """Of the policy."""
    ended: str = ""
    """Why there is no next step: `acknowledged`, `resolved`, `exhausted`, `unknown` (the policy is no longer there)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken: whom it reaches, and in words what it was and why."""

    channels: tuple[str, ...]
    text: str


def begin(policy: Policy, now_ns: int) -> Escalation:
    return Escalation(
        policy=policy.name, began_ns=now_ns, due_ns=now_ns + policy.steps[0].after_ns, steps=len(policy.steps)
    )


class WhoIsOnCall(Protocol):
    """People, by the schedules and what overrides them."""

    def user_of(self, schedule: str, at_ns: int) -> str:
        """Empty = nobody."""

    def channels_of(self, users: Iterable[str]) -> list[str]:
        """Of several people, each channel once."""


def take_step(escalation: Escalation, policy: Policy, on_call: WhoIsOnCall, now_ns: int) -> Taken | None:
    """Take the step that is due and set when the next one is; None when the policy has no such step any more.

    A step that reaches nobody (nobody is on call) does not make people wait: the next one of the round is due at once.
    """
    escalation.steps = len(policy.steps)
    if escalation.step >= escalation.steps:
        _end_round(escalation, policy, now_ns)
        return None
    step = policy.steps[escalation.step]
    people = list(step.users)
    words = list(step.users)
    for name in step.schedules:
        user = on_call.user_of(name, now_ns)
        words.append(f"{user} (on call, {name})" if user else f"nobody (on call, {name})")
        people += [user] if user else []
    channels = tuple(dict.fromkeys((*on_call.channels_of(people), *step.channels)))
    number, again = escalation.step + 1, f", round {escalation.round}" if escalation.round > 1 else ""
    text = f"{policy.name}, step {number} of {len(policy.steps)}{again}: {', '.join([*words, *step.channels])}"
    escalation.step = number
    if number < len(policy.steps):
        wait_ns = policy.steps[number].after_ns - step.after_ns
        escalation.due_ns = now_ns + wait_ns if channels else now_ns
    else:
        _end_round(escalation, policy, now_ns)
    return Taken(channels, text)


def _end_round(escalation: Escalation, policy: Policy, now_ns: int) -> None:
    if escalation.round > policy.repeat:
        stop(escalation, "exhausted")
        return
    escalation.round += 1
    escalation.step = 0
    escalation.due_ns = now_ns + policy.repeat_after_ns


def stop(escalation: Escalation, why: str) -> None:
    escalation.due_ns, escalation.ended = None, why


def policies_of(given: Mapping[str, Any], roster: Roster, channels: Collection[str]) -> dict[str, Policy]:
    """Tables `[[escalation]]`. Raises Misconfigured: names the table and the key."""
    found: dict[str, Policy] = {}
    for each in given.get("escalation", []):
        name = name_of(each, "escalation", found)
        found[name] = _policy(each, name, roster, channels)
    return found


def _policy(given: Mapping[str, Any], name: str, roster: Roster, channels: Collection[str]) -> Policy:
    what = f"escalation {name}"
    only(given, {"name", "step", "repeat", "repeat_after"}, what)
    steps: list[Step] = []
    for number, each in enumerate(given.get("step", []), 1):
        step = _step(each, f"{what}: step {number}", roster, channels)
        if steps and step.after_ns <= steps[-1].after_ns:
            before = print_duration(steps[-1].after_ns)
            raise Misconfigured(f"{what}: step {number}: after must be more than {before}, the step's before it")
        steps.append(step)
    if not 0 < len(steps) <= MAX_STEPS:
        raise Misconfigured(f"{what}: needs one to {MAX_STEPS} tables [[escalation.step]]")
    repeat = given.get("repeat", 0)
    if not isinstance(repeat, int) or isinstance(repeat, bool) or not 0 <= repeat <= MAX_REPEAT:
        raise Misconfigured(f"{what}: repeat must be a number of rounds, 0 to {MAX_REPEAT}")
    repeat_after_ns = duration_of(given, "repeat_after", "30m", what)
    if repeat_after_ns < _SHORTEST_ROUND_NS:
        raise Misconfigured(f"{what}: repeat_after must be 1s or longer")
    return Policy(name=name, steps=tuple(steps), repeat=repeat, repeat_after_ns=repeat_after_ns)


def _step(given: Mapping[str, Any], what: str, roster: Roster, channels: Collection[str]) -> Step:
    only(given, {"after", "schedules", "users", "channels"}, what)
    step = Step(
        after_ns=duration_of(given, "after", "0s", what),
        schedules=names_of(given, "schedules", what, roster.schedules, "schedule"),
        users=names_of(given, "users", what, roster.users, "user"),
        channels=names_of(given, "channels", what, channels, "channel"),
    )
    if not (step.schedules or step.users or step.channels):
        raise Misconfigured(f"{what}: needs schedules, users or channels to tell")
    return step
