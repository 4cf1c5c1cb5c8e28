"""What /openapi.json says of the doors: their routes belong to `ingest`, which knows nothing of OpenAPI."""

from __future__ import annotations

from typing import Any

_TEXT = {"schema": {"type": "string"}}
_OBJECT = {"schema": {"type": "object"}}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_ERRORS = {
    "400": {"description": "nothing could be read; the message says what to do"},
    "413": {"description": "the body, or what it decompresses to, is over the limit"},
    "415": {"description": "a content type or coding that is not taken here"},
    "429": {"description": "slow down; `Retry-After` says for how long"},
    "503": {"description": "not durable now; send the same body again after `Retry-After`"},
}


def _parameter(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": {"type": "string"}}


DOOR_PATHS: dict[str, Any] = {
    "/api/v1/logs": {
        "post": {
            "tags": ["ingest"],
            "summary": "Records in: NDJSON, a JSON array, one object, or plain text lines",
            "operationId": "logs_post",
            "parameters": [
                _parameter("time_field", "field that holds the time"),
                _parameter("message_field", "field that holds the message"),
                _parameter("level_field", "field that holds the level"),
                _parameter("service_field", "field that holds the service"),
                _parameter("time_zone", "zone of times that state none, like Europe/Berlin; default UTC"),
                _parameter("service", "service of records that name none"),
                _parameter("instance", "instance of records that name none"),
                _parameter("region", "region of records that name none"),
                _parameter("environment", "environment of records that name none"),
                _parameter("attribute.{name}", "an attribute of records that do not have it, up to 32 of them"),
                {
                    "name": "Content-Encoding",
                    "in": "header",
                    "required": False,
                    "schema": {"type": "string", "enum": ["identity", "gzip", "zstd", "deflate"]},
                },
            ],
            "requestBody": {
                "required": True,
                "content": {"application/x-ndjson": _TEXT, "application/json": _OBJECT, "text/plain": _TEXT},
            },
            "responses": {
                "200": {
                    "description": "the accepted records are on the disk",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["accepted", "rejected", "errors"],
                                "properties": {
                                    "accepted": {"type": "integer"},
                                    "rejected": {"type": "integer"},
                                    "errors": {
                                        "type": "array",
                                        "maxItems": 100,
                                        "items": {
                                            "type": "object",
                                            "properties": {
                                                "line": {"type": "integer"},
                                                "reason": {"type": "string"},
                                                "excerpt": {"type": "string"},
                                            },
                                        },
                                    },
                                },
                            }
                        }
                    },
                },
                **_ERRORS,
            },
        }
    },
    "/v1/logs": {
        "post": {
            "tags": ["ingest"],
            "summary": "OTLP/HTTP logs",
            "operationId": "otlp_logs_post",
            "requestBody": {
                "required": True,
                "content": {"application/x-protobuf": _BYTES, "application/json": _OBJECT},
            },
            "responses": {
                "200": {
                    "description": "ExportLogsServiceResponse in the request's type",
                    "content": {"application/x-protobuf": _BYTES, "application/json": _OBJECT},
                },
                **_ERRORS,
            },
        }
    },
    "/upload": {
        "post": {
            "tags": ["ingest"],
            "summary": "A journal in export format, of any length, as systemd-journal-upload sends it",
            "operationId": "journal_upload_post",
            "requestBody": {"required": True, "content": {"application/vnd.fdo.journal": _BYTES}},
            "responses": {"202": {"description": "the entries are on the disk"}, **_ERRORS},
        }
    },
    "/gelf": {
        "post": {
            "tags": ["ingest"],
            "summary": "One GELF message, plain, gzip or zlib",
            "operationId": "gelf_post",
            "requestBody": {"required": True, "content": {"application/json": _OBJECT}},
            "responses": {"202": {"description": "the record is on the disk"}, **_ERRORS},
        }
    },
}


def _further(path: str, summary: str, content: dict[str, Any], status: str) -> None:
    name = path.strip("/").replace("/", "_").replace("{", "").replace("}", "")
    DOOR_PATHS[path] = {
        "post": {
            "tags": ["ingest"],
            "summary": summary,
            "operationId": f"{name}_post",
            "requestBody": {"required": True, "content": content},
            "responses": {status: {"description": "in the protocol's own words"}, **_ERRORS},
        }
    }


_PROTOBUF_OR_JSON = {"application/x-protobuf": _BYTES, "application/json": _OBJECT}
_further("/_bulk", "Elasticsearch: actions and documents, line by line", {"application/x-ndjson": _TEXT}, "200")
_further("/loki/api/v1/push", "Loki: streams of lines", _PROTOBUF_OR_JSON, "204")
_further("/services/collector/event", "Splunk HEC: envelopes", {"application/json": _OBJECT}, "200")
_further("/services/collector/raw", "Splunk HEC: text lines", {"text/plain": _TEXT}, "200")
_further("/api/v2/logs", "Datadog: an array of logs", {"application/json": _OBJECT}, "202")
_further("/insert/jsonline", "VictoriaLogs: JSON lines", {"application/stream+json": _TEXT}, "200")
_further("/aws/firehose", "Amazon Data Firehose: one delivery", {"application/json": _OBJECT}, "200")
_further("/gcp/pubsub", "Google Cloud Pub/Sub: one pushed message", {"application/json": _OBJECT}, "204")
