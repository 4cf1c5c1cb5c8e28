"""Mappings and field capabilities, learnt from the newest records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heimdall.api.elasticsearch.indices import Indices, listed, missing
from heimdall.api.elasticsearch.wire import fits
from heimdall.query.ast import Query
from heimdall.query.fields import BY_NAME
from heimdall.query.languages.esdsl.names import OWN
from heimdall.query.languages.hql import to_text
from heimdall.query.request import QueryRequest
from heimdall.query.service import QueryService
from heimdall.query.types import Type

_ALWAYS = {"@timestamp": "date", "message": "text", "log.level": "keyword", "service.name": "keyword"}
_KINDS = {"number": "double", "boolean": "boolean", "time": "date"}
_HIDDEN = frozenset({"id", "_index", "_id", "attributes._index", "attributes._id"})


def field_types(service: QueryService, indices: Indices) -> dict[str, str]:
    """Name in documents → type. Fields that the newest records do not have are not listed, only found."""
    answer = service.fields(QueryRequest(q=to_text(Query(indices.search))))
    found = dict(_ALWAYS)
    assert isinstance(answer.data, list)  # noqa: S101  # as `fields` answers
    for entry in answer.data:
        name = str(entry["name"])
        if name in _HIDDEN:
            continue
        kind = _KINDS.get(str(entry["type"]), "keyword")
        if name in BY_NAME and BY_NAME[name].type is Type.INTEGER:
            kind = "long"
        found.setdefault(OWN.get(name, name.removeprefix("attributes.")), kind)
    return dict(sorted(found.items()))


def mappings(service: QueryService, indices: Indices) -> dict[str, Any]:
    """`_mapping`: the same for each index of the expression."""
    types = field_types(service, indices)
    properties: dict[str, Any] = {}
    for name, kind in types.items():
        _put(properties, name.split("."), _property(kind))
    names = _names(service, indices)
    return {name: {"mappings": {"properties": properties}} for name in names}


def _put(properties: dict[str, Any], path: Sequence[str], told: dict[str, Any]) -> None:
    """Objects inside objects; a field below one that has a value itself keeps its dots."""
    place = properties
    for depth, part in enumerate(path[:-1]):
        inner = place.setdefault(part, {"properties": {}})
        if "properties" not in inner:
            place[".".join(path[depth:])] = told
            return
        place = inner["properties"]
    place.setdefault(path[-1], told)


def _property(kind: str) -> dict[str, Any]:
    return {"type": kind, "fields": {"keyword": {"type": "keyword"}}} if kind == "text" else {"type": kind}


def field_mappings(service: QueryService, indices: Indices, patterns: Sequence[str]) -> dict[str, Any]:
    """`_mapping/field/{fields}`."""
    found = {
        name: {"full_name": name, "mapping": {name.rpartition(".")[2]: _property(kind)}}
        for name, kind in field_types(service, indices).items()
        if any(fits(pattern, name) for pattern in patterns)
    }
    return {name: {"mappings": found} for name in _names(service, indices)}


def capabilities(service: QueryService, indices: Indices, patterns: Sequence[str]) -> dict[str, Any]:
    """`_field_caps`."""
    fields: dict[str, Any] = {}
    types = {**field_types(service, indices), "_id": "_id", "_index": "_index"}
    types |= {"message.keyword": "keyword"}
    for name, kind in types.items():
        if any(fits(pattern, name) for pattern in patterns):
            fields[name] = {kind: _capability(name, kind)}
            for end in (place for place, char in enumerate(name) if char == "."):
                outer = name[:end]
                if outer not in types and any(fits(pattern, outer) for pattern in patterns):
                    fields.setdefault(outer, {"object": _capability(outer, "object")})
    return {"indices": _names(service, indices), "fields": fields}


def _capability(name: str, kind: str) -> Mapping[str, Any]:
    return {
        "type": kind,
        "metadata_field": name.startswith("_"),
        "searchable": kind != "object",
        "aggregatable": kind not in ("text", "object", "_id"),
    }


def _names(service: QueryService, indices: Indices) -> list[str]:
    found = [index.name for index in listed(service, indices)]
    for name in indices.plain:
        if name not in found:
            raise missing(name)
    return found
