"""A cluster's API server: JSON over HTTPS with a bearer token or a client certificate.

Inside a cluster everything is found where Kubernetes puts it for a pod's service account. The token's file is read at
every request: the kubelet renews it about hourly.

Source: Kubernetes API concepts (optimistic concurrency by `resourceVersion`, `Status` objects), API reference v1.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson

from heimdall.alerting.keys import only
from heimdall.alerting.routing import secret
from heimdall.errors import Denied, Misconfigured, NotFound, Refused, Unavailable

Object = dict[str, Any]

TIMEOUT_S = 10.0
LONGEST_ANSWER = 8 << 20
"""Bytes; a list of a deployment's ReplicaSets is far below it."""
MANAGER = "heimdall"
"""As whom changes stand in an object's `managedFields`."""
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
"""DNS subdomain, RFC 1123: also what keeps a label's value from becoming another path."""
_COLLECTIONS = {
    "deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "statefulset": "/apis/apps/v1/namespaces/{}/statefulsets",
    "replicaset": "/apis/apps/v1/namespaces/{}/replicasets",
    "configmap": "/api/v1/namespaces/{}/configmaps",
    "service": "/api/v1/namespaces/{}/services",
    "ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "autoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
}


class Conflict(Refused):
    """The object was changed since it was read: nothing happened."""


class KubernetesApi:
    """Asks one API server. Safe from several threads.

    Every method raises:
        Unavailable: no answer, or one that may be another next time; after a change it is unknown whether it happened.
        Conflict, NotFound, Denied, Refused: the server said no, and nothing happened.
    """

    def __init__(self, url: str, *, token: str = "", ca: str = "", certificate: tuple[str, str] | None = None) -> None:
        """`token`: itself, or `file:PATH`. `ca`: PEM file, else the system's. `certificate`: PEM files of it and its
        key. Raises Misconfigured."""
        found = httpx.URL(url)
        if found.scheme not in ("https", "http") or not found.host or found.userinfo:
            raise Misconfigured("kubernetes: url must be https:// with a host and without a password")
        if found.scheme == "http" and found.host not in ("127.0.0.1", "localhost", "::1"):
            raise Misconfigured("kubernetes: url must be https://; http:// is for a proxy on this machine alone")
        self._token = token
        self._http = httpx.Client(
            base_url=found, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, verify=_tls(ca, certificate)
        )

    def get(self, kind: str, namespace: str, name: str, sub: str = "") -> Object:
        return self._ask("GET", path_of(kind, namespace, name, sub))

    def list(self, kind: str, namespace: str, selector: str = "") -> Sequence[Object]:
        parameters = {"labelSelector": selector} if selector else {}
        found = self._ask("GET", path_of(kind, namespace), parameters=parameters).get("items") or []
        return list(found)

    def put(self, kind: str, namespace: str, name: str, body: Object, sub: str = "") -> Object:
        """Replace; `metadata.resourceVersion` of `body` is what it must still be."""
        return self._ask("PUT", path_of(kind, namespace, name, sub), body=body, parameters={"fieldManager": MANAGER})

    def patch(self, kind: str, namespace: str, name: str, version: str, patch: Sequence[Object]) -> Object:
        """JSON Patch (RFC 6902), only while the object's `resourceVersion` is `version`."""
        guarded = [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, *patch]
        return self._ask(
            "PATCH", path_of(kind, namespace, name), body=guarded, parameters={"fieldManager": MANAGER},
            content_type="application/json-patch+json",
        )  # fmt: skip

    def close(self) -> None:
        """May be called again: several actions share it."""
        self._http.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        parameters: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        headers = {"Accept": "application/json", "User-Agent": "heimdall", "Accept-Encoding": "identity"}
        if self._token:
            headers["Authorization"] = f"Bearer {secret(self._token, 'kubernetes: token', {})}"
        content = None
        if body is not None:
            content, headers["Content-Type"] = orjson.dumps(body), content_type
        what = f"kubernetes: {method} {path}"
        try:
            with self._http.stream(method, path, content=content, params=parameters, headers=headers) as response:
                answer = _read(response, what)
        except httpx.HTTPError as exc:
            raise Unavailable(f"{what}: {type(exc).__name__}: {exc}") from exc
        if response.is_success:
            try:
                found = orjson.loads(answer)
            except orjson.JSONDecodeError as exc:
                raise Unavailable(f"{what}: answered {response.status_code} without JSON") from exc
            if not isinstance(found, dict):
                raise Unavailable(f"{what}: answered {response.status_code} with something that is no object")
            return found
        raise _error(response.status_code, f"{what}: {response.status_code} {_message(answer)}")


def open_api(given: Mapping[str, Any], environment: Mapping[str, str]) -> KubernetesApi:
    """Table `[kubernetes]`: `url`, `token`, `ca`, `certificate`, `key`; what is missing is found as in a pod.

    Raises:
        Misconfigured: no cluster is named and this is no pod; a file that cannot be read.
    """
    only(given, {"url", "token", "ca", "certificate", "key"}, "kubernetes")
    texts = {key: str(value) for key, value in given.items()}
    if "url" not in texts:
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        if not host:
            raise Misconfigured("kubernetes: needs url; it is found by itself only inside a cluster")
        port = environment.get("KUBERNETES_SERVICE_PORT", "443")
        texts["url"] = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        texts.setdefault("token", f"file:{_ACCOUNT / 'token'}")
        texts.setdefault("ca", str(_ACCOUNT / "ca.crt"))
    if ("certificate" in texts) != ("key" in texts):
        raise Misconfigured("kubernetes: certificate and key belong together")
    certificate = (texts["certificate"], texts["key"]) if "key" in texts else None
    token = texts.get("token", "")
    if not token.startswith("file:"):
        token = secret(token, "kubernetes: token", environment)
    return KubernetesApi(texts["url"], token=token, ca=texts.get("ca", ""), certificate=certificate)


def path_of(kind: str, namespace: str, name: str = "", sub: str = "") -> str:
    """Raises Refused: a name that is none."""
    for text in (namespace, *([name] if name else [])):
        if not _NAME.fullmatch(text):
            raise Refused(f"kubernetes: {text[:60]!r} is no name of a {kind} or a namespace")
    return "/".join(part for part in (_COLLECTIONS[kind].format(namespace), name, sub) if part)


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def version_of(found: Object) -> str:
    return str(found["metadata"]["resourceVersion"])


def _tls(ca: str, certificate: tuple[str, str] | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca or None)
        if certificate is not None:
            context.load_cert_chain(*certificate)
    except (OSError, ssl.SSLError) as exc:
        raise Misconfigured(f"kubernetes: ca, certificate or key cannot be read: {exc}") from exc
    return context


def _read(response: httpx.Response, what: str) -> bytes:
    found = bytearray()
    for chunk in response.iter_raw():
        found += chunk
        if len(found) > LONGEST_ANSWER:
            raise Unavailable(f"{what}: the answer is longer than {LONGEST_ANSWER >> 20} MiB")
    return bytes(found)


def _message(answer: bytes) -> str:
    """Of a `Status` object, or what else was said."""
    try:
        found = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return answer[:200].decode(errors="replace")
    return str(found.get("message", ""))[:300] if isinstance(found, dict) else ""


def _error(status: int, text: str) -> Exception:
    if status in (401, 403):
        return Denied(text)
    if status == 404:
        return NotFound(text)
    if status == 409:
        return Conflict(text)
    if status in (408, 425, 429) or status >= 500:
        return Unavailable(text)
    return Refused(text)
