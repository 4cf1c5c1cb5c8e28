"""MQTT messages → records, with what their topics say.

A subscription names the levels of its topics: `plant/{region}/{instance}/log` takes what `plant/+/+/log` does, and the
second level of a topic is its records' region, the third their instance. Names of other columns become attributes.
Source: MQTT 5.0, section 4.7 (topic names and filters), 4.8.2 (shared subscriptions).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import orjson
import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.defaults import DEFAULTABLE
from heimdall.ingest.decode.payloads import in_schema_order, told_by_members, with_words

TOPIC_FIELD = "messaging.destination.name"

_NAMED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_MAX_TOPICS = 10_000
"""Whose reading is remembered; devices' topics are more than that only where each message has its own."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter whose single-level wildcards may have names."""

    filter: str
    """As MQTT writes it, the prefix of a shared subscription included."""
    _levels: tuple[str, ...]

    @staticmethod
    def parse(text: str) -> Subscription:
        """Raises ValueError, with what is wrong."""
        levels = text.split("/")
        shared = levels[0] == "$share"
        if shared and (len(levels) < 3 or not levels[1] or set(levels[1]) & set("+#{")):
            raise ValueError(f"{text!r}: a shared subscription is $share/<group>/<filter>")
        own = levels[2:] if shared else levels
        if not text or any("#" in level for level in own[:-1]) or ("#" in own[-1] and own[-1] != "#"):
            raise ValueError(f"{text!r} is no topic filter: # stands alone, at the end")
        for level in own:
            named = _NAMED.fullmatch(level)
            if named is None and level != "+" and set(level) & set("+{}"):
                raise ValueError(f"{text!r}: + and {{name}} take a whole level")
        names = [named[1] for level in own if (named := _NAMED.fullmatch(level))]
        if len(set(names)) < len(names):
            raise ValueError(f"{text!r} names two levels the same")
        wire = ["+" if _NAMED.fullmatch(level) else level for level in own]
        return Subscription("/".join([*levels[:2], *wire] if shared else wire), tuple(own))

    def names(self, topic: str) -> dict[str, str] | None:
        """Named levels of a topic; None when the filter does not take it."""
        levels = topic.split("/")
        found: dict[str, str] = {}
        for place, wanted in enumerate(self._levels):
            if wanted == "#":
                return found
            if place >= len(levels):
                return None
            named = _NAMED.fullmatch(wanted)
            if named is not None:
                found[named[1]] = levels[place]
            elif wanted not in ("+", levels[place]):
                return None
        return found if len(levels) == len(self._levels) else None


@dataclass(frozen=True, slots=True)
class Told:
    """What a topic says of its messages."""

    columns: dict[str, str]
    """Some of `DEFAULTABLE`."""
    members: str
    """`,"name":value` for each attribute."""


class Topics:
    """Remembers what each topic says. Used by one thread."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self._subscriptions = subscriptions
        self.attribute_names = (TOPIC_FIELD, *_attribute_names(subscriptions))
        self._told: dict[str, Told] = {}

    def told(self, topic: str) -> Told:
        known = self._told.get(topic)
        if known is None:
            if len(self._told) >= _MAX_TOPICS:
                self._told.clear()
            known = self._told[topic] = self._read(topic)
        return known

    def _read(self, topic: str) -> Told:
        taken = (names for each in self._subscriptions if (names := each.names(topic)) is not None)
        names = next(taken, {})
        columns = {name: value for name, value in names.items() if name in DEFAULTABLE and value}
        attributes = {TOPIC_FIELD: topic} | {name: value for name, value in names.items() if name not in DEFAULTABLE}
        return Told(columns, f",{orjson.dumps(attributes).decode()[1:-1]}")


@dataclass(frozen=True, slots=True)
class MqttMessages:
    """Messages as columns, in the order they came. Satisfies `heimdall.ingest.decode.payloads.Envelopes`."""

    topics: Sequence[str]
    values: Sequence[bytes]
    told: Topics

    def __len__(self) -> int:
        return len(self.values)

    @property
    def member_names(self) -> Sequence[str]:
        return self.told.attribute_names

    def at(self, places: Sequence[int]) -> Self:
        return type(self)([self.topics[i] for i in places], [self.values[i] for i in places], self.told)

    def members(self) -> pl.Series:
        texts = {topic: self.told.told(topic).members for topic in dict.fromkeys(self.topics)}
        return pl.Series([texts[topic] for topic in self.topics], dtype=pl.String)

    def filled(self, table: pa.Table, *, now_ns: int, in_order: bool) -> pa.Table:
        """With the columns that the topics name, where a record does not state its own."""
        said = {
            orjson.dumps(topic).decode()[1:-1]: self.told.told(topic).columns for topic in dict.fromkeys(self.topics)
        }
        names = {name for columns in said.values() for name in columns}
        if not names:
            return table
        topics = (
            pl.Series([orjson.dumps(topic).decode()[1:-1] for topic in self.topics], dtype=pl.String)
            if in_order
            else told_by_members(table, TOPIC_FIELD)
        )
        for name in sorted(names):
            values = topics.replace_strict(
                {topic: columns.get(name) for topic, columns in said.items()}, default=None, return_dtype=pl.String
            )
            table = with_words(table, name, values)
        return in_schema_order(table)


def _attribute_names(subscriptions: Sequence[Subscription]) -> list[str]:
    names = [match[1] for each in subscriptions for match in map(_NAMED.fullmatch, each._levels) if match]
    return [name for name in dict.fromkeys(names) if name not in DEFAULTABLE]
