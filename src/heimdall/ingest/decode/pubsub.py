"""Google Cloud Pub/Sub's push deliveries → records: what its message holds, with its attributes.

A message that is a `LogEntry` of Cloud Logging (a sink's messages are) becomes what its payload says, near to how the
OpenTelemetry log data model maps it: `jsonPayload`'s fields are the record's own, `textPayload` its message, trace and
span their columns, `logName` and the rest `gcp.*`, the resource's labels `gcp.resource.*`, the program it names the
service.
Anything else is read as JSON objects and lines of text.
Sources: Pub/Sub, "Receive messages with push"; Cloud Logging API, `LogEntry`; OpenTelemetry, log data model.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded, Together, split_singles
from heimdall.ingest.decode.defaults import with_attributes, with_attributes_each
from heimdall.ingest.decode.json import decode_json_texts, joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.malformed import malformed
from heimdall.ingest.decode.payloads import decode_payloads, with_times
from heimdall.ingest.decode.plain_payloads import PlainPayloads
from heimdall.ingest.decode.timestamps import parse_timestamps

TOPIC_ID_FIELD = "messaging.message.id"
SUBSCRIPTION_FIELD = "messaging.destination.subscription.name"

_SERVICE_LABELS = (
    "service_name", "container_name", "function_name", "module_id", "job_name", "configuration_name", "database_id",
)  # fmt: skip
_INSTANCE_LABELS = ("pod_name", "instance_id", "revision_name", "version_id", "node_name")
_REGION_LABELS = ("location", "region", "zone")
_OWN_PLACE = frozenset(
    {"textPayload", "jsonPayload", "timestamp", "severity", "trace", "spanId", "traceSampled", "resource", "labels"}
)
_TRACE = re.compile(r"(?:projects/[^/]+/traces/)?([0-9a-fA-F]{32})")


@dataclass(frozen=True, slots=True)
class Pushed:
    """One message."""

    data: bytes
    attributes: Mapping[str, str]
    """Its own, its id and its subscription."""
    published: str
    """RFC 3339, for records that state no time; empty = not said."""


def read_push(body: bytes) -> Pushed:
    """A wrapped message.

    Raises:
        InvalidInput: it is none.
    """
    try:
        said = orjson.loads(body)
        message = said["message"]
        own = message.get("attributes") or {}
        told = {TOPIC_ID_FIELD: message.get("messageId"), SUBSCRIPTION_FIELD: said.get("subscription")}
        attributes = {str(name): value if type(value) is str else str(value) for name, value in own.items()}
        attributes |= {name: str(value) for name, value in told.items() if value}
        data = binascii.a2b_base64(message.get("data") or "", strict_mode=True)
        return Pushed(data, attributes, str(message.get("publishTime") or ""))
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"a push is a JSON object: {exc}") from exc
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise InvalidInput(f"a push is an object with a message, whose data is Base64: {exc}") from exc


def decode_pushed(pushed: Pushed, *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Its records; none when it holds nothing. What cannot be read is kept and marked."""
    entry = _entry(pushed.data)
    if entry is not None:
        decoded = decode_json_texts([_record(entry)], now_ns=now_ns, schemas=schemas)
        table = decoded.table if decoded.num_rows else malformed([pushed.data], now_ns=now_ns)
    else:
        lines = pushed.data.split(b"\n")
        found = decode_payloads(PlainPayloads(lines), "auto", now_ns=now_ns, schemas=schemas)
        bad = [lines[place] for place, _ in found.undecodable]
        table = joined([each for each in (found.table, malformed(bad, now_ns=now_ns)) if each.num_rows])
    if not table.num_rows:
        return Decoded(table)
    table = with_times(table, _published([pushed], now_ns).repeat(table.num_rows), now_ns=now_ns)
    return Decoded(with_attributes(table, pushed.attributes))


