"""LogsQL and the parameters beside it as a tree of HQL, and how rows of its answer are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson

from heimdall.api.victorialogs.parameters import Parameters
from heimdall.api.victorialogs.records import OWN_NAMES, Writer, record_writer, write_rows
from heimdall.errors import InvalidInput
from heimdall.query.ast import And, Compare, Not, Operator, Or, Pipe, Predicate, Query, Range
from heimdall.query.languages.logsql import parse
from heimdall.query.languages.logsql.filters import StreamsById, field_name
from heimdall.query.languages.logsql.pipes import STREAMS
from heimdall.query.languages.translation import both
from heimdall.query.literals import parse_instant
from heimdall.query.pipes.fields import Fields
from heimdall.query.request import SearchRequest


@dataclass(frozen=True, slots=True)
class Question:
    """`write` makes lines of its rows; `request` has everything but the text."""

    query: Query
    write: Writer
    request: SearchRequest

    @property
    def is_of_records(self) -> bool:
        return not self.query.aggregates

    def of_records(self, *, ignore_pipes: bool = False) -> Question:
        """The same where its rows are records.

        Raises:
            InvalidInput: a pipe groups them.
        """
        if ignore_pipes:
            return replace(self, query=Query(self.query.search))
        if not self.is_of_records:
            raise InvalidInput("the query must select logs here: leave out stats, top and uniq, or pass ignore_pipes=1")
        return self


def question_of(parameters: Parameters, streams: StreamsById, *, at_ns: int | None = None) -> Question:
    """`at_ns`: the moment that times such as `_time:5m` count from; None = now. `streams`: those with an id.

    Raises:
        QuerySyntaxError: it is no LogsQL, or has words that HQL has no place for; all of them are named.
    """
    query = parse(parameters.required("query"), streams).complete()
    search = query.search
    for text in parameters.texts("extra_filters", "extra_stream_filters"):
        search = both(search, _extra(text, streams))
    if at_ns is not None:
        search = _anchored(search, at_ns)
    pipes, writer = _written(query)
    return Question(Query(search, pipes), writer, request_of(parameters))


def request_of(parameters: Parameters) -> SearchRequest:
    return SearchRequest(
        start_ns=parameters.time_ns("start"), end_ns=parameters.time_ns("end"), timeout_s=parameters.timeout_s()
    )


def _extra(text: str, streams: StreamsById) -> Predicate:
    """A filter beside the query: LogsQL, or an object of fields with one value or several."""
    if not text.lstrip().startswith('{"'):
        extra = parse(text, streams).complete()
        if extra.pipes:
            raise InvalidInput("extra_filters are filters: leave out the pipes")
        return extra.search
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"extra_filters is no JSON: {exc}") from exc
    items: list[Predicate] = []
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(each, str) for each in values):
            raise InvalidInput(f"extra_filters: {name[:80]!r} must have a text or texts")
        equal = tuple(Compare(field_name(name), Operator.EQ, each) for each in values)
        items.append(equal[0] if len(equal) == 1 else Or(equal))
    if not items:
        raise InvalidInput("extra_filters names no field")
    return items[0] if len(items) == 1 else And(tuple(items))


def _written(query: Query) -> tuple[tuple[Pipe, ...], Writer]:
    """Pipes that run, and the writer of their rows. Streams are put together here, so `fields` that names one reads
    whole records."""
    if query.aggregates:
        return query.pipes, write_rows
    kept: list[Pipe] = []
    names: tuple[str, ...] | None = None
    without: set[str] = set()
    for pipe in query.pipes:
        match pipe:
            case Fields(names=listed, without=True):
                without |= {OWN_NAMES.get(name, name) for name in listed}
                if rest := tuple(name for name in listed if name not in STREAMS):
                    kept.append(replace(pipe, names=rest))
            case Fields(names=listed):
                names = tuple(OWN_NAMES.get(name, name) for name in listed)
                if not STREAMS & set(listed):
                    kept.append(pipe)
            case _:
                kept.append(pipe)
    if names is not None:
        names = tuple(name for name in names if name not in without)
    return tuple(kept), record_writer(names, frozenset(without))


def _anchored(search: Predicate, at_ns: int) -> Predicate:
    """Relative times counted from a moment."""

    def fixed(text: str | None) -> str | None:
        found = None if text is None else parse_instant(text, at_ns)
        return text if found is None else str(found)

    return _changed(search, fixed)


def _changed(node: Predicate, fixed: Callable[[str | None], str | None]) -> Predicate:
    match node:
        case And(items=items) | Or(items=items):
            return replace(node, items=tuple(_changed(item, fixed) for item in items))
        case Not(item=item):
            return replace(node, item=_changed(item, fixed))
        case Compare(field="timestamp", value=value):
            return replace(node, value=fixed(value) or value)
        case Range(field="timestamp", low=low, high=high):
            return replace(node, low=fixed(low), high=fixed(high))
    return node
