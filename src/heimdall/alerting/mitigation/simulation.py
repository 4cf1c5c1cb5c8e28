"""What actions would do about an alert, were it to come now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heimdall.alerting.alert import Alert
from heimdall.alerting.mitigation.action import Action, Call
from heimdall.alerting.mitigation.guards import refusal
from heimdall.alerting.mitigation.playbook import ActionConfig, Playbook
from heimdall.alerting.mitigation.store import RunStore
from heimdall.errors import HeimdallError


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What an action would do about an alert, and what would stop it."""

    action: str
    mode: str
    target: str
    does: str
    undoes: str
    refusal: str


def simulated(
    playbook: Playbook, actions: Mapping[str, Action], store: RunStore, alert: Alert, now_ns: int
) -> list[Simulated]:
    """Of each action that matches. Targets are read; nothing is changed or kept."""
    return [
        _simulated(playbook, config, actions[config.name], store, alert, now_ns)
        for config in playbook.actions
        if config.match.match(alert.matched_labels)
    ]


def _simulated(
    playbook: Playbook, config: ActionConfig, action: Action, store: RunStore, alert: Alert, now_ns: int
) -> Simulated:
    labels = alert.matched_labels
    call = Call(id="simulated", incident=alert.incident, alert=alert.key, labels=labels, statement=alert.statement)
    name, does, undoes = "", "", ""
    try:
        target = action.target(labels)
        name = str(target)
        plan = action.plan(call)
        does, undoes = plan.does, plan.undoes
        why = refusal(playbook, config, target, call.id, store, now_ns)
        stop = store.stop()
        why = why or (f"stopped by {stop.author}" if stop else "")
        why = why or ("" if plan.changes else "there is nothing to do")
    except HeimdallError as exc:
        why = str(exc)
    return Simulated(
        action=config.name, mode=config.mode.value, target=name, does=does, undoes=undoes, refusal=why
    )  # fmt: skip
