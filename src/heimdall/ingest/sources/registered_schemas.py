"""Where the Kafka source gets schemas by their id: an outside registry over HTTP, or this node's own."""

from __future__ import annotations

from typing import Any, Literal, Protocol
from urllib.parse import quote

import httpx

from heimdall.bus.registry import Reference, RegistryError, SchemaRegistry
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, NotFound, Unavailable
from heimdall.ingest.decode.registered import RegisteredSchema

_ASK_WITHIN_S = 10.0
_MAX_REFERENCES = 200
_MAX_KNOWN = 10_000
_FORGET_MISSING_S = 30.0
"""A schema that was not there may be registered: asked again after so long."""


class RegisteredSchemas(Protocol):
    def schema(self, schema_id: int) -> RegisteredSchema:
        """Called by one thread.

        Raises:
            NotFound, InvalidInput: there is none, or none that can be used.
            Unavailable: the registry does not say; ask again.
        """

    def close(self) -> None:
        """Called last."""


class OwnSchemas:
    """Those of this node's registry."""

    def __init__(self, registry: SchemaRegistry) -> None:
        self._registry = registry

    def schema(self, schema_id: int) -> RegisteredSchema:
        try:
            found = self._registry.schema(schema_id)
            texts: dict[tuple[str, int], str] = {}
            self._gather(found.references, texts, 0)
        except RegistryError as exc:
            raise NotFound(f"schema {schema_id}: {exc}") from exc
        return RegisteredSchema(found.text, found.type, tuple(texts.values()))

    def close(self) -> None:
        """The registry is the node's."""

    def _gather(self, references: tuple[Reference, ...], texts: dict[tuple[str, int], str], depth: int) -> None:
        for each in references:
            key = (each.subject, each.version)
            if key in texts:
                continue
            if depth > _MAX_REFERENCES or len(texts) > _MAX_REFERENCES:
                raise RegistryError(42201, "too many references")
            built_on = self._registry.version(each.subject, each.version, deleted=True).schema
            self._gather(built_on.references, texts, depth + 1)
            texts[key] = built_on.text


class OutsideSchemas:
    """Those of a registry that speaks Confluent's REST protocol. Schemas never change, so each is asked for once."""

    def __init__(self, url: str, clock: Clock, *, username: str = "", secret: str = "") -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._client = httpx.Client(
            timeout=_ASK_WITHIN_S,
            auth=(username, secret) if username else None,
            headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"},
        )
        self._known: dict[int, RegisteredSchema] = {}
        self._missing: dict[int, tuple[float, str]] = {}

    def schema(self, schema_id: int) -> RegisteredSchema:
        known = self._known.get(schema_id)
        if known is not None:
            return known
        since, said = self._missing.get(schema_id, (0.0, ""))
        if said and self._clock.monotonic() - since < _FORGET_MISSING_S:
            raise NotFound(said)
        try:
            found = self._ask(f"/schemas/ids/{schema_id}")
            texts: dict[tuple[str, int], str] = {}
            self._gather(found, texts, 0)
        except NotFound as exc:
            if len(self._missing) >= _MAX_KNOWN:
                self._missing.clear()
            self._missing[schema_id] = (self._clock.monotonic(), str(exc))
            raise
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        made = self._known[schema_id] = RegisteredSchema(_text(found), _type(found), tuple(texts.values()))
        return made

    def close(self) -> None:
        self._client.close()

    def _gather(self, found: dict[str, Any], texts: dict[tuple[str, int], str], depth: int) -> None:
        for each in found.get("references") or ():
            key = (str(each["subject"]), int(each["version"]))
            if key in texts:
                continue
            if depth > _MAX_REFERENCES or len(texts) > _MAX_REFERENCES:
                raise InvalidInput("too many references")
            built_on = self._ask(f"/subjects/{quote(key[0], safe='')}/versions/{key[1]}")
            self._gather(built_on, texts, depth + 1)
            texts[key] = _text(built_on)

    def _ask(self, path: str) -> dict[str, Any]:
        """`format=serialized`: Protobuf schemas compiled, others as they are."""
        try:
            answer = self._client.get(self._url + path, params={"format": "serialized", "deleted": "true"})
        except httpx.HTTPError as exc:
            raise Unavailable(f"the schema registry at {self._url} does not answer: {exc}") from exc
        if answer.status_code == 404:
            raise NotFound(f"the schema registry at {self._url} has no {path}")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if answer.status_code != 200 or not isinstance(told, dict) or not isinstance(told.get("schema"), str):
            raise Unavailable(f"the schema registry at {self._url} answered {answer.status_code} to {path}")
        return told


def _text(found: dict[str, Any]) -> str:
    return str(found["schema"])


def _type(found: dict[str, Any]) -> Literal["AVRO", "JSON", "PROTOBUF"]:
    kinds: dict[str, Literal["AVRO", "JSON", "PROTOBUF"]] = {"AVRO": "AVRO", "JSON": "JSON", "PROTOBUF": "PROTOBUF"}
    kind = str(found.get("schemaType") or "AVRO")
    if kind not in kinds:
        raise NotFound(f"schemas of type {kind[:40]} are not known here")
    return kinds[kind]
