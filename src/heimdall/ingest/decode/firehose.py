"""Amazon Data Firehose's HTTP deliveries → records.

Each record of a delivery is Base64, and may be gzip inside: an envelope of CloudWatch Logs, or what a producer put
there, read as JSON objects and lines of text. A record that is neither Base64 nor readable is kept and marked
`malformed`: the protocol has no way to refuse one of many.
Source: Amazon Data Firehose Developer Guide, "HTTP endpoint delivery request and response specifications".
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.cloudwatch import decode_cloudwatch, is_subscription
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.defaults import with_attributes
from heimdall.ingest.decode.json import MAX_RECORDS, joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.malformed import malformed
from heimdall.ingest.decode.payloads import decode_payloads
from heimdall.ingest.decode.plain_payloads import PlainPayloads
from heimdall.ingest.decompress import decompress

MAX_UNFOLDED_BYTES = 64 << 20
"""Of one delivery's records together: Firehose buffers up to 64 MiB, and a bomb must not become more."""

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class FirehoseDecoded(Decoded):
    request_id: str = ""


@dataclass(slots=True)
class Delivery:
    """What a delivery holds, told apart."""

    request_id: str
    envelopes: list[bytes] = field(default_factory=list)
    """Of CloudWatch Logs."""
    lines: list[bytes] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    """Records that are none, as they came."""


def read_delivery(body: bytes) -> Delivery:
    """
    Raises:
        InvalidInput: it is no delivery.
        TooLarge: the records unfold to more than `MAX_UNFOLDED_BYTES`, or have more than `MAX_RECORDS` lines.
    """
    request_id, sent = _delivery(body)
    found = Delivery(request_id)
    room = MAX_UNFOLDED_BYTES
    for each in sent:
        data = _data(each, room)
        if data is None:
            found.unreadable.append(orjson.dumps(each))
            continue
        room -= len(data)
        if is_subscription(data):
            found.envelopes.append(data)
        else:
            found.lines += data.split(b"\n")
    if len(found.lines) > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} lines in one delivery; set smaller buffers")
    return found


def decode_delivery(
    delivery: Delivery, *, attributes: Mapping[str, str], now_ns: int, schemas: SchemaMemory
) -> FirehoseDecoded:
    """Its records. `attributes`: for each of them, the delivery stream's own (`common_attributes`)."""
    tables: list[pa.Table] = []
    lines, bad = delivery.lines, delivery.unreadable
    if delivery.envelopes:
        decoded, broken = decode_cloudwatch(delivery.envelopes, now_ns=now_ns, schemas=schemas)
        tables.append(decoded.table)
        lines = lines + [delivery.envelopes[place] for place in broken]
    if lines:
        found = decode_payloads(PlainPayloads(lines), "auto", now_ns=now_ns, schemas=schemas)
        tables.append(found.table)
        bad = bad + [lines[place] for place, _ in found.undecodable]
    if bad:
        tables.append(malformed(bad, now_ns=now_ns))
    whole = joined([table for table in tables if table.num_rows])
    table = with_attributes(whole, attributes) if whole.num_rows else whole
    return FirehoseDecoded(table, request_id=delivery.request_id)


def common_attributes(header: str | None) -> dict[str, str]:
    """Of `X-Amz-Firehose-Common-Attributes`: parameters the delivery stream was given.

    Raises:
        InvalidInput: it is no such header.
    """
    if not header:
        return {}
    try:
        said = orjson.loads(header)
        return {str(name): str(value) for name, value in said["commonAttributes"].items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidInput('X-Amz-Firehose-Common-Attributes is not {"commonAttributes":{…}}') from exc


def _delivery(body: bytes) -> tuple[str, Iterable[Any]]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"a delivery is a JSON object: {exc}") from exc
    if type(said) is not dict or type(said.get("requestId")) is not str or type(said.get("records")) is not list:
        raise InvalidInput("a delivery is a JSON object with requestId and a list of records")
    return said["requestId"], said["records"]


def _data(record: Any, room: int) -> bytes | None:
    """What a record holds, unfolded; None when it holds nothing that can be read."""
    try:
        raw = binascii.a2b_base64(record["data"], strict_mode=True)
    except (binascii.Error, KeyError, TypeError, ValueError):
        return None
    if not raw.startswith(_GZIP):
        if len(raw) > room:
            raise TooLarge(f"the records are larger than {MAX_UNFOLDED_BYTES} bytes; set smaller buffers")
        return raw
    try:
        return decompress(raw, "gzip", max_bytes=room)
    except TooLarge:
        raise
    except InvalidInput:
        return None
