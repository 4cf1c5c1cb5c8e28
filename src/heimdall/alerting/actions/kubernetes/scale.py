"""More (or fewer) replicas of a Deployment or StatefulSet, through its scale subresource and between two bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from heimdall.alerting.actions.kubernetes.api import Conflict, KubernetesApi, Object
from heimdall.alerting.actions.kubernetes.workload import TargetName, target_of
from heimdall.alerting.keys import only
from heimdall.alerting.mitigation.action import Call, Outcome, Plan, Target
from heimdall.errors import Denied, Misconfigured, Refused

_TRIES = 5
"""Of a write that lost a race with the server's own controllers, which write statuses all the time."""
_KINDS = ("deployment", "statefulset")


class Scale:
    """Satisfies `Action`. Changes nothing while a HorizontalPodAutoscaler holds the object."""

    def __init__(
        self, api: KubernetesApi, target: TargetName, *, step: int, factor: float, least: int, most: int
    ) -> None:
        self._api = api
        self._target = target
        self._step = step
        self._factor = factor
        self._least = least
        self._most = most

    def target(self, labels: Mapping[str, str]) -> Target:
        return self._target.filled(labels)

    def plan(self, call: Call) -> Plan:
        target = self.target(call.labels)
        self._refuse_autoscaled(target)
        now = _replicas(self._scale(target))
        if now == 0:
            raise Refused(f"{target} has 0 replicas: somebody turned it off")
        wanted = min(max(math.ceil(now * self._factor) + self._step, self._least), self._most)
        towards = self._step if self._step else self._factor - 1
        if wanted == now or (wanted > now) != (towards > 0):
            bounds = f"{self._least} to {self._most}"
            return Plan(does=f"{target} has {now} replicas, and may have {bounds}", undoes="", changes=False)
        return Plan(
            does=f"scale {target} from {now} to {wanted} replicas",
            undoes=f"scale {target} back to {now} replicas",
            before={"replicas": now},
            after={"replicas": wanted},
        )

    def apply(self, call: Call, plan: Plan) -> None:
        self._write(call, plan.before["replicas"], plan.after["replicas"])

    def check(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, plan.before["replicas"], plan.after["replicas"])

    def undo(self, call: Call, plan: Plan) -> None:
        self._write(call, plan.after["replicas"], plan.before["replicas"])

    def check_undo(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, plan.after["replicas"], plan.before["replicas"])

    def close(self) -> None:
        self._api.close()

    def _scale(self, target: Target) -> Object:
        return self._api.get(target.kind, target.namespace, target.name, "scale")

    def _write(self, call: Call, was: int, wanted: int) -> None:
        """Under the `resourceVersion` that was read, so that no request that was sent before can come true later."""
        target = self.target(call.labels)
        for attempt in range(1, _TRIES + 1):
            scale = self._scale(target)
            found = _replicas(scale)
            if found == wanted:  # by a try of ours whose answer was lost
                return
            if found != was:
                raise Conflict(f"{target} has {found} replicas, not {was}: somebody else has scaled it")
            try:
                self._api.put(
                    target.kind, target.namespace, target.name, scale | {"spec": {"replicas": wanted}}, "scale"
                )
            except Conflict:
                if attempt == _TRIES:
                    raise
            else:
                return

    def _outcome(self, call: Call, was: int, wanted: int) -> Outcome:
        found = _replicas(self._scale(self.target(call.labels)))
        if found == wanted:
            return Outcome.DONE
        return Outcome.NOT_DONE if found == was else Outcome.CHANGED

    def _refuse_autoscaled(self, target: Target) -> None:
        try:
            autoscalers = self._api.list("autoscaler", target.namespace)
        except Denied:  # it may not list them: the change is seen to be taken back, if there is one
            return
        for each in autoscalers:
            held = each["spec"]["scaleTargetRef"]
            if held["kind"].lower() == target.kind and held["name"] == target.name:
                name = each["metadata"]["name"]
                raise Refused(f"{target} is scaled by the HorizontalPodAutoscaler {name}, which would take it back")


def _replicas(scale: Object) -> int:
    return int(scale["spec"].get("replicas", 0))


def open_scale(settings: Mapping[str, Any], api: KubernetesApi, what: str) -> Scale:
    """Raises Misconfigured."""
    only(settings, {"namespace", "target", "by", "factor", "min", "max"}, what)
    if ("by" in settings) == ("factor" in settings):
        raise Misconfigured(f"{what}: needs by (replicas more) or factor (times as many), and not both")
    step, factor = settings.get("by", 0), settings.get("factor", 1.0)
    least, most = settings.get("min", 1), settings.get("max", 0)
    if not _is_whole(step) or ("by" in settings and step == 0):
        raise Misconfigured(f"{what}: by must be a whole number other than 0")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 10:
        raise Misconfigured(f"{what}: factor must be a number above 0, at most 10")
    if "factor" in settings and factor == 1:
        raise Misconfigured(f"{what}: factor must be other than 1")
    if not _is_whole(least) or not _is_whole(most) or not 1 <= least <= most <= 10_000:
        raise Misconfigured(f"{what}: needs max, and min (1) not above it: how many replicas there may be")
    target = target_of(settings, _KINDS, what)
    return Scale(api, target, step=step, factor=float(factor), least=least, most=most)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
