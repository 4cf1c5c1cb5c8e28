"""`ExportLogsServiceRequest` in JSON → records.

OTLP's JSON: lowerCamelCase names (the protobuf names are taken too), trace and span ids in hexadecimal, 64-bit
integers as text or numbers, enums as numbers, unknown fields ignored. Source: OTLP specification, "JSON Protobuf
Encoding".
"""

from __future__ import annotations

import binascii
from typing import Any

import orjson

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.otlp import LogRows, Origin, make_origin, real, severity_of

_MAX_DEPTH = 100
"""Of values inside values: what protobuf's decoders take."""


def decode_otlp_json(body: bytes, *, now_ns: int, schemas: SchemaMemory | None = None) -> Decoded:
    """Records of one request. A malformed record is rejected alone; InvalidInput when it is no request at all."""
    try:
        request = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"the body is no JSON: {exc}") from exc
    rows = LogRows(now_ns)
    number = 0
    try:
        for resource_logs in _list(request, "resourceLogs", "resource_logs"):
            resource = _pairs(_get(resource_logs.get("resource") or {}, "attributes"))
            for scope_logs in _list(resource_logs, "scopeLogs", "scope_logs"):
                origin = _origin(resource, scope_logs.get("scope") or {})
                for record in _list(scope_logs, "logRecords", "log_records"):
                    number += 1
                    try:
                        _add(rows, origin, record)
                    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as exc:
                        rows.rejected.add(number, f"not a log record: {exc}", repr(record)[:200])
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as exc:
        raise InvalidInput(f"the body is no ExportLogsServiceRequest in JSON: {exc}") from exc
    return rows.decoded(schemas or SchemaMemory())


def _origin(resource: dict[str, Any], scope: dict[str, Any]) -> Origin:
    attributes = _pairs(_get(scope, "attributes"))
    return make_origin(resource, str(scope.get("name") or ""), str(scope.get("version") or ""), attributes)


def _add(rows: LogRows, origin: Origin, record: dict[str, Any]) -> None:
    attributes = _pairs(_get(record, "attributes"))
    event_name = _get(record, "eventName", "event_name")
    if event_name:
        attributes["event_name"] = str(event_name)
    dropped = int(_get(record, "droppedAttributesCount", "dropped_attributes_count") or 0)
    if dropped:
        attributes["dropped_attributes_count"] = dropped
    body = record.get("body")
    rows.add(
        origin,
        int(_get(record, "timeUnixNano", "time_unix_nano") or 0),
        int(_get(record, "observedTimeUnixNano", "observed_time_unix_nano") or 0),
        severity_of(_get(record, "severityNumber", "severity_number")),
        str(_get(record, "severityText", "severity_text") or ""),
        None if body is None else _value(body, 1),
        attributes,
        _hex(_get(record, "traceId", "trace_id")),
        _hex(_get(record, "spanId", "span_id")),
        int(record.get("flags") or 0),
    )


def _get(message: dict[str, Any], *names: str) -> Any:
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return next((message[name] for name in names if name in message), None)


def _list(message: dict[str, Any], *names: str) -> list[Any]:
    found = _get(message, *names)
    if found is not None and not isinstance(found, list):
        raise ValueError(f"{names[0]} is no list")
    return found or []


def _hex(digits: Any) -> bytes:
    try:
        return binascii.unhexlify(digits or "")
    except binascii.Error:
        raise ValueError(f"the id {str(digits)[:40]!r} is not hexadecimal") from None


def _pairs(pairs: Any, depth: int = 0) -> dict[str, Any]:
    return {str(pair["key"]): _value(pair.get("value") or {}, depth + 1) for pair in pairs or ()}


def _value(value: dict[str, Any], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    for name, content in value.items():
        if content is None:
            continue
        if name in ("stringValue", "string_value", "bytesValue", "bytes_value"):
            return str(content)
        if name in ("intValue", "int_value"):
            number = int(content)
            return number if -(2**63) <= number < 2**63 else str(number)
        if name in ("boolValue", "bool_value"):
            return bool(content)
        if name in ("doubleValue", "double_value"):
            return real(float(content))
        if name in ("arrayValue", "array_value"):
            return [_value(element, depth + 1) for element in content.get("values") or ()]
        if name in ("kvlistValue", "kvlist_value"):
            return _pairs(content.get("values"), depth)
    return None
