"""What a kind of bucket that every record has one of says about itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from heimdall.query.ast import (
    Call,
    Expression,
    Pipe,
    Predicate,
)
from heimdall.query.languages.esdsl.aggregations.metrics import part_named
from heimdall.query.languages.esdsl.aggregations.reading import METRICS, Aggregation
from heimdall.query.languages.esdsl.faults import illegal
from heimdall.query.literals import NS_PER_UNIT
from heimdall.query.pipes.aggregation import Column

COUNT = "n"
"""Column of a bucket's documents."""
DAY_NS, WEEK_NS = NS_PER_UNIT["d"], NS_PER_UNIT["w"]
MOST_FIRST = (("_count", "desc"),)
COUNTED = (Column(Call("count"), COUNT),)
MAX_RESTRICTED = 1_000
"""Kept terms that are written into the statements below them; more are cut when the rows are there."""

Key = Any
ColumnOf = Callable[[str], str]
"""`metric` or `metric.part` of a bucket's own metrics → its column."""


class Grouping(Protocol):
    """One kind of bucket over its field."""

    @property
    def expression(self) -> Expression:
        """The key."""

    @property
    def search(self) -> Predicate:
        """Records that have a key at all."""

    @property
    def most(self) -> int | None:
        """Buckets of one parent. The statement gives one more, which tells that some are cut off; None: all."""

    @property
    def top_field(self) -> str | None:
        """The field, when all that is asked for are its most frequent values: then `top` counts all in one go."""

    @property
    def has_all(self) -> bool:
        """Every record is in one of its buckets, whatever the record says."""

    def pipes(self, key: str, parents: Sequence[str], column_of: ColumnOf) -> tuple[Pipe, ...]:
        """What stands behind the grouping: how many are kept, in which order."""

    def restriction(self, kept: Sequence[Key]) -> Predicate | None:
        """Records of the kept keys; None when all are kept."""

    def filled(self, keys: list[Key]) -> list[Key]:
        """The keys of one parent in the answer's order, with those that have no records."""

    def head(self, key: Key) -> dict[str, Any]:
        """What says which bucket it is."""

    def told(self, buckets: list[dict[str, Any]], others: int) -> dict[str, Any]:
        """The whole of one parent."""

    def others(self, scope_keys: tuple[Column, ...], key: Column) -> tuple[Pipe, ...] | None:
        """Pipes that count, as `n` by parent, the records of all buckets, also of those that were cut off; None where
        nobody asks for that."""


def order_of(aggregation: Aggregation, usual: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    given = aggregation.body.get("order")
    if given is None:
        return usual
    listed = given if isinstance(given, list) else [given]
    found: list[tuple[str, str]] = []
    for item in listed:
        if not isinstance(item, dict):
            raise illegal(f"[order] of [{aggregation.name}] must be an object")
        for by, way in item.items():
            if str(way).lower() not in ("asc", "desc"):
                raise illegal(f"Unknown order direction [{way}] in [{aggregation.name}]")
            found.append(("_key" if by == "_term" else str(by), str(way).lower()))
    return tuple(found) or usual


def column_of(aggregation: Aggregation, by: str, columns: dict[tuple[str, str], str]) -> str:
    """Column of the metric an order names."""
    named, _, part = by.replace("[", ".").replace("]", "").partition(".")
    for below in aggregation.of(METRICS):
        if below.name == named:
            return columns[(named, part_named(below, part))]
    raise illegal(
        f"Invalid aggregation order path [{by}]. The provided aggregation [{named}] either does not exist, or is a"
        " pipeline or multi-bucket aggregation and cannot be used to sort the buckets."
    )


def whole(aggregation: Aggregation, word: str, usual: int) -> int:
    given = aggregation.body.get(word, usual)
    if (
        isinstance(given, bool)
        or not isinstance(given, int | float | str)
        or not re.fullmatch(r"-?\d{1,9}", str(given))
    ):
        raise illegal(f"[{word}] of [{aggregation.name}] must be a whole number, not [{str(given)[:40]}]")
    return int(given)
