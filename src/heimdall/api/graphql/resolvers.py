"""The answers of the schema, from the query service: objects whose methods have the names of its fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.model.timerange import parse_time
from heimdall.query.ast import And, Compare, MatchAll, Operator, Predicate, Query
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.request import Answer, FacetsRequest, HistogramRequest, SearchRequest
from heimdall.query.rows import plain_rows
from heimdall.query.service import QueryService
from heimdall.query.templatelabels import Label, TemplateLabels
from heimdall.query.templates import Catalogue

_STATS = parse('* | stats count() as n, count_if(level >= "error") as errors by service | sort n desc').pipes
MAX_ROWS = 10_000

Row = dict[str, Any]


@dataclass(slots=True)
class Root:
    """The answers to one document. Texts of templates are looked up once for all the records of it."""

    queries: QueryService
    catalogue: Catalogue
    clock: Clock
    labels: TemplateLabels | None = None
    _known: dict[int, Label] | None = field(default=None, init=False)

    def logs(self, info: Any, q: str, first: int, after: str | None = None, **span: str | None) -> Row:
        return self.page(self._request(q, first, span, after))

    def histogram(self, info: Any, q: str, buckets: int, by: str | None, **span: str | None) -> Row:
        return self.counts(self._request(q, 1, span), buckets, by)

    def facets(self, info: Any, q: str, first: int, fields: Sequence[str] = (), **span: str | None) -> list[Row]:
        asked = self._request(q, 1, span)
        request = FacetsRequest(
            q=q, start_ns=asked.start_ns, end_ns=asked.end_ns, fields=tuple(fields or ()), limit=first
        )
        found = self.queries.facets(request).data
        assert isinstance(found, list)
        return [{"field": each["field"], "data": each} for each in found]

    def patterns(self, info: Any, q: str, first: int, **span: str | None) -> list[Row]:
        return self.templates_of(self._request(q, first, span))

    def services(self, info: Any, q: str, first: int, **span: str | None) -> list[Service]:
        request = self._request(q, first, span)
        query = records(request.q)
        answer = self.queries.search(replace(request, q=to_text(Query(query.search, _STATS))))
        rows = (row for row in plain_rows(answer.rows) if row.get("service"))
        return [Service(self, request, row["service"], row["n"], row["errors"]) for row in rows]

    def templates(self, info: Any, ids: Sequence[str]) -> list[Row | None]:
        return [self.template(int(each)) if each.isdecimal() else None for each in ids]

    # ---- what services ask too ----

    def page(self, request: SearchRequest) -> Row:
        answer = self.queries.search(request)
        nodes = [Log(self, row) for row in plain_rows(answer.rows)]
        info = {"hasNextPage": answer.next is not None, "endCursor": answer.next}
        return {"nodes": nodes, "pageInfo": info, "facts": facts(answer)}

    def counts(self, request: SearchRequest, buckets: int, by: str | None) -> Row:
        answer = self.queries.histogram(
            HistogramRequest(
                q=request.q, start_ns=request.start_ns, end_ns=request.end_ns, buckets=buckets, by=by or None
            )
        )
        named = answer.extra
        return {
            "intervalMs": named["interval_ms"],
            "total": named["total"],
            "from": named["from"],
            "to": named["to"],
            "buckets": answer.data,
        }

    def templates_of(self, request: SearchRequest) -> list[Row]:
        text = to_text(records(request.q))
        answer = self.queries.search(replace(request, q=f"{text} | patterns"))
        return [
            row
            | {"template": {"id": str(row["template_id"]), "text": row["template"], **self._said(row["template_id"])}}
            for row in plain_rows(answer.rows)
        ]

    def template(self, number: int | None) -> Row | None:
        if number is None:
            return None
        names = self.catalogue.names(DEFAULT_TENANT, [number])
        number = names.final.get(number, number)
        text = names.texts.get(number)
        return None if text is None else {"id": str(number), "text": text, **self._said(number)}

    def _said(self, number: int) -> Row:
        """What people call a template, and whose it is."""
        if self._known is None:
            self._known = self.labels.shown(DEFAULT_TENANT, self.catalogue) if self.labels else {}
        label = self._known.get(number)
        return {"name": label.name or None, "owner": label.owner or None} if label else {}

    def forget(self) -> None:
        """Labels may have been given since they were looked up."""
        self._known = None

    def _request(self, q: str, first: int, span: dict[str, str | None], after: str | None = None) -> SearchRequest:
        if not 1 <= first <= MAX_ROWS:
            raise InvalidInput(f"first must be 1 to {MAX_ROWS:,}, not {first}")
        now_ns = self.clock.time_ns()
        start, end = span.get("from"), span.get("to")
        return SearchRequest(
            q=q or "*",
            start_ns=parse_time(start, now_ns=now_ns) if start else None,
            end_ns=parse_time(end, now_ns=now_ns) if end else None,
            limit=first,
            cursor=after or None,
        )


@dataclass(frozen=True, slots=True)
class Service:
    root: Root
    request: SearchRequest
    name: str
    count: int
    errors: int

    def logs(self, info: Any, q: str, first: int) -> Row:
        own = parse(q or "*")
        return self.root.page(self._request(Query(_both(own.search, self._search()), own.pipes), first))

    def histogram(self, info: Any, buckets: int) -> Row:
        return self.root.counts(self._request(Query(self._search()), 1), buckets, "level")

    def patterns(self, info: Any, first: int) -> list[Row]:
        return self.root.templates_of(self._request(Query(self._search()), first))

    def _search(self) -> Predicate:
        return _both(records(self.request.q).search, Compare("service", Operator.EQ, self.name))

    def _request(self, query: Query, first: int) -> SearchRequest:
        return replace(self.request, q=to_text(query), limit=first)


def _named(name: str) -> Callable[[Log], Any]:
    return lambda log: log.row.get(name)


@dataclass(frozen=True, slots=True)
class Log:
    root: Root
    row: Row

    id = property(_named("id"))
    timestamp = property(_named("timestamp"))
    level = property(_named("level"))
    service = property(_named("service"))
    instance = property(_named("instance"))
    region = property(_named("region"))
    environment = property(_named("environment"))
    message = property(_named("message"))
    traceId = property(_named("trace_id"))  # noqa: N815 (a name of the schema)
    spanId = property(_named("span_id"))  # noqa: N815
    durationMs = property(_named("duration_ms"))  # noqa: N815
    fields = property(lambda log: log.row)

    def template(self, info: Any) -> Row | None:
        return self.root.template(self.row.get("template_id"))

    def field(self, info: Any, name: str) -> Any:
        return self.row.get(name)


def facts(answer: Answer) -> Row:
    return {
        "exact": answer.exact,
        "error": answer.error,
        "partial": answer.partial,
        "scannedRows": answer.scanned_rows,
        "tookMs": answer.took_ms,
    }


def records(q: str) -> Query:
    """A question about records: without pipes.

    Raises:
        InvalidInput: it has some.
    """
    query = parse(q)
    if query.pipes:
        raise InvalidInput("only logs takes a query with pipes; leave them out here")
    return query


def _both(one: Predicate, other: Predicate) -> Predicate:
    return other if isinstance(one, MatchAll) else And((one, other))