def decode_pushes_together(bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Together[Decoded]:
    """Records of several wrapped messages in one go, one each. Left for `read_push` and `decode_pushed`: data that is
    neither an entry of Cloud Logging nor a JSON object in one line, and what cannot be read."""
    told: dict[int, tuple[Pushed, bytes]] = {}
    for place, body in enumerate(bodies):
        with suppress(InvalidInput):
            pushed = read_push(body)
            if text := _one_object(pushed.data):
                told[place] = pushed, text
    decoded = decode_json_texts([text for _, text in told.values()], now_ns=now_ns, schemas=schemas)
    kept = decoded.kept(list(told))
    table = decoded.table
    if kept:
        pushes = [told[place][0] for place in kept]
        table = with_times(table, _published(pushes, now_ns), now_ns=now_ns)
        table = with_attributes_each(table, [pushed.attributes for pushed in pushes])
    return split_singles(table, kept, len(bodies))


def _published(pushes: list[Pushed], now_ns: int) -> npt.NDArray[np.int64]:
    """ns since 1970; 0 = not said."""
    return parse_timestamps(pl.Series([each.published for each in pushes]), now_ns=now_ns).fill_null(0).to_numpy()


def _one_object(data: bytes) -> bytes:
    """What holds one record, as one JSON object; empty for anything else."""
    entry = _entry(data)
    if entry is not None:
        return _record(entry)
    data = data.strip()
    return data if data.startswith(b"{") and b"\n" not in data and b"\r" not in data else b""


def _entry(data: bytes) -> dict[str, Any] | None:
    """A LogEntry of Cloud Logging."""
    if b'"logName"' not in data:
        return None
    try:
        said = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    is_entry = type(said) is dict and type(said.get("logName")) is str and type(said.get("resource")) is dict
    return said if is_entry else None


def _record(entry: dict[str, Any]) -> bytes:
    """As one flat JSON object. What the payload says itself is not replaced."""
    payload = entry.get("jsonPayload")
    record: dict[str, Any] = dict(payload) if type(payload) is dict else {}
    if "textPayload" in entry:
        record.setdefault("message", entry["textPayload"])
    elif "protoPayload" in entry and "message" not in record:
        proto = entry["protoPayload"]
        status = proto.get("status") if type(proto) is dict else None
        said = status.get("message") if type(status) is dict else None
        record["message"] = said or (proto.get("methodName") if type(proto) is dict else None) or ""
    resource, labels = entry["resource"], _texts(entry["resource"].get("labels"))
    told: dict[str, Any] = {
        "timestamp": entry.get("timestamp") or entry.get("receiveTimestamp"),
        "severity": _severity(entry.get("severity")),
        "trace_id": _trace(entry.get("trace")),
        "span_id": entry.get("spanId") if re.fullmatch("[0-9a-fA-F]{16}", str(entry.get("spanId"))) else None,
        "trace_flags": 1 if entry.get("traceSampled") is True else None,
        "service": _first(labels, _SERVICE_LABELS),
        "instance": _first(labels, _INSTANCE_LABELS),
        "region": _first(labels, _REGION_LABELS),
        "cloud.provider": "gcp",
        "cloud.account.id": labels.get("project_id"),
        "gcp.resource_type": resource.get("type"),
        **{f"gcp.resource.{name}": value for name, value in labels.items()},
        **{f"gcp.labels.{name}": value for name, value in _texts(entry.get("labels")).items()},
        **{f"gcp.{_snake(name)}": value for name, value in entry.items() if name not in _OWN_PLACE},
    }
    if told["span_id"] is None and entry.get("spanId"):
        told["gcp.span_id"] = entry["spanId"]
    if told["trace_id"] is None and entry.get("trace"):
        told["gcp.trace"] = entry["trace"]
    for name, value in told.items():
        if value is not None:
            record.setdefault(name, value)
    return orjson.dumps(record)


def _severity(sent: Any) -> Any:
    """`DEFAULT` says that nobody said."""
    return None if sent == "DEFAULT" else sent


def _trace(sent: Any) -> str | None:
    found = _TRACE.fullmatch(sent) if type(sent) is str else None
    return found[1] if found else None


def _texts(sent: Any) -> dict[str, str]:
    return {name: str(value) for name, value in sent.items()} if type(sent) is dict else {}


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((labels[name] for name in names if labels.get(name)), None)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
