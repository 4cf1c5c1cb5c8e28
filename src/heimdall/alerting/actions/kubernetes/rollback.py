"""A Deployment back to the pod template of its previous revision, as `kubectl rollout undo` does it.

Templates may hold secrets, so none is kept: a plan has the names of the two ReplicaSets whose templates they are, and
undoing reads the newer one's again.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from heimdall.alerting.actions.kubernetes.api import Conflict, KubernetesApi, Object, version_of
from heimdall.alerting.actions.kubernetes.workload import TargetName, target_of
from heimdall.alerting.keys import duration_of, only
from heimdall.alerting.mitigation.action import Call, Outcome, Plan, Target
from heimdall.clock import Clock
from heimdall.errors import Refused
from heimdall.query.literals import print_duration

_TRIES = 5
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
MARK = "heimdall-action"
"""Annotation of the deployment: the run that set its template last."""


class Rollback:
    """Satisfies `Action`."""

    def __init__(self, api: KubernetesApi, target: TargetName, clock: Clock, *, within_ns: int) -> None:
        """`within_ns`: only what was rolled out no longer ago; an older release is not what just went wrong."""
        self._api = api
        self._target = target
        self._clock = clock
        self._within_ns = within_ns

    def target(self, labels: Mapping[str, str]) -> Target:
        return self._target.filled(labels)

    def plan(self, call: Call) -> Plan:
        target = self.target(call.labels)
        deployment = self._deployment(target)
        if deployment["spec"].get("paused"):
            raise Refused(f"{target} is paused; resume it first")
        sets = self._replica_sets(target, deployment)
        current = next((each for each in sets if _template(each) == _template(deployment)), None)
        if current is None:
            raise Refused(f"{target}: its newest revision has no ReplicaSet yet")
        earlier = [each for each in sets if _revision(each) < _revision(current)]
        if not earlier:
            raise Refused(f"{target} has no revision before {_revision(current)}")
        previous = max(earlier, key=_revision)
        age_ns = self._clock.time_ns() - _created_ns(current)
        if self._within_ns and age_ns > self._within_ns:
            age = print_duration(age_ns // 10**9 * 10**9)
            raise Refused(f"{target}: revision {_revision(current)} is {age} old, more than within")
        now, back = _revision(current), _revision(previous)
        return Plan(
            does=f"roll {target} back from revision {now} to {back} ({_images(previous)})",
            undoes=f"roll {target} forward again to what revision {now} was ({_images(current)})",
            before={"replica_set": current["metadata"]["name"], "revision": now},
            after={"replica_set": previous["metadata"]["name"], "revision": back},
        )

    def apply(self, call: Call, plan: Plan) -> None:
        self._write(call, plan.before["replica_set"], plan.after["replica_set"])

    def check(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, plan.before["replica_set"], plan.after["replica_set"])

    def undo(self, call: Call, plan: Plan) -> None:
        self._write(call, plan.after["replica_set"], plan.before["replica_set"])

    def check_undo(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, plan.after["replica_set"], plan.before["replica_set"])

    def close(self) -> None:
        self._api.close()

    def _write(self, call: Call, was: str, wanted: str) -> None:
        target = self.target(call.labels)
        for attempt in range(1, _TRIES + 1):
            deployment = self._deployment(target)
            sets = {each["metadata"]["name"]: each for each in self._replica_sets(target, deployment)}
            if wanted not in sets:
                raise Refused(f"{target}: the ReplicaSet {wanted} is gone (see revisionHistoryLimit)")
            template = _template(deployment)
            if template == _template(sets[wanted]):  # by a try of ours whose answer was lost
                return
            if was not in sets or template != _template(sets[was]):
                raise Conflict(f"{target} has another template than {was}: somebody else has changed it")
            annotations = (deployment["metadata"].get("annotations") or {}) | {MARK: call.id}
            patch = [
                {"op": "replace", "path": "/spec/template", "value": _template(sets[wanted])},
                {"op": "add", "path": "/metadata/annotations", "value": annotations},
            ]
            try:
                self._api.patch(target.kind, target.namespace, target.name, version_of(deployment), patch)
            except Conflict:
                if attempt == _TRIES:
                    raise
            else:
                return

    def _outcome(self, call: Call, was: str, wanted: str) -> Outcome:
        target = self.target(call.labels)
        deployment = self._deployment(target)
        template = _template(deployment)
        for each in self._replica_sets(target, deployment):
            if _template(each) == template:
                name = each["metadata"]["name"]
                if name == wanted:
                    return Outcome.DONE
                return Outcome.NOT_DONE if name == was else Outcome.CHANGED
        return Outcome.CHANGED

    def _deployment(self, target: Target) -> Object:
        return self._api.get(target.kind, target.namespace, target.name)

    def _replica_sets(self, target: Target, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        selector = deployment["spec"]["selector"].get("matchLabels") or {}
        found = self._api.list("replicaset", target.namespace, ",".join(f"{key}={selector[key]}" for key in selector))
        return [
            each
            for each in found
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences") or ())
        ]


def _template(found: Object) -> Object:
    """Pod template without the label that the controller adds."""
    template: Object = deepcopy(found["spec"]["template"])
    labels = template["metadata"].get("labels")
    if labels:
        labels.pop(HASH, None)
    return template


def _revision(replica_set: Object) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _created_ns(found: Object) -> int:
    made = datetime.strptime(found["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return int(made.timestamp()) * 10**9


def _images(found: Object) -> str:
    return ", ".join(str(each.get("image", "?"))[:100] for each in found["spec"]["template"]["spec"]["containers"])


def open_rollback(settings: Mapping[str, Any], api: KubernetesApi, clock: Clock, what: str) -> Rollback:
    """Raises Misconfigured."""
    only(settings, {"namespace", "target", "within"}, what)
    within_ns = duration_of(settings, "within", "2h", what)
    return Rollback(api, target_of(settings, ("deployment",), what), clock, within_ns=within_ns)
