"""OTLP log records → columns: what the protobuf and the JSON form have in common.

Where things go (OpenTelemetry log data model and semantic conventions):

| sent | kept as |
|---|---|
| resource `service.name`, `service.instance.id`, `cloud.region`, `deployment.environment[.name]` | service, instance, region, environment |
| other resource attributes | `resource.<name>` |
| scope name, version, attributes | `scope.name`, `scope.version`, `scope.<name>` |
| log attributes | their own names; ids of users, sessions, requests, customers also find their columns, and so do service, instance, region and environment where the resource does not say them |
| body: text | message |
| body: anything else | message as JSON text, and `body` with its types |
| `eventName`, `severityText` of no known level, `droppedAttributesCount` | attributes `event_name`, `severity_text`, `dropped_attributes_count` |
"""  # noqa: E501  (a table)

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.ingest.decode.canonical import KINDS, NAMES, Kind
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.fields import EARLIEST_NS, MAX_AHEAD_NS, Canonical, finished
from heimdall.ingest.decode.json_merge import merged_text
from heimdall.ingest.decode.json_nested import unwrapped
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.levels import parse_levels
from heimdall.ingest.decode.oddity import ODDITY_FIELD, Oddity
from heimdall.model.batch import LOG_SCHEMA

_RESOURCE_COLUMNS = {
    "service.name": "service",
    "service.instance.id": "instance",
    "cloud.region": "region",
    "deployment.environment.name": "environment",
    "deployment.environment": "environment",
}
OPEN_COLUMNS = frozenset(name for name, kind in KINDS.items() if kind in (Kind.TEXT, Kind.WORD))
"""What attributes of a record may fill, where its resource says nothing."""

_OPEN_NAMES = {name: (column, rank) for column in OPEN_COLUMNS for rank, name in enumerate(NAMES[column])}
"""With their column and their rank among its names."""
_SEVERITY_NAMES = {
    f"SEVERITY_NUMBER_{level}{'' if step == 1 else step}": place * 4 + step
    for place, level in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for step in (1, 2, 3, 4)
}


_NO_ID = frozenset({b"", bytes(8), bytes(16)})
_NOTHING = pa.Table.from_batches([], pa.schema([("message", pa.large_string())]))  # pa.array would import pandas


@dataclass(frozen=True, slots=True)
class Origin:
    """A resource and scope, prepared once for all of their records."""

    columns: Mapping[str, str]
    """service, instance, region, environment."""
    members: Mapping[str, Any]
    """`resource.…` and `scope.…` attributes."""
    text: str
    """The same as JSON members, `"a":1,"b":2`; may be empty."""


def make_origin(resource: Mapping[str, Any], scope_name: str, scope_version: str, scope: Mapping[str, Any]) -> Origin:
    columns: dict[str, str] = {}
    members: dict[str, Any] = {}
    for name, value in resource.items():
        column = _RESOURCE_COLUMNS.get(name)
        if column is not None and column not in columns and isinstance(value, str):
            columns[column] = value
        else:
            members[f"resource.{name}"] = value
    named = {"scope.name": scope_name, "scope.version": scope_version}
    members |= {name: value for name, value in named.items() if value}
    members |= {f"scope.{name}": value for name, value in scope.items() if f"scope.{name}" not in members}
    return Origin(columns, members, _members_text(members))


