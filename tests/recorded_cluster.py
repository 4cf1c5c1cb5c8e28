"""An API server of Kubernetes in memory, as far as actions ask one: objects, `resourceVersion`, the scale subresource,
and a controller that keeps a ReplicaSet for each template of a Deployment.

It answers over real HTTP. `tests/contracts/test_kubernetes_actions.py` runs over it and over a real API server, which
is what keeps the two alike.
"""

from __future__ import annotations

import hashlib
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

Object = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
_PATH = re.compile(r"/(?:api|apis/[a-z.0-9]+)/v[0-9]+/namespaces/([^/]+)/([a-z]+)(?:/([^/]+))?(?:/(scale))?")
_KINDS = {
    "deployments": "Deployment", "statefulsets": "StatefulSet", "replicasets": "ReplicaSet", "configmaps": "ConfigMap",
    "services": "Service", "ingresses": "Ingress", "horizontalpodautoscalers": "HorizontalPodAutoscaler",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    body: Any
    token: str

    @property
    def changes(self) -> bool:
        return self.method != "GET"


class _No(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RecordedCluster(ThreadingHTTPServer):
    """`fault` is asked before each request: None lets it through, "lost" makes the change and hangs up without an
    answer, a number is answered in place of doing anything."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[Asked] = []
        self.fault: Callable[[Asked], str | int | None] = lambda asked: None
        self.between: Callable[[], None] = lambda: None
        """Called before a change is made: somebody else who is faster."""
        self.token = ""
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._version = 0
        self._lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def changes(self) -> list[Asked]:
        return [each for each in self.asked if each.changes and each.method != "POST"]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Object:
        found = _PATH.fullmatch(path)
        if found is None or found[2] not in _KINDS:
            raise _No(404, "the server could not find the requested resource")
        namespace, plural, name, sub = found.groups()
        with self._lock:
            if name is None:
                return (
                    self._create(namespace, plural, body) if method == "POST" else self._list(namespace, plural, query)
                )
            kept = self._objects.get((plural, namespace, name))
            if kept is None:
                raise _No(404, f'{plural} "{name}" not found')
            match method:
                case "GET":
                    return _scale_of(kept) if sub else deepcopy(kept)
                case "DELETE":
                    return self._objects.pop((plural, namespace, name))
                case "PUT" if sub:
                    changed = deepcopy(kept)
                    changed["metadata"]["resourceVersion"] = body["metadata"].get("resourceVersion")
                    changed["spec"]["replicas"] = body["spec"]["replicas"]
                    return _scale_of(self._replace(plural, namespace, name, changed))
                case "PUT":
                    return self._replace(plural, namespace, name, body)
                case "PATCH":
                    return self._replace(plural, namespace, name, _patched(kept, body))
        raise _No(405, f"no {method} here")

    def _list(self, namespace: str, plural: str, query: dict[str, list[str]]) -> Object:
        wanted = dict(part.split("=") for part in query.get("labelSelector", [""])[0].split(",") if part)
        items = [
            deepcopy(each)
            for (kind, where, _), each in self._objects.items()
            if (kind, where) == (plural, namespace) and wanted.items() <= (each["metadata"].get("labels") or {}).items()
        ]
        return {"kind": f"{_KINDS[plural]}List", "items": items}

    def _create(self, namespace: str, plural: str, body: Object) -> Object:
        made = deepcopy(body)
        made["metadata"] |= {
            "namespace": namespace, "uid": str(uuid.uuid4()),
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        self._keep(plural, made)
        return made

    def _replace(self, plural: str, namespace: str, name: str, changed: Object) -> Object:
        now = self._objects[plural, namespace, name]["metadata"]["resourceVersion"]
        if changed["metadata"].get("resourceVersion") not in (None, now):
            text = "the object has been modified; please apply your changes to the latest version and try again"
            raise _No(409, f'Operation cannot be fulfilled on {plural} "{name}": {text}')
        self._keep(plural, changed)
        return deepcopy(changed)

    def _keep(self, plural: str, kept: Object) -> None:
        self._version += 1
        meta = kept["metadata"]
        meta["resourceVersion"] = str(self._version)
        self._objects[plural, meta["namespace"], meta["name"]] = deepcopy(kept)
        if plural == "deployments":
            self._roll_out(self._objects[plural, meta["namespace"], meta["name"]])

    def _roll_out(self, deployment: Object) -> None:
        """The deployment controller: one ReplicaSet a template, the newest with the highest revision."""
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        sets = [
            each
            for (plural, _, _), each in self._objects.items()
            if plural == "replicasets" and each["metadata"]["ownerReferences"][0]["uid"] == meta["uid"]
        ]
        hashed = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).hexdigest()[:9]
        name = f"{meta['name']}-{hashed}"
        found = next((each for each in sets if each["metadata"]["name"] == name), None)
        if found is None:
            labelled = deepcopy(template)
            labelled["metadata"]["labels"]["pod-template-hash"] = hashed
            self._create(
                meta["namespace"],
                "replicasets",
                {
                    "kind": "ReplicaSet",
                    "metadata": {
                        "name": name,
                        "labels": labelled["metadata"]["labels"],
                        "annotations": {REVISION: "0"},
                        "ownerReferences": [{"kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}],
                    },
                    "spec": {"template": labelled},
                },
            )
            found = self._objects["replicasets", meta["namespace"], name]
        others = [int(each["metadata"]["annotations"][REVISION]) for each in sets if each is not found]
        newest = max(others, default=0)
        if int(found["metadata"]["annotations"][REVISION]) <= newest:
            found["metadata"]["annotations"][REVISION] = str(newest + 1)
        meta.setdefault("annotations", {})[REVISION] = found["metadata"]["annotations"][REVISION]


def _scale_of(kept: Object) -> Object:
    meta = kept["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {name: meta[name] for name in names},
        "spec": {"replicas": kept["spec"]["replicas"]}, "status": {"replicas": 0},
    }  # fmt: skip


def _patched(kept: Object, patch: list[Object]) -> Object:
    changed = deepcopy(kept)
    for each in patch:
        *above, last = each["path"].removeprefix("/").split("/")
        place = changed
        for part in above:
            place = place[part]
        if each["op"] == "replace" and last not in place:
            raise _No(422, "the server rejected our request due to an error in our request")
        place[last] = deepcopy(each["value"])
    return changed


class _Handler(BaseHTTPRequestHandler):
    server: RecordedCluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = orjson.loads(self.rfile.read(length)) if length else None
        parts = urlsplit(self.path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        asked = Asked(self.command, parts.path, body, token)
        self.server.asked.append(asked)
        fault = self.server.fault(asked)
        status, answer = 200, {}
        try:
            if isinstance(fault, int):
                raise _No(fault, "as the test wants it")
            if self.server.token and token != self.server.token:
                raise _No(401, "Unauthorized")
            if asked.changes and asked.method != "POST":
                self.server.between()
            answer = self.server.answer(self.command, parts.path, parse_qs(parts.query), body)
        except _No as exc:
            status = exc.status
            answer = {"kind": "Status", "status": "Failure", "message": str(exc), "code": status}
        if fault == "lost":
            self.close_connection = True
            return
        text = orjson.dumps(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _any

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def recorded_cluster() -> Iterator[RecordedCluster]:
    server = RecordedCluster()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
