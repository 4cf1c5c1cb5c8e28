"""What there is to ask about: fields, their values, streams, the most frequent values, hits over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from heimdall.api.victorialogs.parameters import Parameters
from heimdall.api.victorialogs.questions import Question, request_of
from heimdall.api.victorialogs.reading import Reader, step_of, step_starts_ns
from heimdall.api.victorialogs.records import (
    HIDDEN,
    OWN_NAMES,
    STREAM,
    STREAM_ID,
    labels_of,
    shown_name,
    stream_fields,
    stream_id,
    stream_text,
)
from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.model.severity import Level
from heimdall.model.stream import LABELS_FIELD
from heimdall.model.timerange import format_time
from heimdall.query.ast import (
    And,
    Call,
    Compare,
    Comparison,
    Exists,
    Field,
    Literal,
    MatchAll,
    Not,
    Operator,
    Or,
    Predicate,
    Query,
    Regex,
)
from heimdall.query.facets import MAX_FIELDS
from heimdall.query.languages.hql import to_text
from heimdall.query.languages.logsql.filters import StreamsById, field_name
from heimdall.query.logql.reader import member_text
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.request import FacetsRequest, QueryRequest, SearchRequest
from heimdall.query.service import MAX_LIMIT, QueryService
from heimdall.query.words import literal_pattern

_FIELDS_AT_ONCE = 100
_UNSET = Level.UNSET.value

Labels = tuple[tuple[str, str], ...]
Hits = Mapping[str, int]
"""Value → records that have it."""


def values_json(hits: Hits, limit: int, filter_text: str = "") -> dict[str, object]:
    """The values that occur most often; those of a filter contain its text."""
    found = [(value, count) for value, count in hits.items() if count and filter_text in value]
    found.sort(key=lambda item: (-item[1], item[0]))
    return {"values": [{"value": value, "hits": count} for value, count in found[: limit or None]]}


# ---- fields ----------------------------------------------------------------------------------------------------------


def field_names(question: Question, reader: Reader) -> Hits:
    """Names of the fields of the newest records, counted in all of them."""
    query = question.query
    total = int(reader.counted(query, [])["n"].sum())
    found = dict.fromkeys((*OWN_NAMES.values(), STREAM, STREAM_ID), total)
    names = [name for name in _known_fields(question, reader) if name not in HIDDEN and name not in OWN_NAMES]
    for first in range(0, len(names), _FIELDS_AT_ONCE):
        some = names[first : first + _FIELDS_AT_ONCE]
        columns = [Column(_present(name), f"n{place}") for place, name in enumerate(some)]
        frame = reader.frame(Query(query.search, (*query.pipes, Stats(tuple(columns)))), [])
        for place, name in enumerate(some):
            found[shown_name(name)] = int(frame[f"n{place}"].sum())
    return found


def _present(name: str) -> Call:
    if name == "level":
        return Call("count_if", (Comparison(Operator.NE, Field(name), Literal(_UNSET)),))
    return Call("count_if", (Call("exists", (Field(name),)),))


def _known_fields(question: Question, reader: Reader) -> list[str]:
    request = _plain(question, reader.request)
    data = reader.queries.fields(request).data
    assert isinstance(data, list)
    return [str(each["name"]) for each in data]


def _plain(question: Question, request: SearchRequest) -> QueryRequest:
    return QueryRequest(
        q=to_text(Query(question.query.search)),
        start_ns=request.start_ns,
        end_ns=request.end_ns,
        tenant=request.tenant,
        timeout_s=request.timeout_s,
    )


def field_values(name: str, question: Question, reader: Reader, limit: int) -> Hits:
    if name == STREAM:
        return streams(question, reader)
    if name == STREAM_ID:
        return stream_ids(question, reader)
    pipes = (Sort(((Field("n"), True),)), Head(min(limit or MAX_LIMIT, MAX_LIMIT)))
    frame = reader.counted(question.query, [field_name(name)], pipes)
    return {
        _said(name, value): int(count) for value, count in frame.select("k0", "n").iter_rows() if _said(name, value)
    }


def _said(name: str, value: str) -> str:
    return "" if (name, value) == ("level", _UNSET) else value


# ---- streams ---------------------------------------------------------------------------------------------------------


def _streams(query: Query, reader: Reader) -> dict[tuple[str, Labels], int]:
    """Records by what marks their stream's fields and by their labels."""
    markers = reader.counted(query, [LABELS_FIELD])["k0"].to_list()
    fields = list(dict.fromkeys(field for marker in markers for field in stream_fields(marker)))
    frame = reader.counted(query, [LABELS_FIELD, *fields])
    shown = [shown_name(field) for field in fields]
    found: dict[tuple[str, Labels], int] = {}
    for marker, *texts, count in frame.select(
        "k0", *(f"k{place + 1}" for place in range(len(fields))), "n"
    ).iter_rows():
        values: dict[str, str] = {}
        for name, text in zip(shown, texts, strict=True):
            if text:
                values.setdefault(name, text)
        key = (marker or "").partition(";")[0], tuple(sorted(labels_of(values, marker).items()))
        found[key] = found.get(key, 0) + int(count)
    return found


def stream_labels(question: Question, reader: Reader) -> list[tuple[dict[str, str], int]]:
    """Label sets of streams with their records."""
    found: Counter[Labels] = Counter()
    for (_, labels), count in _streams(question.query, reader).items():
        found[labels] += count
    return [(dict(labels), count) for labels, count in found.items()]


