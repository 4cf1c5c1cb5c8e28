"""Index names: attribute `_index` of the records that `_bulk` brought, `logs-heimdall-default` for all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from heimdall.query.ast import Call, Predicate, Query
from heimdall.query.languages.esdsl.faults import Fault
from heimdall.query.languages.esdsl.names import (
    DEFAULT_INDEX,
    both,
    either,
    name_of,
    negated,
)
from heimdall.query.languages.esdsl.terms import equals, wildcard
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.stats import Stats
from heimdall.query.request import QueryRequest
from heimdall.query.service import QueryService

MAX_INDICES = 10_000
MAX_NAMES = 200
"""Names in one request."""


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    documents: int


@dataclass(frozen=True, slots=True)
class Indices:
    """An index expression: `logs-*,shop,-logs-debug-*`."""

    names: tuple[str, ...]

    @property
    def search(self) -> Predicate:
        """Records in any of them."""
        found: list[Predicate] = []
        for name in self.names or ("*",):
            if name.startswith("-") and found:
                found = [both([either(found), negated(_named(name[1:]))])]
            else:
                found.append(_named(name))
        return either(found)

    @property
    def plain(self) -> tuple[str, ...]:
        """Names without a pattern: an index that has to be there."""
        return tuple(name for name in self.names if "*" not in name and not name.startswith("-") and name != "_all")


def indices_of(expression: str | None) -> Indices:
    """
    Raises:
        Fault: a name no index can have.
    """
    names = tuple(name.strip() for name in (expression or "").split(",") if name.strip())
    if len(names) > MAX_NAMES:
        raise Fault("illegal_argument_exception", f"more than [{MAX_NAMES}] index names in one request")
    for name in names:
        if name.startswith(("_", "<")) and name != "_all":
            reason = f"Invalid index name [{name}], must not start with '{name[0]}'"
            raise Fault("invalid_index_name_exception", reason, {"index": name, "index_uuid": "_na_"})
    return Indices(tuple(name.partition(":")[2] if ":" in name else name for name in names))


def _named(name: str) -> Predicate:
    if name in ("_all", "*"):
        return both([])
    field = name_of("_index")
    return wildcard(field, name) if "*" in name else equals(field, name, 0)


def listed(service: QueryService, indices: Indices) -> list[Index]:
    """Indices that have records, by name."""
    key = Column(name_of("_index").expression, "name")
    query = Query(indices.search, (Stats((Column(Call("count"), "n"),), (key,)),))
    table = service.page(query, QueryRequest(), limit=MAX_INDICES).rows
    rows = zip(table.column("name").to_pylist(), table.column("n").to_pylist(), strict=True)
    return sorted((Index(_text(name), int(count)) for name, count in rows), key=lambda index: index.name)


def _text(name: str) -> str:
    found = orjson.loads(name) if name.startswith('"') else name
    return str(found)


def check_there(service: QueryService, indices: Indices) -> None:
    """
    Raises:
        Fault: one of the plain names has no record at all.
    """
    for name in indices.plain:
        query = Query(_named(name), (Head(1),))
        if name != DEFAULT_INDEX and not service.page(query, QueryRequest(), limit=1).rows.num_rows:
            raise missing(name)


def missing(name: str) -> Fault:
    about: dict[str, Any] = {
        "resource.type": "index_or_alias",
        "resource.id": name,
        "index_uuid": "_na_",
        "index": name,
    }
    return Fault("index_not_found_exception", f"no such index [{name}]", about, status=404)
