"""One key set to another value: what opens a circuit breaker, a feature flag, or maintenance at an ingress.

The key is one of a ConfigMap's data, which the application reads, or an annotation of an object, which a controller
(an ingress controller, a service mesh) or an operator obeys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from heimdall.alerting.actions.kubernetes.api import Conflict, KubernetesApi, Object, version_of
from heimdall.alerting.actions.kubernetes.workload import TargetName, target_of
from heimdall.alerting.keys import only
from heimdall.alerting.mitigation.action import Call, Outcome, Plan, Target
from heimdall.errors import Misconfigured, Refused

_TRIES = 5
_KINDS = ("configmap", "deployment", "statefulset", "service", "ingress")
_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}", re.ASCII)
_ANNOTATION = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?", re.ASCII
)
"""Qualified names as API servers take them: a prefix that is a DNS subdomain, and a name of at most 63 characters."""
_LONGEST = 4_000
"""Characters of a value; the plan keeps the old one."""


class Switch:
    """Satisfies `Action`."""

    def __init__(self, api: KubernetesApi, target: TargetName, *, annotation: bool, key: str, value: str) -> None:
        self._api = api
        self._target = target
        self._place = "annotation" if annotation else "key"
        self._annotation = annotation
        self._key = key
        self._value = value

    def target(self, labels: Mapping[str, str]) -> Target:
        return self._target.filled(labels)

    def plan(self, call: Call) -> Plan:
        target = self.target(call.labels)
        was = self._values(self._found(target)).get(self._key)
        if was == self._value:
            return Plan(does=f"{self._place} {self._key} of {target} is {was!r} already", undoes="", changes=False)
        if was is not None and len(was) > _LONGEST:
            raise Refused(f"{self._place} {self._key} of {target} has more than {_LONGEST} characters")
        back = f"set it to {was[:100]!r} again" if was is not None else "take it away again"
        return Plan(
            does=f"set {self._place} {self._key} of {target} to {self._value[:100]!r}",
            undoes=f"{back}: {self._place} {self._key} of {target}",
            before={"value": was},
            after={"value": self._value},
        )

    def apply(self, call: Call, plan: Plan) -> None:
        self._write(call, plan.before["value"], plan.after["value"])

    def check(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, plan.before["value"], plan.after["value"])

    def undo(self, call: Call, plan: Plan) -> None:
        self._write(call, plan.after["value"], plan.before["value"])

    def check_undo(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, plan.after["value"], plan.before["value"])

    def close(self) -> None:
        self._api.close()

    def _found(self, target: Target) -> Object:
        return self._api.get(target.kind, target.namespace, target.name)

    def _values(self, found: Object) -> dict[str, str]:
        return dict((found["metadata"].get("annotations") if self._annotation else found.get("data")) or {})

    def _write(self, call: Call, was: str | None, wanted: str | None) -> None:
        target = self.target(call.labels)
        for attempt in range(1, _TRIES + 1):
            found = self._found(target)
            if found.get("immutable"):
                raise Refused(f"{target} is immutable")
            values = self._values(found)
            if values.get(self._key) == wanted:  # by a try of ours whose answer was lost
                return
            if values.get(self._key) != was:
                raise Conflict(f"{self._place} {self._key} of {target} was changed by somebody else")
            values.pop(self._key, None)
            if wanted is not None:
                values[self._key] = wanted
            path = "/metadata/annotations" if self._annotation else "/data"
            patch = [{"op": "add", "path": path, "value": values}]
            try:
                self._api.patch(target.kind, target.namespace, target.name, version_of(found), patch)
            except Conflict:
                if attempt == _TRIES:
                    raise
            else:
                return

    def _outcome(self, call: Call, was: str | None, wanted: str | None) -> Outcome:
        found = self._values(self._found(self.target(call.labels))).get(self._key)
        if found == wanted:
            return Outcome.DONE
        return Outcome.NOT_DONE if found == was else Outcome.CHANGED


def open_switch(settings: Mapping[str, Any], api: KubernetesApi, what: str) -> Switch:
    """Raises Misconfigured."""
    only(settings, {"namespace", "target", "key", "annotation", "value"}, what)
    if ("key" in settings) == ("annotation" in settings):
        raise Misconfigured(f"{what}: needs key (of a ConfigMap) or annotation (of any object), and not both")
    target = target_of(settings, _KINDS, what)
    annotation = "annotation" in settings
    if not annotation and target.kind != "configmap":
        raise Misconfigured(f"{what}: key belongs to a configmap; of a {target.kind} set an annotation")
    key, value = settings["annotation" if annotation else "key"], settings.get("value")
    pattern = _ANNOTATION if annotation else _KEY
    if not isinstance(key, str) or not pattern.fullmatch(key):
        raise Misconfigured(f"{what}: {str(key)[:60]} is no {'annotation' if annotation else 'key'} of an object")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise Misconfigured(f"{what}: value must be text of at most {_LONGEST} characters")
    return Switch(api, target, annotation=annotation, key=key, value=value)
