"""What Elasticsearch's shippers ask before they send: who are you, and is everything set up?

Nothing has to be set up here: fields are found in the records themselves. So every policy, template, alias and pipeline
that is asked for is there, and every one that is brought is acknowledged.
Source: the REST APIs of the Elasticsearch reference, and the order in which shippers call them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

_NAME = "heimdall"
_CLUSTER_UUID = "aGVpbWRhbGwtbG9ncy0wMQ"
_VERSION = "8.19.0"
"""For clients that do not say theirs."""

_OWN_VERSION = re.compile(
    r"^(?:Elastic-?[A-Za-z]+|[A-Za-z]*beat|[Ll]ogstash|elasticsearch-[a-z]+|go-elasticsearch|opensearch-[a-z]+)"
    r"/(?P<version>\d{1,2}\.\d{1,3}\.\d{1,3})"
)
"""Shippers of Elastic refuse a server older than themselves, so ours is as old as they are."""

_SHARDS = {"total": 1, "successful": 1, "failed": 0}
_ACKNOWLEDGED = {"acknowledged": True}

Answer = Callable[[Request], tuple[int, Any]]


def banner(request: Request) -> tuple[int, Any]:
    found = _OWN_VERSION.match(request.headers.get("user-agent", ""))
    return 200, {
        "name": _NAME,
        "cluster_name": _NAME,
        "cluster_uuid": _CLUSTER_UUID,
        "version": {
            "number": found["version"] if found else _VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_hash": "0" * 40,
            "build_date": "2026-01-01T00:00:00.000000000Z",
            "build_snapshot": False,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }


def index(request: Request) -> tuple[int, Any]:
    """An index is there as soon as somebody names it."""
    name = request.path_params["index"]
    if request.method == "PUT":
        return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}
    return 200, {name: {"aliases": {}, "mappings": {}, "settings": {}}}


def _license(_: Request) -> tuple[int, Any]:
    return 200, {"license": {"status": "active", "uid": _CLUSTER_UUID, "type": "basic", "issuer": _NAME}}


def _xpack(_: Request) -> tuple[int, Any]:
    features = {
        name: {"available": name == "ilm", "enabled": name == "ilm"} for name in ("ilm", "monitoring", "security")
    }
    licensed = {"uid": _CLUSTER_UUID, "type": "basic", "mode": "basic", "status": "active"}
    return 200, {"build": {}, "license": licensed, "features": features, "tagline": "You know, for X"}


def _health(_: Request) -> tuple[int, Any]:
    return 200, {
        "cluster_name": _NAME,
        "status": "green",
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "active_shards_percent_as_number": 100.0,
    }


def _nodes(request: Request) -> tuple[int, Any]:
    """Sniffing clients are led back to the address they came by."""
    host = request.headers.get("host", "localhost")
    node = {"name": _NAME, "host": host, "version": _VERSION, "roles": ["data", "ingest", "master"]}
    node["http"] = {"bound_address": [host], "publish_address": host}  # type: ignore[assignment]
    return 200, {"_nodes": _SHARDS, "cluster_name": _NAME, "nodes": {_CLUSTER_UUID: node}}


def _acknowledged_or(there: Callable[[str], Any]) -> Answer:
    def answer(request: Request) -> tuple[int, Any]:
        return 200, there(request.path_params["name"]) if request.method in ("GET", "HEAD") else _ACKNOWLEDGED

    return answer


def _policy(name: str) -> Any:
    return {name: {"version": 1, "policy": {"phases": {}}}}


def _index_template(name: str) -> Any:
    template = {"index_patterns": [name], "composed_of": [], "data_stream": {}}
    return {"index_templates": [{"name": name, "index_template": template}]}


def _legacy_template(name: str) -> Any:
    return {name: {"order": 0, "index_patterns": [name], "settings": {}, "mappings": {}, "aliases": {}}}


def _component_template(name: str) -> Any:
    return {"component_templates": [{"name": name, "component_template": {"template": {}}}]}


def _pipeline(name: str) -> Any:
    return {name: {"description": "nothing is left to do", "processors": []}}


def _data_stream(name: str) -> Any:
    stream = {"name": name, "timestamp_field": {"name": "@timestamp"}, "indices": [], "generation": 1}
    return {"data_streams": [stream | {"status": "GREEN", "template": name}]}


def _alias(name: str) -> Any:
    return {f"{name}-000001": {"aliases": {name: {"is_write_index": True}}}}


def _acknowledged(_: Request) -> tuple[int, Any]:
    return 200, _ACKNOWLEDGED


def _logstash_pipelines(_: str) -> Any:
    return {}


def _refreshed(_: Request) -> tuple[int, Any]:
    return 200, {"_shards": _SHARDS}


_READ = ["GET", "HEAD"]
_BOTH = ["GET", "HEAD", "PUT", "POST", "DELETE"]

ANSWERS: tuple[tuple[str, list[str], Answer], ...] = (
    ("/_license", _READ, _license),
    ("/_xpack", _READ, _xpack),
    ("/_cluster/health", _READ, _health),
    ("/_cluster/health/{index}", _READ, _health),
    ("/_nodes/http", _READ, _nodes),
    ("/_nodes/_all/http", _READ, _nodes),
    ("/_nodes", _READ, _nodes),
    ("/_ilm/policy/{name}", _BOTH, _acknowledged_or(_policy)),
    ("/_index_template/{name}", _BOTH, _acknowledged_or(_index_template)),
    ("/_template/{name}", _BOTH, _acknowledged_or(_legacy_template)),
    ("/_component_template/{name}", _BOTH, _acknowledged_or(_component_template)),
    ("/_ingest/pipeline/{name}", _BOTH, _acknowledged_or(_pipeline)),
    ("/_data_stream/{name}", _BOTH, _acknowledged_or(_data_stream)),
    ("/_alias/{name}", _READ, _acknowledged_or(_alias)),
    ("/{index}/_alias/{name}", _BOTH, _acknowledged_or(_alias)),
    ("/_aliases", ["POST"], _acknowledged),
    ("/_logstash/pipeline/{name}", _READ, _acknowledged_or(_logstash_pipelines)),
    ("/_refresh", ["GET", "POST"], _refreshed),
    ("/{index}/_refresh", ["GET", "POST"], _refreshed),
    ("/_flush", ["GET", "POST"], _refreshed),
)
"""Path, methods, answer."""
