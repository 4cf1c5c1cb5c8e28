"""OTLP log records → columns: what the protobuf and the JSON form have in common.

Where things go (OpenTelemetry log data model and semantic conventions):

| sent | kept as |
|---|---|
| resource `service.name`, `service.instance.id`, `cloud.region`, `deployment.environment[.name]` | service, instance, region, environment |
| other resource attributes | `resource.<name>` |
| scope name, version, attributes | `scope.name`, `scope.version`, `scope.<name>` |
| log attributes | their own names; ids of users, sessions, requests, customers also find their columns |
| body: text | message |
| body: anything else | message as JSON text, and `body` with its types |
| `eventName`, `severityText` of no known level, `droppedAttributesCount` | attributes `event_name`, `severity_text`, `dropped_attributes_count` |
"""  # noqa: E501  (a table)

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.canonical import KINDS, NAMES, Kind, canonical_of
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.fields import EARLIEST_NS, MAX_AHEAD_NS, Canonical, finished
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
_ID_NAMES = frozenset(
    name for canonical, kind in KINDS.items() if kind is Kind.TEXT for name in (canonical, *NAMES[canonical])
)
_SEVERITY_NAMES = {
    f"SEVERITY_NUMBER_{level}{'' if step == 1 else step}": place * 4 + step
    for place, level in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for step in (1, 2, 3, 4)
}


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
    """Gathers records field by field; `decoded` makes columns of them."""

    now_ns: int
    origins: list[Origin] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    observed: list[int] = field(default_factory=list)
    severities: list[int] = field(default_factory=list)
    severity_texts: list[str | None] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    attributes: list[str | None] = field(default_factory=list)
    trace_ids: list[bytes | None] = field(default_factory=list)
    span_ids: list[bytes | None] = field(default_factory=list)
    flags: list[int | None] = field(default_factory=list)
    ids: dict[str, dict[int, str]] = field(default_factory=dict)
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
        observed = observed_ns if EARLIEST_NS <= observed_ns <= latest else 0
        if time_ns and not EARLIEST_NS <= time_ns <= latest:
            attributes |= {"time_unix_nano": time_ns, ODDITY_FIELD: [str(Oddity.TIME_OUT_OF_RANGE)]}
            time_ns = self.now_ns
        row = len(self.times)
        if not _ID_NAMES.isdisjoint(attributes):
            self._take_ids(row, attributes)
        if not 0 < severity <= 24:
            severity = 0
        if isinstance(body, str):
            message = body
        elif body is None:
            message = str(attributes.get("event_name", ""))
        else:
            message = orjson.dumps(body).decode()
            attributes["body"] = body
            self.structured.append(row)
        if trace_id and len(trace_id) != 16:
            attributes["trace_id"], trace_id = trace_id.hex(), b""
        if span_id and len(span_id) != 8:
            attributes["span_id"], span_id = span_id.hex(), b""
        text = _merged_text(origin, attributes)
        self.origins.append(origin)
        self.times.append(time_ns or observed or self.now_ns)
        self.observed.append(observed or self.now_ns)
        self.severities.append(severity)
        self.severity_texts.append(severity_text or None)
        self.messages.append(message)
        self.attributes.append(text or None)
        self.trace_ids.append(trace_id if trace_id.strip(b"\0") else None)
        self.span_ids.append(span_id if span_id.strip(b"\0") else None)
        self.flags.append(flags & 0xFF if flags else None)

    def decoded(self, schemas: SchemaMemory) -> Decoded:
        """What was gathered, JSON bodies unwrapped."""
        count = len(self.times)
        columns: dict[str, pa.Array] = {
            "timestamp": pa.array(self.times, pa.int64()).cast(LOG_SCHEMA.field("timestamp").type),
            "observed_timestamp": pa.array(self.observed, pa.int64()).cast(LOG_SCHEMA.field("timestamp").type),
            "severity_number": self._severity_column(),
        }
        for name in ("service", "instance", "region", "environment"):
            columns[name] = pa.array(
                [origin.columns.get(name) for origin in self.origins], pa.string()
            ).dictionary_encode()
        columns["message"] = pa.array(self.messages, pa.large_string())
        columns["attributes"] = pa.array(self.attributes, pa.large_string())
        columns["trace_id"] = pa.array(self.trace_ids, pa.binary(16))
        columns["span_id"] = pa.array(self.span_ids, pa.binary(8))
        columns["trace_flags"] = pa.array(self.flags, pa.uint8())
        for name, values in self.ids.items():
            columns[name] = pa.array([values.get(row) for row in range(count)], pa.large_string())
        table = pa.table(
            {name: columns[name] for name in LOG_SCHEMA.names if name in columns and columns[name].null_count < count}
            if count
            else {"message": columns["message"]}
        )
        own_message = pl.Series([True]).new_from_index(0, count).scatter(self.structured, values=False)
        whole = Canonical(table, own_message, None)
        if count:
            whole = unwrapped(whole, now_ns=self.now_ns, schemas=schemas)
        return self.rejected.decoded(finished(whole.table, now_ns=self.now_ns))

    def _take_ids(self, row: int, attributes: dict[str, Any]) -> None:
        for name in _ID_NAMES & attributes.keys():
            value, known = attributes[name], canonical_of(name)
            if known is not None and type(value) in (str, int) and row not in self.ids.get(known[0], {}):
                self.ids.setdefault(known[0], {})[row] = str(attributes.pop(name))

    def _severity_column(self) -> pa.Array:
        """The number, or what the text says where there is none. Text of no known level stays an attribute."""
        texts = {text for text in self.severity_texts if text is not None}
        if not texts:
            return pa.array(self.severities, pa.uint8())
        names = sorted(texts)
        levels = dict(zip(names, parse_levels(pl.Series(names)).to_list(), strict=True))
        for row, text in enumerate(self.severity_texts):
            if text is None:
                continue
            level = levels[text]
            if level is None:
                self.attributes[row] = _with_member(self.attributes[row], "severity_text", text)
            elif not self.severities[row]:
                self.severities[row] = level
        return pa.array(self.severities, pa.uint8())


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
        return orjson.dumps({**origin.members, **attributes}).decode()
    return f"{{{origin.text},{orjson.dumps(attributes).decode()[1:]}"


def _with_member(text: str | None, name: str, value: str) -> str:
    return orjson.dumps((orjson.loads(text) if text else {}) | {name: value}).decode()