@dataclass(slots=True)
class LogRows:
    """Gathers records; `decoded` makes columns of them."""

    now_ns: int
    rows: list[tuple[Origin, int, int, str, str, str, bytes | None, bytes | None, int | None]] = field(
        default_factory=list
    )
    """Origin, time, severity number and text, message, attributes, trace id, span id, flags."""
    own: dict[str, dict[int, str]] = field(default_factory=dict)
    """Column → record → value, for the records that have one."""
    structured: list[int] = field(default_factory=list)
    """Records whose body was no text."""
    rejected: RejectedList = field(default_factory=RejectedList)

    def add(
        self,
        origin: Origin,
        time_ns: int,
        observed_ns: int,
        severity: int,
        severity_text: str,
        body: Any,
        attributes: dict[str, Any],
        trace_id: bytes,
        span_id: bytes,
        flags: int,
    ) -> None:
        """One record; 0 and empty mean not stated, as in protobuf. `attributes` is ours from here on."""
        latest = self.now_ns + MAX_AHEAD_NS
        if not EARLIEST_NS <= time_ns <= latest:
            if time_ns:
                attributes |= {"time_unix_nano": time_ns, ODDITY_FIELD: [str(Oddity.TIME_OUT_OF_RANGE)]}
                time_ns = self.now_ns
            else:
                time_ns = observed_ns if EARLIEST_NS <= observed_ns <= latest else self.now_ns
        if attributes and not _OPEN_NAMES.keys().isdisjoint(attributes):
            self._take_columns(origin, attributes)
        if type(body) is str:
            message = body
        elif body is None:
            message = str(attributes.get("event_name", ""))
        else:
            message = orjson.dumps(body).decode()
            attributes["body"] = body
            self.structured.append(len(self.rows))
        if trace_id and len(trace_id) != 16:
            attributes["trace_id"], trace_id = trace_id.hex(), b""
        if span_id and len(span_id) != 8:
            attributes["span_id"], span_id = span_id.hex(), b""
        self.rows.append(
            (
                origin,
                time_ns,
                severity if 0 < severity <= 24 else 0,
                severity_text,
                message,
                _merged_text(origin, attributes),
                None if trace_id in _NO_ID else trace_id,
                None if span_id in _NO_ID else span_id,
                flags & 0xFF if flags else None,
            )
        )

    def decoded(self, schemas: SchemaMemory) -> Decoded:
        """What was gathered, JSON bodies unwrapped."""
        count = len(self.rows)
        if not count:
            return self.rejected.decoded(finished(_NOTHING, now_ns=self.now_ns))
        origins, times, numbers, texts, messages, attributes, traces, spans, flags = zip(*self.rows, strict=True)
        severities, kept_texts = _severities(numbers, texts)
        if kept_texts:
            attributes = tuple(
                _with_member(attributes[row], "severity_text", kept_texts[row])
                if row in kept_texts
                else attributes[row]
                for row in range(count)
            )
        columns: dict[str, pa.Array] = {
            "timestamp": pa.array(times, pa.int64()).cast(LOG_SCHEMA.field("timestamp").type),
            "severity_number": severities,
            "message": pa.array(messages, pa.large_string()),
            "attributes": pa.array([text or None for text in attributes], pa.large_string()),
            "trace_id": pa.array(traces, pa.binary(16)),
            "span_id": pa.array(spans, pa.binary(8)),
            "trace_flags": pa.array(flags, pa.uint8()),
            **origin_columns(*_codes(origins)),
        }
        for name, values in self.own.items():
            columns[name] = filled(columns.get(name), name, pl.Series([values.get(row) for row in range(count)]))
        some = {
            name: columns[name] for name in LOG_SCHEMA.names if name in columns and columns[name].null_count < count
        }
        own_message = pl.Series([True]).new_from_index(0, count).scatter(self.structured, values=False)
        whole = unwrapped(Canonical(pa.table(some), own_message, None), now_ns=self.now_ns, schemas=schemas)
        return self.rejected.decoded(finished(whole.table, now_ns=self.now_ns))

    def _take_columns(self, origin: Origin, attributes: dict[str, Any]) -> None:
        row = len(self.rows)
        for name in sorted(_OPEN_NAMES.keys() & attributes.keys(), key=_OPEN_NAMES.__getitem__):
            column = _OPEN_NAMES[name][0]
            if column not in origin.columns and type(attributes[name]) in (str, int):
                taken = self.own.setdefault(column, {})
                if row not in taken:
                    taken[row] = str(attributes.pop(name))


def origin_columns(origins: Sequence[Origin], codes: Sequence[int] | npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    """Dictionary columns of what the few resources say; record i is of `origins[codes[i]]`."""
    rows = pa.array(codes, pa.int32())
    return {
        name: pa.array([origin.columns.get(name) for origin in origins], pa.string()).take(rows).dictionary_encode()
        for name in ("service", "instance", "region", "environment")
    }


def filled(column: pa.Array | None, name: str, texts: pl.Series) -> pa.Array:
    """`column` of the schema's `name`, with `texts` where it says nothing."""
    if KINDS[name] is not Kind.WORD:
        return texts.to_arrow().cast(pa.large_string())
    words = texts.to_arrow().cast(pa.string())
    if column is not None and column.null_count < len(column):
        words = pc.coalesce(column.dictionary_decode(), words)
    return words.dictionary_encode()


def _codes(origins: tuple[Origin, ...]) -> tuple[list[Origin], list[int]]:
    places: dict[int, int] = {}
    few: list[Origin] = []
    codes: list[int] = []
    for origin in origins:
        place = places.get(id(origin))
        if place is None:
            place = places[id(origin)] = len(few)
            few.append(origin)
        codes.append(place)
    return few, codes


def _severities(numbers: tuple[int, ...], texts: tuple[str, ...]) -> tuple[pa.Array, dict[int, str]]:
    """The numbers, or what the text says where there is none; and texts of no known level, by record."""
    names = sorted(set(texts) - {""})
    if not names:
        return pa.array(numbers, pa.uint8()), {}
    levels = dict(zip(names, parse_levels(pl.Series(names)).to_list(), strict=True))
    found = [number or levels.get(text) or 0 for number, text in zip(numbers, texts, strict=True)]
    unknown = {name for name, level in levels.items() if level is None}
    kept = {row: text for row, text in enumerate(texts) if text in unknown} if unknown else {}
    return pa.array(found, pa.uint8()), kept


def severity_of(value: Any) -> int:
    """A severity number as OTLP/JSON may write it: a number, or the name of the enum's value."""
    return _SEVERITY_NAMES.get(value, 0) if isinstance(value, str) else int(value or 0)


def real(value: float) -> float | str:
    """A double JSON can hold; NaN and infinities by name."""
    return value if math.isfinite(value) else str(value)


def binary(value: bytes) -> str:
    """Bytes as OTLP/JSON writes them."""
    return base64.b64encode(value).decode()


def _members_text(members: Mapping[str, Any]) -> str:
    return orjson.dumps(members).decode()[1:-1] if members else ""


def _merged_text(origin: Origin, attributes: dict[str, Any]) -> str:
    if not attributes:
        return f"{{{origin.text}}}" if origin.text else ""
    if not origin.text:
        return orjson.dumps(attributes).decode()
    if not origin.members.keys().isdisjoint(attributes):
        return merged_text(f"{{{origin.text}}}", orjson.dumps(attributes).decode()) or ""
    return f"{{{origin.text},{orjson.dumps(attributes).decode()[1:]}"


def _with_member(text: str, name: str, value: str) -> str:
    return orjson.dumps((orjson.loads(text) if text else {}) | {name: value}).decode()
