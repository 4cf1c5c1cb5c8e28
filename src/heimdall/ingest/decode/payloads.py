"""Messages that carry one record each (Kafka, MQTT, Pub/Sub) → records: JSON objects, and text of any known format.

What is known of a message beside its payload (topic, key, its own time) stays with its record.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.json import decode_json_texts, joined
from heimdall.ingest.decode.json_merge import with_members
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.text import decode_lines
from heimdall.model.batch import LOG_SCHEMA

_log = logging.getLogger(__name__)

Format = Literal["auto", "json", "text"]

_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")


class Envelopes(Protocol):
    """Messages as columns, in their order."""

    @property
    def values(self) -> Sequence[bytes]:
        """What each carries."""

    @property
    def member_names(self) -> Sequence[str]:
        """Every name in `members`."""

    def at(self, places: Sequence[int]) -> Self:
        """Some of them."""

    def members(self) -> pl.Series:
        """`,"name":value` for each attribute of each message."""

    def filled(self, table: pa.Table, *, now_ns: int, in_order: bool) -> pa.Table:
        """`table`, which has the members already, with what else the messages say where the records say nothing.

        `in_order`: row i is of message i; else the members tell which is which.
        """


M = TypeVar("M", bound=Envelopes)


@dataclass(frozen=True, slots=True)
class PayloadsDecoded(Decoded):
    undecodable: tuple[tuple[int, str], ...] = ()
    """Place and reason of the messages that are not in the table though they are not empty."""


def decode_payloads(envelopes: Envelopes, format: Format, *, now_ns: int, schemas: SchemaMemory) -> PayloadsDecoded:
    """Records of the messages; JSON objects first, then text. Empty ones (tombstones) are none.

    `auto`: an object is JSON, everything else text. `json`: everything else is undecodable. `text`: a line each.
    One message that cannot be read does not take the others with it.
    """
    rest = [place for place, value in enumerate(envelopes.values) if value]
    tables: list[pa.Table] = []
    undecodable: list[tuple[int, str]] = []
    if format != "text":
        objects = [place for place in rest if _may_be_object(envelopes.values[place])]
        read = set(_objects(objects, envelopes, tables, now_ns, schemas))
        rest = [place for place in rest if place not in read]
    if format == "json":
        undecodable += [(place, "not a JSON object") for place in rest]
    elif rest:
        _lines(rest, envelopes, tables, undecodable, now_ns)
    return PayloadsDecoded(joined(tables), (), len(undecodable), tuple(undecodable))


def decode_apart(messages: M, decode: Callable[[M], PayloadsDecoded]) -> PayloadsDecoded:
    """`decode(messages)`; where it raises, in halves, down to the message that it raises on, which is undecodable."""
    try:
        return decode(messages)
    except Exception as exc:
        count = len(messages.values)
        if count == 1:
            return PayloadsDecoded(joined([]), (), 1, ((0, f"{type(exc).__name__}: {exc}"),))
        _log.warning("decoding in halves after %r", exc)
        middle = count // 2
        first = decode_apart(messages.at(range(middle)), decode)
        second = decode_apart(messages.at(range(middle, count)), decode)
        undecodable = first.undecodable + tuple((place + middle, reason) for place, reason in second.undecodable)
        return PayloadsDecoded(together(first.table, second.table), (), len(undecodable), undecodable)


def together(*tables: pa.Table) -> pa.Table:
    return joined([table for table in tables if table.num_rows])


def with_envelopes(table: pa.Table, envelopes: Envelopes, *, now_ns: int) -> pa.Table:
    """`table`, whose row i is of message i, with all that the messages say."""
    objects = pl.select(pl.concat_str(pl.lit("{"), pl.lit(envelopes.members()).str.slice(1), pl.lit("}"))).to_series()
    return envelopes.filled(with_members(table, objects, envelopes.member_names), now_ns=now_ns, in_order=True)


def with_times(table: pa.Table, times_ns: npt.NDArray[np.int64], *, now_ns: int) -> pa.Table:
    """`table` with the messages' own times (0 = none), a row each, where a record states none."""
    own = table["timestamp"].cast(pa.int64())
    missing = pc.and_(pc.equal(own, now_ns), pa.array(times_ns > 0))  # now stands in for a time nobody stated
    times = pc.if_else(missing, pa.array(times_ns), own).cast(table.schema.field("timestamp").type)
    return table.set_column(table.schema.get_field_index("timestamp"), table.schema.field("timestamp"), times)


def with_words(table: pa.Table, name: str, values: pl.Series) -> pa.Table:
    """`table` with a column of `LOG_SCHEMA` of few different words filled where a record states none; its place is
    the last where it was missing."""
    field = LOG_SCHEMA.field(name)
    told = values.to_arrow().cast(pa.string())
    if name in table.column_names:
        own = table[name].cast(pa.string()).combine_chunks()
        filled = pc.coalesce(own, told).dictionary_encode().cast(field.type)
        return table.set_column(table.column_names.index(name), field, filled)
    return table.append_column(field, told.dictionary_encode().cast(field.type))


def in_schema_order(table: pa.Table) -> pa.Table:
    return table.select([name for name in LOG_SCHEMA.names if name in table.column_names])


def told_by_members(table: pa.Table, name: str) -> pl.Series:
    """A text (or the first of a list) that each message's members have, as JSON writes it, without its quotes."""
    attributes = cast(pl.Series, pl.from_arrow(table["attributes"]))
    return attributes.str.extract(rf'"{re.escape(name)}":\[?"((?:[^"\\]|\\.)*)"')


def _may_be_object(value: bytes) -> bool:
    return value[:1] == b"{" or value.lstrip()[:1] == b"{"


def _objects(
    places: list[int], envelopes: Envelopes, tables: list[pa.Table], now_ns: int, schemas: SchemaMemory
) -> list[int]:
    """Adds the table of those that are JSON objects; their places."""
    if not places:
        return []
    texts = [envelopes.values[place].strip() for place in places]
    texts = [text.translate(_ONE_LINE) if b"\n" in text or b"\r" in text else text for text in texts]
    decoded = decode_json_texts(texts, now_ns=now_ns, schemas=schemas)
    good = list(decoded.kept(places))
    if decoded.num_rows:
        tables.append(with_envelopes(decoded.table, envelopes.at(good), now_ns=now_ns))
    return good


def _lines(
    places: list[int], envelopes: Envelopes, tables: list[pa.Table], undecodable: list[tuple[int, str]], now_ns: int
) -> None:
    part = envelopes.at(places)
    lines = pl.Series("line", part.values, dtype=pl.Binary)
    try:
        table = decode_lines(lines, now_ns=now_ns, join=False, members=part.members()).table
    except HeimdallError:
        raise
    except Exception as exc:
        if len(places) == 1:
            undecodable.append((places[0], f"{type(exc).__name__}: {exc}"))
            return
        middle = len(places) // 2
        for half in (places[:middle], places[middle:]):
            _lines(half, envelopes, tables, undecodable, now_ns)
        return
    if table.num_rows:
        tables.append(part.filled(table, now_ns=now_ns, in_order=False))
