"""The schema registry over HTTP, as Confluent's clients speak to it, below `/schema-registry` of the main port.

Source: Confluent's documentation, "Schema Registry API Reference".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.bus.registry import Reference, RegistryError, Schema, SchemaRegistry, Version
from heimdall.bus.registry.schema import Level, SchemaType
from heimdall.bus.registry.store import MAX_TEXT_BYTES

PREFIX = "/schema-registry"
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_TYPES: tuple[SchemaType, ...] = ("AVRO", "JSON", "PROTOBUF")
_MAX_BODY_BYTES = 2 * MAX_TEXT_BYTES

Handler = Callable[[Request, dict[str, Any]], Any]


class SchemaRegistryDoor:
    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry

    @property
    def routes(self) -> list[Route]:
        version = "/subjects/{subject}/versions/{version}"
        compatible = "/compatibility/subjects/{subject}/versions"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/", lambda request, body: {}),
            ("GET", "/subjects", self._subjects),
            ("POST", "/subjects/{subject}", self._lookup),
            ("DELETE", "/subjects/{subject}", self._delete),
            ("GET", "/subjects/{subject}/versions", self._versions),
            ("POST", "/subjects/{subject}/versions", self._register),
            ("GET", version, lambda request, body: _shown(self._version(request))),
            ("DELETE", version, self._delete),
            ("GET", f"{version}/schema", lambda request, body: self._version(request).schema.text),
            ("GET", "/schemas/types", lambda request, body: list(_TYPES)),
            ("GET", "/schemas/ids/{id}", lambda request, body: _body_of(self._schema(request))),
            ("GET", "/schemas/ids/{id}/schema", lambda request, body: self._schema(request).text),
            ("GET", "/schemas/ids/{id}/subjects", self._subjects_of),
            ("GET", "/schemas/ids/{id}/versions", self._versions_of),
            ("POST", f"{compatible}/{{version}}", self._compatible),
            ("POST", compatible, self._compatible),
            ("GET", "/mode", lambda request, body: {"mode": "READWRITE"}),
            *[(method, path, partial(self._level, method))
              for method in ("GET", "PUT", "DELETE") for path in ("/config", "/config/{subject}")],
        ]  # fmt: skip
        return [
            Route(PREFIX + path, partial(self._answer, handler), methods=[method]) for method, path, handler in table
        ]

    def close(self) -> None:
        self._registry.close()

    async def _answer(self, handler: Handler, request: Request) -> Response:
        try:
            body = await _body(request)
            found = await run_in_threadpool(handler, request, body)
        except RegistryError as exc:
            status = int(str(exc.number)[:3])
            said = {"error_code": exc.number, "message": str(exc)}
            return Response(orjson.dumps(said), status_code=status, media_type=_MEDIA_TYPE)
        text = found.encode() if isinstance(found, str) else orjson.dumps(found)
        return Response(text, media_type=_MEDIA_TYPE)

    # -- subjects and versions --------------------------------------------------------------------------------------

    def _subjects(self, request: Request, _body: dict[str, Any]) -> list[str]:
        prefix = request.query_params.get("subjectPrefix", "").removeprefix(":*:")
        return self._registry.subjects(prefix=prefix, deleted=_flag(request, "deleted"))

    def _versions(self, request: Request, _body: dict[str, Any]) -> list[int]:
        return self._registry.versions(_subject(request), deleted=_flag(request, "deleted"))

    def _version(self, request: Request) -> Version:
        return self._registry.version(_subject(request), _number(request), deleted=_flag(request, "deleted"))

    def _register(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        made = self._registry.register(_subject(request), _schema(body))
        return {"id": made.id, "version": made.version} | _body_of(made.schema)

    def _lookup(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        return _shown(self._registry.lookup(_subject(request), _schema(body)))

    def _delete(self, request: Request, _body: dict[str, Any]) -> Any:
        one = "version" in request.path_params
        number = _number(request) if one else None
        if one and number is None:
            number = self._registry.version(_subject(request), None).version
        gone = self._registry.delete(_subject(request), number, permanent=_flag(request, "permanent"))
        return gone[0] if one else gone

    # -- by id ------------------------------------------------------------------------------------------------------

    def _schema(self, request: Request) -> Schema:
        return self._registry.schema(_id(request))

    def _subjects_of(self, request: Request, _body: dict[str, Any]) -> list[str]:
        return [subject for subject, _ in self._registry.places(_id(request))]

    def _versions_of(self, request: Request, _body: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"subject": subject, "version": version} for subject, version in self._registry.places(_id(request))]

    # -- compatibility ----------------------------------------------------------------------------------------------

    def _compatible(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        every = "version" not in request.path_params
        number = None if every else _number(request)
        reasons = self._registry.compatibility(_subject(request), _schema(body), number, every=every)
        said: dict[str, Any] = {"is_compatible": not reasons}
        return said | ({"messages": list(reasons)} if _flag(request, "verbose") else {})

    def _level(self, method: str, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        subject = request.path_params.get("subject", "")
        if method == "GET":
            own = not _flag(request, "defaultToGlobal")
            return {"compatibilityLevel": str(self._registry.level(subject, own=own))}
        if method == "DELETE":
            before = self._registry.level(subject, own=True)
            self._registry.set_level(None, subject)
            return {"compatibility": str(before)}
        said = str(body.get("compatibility", "")).upper()
        if said not in set(Level):
            raise RegistryError(42203, f"invalid compatibility level; one of {', '.join(Level)}")
        self._registry.set_level(Level(said), subject)
        return {"compatibility": said}


async def _body(request: Request) -> dict[str, Any]:
    if request.method not in ("POST", "PUT"):
        return {}
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > _MAX_BODY_BYTES:
            raise RegistryError(413, f"the request is larger than {_MAX_BODY_BYTES} bytes")
    try:
        said = orjson.loads(bytes(raw))
    except orjson.JSONDecodeError:
        raise RegistryError(400, "the request is no JSON") from None
    if not isinstance(said, dict):
        raise RegistryError(400, "the request is no JSON object")
    return said


def _schema(body: dict[str, Any]) -> Schema:
    text, kind = body.get("schema"), body.get("schemaType") or "AVRO"
    if not isinstance(text, str):
        raise RegistryError(42201, "invalid schema: the request has no schema")
    if kind not in _TYPES:
        raise RegistryError(42201, f"invalid schema: type {str(kind)[:40]!r} is none of {', '.join(_TYPES)}")
    try:
        references = tuple(
            Reference(str(each["name"]), str(each["subject"]), int(each["version"]))
            for each in body.get("references") or ()
        )
    except (TypeError, KeyError, ValueError):
        raise RegistryError(42201, "invalid schema: a reference has a name, a subject and a version") from None
    return Schema(text, _TYPES[_TYPES.index(kind)], references)


def _shown(version: Version) -> dict[str, Any]:
    return {"subject": version.subject, "version": version.version, "id": version.id} | _body_of(version.schema)


def _body_of(schema: Schema) -> dict[str, Any]:
    said: dict[str, Any] = {"schema": schema.text, "schemaType": schema.type}
    if schema.references:
        said["references"] = [
            {"name": each.name, "subject": each.subject, "version": each.version} for each in schema.references
        ]
    return said


def _subject(request: Request) -> str:
    return str(request.path_params["subject"])


def _number(request: Request) -> int | None:
    said = str(request.path_params["version"])
    if said in ("latest", "-1"):
        return None
    if not said.isdecimal() or not 0 < int(said) < 2**31:
        raise RegistryError(42202, f"{said[:40]!r} is no version; a number from 1, or latest")
    return int(said)


def _id(request: Request) -> int:
    said = str(request.path_params["id"])
    if not said.isdecimal() or int(said) >= 2**31:
        raise RegistryError(40403, f"schema {said[:40]} not found")
    return int(said)


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"
