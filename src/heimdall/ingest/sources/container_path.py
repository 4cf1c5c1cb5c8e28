"""What the path of a container's log file says about its records, as attributes of OpenTelemetry's conventions.

    /var/log/pods/<namespace>_<pod>_<uid>/<container>/<restarts>.log[.<rotated>]
    /var/log/containers/<pod>_<namespace>_<container>-<container id>.log
    /var/lib/docker/containers/<id>/<id>-json.log[.<n>]

Sources: kubelet's log layout (KEP-1972, CRI logging), Docker's json-file driver; OpenTelemetry `k8s.*`, `container.*`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

_NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_PATTERNS = (
    re.compile(
        rf"/(?P<namespace>{_NAME})_(?P<pod>{_NAME})_(?P<uid>[0-9a-fA-F-]{{32,36}})/(?P<container>{_NAME})"
        r"/(?P<restarts>[0-9]+)\.log(?:\.[^/]*)?$"
    ),
    re.compile(
        rf"/(?P<pod>{_NAME})_(?P<namespace>{_NAME})_(?P<container>{_NAME})-(?P<id>[0-9a-f]{{64}})\.log(?:\.[^/]*)?$"
    ),
    re.compile(r"/(?P<id>[0-9a-f]{64})/(?P=id)-json\.log(?:\.[^/]*)?$"),
)
_ATTRIBUTES = {
    "namespace": "k8s.namespace.name",
    "pod": "k8s.pod.name",
    "uid": "k8s.pod.uid",
    "container": "k8s.container.name",
    "restarts": "k8s.container.restart_count",
    "id": "container.id",
}


@dataclass(frozen=True, slots=True)
class ContainerOrigin:
    attributes: dict[str, str]
    service: str | None
    """The container's name, for records that name none."""
    instance: str | None
    """The pod's name, for records that name none."""


def origin_of(path: str) -> ContainerOrigin | None:
    """None for a path that is no container's log."""
    text = PurePath(path).as_posix()
    for pattern in _PATTERNS:
        found = pattern.search(text)
        if found is not None:
            parts = found.groupdict()
            attributes = {_ATTRIBUTES[name]: value for name, value in parts.items()}
            return ContainerOrigin(attributes, parts.get("container"), parts.get("pod"))
    return None
