"""Field names, both ways: Elastic Common Schema's, as clients of Elasticsearch use them, and Heimdall's own.

A name that stands in neither table is a sender's own field under its own name. Text is `message` alone; every other
field is a keyword, a number, a date or a boolean. `.keyword` behind a name means its exact value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heimdall.query.ast import (
    And,
    Call,
    Compare,
    Exists,
    Expression,
    Field,
    Literal,
    MatchAll,
    Not,
    Operator,
    Or,
    Predicate,
)
from heimdall.query.fields import CANONICAL, canonical, field_type
from heimdall.query.languages.esdsl.values import texts
from heimdall.query.types import Type
from heimdall.query.words import glob_parts

DEFAULT_INDEX = "logs-heimdall-default"
"""Index of records that came by another door than `_bulk`; a name that `logs-*` finds."""

ECS: Mapping[str, str] = {
    "@timestamp": "timestamp",
    "event.ingested": "observed_timestamp",
    "log.level": "level",
    "message": "message",
    "service.name": "service",
    "service.instance.id": "instance",
    "service.environment": "environment",
    "cloud.region": "region",
    "trace.id": "trace_id",
    "span.id": "span_id",
    "parent.id": "parent_span_id",
    "user.id": "user_id",
    "session.id": "session_id",
    "http.request.id": "request_id",
    "customer.id": "customer_id",
}
"""Name in documents → field of the record. Fields that do not stand here keep their name."""

OWN: Mapping[str, str] = {own: name for name, own in ECS.items()}
_FURTHER = {"service.node.name": "instance", "deployment.environment": "environment"}
_INTERNAL = frozenset({"id"})

DOCUMENT_FIELDS: tuple[str, ...] = tuple(
    OWN.get(field.name, field.name) for field in CANONICAL if field.name not in _INTERNAL
)
"""Names every document can have, beside its sender's own."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a name in a request means."""

    text: str
    fields: tuple[str, ...]
    """Fields of the record; the first that is there counts."""
    default: str | None = None
    """Value of records that have none of them."""
    is_analysed: bool = False
    """It is looked for by its words."""

    @property
    def type(self) -> Type:
        return field_type(self.fields[0]) if len(self.fields) == 1 and self.default is None else Type.ANY

    @property
    def expression(self) -> Expression:
        if len(self.fields) == 1 and self.default is None:
            return Field(self.fields[0])
        given = () if self.default is None else (Literal(self.default),)
        return Call("coalesce", (*map(Field, self.fields), *given))

    @property
    def number(self) -> Expression:
        return Call("tonumber", (self.expression,))


def name_of(text: str) -> Name:
    plain = text.removesuffix(".keyword")
    if plain == "message":
        return Name(text, ("message",), is_analysed=plain == text)
    if plain == "_id":
        return Name(text, ("_id", "id"))
    if plain == "_index":
        return Name(text, ("_index",), default=DEFAULT_INDEX)
    if plain == "host.name":
        return Name(text, ("host.name", "instance"))
    return Name(text, (ECS.get(plain) or _FURTHER.get(plain) or plain,))


def present(name: Name) -> Predicate:
    """Records that have the field."""
    if name.default is not None:
        return MatchAll()
    return either([_present(field) for field in name.fields])


def _present(field: str) -> Predicate:
    if field == "level":
        return Compare("severity_number", Operator.GE, "1")
    found = canonical(field)
    return MatchAll() if found is not None and found.name in ("timestamp", "id", "message") else Exists(field)


def chosen(name: Name, test: Predicate, field: str) -> Predicate:
    """`test` on one of a name's fields, where that is the one that counts."""
    before = name.fields[: name.fields.index(field)]
    return both([*(negated(Exists(other)) for other in before), test])


def names_of(fields: Any) -> list[Name]:
    """Fields of a text query; patterns stand for the names every document has, none for `message`."""
    given = texts("fields", fields or ["message"])
    found: list[Name] = []
    for text in given:
        plain = str(text).partition("^")[0]
        if "*" in plain:
            fits = re.compile(_glob(plain))
            found += [name_of(name) for name in DOCUMENT_FIELDS if fits.fullmatch(name)]
        else:
            found.append(name_of(plain))
    return found


def _glob(pattern: str) -> str:
    parts = glob_parts(pattern)
    return "".join(re.escape(part) if place % 2 == 0 else ".*" for place, part in enumerate(parts))


NOTHING: Predicate = Not(MatchAll())


def both(items: list[Predicate]) -> Predicate:
    flat: list[Predicate] = []
    for item in items:
        flat += item.items if isinstance(item, And) else [item]
    kept = [item for item in flat if not isinstance(item, MatchAll)]
    if NOTHING in kept:
        return NOTHING
    return MatchAll() if not kept else kept[0] if len(kept) == 1 else And(tuple(kept))


def either(items: list[Predicate]) -> Predicate:
    flat: list[Predicate] = []
    for item in items:
        flat += item.items if isinstance(item, Or) else [item]
    kept = [item for item in flat if item != NOTHING]
    if any(isinstance(item, MatchAll) for item in kept):
        return MatchAll()
    return NOTHING if not kept else kept[0] if len(kept) == 1 else Or(tuple(kept))


def negated(item: Predicate) -> Predicate:
    return item.item if isinstance(item, Not) else Not(item)
