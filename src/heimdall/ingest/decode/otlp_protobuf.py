"""`ExportLogsServiceRequest` in protobuf → records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.otlp import LogRows, binary, make_origin, real


def decode_otlp_protobuf(body: bytes, *, now_ns: int, schemas: SchemaMemory | None = None) -> Decoded:
    """Records of one request; raises InvalidInput when it is no such message."""
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as exc:
        raise InvalidInput(f"the body is no ExportLogsServiceRequest in protobuf: {exc}") from exc
    rows = LogRows(now_ns)
    for resource_logs in request.resource_logs:
        resource = _pairs(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            scope = scope_logs.scope
            origin = make_origin(resource, scope.name, scope.version, _pairs(scope.attributes))
            for record in scope_logs.log_records:
                attributes = _pairs(record.attributes)
                if record.event_name:
                    attributes["event_name"] = record.event_name
                if record.dropped_attributes_count:
                    attributes["dropped_attributes_count"] = record.dropped_attributes_count
                rows.add(
                    origin,
                    record.time_unix_nano,
                    record.observed_time_unix_nano,
                    record.severity_number,
                    record.severity_text,
                    record.body.string_value or _value(record.body),
                    attributes,
                    record.trace_id,
                    record.span_id,
                    record.flags,
                )
    return rows.decoded(schemas or SchemaMemory())


def _pairs(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    # most values are text, and asking for it is half the price of asking which kind it is
    return {pair.key: pair.value.string_value or _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    # the decoder refuses messages nested deeper than 100, which bounds this recursion
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return value.int_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "double_value":
        return real(value.double_value)
    if kind == "kvlist_value":
        return _pairs(value.kvlist_value.values)
    if kind == "array_value":
        return [_value(element) for element in value.array_value.values]
    if kind == "bytes_value":
        return binary(value.bytes_value)
    return None
