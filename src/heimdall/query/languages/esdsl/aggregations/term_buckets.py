"""`terms`: a bucket for each value, the most frequent first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from heimdall.query.ast import (
    Call,
    Comparison,
    Expression,
    Field,
    Literal,
    Operator,
    Pipe,
    Predicate,
)
from heimdall.query.languages.esdsl import terms
from heimdall.query.languages.esdsl.aggregations.grouping import (
    COUNT,
    COUNTED,
    MAX_RESTRICTED,
    MOST_FIRST,
    ColumnOf,
    Key,
    order_of,
    whole,
)
from heimdall.query.languages.esdsl.aggregations.metrics import value
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.datemath import (
    format_ms,
)
from heimdall.query.languages.esdsl.faults import illegal, unsupported
from heimdall.query.languages.esdsl.names import both, either, negated, present
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.dedup import Dedup
from heimdall.query.pipes.frequency import COUNT as TOP_COUNT
from heimdall.query.pipes.frequency import SHARE as TOP_SHARE
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.where import Where
from heimdall.query.types import Type


class Terms:
    def __init__(self, aggregation: Aggregation, now_ns: int) -> None:
        self._aggregation = aggregation
        self._name = aggregation.field
        self._now_ns = now_ns
        self._missing = aggregation.body.get("missing")
        self._size = whole(aggregation, "size", 10)
        self._least = whole(aggregation, "min_doc_count", 1)
        if self._size < 1:
            raise illegal(f"[size] must be greater than 0. Found [{self._size}] in [{aggregation.name}]")
        if self._name.is_analysed:
            raise illegal(
                "Fielddata is disabled on [message] in [logs]. Text fields are not optimised for operations that"
                " require per-document field data like aggregations and sorting, so these operations are disabled by"
                " default. Please use a keyword field instead, for example [message.keyword]."
            )

    def others(self, scope_keys: tuple[Column, ...], key: Column) -> tuple[Pipe, ...] | None:
        if self._least <= 1:
            return (Stats(COUNTED, scope_keys),)
        kept = Where(Comparison(Operator.GE, Field(COUNT), Literal(self._least)))
        summed = Column(Call("sum", (Field(COUNT),)), COUNT)
        parents = tuple(Column(Field(parent.name)) for parent in scope_keys)
        return (Stats(COUNTED, (*scope_keys, key)), kept, Stats((summed,), parents))

    @property
    def most(self) -> int | None:
        return self._size

    @property
    def top_field(self) -> str | None:
        usual = order_of(self._aggregation, MOST_FIRST) == MOST_FIRST
        plain = len(self._name.fields) == 1 and self._name.default is None and self._missing is None
        if self._name.fields[0] in (TOP_COUNT, TOP_SHARE):  # names of columns that `top` adds
            return None
        return self._name.fields[0] if usual and plain and self._least <= 1 else None

    @property
    def has_all(self) -> bool:
        return False

    @property
    def expression(self) -> Expression:
        return self._name.expression if self._missing is None else value(self._name, self._missing)

    @property
    def search(self) -> Predicate:
        kept = [] if self._missing is not None else [present(self._name)]
        for word, turn in (("include", lambda test: test), ("exclude", negated)):
            if (given := self._aggregation.body.get(word)) is not None:
                kept.append(turn(self._choice(word, given)))
        return both(kept)

    def _choice(self, word: str, given: Any) -> Predicate:
        if self._missing is not None:
            raise unsupported(f"[{word}] beside [missing]")
        if isinstance(given, list):
            return either([terms.equals(self._name, item, self._now_ns) for item in given])
        if isinstance(given, dict):
            raise unsupported("[include] by partition")
        return terms.regexp(self._name, str(given))

    def pipes(self, key: str, parents: Sequence[str], column_of: ColumnOf) -> tuple[Pipe, ...]:
        found: list[Pipe] = []
        if self._least > 1:
            found.append(Where(Comparison(Operator.GE, Field(COUNT), Literal(self._least))))
        keys: list[tuple[Expression, bool]] = [
            (Field(key if by == "_key" else COUNT if by == "_count" else column_of(by)), way == "desc")
            for by, way in order_of(self._aggregation, MOST_FIRST)
        ]
        if not any(item == Field(key) for item, _ in keys):
            keys.append((Field(key), False))
        found.append(Sort(tuple(keys)))
        return (*found, Dedup(tuple(parents), self._size + 1) if parents else Head(self._size + 1))

    def restriction(self, kept: Sequence[Key]) -> Predicate | None:
        distinct = list(dict.fromkeys(kept))
        if self._missing is not None or len(distinct) > MAX_RESTRICTED:
            return None
        return either([terms.equals(self._name, item, self._now_ns) for item in distinct])

    def filled(self, keys: list[Key]) -> list[Key]:
        return keys

    def head(self, key: Key) -> dict[str, Any]:
        if self._name.type is Type.TIME:
            return {"key": key, "key_as_string": format_ms(key, self._aggregation.body.get("format"))}
        return shown_key(key)

    def told(self, buckets: list[dict[str, Any]], others: int) -> dict[str, Any]:
        return {"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets}


def shown_key(key: Key) -> dict[str, Any]:
    if isinstance(key, bool):
        return {"key": int(key), "key_as_string": "true" if key else "false"}
    return {"key": key if isinstance(key, str | int | float) else orjson.dumps(key).decode()}
