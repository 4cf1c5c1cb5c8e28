"""Messages of a Kafka partition → records: JSON objects, and text of any format the doors know.

Where a message came from, its key and its headers stay with its record as attributes, under OpenTelemetry's names for
messaging where it has one. A message's own time stands in for a record that states none.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json import decode_json_texts, joined
from heimdall.ingest.decode.json_merge import with_members
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.text import decode_lines

Format = Literal["auto", "json", "text"]

TOPIC_FIELD = "messaging.destination.name"
PARTITION_FIELD = "messaging.destination.partition.id"
OFFSET_FIELD = "messaging.kafka.offset"
KEY_FIELD = "messaging.kafka.message.key"
HEADERS_FIELD = "messaging.kafka.headers"

_FIELDS = (TOPIC_FIELD, PARTITION_FIELD, OFFSET_FIELD, KEY_FIELD, HEADERS_FIELD)
_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one partition as columns, in the order of their offsets; row i of each is message i."""

    topic: str
    partition: int
    values: Sequence[bytes]
    keys: Sequence[bytes | None]
    headers: Sequence[Headers]
    offsets: Sequence[int]
    times_ms: Sequence[int]
    """Since 1970; 0 = the message has none."""

    def __len__(self) -> int:
        return len(self.values)

    def at(self, places: Sequence[int]) -> Messages:
        """Some of them."""
        return Messages(
            self.topic,
            self.partition,
            [self.values[i] for i in places],
            [self.keys[i] for i in places],
            [self.headers[i] for i in places],
            [self.offsets[i] for i in places],
            [self.times_ms[i] for i in places],
        )


@dataclass(frozen=True, slots=True)
class KafkaDecoded(Decoded):
    undecodable: tuple[tuple[int, str], ...] = ()
    """Place and reason of the messages that are not in the table though they are not empty."""


def decode_messages(messages: Messages, format: Format, *, now_ns: int, schemas: SchemaMemory) -> KafkaDecoded:
    """Records of `messages`; JSON objects first, then text. Empty ones (tombstones) are none.

    `auto`: an object is JSON, everything else text. `json`: everything else is undecodable. `text`: a line each.
    One message that cannot be read does not take the others with it.
    """
    rest = [place for place, value in enumerate(messages.values) if value]
    tables: list[pa.Table] = []
    undecodable: list[tuple[int, str]] = []
    if format != "text":
        objects = [place for place in rest if _may_be_object(messages.values[place])]
        read = set(_objects(objects, messages, tables, now_ns, schemas))
        rest = [place for place in rest if place not in read]
    if format == "json":
        undecodable += [(place, "not a JSON object") for place in rest]
    elif rest:
        _lines(rest, messages, tables, undecodable, now_ns)
    return KafkaDecoded(joined(tables), (), len(undecodable), tuple(undecodable))


def members_of(messages: Messages) -> pl.Series:
    """`,"name":value` for each attribute of each message."""
    fixed = orjson.dumps({TOPIC_FIELD: messages.topic, PARTITION_FIELD: str(messages.partition)}).decode()[1:-1]
    offsets = pl.Series(messages.offsets, dtype=pl.Int64).cast(pl.String)
    parts = [pl.lit(f',{fixed},"{OFFSET_FIELD}":'), pl.lit(offsets)]
    keys = dict.fromkeys(messages.keys)
    if keys.keys() - {None}:
        texts = {key: None if key is None else f',"{KEY_FIELD}":{_text(key)}' for key in keys}
        parts.append(pl.lit(pl.Series([texts[key] for key in messages.keys], dtype=pl.String)))
    headers = dict.fromkeys(messages.headers)
    if headers.keys() - {()}:
        shown = {each: f',"{HEADERS_FIELD}":{_header_object(each)}' if each else None for each in headers}
        parts.append(pl.lit(pl.Series([shown[each] for each in messages.headers], dtype=pl.String)))
    return pl.select(pl.concat_str(parts, ignore_nulls=True)).to_series()


def with_origin(table: pa.Table, messages: Messages, *, now_ns: int) -> pa.Table:
    """`table`, whose row i is of message i, with that message's attributes, and its time where the record has none."""
    objects = pl.select(pl.concat_str(pl.lit("{"), pl.lit(members_of(messages)).str.slice(1), pl.lit("}"))).to_series()
    return _timed(with_members(table, objects, _FIELDS), messages.times_ms, now_ns)


def _may_be_object(value: bytes) -> bool:
    return value[:1] == b"{" or value.lstrip()[:1] == b"{"


def _objects(
    places: list[int], messages: Messages, tables: list[pa.Table], now_ns: int, schemas: SchemaMemory
) -> list[int]:
    """Adds the table of those that are JSON objects; their places."""
    if not places:
        return []
    texts = [messages.values[place].strip() for place in places]
    texts = [text.translate(_ONE_LINE) if b"\n" in text or b"\r" in text else text for text in texts]
    decoded = decode_json_texts(texts, now_ns=now_ns, schemas=schemas)
    good = places
    if decoded.numbers is not None:
        good = [places[number - 1] for number in decoded.numbers.to_pylist()]
    if decoded.num_rows:
        tables.append(with_origin(decoded.table, messages.at(good), now_ns=now_ns))
    return good


def _lines(
    places: list[int], messages: Messages, tables: list[pa.Table], undecodable: list[tuple[int, str]], now_ns: int
) -> None:
    part = messages.at(places)
    lines = pl.Series("line", part.values, dtype=pl.Binary)
    try:
        table = decode_lines(lines, now_ns=now_ns, join=False, members=members_of(part)).table
    except HeimdallError:
        raise
    except Exception as exc:
        if len(places) == 1:
            undecodable.append((places[0], f"{type(exc).__name__}: {exc}"))
            return
        middle = len(places) // 2
        for half in (places[:middle], places[middle:]):
            _lines(half, messages, tables, undecodable, now_ns)
        return
    if table.num_rows:
        tables.append(_timed(table, _times_of(table, part), now_ns))


def _times_of(table: pa.Table, messages: Messages) -> npt.NDArray[np.int64]:
    """Of the message behind each row: logfmt lines come after the others, and the offset tells which is which."""
    attributes = pl.Series(pl.from_arrow(table["attributes"]))
    offsets = attributes.str.extract(rf'"{re.escape(OFFSET_FIELD)}":(\d+)').cast(pl.Int64).to_numpy()
    places = np.searchsorted(np.asarray(messages.offsets, dtype=np.int64), offsets)
    return np.asarray(messages.times_ms, dtype=np.int64)[places]


def _timed(table: pa.Table, times_ms: Sequence[int] | npt.NDArray[np.int64], now_ns: int) -> pa.Table:
    sent = np.asarray(times_ms, dtype=np.int64) * 1_000_000
    own = table["timestamp"].cast(pa.int64())
    missing = pc.and_(pc.equal(own, now_ns), pa.array(sent > 0))  # now stands in for a time nobody stated
    times = pc.if_else(missing, pa.array(sent), own).cast(table.schema.field("timestamp").type)
    return table.set_column(table.schema.get_field_index("timestamp"), table.schema.field("timestamp"), times)


def _text(raw: bytes) -> str:
    try:
        return orjson.dumps(raw.decode()).decode()
    except UnicodeDecodeError:
        return f'"{base64.b64encode(raw).decode()}"'


def _header_object(headers: Headers) -> str:
    """Of a name that comes twice the last value, as readers of Kafka's headers take it."""
    texts = {name: "null" if value is None else _text(value) for name, value in headers}
    return "{" + ",".join(f"{orjson.dumps(name).decode()}:{text}" for name, text in texts.items()) + "}"
