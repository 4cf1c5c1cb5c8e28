"""Messages of a Kafka partition → records: JSON objects, and text of any format the doors know.

Where a message came from, its key and its headers stay with its record as attributes, under OpenTelemetry's names for
messaging where it has one. A message's own time stands in for a record that states none.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.payloads import with_times

TOPIC_FIELD = "messaging.destination.name"
PARTITION_FIELD = "messaging.destination.partition.id"
OFFSET_FIELD = "messaging.kafka.offset"
KEY_FIELD = "messaging.kafka.message.key"
HEADERS_FIELD = "messaging.kafka.headers"

_FIELDS = (TOPIC_FIELD, PARTITION_FIELD, OFFSET_FIELD, KEY_FIELD, HEADERS_FIELD)

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

    @property
    def member_names(self) -> Sequence[str]:
        return _FIELDS

    def members(self) -> pl.Series:
        fixed = orjson.dumps({TOPIC_FIELD: self.topic, PARTITION_FIELD: str(self.partition)}).decode()[1:-1]
        offsets = pl.Series(self.offsets, dtype=pl.Int64).cast(pl.String)
        parts = [pl.lit(f',{fixed},"{OFFSET_FIELD}":'), pl.lit(offsets)]
        keys = dict.fromkeys(self.keys)
        if keys.keys() - {None}:
            texts = {key: None if key is None else f',"{KEY_FIELD}":{_text(key)}' for key in keys}
            parts.append(pl.lit(pl.Series([texts[key] for key in self.keys], dtype=pl.String)))
        headers = dict.fromkeys(self.headers)
        if headers.keys() - {()}:
            shown = {each: f',"{HEADERS_FIELD}":{_header_object(each)}' if each else None for each in headers}
            parts.append(pl.lit(pl.Series([shown[each] for each in self.headers], dtype=pl.String)))
        return pl.select(pl.concat_str(parts, ignore_nulls=True)).to_series()

    def filled(self, table: pa.Table, *, now_ns: int, in_order: bool) -> pa.Table:
        """With the message's own time where the record states none."""
        times_ms = np.asarray(self.times_ms, dtype=np.int64) if in_order else _times_of(table, self)
        return with_times(table, times_ms * 1_000_000, now_ns=now_ns)


def _times_of(table: pa.Table, messages: Messages) -> npt.NDArray[np.int64]:
    """Of the message behind each row: logfmt lines come after the others, and the offset tells which is which."""
    attributes = pl.Series(pl.from_arrow(table["attributes"]))
    offsets = attributes.str.extract(rf'"{re.escape(OFFSET_FIELD)}":(\d+)').cast(pl.Int64).to_numpy()
    places = np.searchsorted(np.asarray(messages.offsets, dtype=np.int64), offsets)
    return np.asarray(messages.times_ms, dtype=np.int64)[places]


def _text(raw: bytes) -> str:
    try:
        return orjson.dumps(raw.decode()).decode()
    except UnicodeDecodeError:
        return f'"{base64.b64encode(raw).decode()}"'


def _header_object(headers: Headers) -> str:
    """Of a name that comes twice the last value, as readers of Kafka's headers take it."""
    texts = {name: "null" if value is None else _text(value) for name, value in headers}
    return "{" + ",".join(f"{orjson.dumps(name).decode()}:{text}" for name, text in texts.items()) + "}"
