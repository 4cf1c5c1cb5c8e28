"""What stands between an intention and its target: scope, rates, and one change of a target at a time."""

from __future__ import annotations

from heimdall.alerting.mitigation.action import Target
from heimdall.alerting.mitigation.playbook import ActionConfig, Playbook
from heimdall.alerting.mitigation.store import RunStore
from heimdall.query.literals import print_duration

_HOUR_NS = 3600 * 10**9


def refusal(playbook: Playbook, config: ActionConfig, target: Target, run_id: str, store: RunStore, now_ns: int) -> str:
    """The first guard that does not let a run through, in words; empty = all do."""
    outside = playbook.scope.refusal(target)
    if outside:
        return outside
    touching = [(run, name) for run, name in store.touching() if run != run_id]
    if str(target) in {name for _, name in touching}:
        return f"{target} is being changed or watched by another action"
    if len(touching) >= playbook.at_once:
        return f"{len(touching)} targets are being changed or watched, as many as limits.at_once allows"
    last_ns = store.last_intent_ns(str(target))
    if last_ns is not None and now_ns - last_ns < config.cooldown_ns:
        ago = print_duration((now_ns - last_ns) // 10**9 * 10**9)
        return f"{target} was changed {ago} ago; the cooldown is {print_duration(config.cooldown_ns)}"
    for what, most, count in (
        (str(target), config.target_per_hour, store.intents_since(now_ns - _HOUR_NS, target=str(target))),
        (f"action {config.name}", config.per_hour, store.intents_since(now_ns - _HOUR_NS, action=config.name)),
        ("all actions", playbook.per_hour, store.intents_since(now_ns - _HOUR_NS)),
    ):
        if count >= most:
            return f"{what}: {count} within an hour, as many as are allowed"
    return ""
