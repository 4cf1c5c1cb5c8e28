"""How an action of the file names its object: `target = "deployment/{service}"`, filled in from the alert's labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heimdall.alerting.actions.kubernetes.api import is_name
from heimdall.alerting.mitigation.action import Target
from heimdall.errors import Misconfigured, Refused

_LABEL = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TargetName:
    kind: str
    namespace: str
    name: str

    def filled(self, labels: Mapping[str, str]) -> Target:
        """Raises Refused: a label is missing, or its value is no name of an object."""
        return Target(self.kind, _filled(self.name, labels), _filled(self.namespace, labels))


def target_of(settings: Mapping[str, Any], kinds: tuple[str, ...], what: str) -> TargetName:
    """Keys `namespace` and `target`. Raises Misconfigured."""
    namespace, target = settings.get("namespace"), settings.get("target")
    kind, _, name = target.partition("/") if isinstance(target, str) else ("", "", "")
    if kind not in kinds or not name:
        raise Misconfigured(f"{what}: target must be one of {', '.join(f'{each}/NAME' for each in kinds)}")
    if not isinstance(namespace, str) or not namespace:
        raise Misconfigured(f"{what}: needs namespace")
    for text in (namespace, name):
        if not is_name(_LABEL.sub("x", text)):
            raise Misconfigured(f"{what}: {text[:60]} is no name of a Kubernetes object; labels stand as {{service}}")
    return TargetName(kind, namespace, name)


def _filled(text: str, labels: Mapping[str, str]) -> str:
    filled = _LABEL.sub(lambda found: labels.get(found[1], ""), text)
    if not is_name(filled):
        raise Refused(f"{text} with the alert's labels is {filled[:60]!r}, which is no name of a Kubernetes object")
    return filled
