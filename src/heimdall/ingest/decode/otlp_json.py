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
from heimdall.ingest.decode.decoded import Decoded, Together, split
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.otlp import LogRows, Origin, make_origin, real, severity_of

_TEXTS = frozenset({"stringValue", "string_value", "bytesValue", "bytes_value"})

_MAX_DEPTH = 100
"""Of values inside values: what protobuf's decoders take."""


def decode_otlp_json(body: bytes, *, now_ns: int, schemas: SchemaMemory | None = None) -> Decoded:
    """Records of one request. A malformed record is rejected alone; InvalidInput when it is no request at all."""
    rows = LogRows(now_ns)
    _gather(body, rows)
    return rows.decoded(schemas or SchemaMemory())


def decode_otlp_json_together(bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Together[Decoded]:
    """Records of several small requests in one go, those of each as `decode_otlp_json` reads them.

    Raises:
        InvalidInput: one of them is no request, or has a malformed record.
    """
    rows = LogRows(now_ns)
    counts = []
    for body in bodies:
        before = len(rows.rows)
        _gather(body, rows)
        counts.append(len(rows.rows) - before)
    decoded = rows.decoded(schemas)
    if decoded.rejected_count:
        raise InvalidInput("a record of one of the requests is malformed")
    return split(decoded.table, counts)


def _gather(body: bytes, rows: LogRows) -> None:
    try:
        request = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"the body is no JSON: {exc}") from exc
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


def _origin(resource: dict[str, Any], scope: dict[str, Any]) -> Origin:
    attributes = _pairs(_get(scope, "attributes"))
    return make_origin(resource, str(scope.get("name") or ""), str(scope.get("version") or ""), attributes)


def _add(rows: LogRows, origin: Origin, sent: dict[str, Any]) -> None:
    record = sent if _is_camel(sent) else {_camel(name): value for name, value in sent.items()}
    get = record.get
    attributes = _pairs(get("attributes"))
    event_name, dropped = get("eventName"), get("droppedAttributesCount")
    if event_name:
        attributes["event_name"] = str(event_name)
    if dropped and int(dropped):
        attributes["dropped_attributes_count"] = int(dropped)
    body = get("body")
    rows.add(
        origin,
        int(get("timeUnixNano") or 0),
        int(get("observedTimeUnixNano") or 0),
        severity_of(get("severityNumber")),
        str(get("severityText") or ""),
        None if body is None else _value(body, 1),
        attributes,
        _hex(get("traceId")),
        _hex(get("spanId")),
        int(get("flags") or 0),
    )


def _is_camel(record: dict[str, Any]) -> bool:
    return not any("_" in name for name in record)


def _camel(name: str) -> str:
    first, *words = name.split("_")
    return first + "".join(word.capitalize() for word in words)


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
    if not digits:
        return b""
    try:
        return binascii.unhexlify(digits)
    except binascii.Error:
        raise ValueError(f"the id {str(digits)[:40]!r} is not hexadecimal") from None


def _pairs(pairs: Any, depth: int = 0) -> dict[str, Any]:
    if not pairs:
        return {}
    found = {}
    for pair in pairs:
        value = pair.get("value") or {}
        text = value.get("stringValue")
        found[str(pair["key"])] = text if type(text) is str else _value(value, depth + 1)
    return found


def _value(value: dict[str, Any], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    for name, content in value.items():
        if content is None:
            continue
        if name in _TEXTS:
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
