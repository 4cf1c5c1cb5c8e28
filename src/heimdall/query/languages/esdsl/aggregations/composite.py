"""`composite`: all combinations of several keys, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from heimdall.model.timerange import format_time
from heimdall.query.ast import (
    AllOf,
    AnyOf,
    Call,
    Comparison,
    Expression,
    Field,
    Literal,
    Negate,
    Operator,
    Pipe,
    Predicate,
)
from heimdall.query.languages.esdsl.aggregations.grouping import whole
from heimdall.query.languages.esdsl.aggregations.histograms import DateHistogram, NumberHistogram
from heimdall.query.languages.esdsl.aggregations.metrics import value
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.datemath import MS_NS, format_ms, parse_ms, zone_of
from heimdall.query.languages.esdsl.faults import illegal, unsupported
from heimdall.query.languages.esdsl.names import both, present
from heimdall.query.languages.esdsl.values import mapping
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.where import Where


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    expression: Expression
    search: Predicate
    is_descending: bool
    is_time: bool
    keeps_missing: bool
    body: dict[str, Any]


class Composite:
    def __init__(self, aggregation: Aggregation, now_ns: int) -> None:
        self._aggregation = aggregation
        self._now_ns = now_ns
        self._size = whole(aggregation, "size", 10)
        given = aggregation.body.get("sources")
        if not isinstance(given, list) or not given or len(given) > 20:
            raise illegal("Composite [sources] cannot be null or empty")
        self._sources = [self._source(item) for item in given]

    def _source(self, given: Any) -> _Source:
        if not isinstance(given, dict) or len(given) != 1:
            raise illegal("[composite] source must be an object with one name")
        ((name, inner),) = given.items()
        ((kind, body),) = inner.items() if isinstance(inner, dict) and len(inner) == 1 else (("", {}),)
        body = mapping("composite", body)
        below = Aggregation(name, kind, body)
        is_descending = str(body.get("order", "asc")).lower() == "desc"
        keeps_missing = bool(body.get("missing_bucket"))
        match kind:
            case "terms":
                field = below.field
                expression = value(field) if keeps_missing else field.expression
                search = both([] if keeps_missing else [present(field)])
                return _Source(name, expression, search, is_descending, False, keeps_missing, body)
            case "date_histogram":
                histogram = DateHistogram(below, self._now_ns)
                return _Source(name, histogram.expression, histogram.search, is_descending, True, False, body)
            case "histogram":
                numbers = NumberHistogram(below, self._now_ns)
                return _Source(name, numbers.expression, numbers.search, is_descending, False, False, body)
        raise unsupported(f"a [composite] source of type [{kind}]")

    @property
    def search(self) -> Predicate:
        return both([source.search for source in self._sources])

    @property
    def keys(self) -> tuple[Column, ...]:
        return tuple(Column(source.expression, f"k{place}") for place, source in enumerate(self._sources))

    @property
    def pipes(self) -> tuple[Pipe, ...]:
        order = tuple((Field(f"k{place}"), source.is_descending) for place, source in enumerate(self._sources))
        after = self._after()
        return (*((Where(after),) if after is not None else ()), Sort(order), Head(self._size))

    def _after(self) -> Expression | None:
        """Keys behind the last one of the page before."""
        given = self._aggregation.body.get("after")
        if not isinstance(given, dict):
            return None
        equal: list[Expression] = []
        choices: list[Expression] = []
        for place, source in enumerate(self._sources):
            if source.name not in given:
                raise illegal(f"Missing value for [after.{source.name}]")
            column, bound = Field(f"k{place}"), self._bound(source, given[source.name])
            choices.append(_all([*equal, _behind(column, bound, source.is_descending)]))
            equal.append(_same(column, bound))
        return AnyOf(tuple(choices)) if len(choices) > 1 else choices[0]

    def _bound(self, source: _Source, given: Any) -> Any:
        if source.is_time and given is not None:
            zone = zone_of(source.body.get("time_zone"))
            ms = parse_ms(given, now_ns=self._now_ns, formats=source.body.get("format"), zone=zone)
            return format_time(ms * MS_NS)
        return given

    def key(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for place, source in enumerate(self._sources):
            value_ = row[f"k{place}"]
            if source.is_time and value_ is not None and "format" in source.body:
                value_ = format_ms(value_, source.body["format"], zone_of(source.body.get("time_zone")))
            found[source.name] = value_
        return found


def _all(items: list[Expression]) -> Expression:
    return items[0] if len(items) == 1 else AllOf(tuple(items))


def _behind(column: Field, bound: Any, is_descending: bool) -> Expression:
    """Missing keys stand last, whichever way the others go."""
    there: Expression = Call("exists", (column,))
    if bound is None:
        return Comparison(Operator.EQ, Literal(1), Literal(0))
    way = Operator.LT if is_descending else Operator.GT
    return AnyOf((Comparison(way, column, Literal(bound)), Negate(there)))


def _same(column: Field, bound: Any) -> Expression:
    if bound is None:
        return Negate(Call("exists", (column,)))
    return Comparison(Operator.EQ, column, Literal(bound))
