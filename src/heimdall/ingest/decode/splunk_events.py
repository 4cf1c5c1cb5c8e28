"""Splunk's HTTP Event Collector: JSON envelopes set one after the other, `{"event": …, "time": …, "fields": {…}}`.

| sent | kept as |
|---|---|
| `event`: text | message; a JSON object in it is opened |
| `event`: an object | its fields, read like those of any JSON record |
| `time` | timestamp, when the event does not state its own |
| `host`, `source`, `sourcetype`, `index` | attributes of that name; where an envelope has none, the one before |
| `fields` | attributes; canonical names find their columns |

Source: Splunk documentation, "Format events for HTTP Event Collector".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import Decoded, Together, split
from heimdall.ingest.decode.json import MAX_RECORDS, decode_json_texts
from heimdall.ingest.decode.json_merge import with_members
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.recognise import levelled
from heimdall.ingest.decode.timestamps import parse_timestamps
from heimdall.model.batch import LOG_SCHEMA

_STICKY = ("host", "source", "sourcetype", "index")


class InvalidEvent(InvalidInput):
    """Splunk's code for it, and which event of the request it is, from 0."""

    def __init__(self, message: str, *, splunk_code: int, number: int) -> None:
        super().__init__(message)
        self.splunk_code = splunk_code
        self.number = number


@dataclass(slots=True)
class _Events:
    texts: list[bytes]
    times: list[str | None]
    members: list[int]
    surroundings: dict[str, int]


def decode_splunk_events(body: bytes, *, now_ns: int, schemas: SchemaMemory, defaults: dict[str, str]) -> Decoded:
    """Records of one request. `defaults`: what its address says of all of them.

    Raises:
        InvalidEvent: an envelope that is none; the whole request, as senders expect of this protocol.
        TooLarge: more than `MAX_RECORDS` events.
    """
    events = _Events([], [], [], {})
    _gather(body, events, defaults)
    return Decoded(_decoded(events, now_ns, schemas))


def decode_splunk_together(
    bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory, defaults: dict[str, str]
) -> Together[Decoded]:
    """Records of several small requests in one go. Left for `decode_splunk_events`: one it would refuse, or is empty.

    Raises:
        InvalidEvent: an event of one of them.
    """
    events = _Events([], [], [], {})
    counts: list[int] = []
    for body in bodies:
        first = len(events.texts)
        try:
            _gather(body, events, defaults)
        except (InvalidEvent, TooLarge):
            for column in (events.texts, events.times, events.members):
                del column[first:]
        counts.append(len(events.texts) - first)
    return split(_decoded(events, now_ns, schemas), counts)


def _gather(body: bytes, events: _Events, defaults: dict[str, str]) -> None:
    sticky: dict[str, Any] = dict(defaults)
    for number, envelope in enumerate(_envelopes(body)):
        if number >= MAX_RECORDS:
            raise TooLarge(f"more than {MAX_RECORDS} events in one body; send smaller batches")
        _add(events, envelope, number, sticky)


def _decoded(events: _Events, now_ns: int, schemas: SchemaMemory) -> pa.Table:
    decoded = decode_json_texts(events.texts, now_ns=now_ns, schemas=schemas)
    if decoded.rejected_count:
        first = decoded.rejected[0]
        raise InvalidEvent(first.reason, splunk_code=6, number=first.line - 1)
    few = [orjson.loads(text) for text in events.surroundings]
    names = frozenset(name for each in few for name in each)
    outer = pl.Series(
        [text if each else None for text, each in zip(events.surroundings, few, strict=True)], dtype=pl.String
    )
    table = with_members(decoded.table, outer.gather(pl.Series(events.members, dtype=pl.UInt32)), names)
    return levelled(_timed(table, events.times, now_ns))


def _add(events: _Events, envelope: dict[str, Any], number: int, sticky: dict[str, Any]) -> None:
    if "event" not in envelope:
        raise InvalidEvent("event field is required", splunk_code=12, number=number)
    event = envelope["event"]
    if event is None or event == "":
        raise InvalidEvent("event field cannot be blank", splunk_code=13, number=number)
    fields = envelope.get("fields") or {}
    if not isinstance(fields, dict):
        raise InvalidEvent("fields is no object", splunk_code=6, number=number)
    for name in _STICKY:
        if envelope.get(name) is not None:
            sticky[name] = str(envelope[name])
    if envelope.get("time") is not None:
        sticky["time"] = envelope["time"]
    record = event if isinstance(event, dict) else {"message": event if isinstance(event, str) else _text(event)}
    events.texts.append(orjson.dumps(fields | record))
    time = sticky.get("time")
    events.times.append(None if time is None else str(time))
    said = orjson.dumps({name: sticky[name] for name in _STICKY if name in sticky}).decode()
    events.members.append(events.surroundings.setdefault(said, len(events.surroundings)))


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _envelopes(body: bytes) -> Iterator[dict[str, Any]]:
    """Objects with any white space, or nothing, between them. A body that can be cut between them is read at once."""
    spaced = body.replace(b"}{", b"}\n{") if b"\n" not in body.strip() else body
    lines = [line for line in spaced.split(b"\n") if line and not line.isspace()]
    # a cut inside a string leaves a line end in it, which the parser refuses
    try:
        found = orjson.loads(b"[" + b"\n,".join(lines) + b"]")
    except orjson.JSONDecodeError:
        found = _one_by_one(body)
    for number, each in enumerate(found):
        if type(each) is not dict:
            raise InvalidEvent("the event is no JSON object", splunk_code=6, number=number)
        yield each


def _one_by_one(body: bytes) -> Iterator[Any]:
    text = body.decode("utf-8", "replace")
    decoder = json.JSONDecoder(strict=False)
    place = number = 0
    while True:
        while place < len(text) and text[place] in " \t\r\n":
            place += 1
        if place >= len(text):
            return
        try:
            value, place = decoder.raw_decode(text, place)
            orjson.dumps(value)  # what it cannot write (half a surrogate pair, 65 bits) is no event either
        except (ValueError, RecursionError, TypeError) as exc:
            raise InvalidEvent(f"broken JSON: {exc}", splunk_code=6, number=number) from None
        yield value
        number += 1


def _timed(table: pa.Table, times: list[str | None], now_ns: int) -> pa.Table:
    """The envelope's time, where there is one that can be read."""
    if not any(time is not None for time in times):
        return table
    sent = parse_timestamps(pl.Series(times, dtype=pl.String), now_ns=now_ns, zone="UTC")
    own = pl.Series(pl.from_arrow(table["timestamp"].combine_chunks().cast(pa.int64())))
    both = pl.select(pl.coalesce(pl.lit(sent.cast(pl.Int64)), pl.lit(own))).to_series()
    column = both.to_arrow().cast(pa.int64()).cast(LOG_SCHEMA.field("timestamp").type)
    return table.set_column(table.column_names.index("timestamp"), LOG_SCHEMA.field("timestamp"), column)