def streams_by_id(queries: QueryService, clock: Clock, parameters: Parameters) -> StreamsById:
    """Ids are looked up when a question names one, in the range it asks for."""

    def found(ids: Sequence[str]) -> Predicate:
        return records_of_streams(ids, Reader.of(queries, clock, request_of(parameters)))

    return found


def records_of_streams(ids: Sequence[str], reader: Reader) -> Predicate:
    """Records of the streams with these ids, as far as the reader's range has them; none where no stream has one."""
    found = [
        _of_stream(marker, labels)
        for marker, labels in _streams(Query(MatchAll()), reader)
        if stream_id(stream_text(labels)) in ids
    ]
    if not found:
        return Not(MatchAll())
    return found[0] if len(found) == 1 else Or(tuple(found))


def _of_stream(marker: str, labels: Labels) -> Predicate:
    """The labels, no other one, and the same fields that make the stream."""
    said = dict(labels)
    names = dict.fromkeys(shown_name(field) for field in stream_fields(marker))
    items: list[Predicate] = [Compare(name, Operator.EQ, value) for name, value in labels]
    items += [Not(Exists(name)) for name in names if name not in said and name != "level"]
    marked = Regex(f"^{literal_pattern(marker, ignore_case=False)}(;|$)", LABELS_FIELD)
    items.append(marked if marker else Not(Exists(LABELS_FIELD)))
    return And(tuple(items)) if len(items) > 1 else items[0]


def streams(question: Question, reader: Reader) -> Hits:
    return {stream_text(labels.items()): count for labels, count in stream_labels(question, reader)}


def stream_ids(question: Question, reader: Reader) -> Hits:
    return {stream_id(stream): count for stream, count in streams(question, reader).items()}


def stream_field_names(question: Question, reader: Reader) -> Hits:
    found: Counter[str] = Counter()
    for labels, count in stream_labels(question, reader):
        found.update(dict.fromkeys(labels, count))
    return found


def stream_field_values(name: str, question: Question, reader: Reader) -> Hits:
    found: Counter[str] = Counter()
    for labels, count in stream_labels(question, reader):
        if name in labels:
            found[labels[name]] += count
    return found


# ---- facets and hits -------------------------------------------------------------------------------------------------


def facets(
    question: Question, reader: Reader, *, limit: int, max_values: int, max_length: int, keep_const: bool
) -> list[dict[str, object]]:
    """The most frequent values of the first `MAX_FIELDS` fields, without those of too many or too long values."""
    left_out = HIDDEN | {"timestamp"}
    names = [name for name in _known_fields(question, reader) if name not in left_out][:MAX_FIELDS]
    if not names:
        return []
    plain = _plain(question, reader.request)
    request = FacetsRequest(
        q=to_text(question.query), start_ns=plain.start_ns, end_ns=plain.end_ns, tenant=plain.tenant,
        timeout_s=plain.timeout_s, fields=tuple(names), limit=limit,
    )  # fmt: skip
    data = reader.queries.facets(request).data
    assert isinstance(data, list)
    found: list[dict[str, object]] = []
    for facet in data:
        values = [
            {"field_value": text, "hits": each["count"]}
            for each in facet["values"]
            if (text := _said(facet["field"], member_text(each["value"])))
        ]
        constant = facet["distinct"] == 1 and facet["coverage"] >= 1
        if not values or facet["distinct"] > max_values or (constant and not keep_const):
            continue
        if any(len(str(value["field_value"])) > max_length for value in values):
            continue
        name = OWN_NAMES.get(facet["field"], shown_name(facet["field"]))
        found.append({"field_name": name, "values": values})
    return sorted(found, key=lambda each: str(each["field_name"]))


def hits(
    question: Question, reader: Reader, fields: Sequence[str], *, step_ns: int, offset_ns: int, fields_limit: int
) -> list[dict[str, object]]:
    """Records by step and the values of fields, the largest group first; what is over the limit is one group more."""
    if len(fields) > MAX_FIELDS:
        raise InvalidInput(f"{len(fields)} fields are too many; group by at most {MAX_FIELDS}")
    keys = [field_name(name) for name in fields]
    frame = reader.counted(question.query, keys, step=step_of(step_ns, offset_ns, "step"))
    if not frame.height:
        return []
    starts = step_starts_ns(frame, "step", step_ns, offset_ns)
    groups: dict[tuple[str, ...], dict[int, int]] = {}
    columns = [frame[f"k{place}"].to_list() for place in range(len(keys))]
    for *key, at_ns, count in zip(*columns, starts.to_list(), frame["n"].to_list(), strict=True):
        steps = groups.setdefault(tuple(_said(name, text) for name, text in zip(fields, key, strict=True)), {})
        steps[at_ns] = steps.get(at_ns, 0) + int(count)
    ordered = sorted(groups.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    if fields_limit and len(ordered) > fields_limit:
        rest: Counter[int] = Counter()
        for _, steps in ordered[fields_limit:]:
            rest.update(steps)
        shown = [*ordered[:fields_limit], ((), dict(rest))]
    else:
        shown = list(ordered)
    return [
        {
            "fields": dict(zip(fields, key, strict=False)),
            "timestamps": [format_time(at_ns) for at_ns in sorted(steps)],
            "values": [steps[at_ns] for at_ns in sorted(steps)],
            "total": sum(steps.values()),
        }
        for key, steps in shown
    ]
