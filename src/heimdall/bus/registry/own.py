"""The record's own schema, as the registry knows it: `LOG_SCHEMA` in Avro's words."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from heimdall.bus.registry.schema import Schema, Version
from heimdall.bus.registry.store import SchemaRegistry
from heimdall.model.batch import LOG_SCHEMA

SUBJECT = "heimdall-log-record"


def register_own(registry: SchemaRegistry) -> Version:
    """A new version when the record has changed since the last start.

    Raises:
        IncompatibleSchema: who reads records by the last version could not read those of this one.
    """
    return registry.register(SUBJECT, Schema(json.dumps(record_schema())))


def record_schema() -> dict[str, Any]:
    fields = [{"name": each.name, **_typed(each)} for each in LOG_SCHEMA]
    return {"type": "record", "name": "LogRecord", "namespace": "heimdall", "fields": fields}


def _typed(field: pa.Field) -> dict[str, Any]:
    found = _type(field.type)
    return {"type": ["null", found], "default": None} if field.nullable else {"type": found}


def _type(of: pa.DataType) -> Any:
    if pa.types.is_timestamp(of):
        return {"type": "long", "logicalType": "timestamp-nanos"}
    if pa.types.is_dictionary(of):
        return _type(of.value_type)
    if pa.types.is_fixed_size_binary(of):
        return "bytes"
    if pa.types.is_integer(of):
        return "int"
    return "double" if pa.types.is_floating(of) else "string"
