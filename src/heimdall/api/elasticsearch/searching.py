"""One search: query, hits, aggregations, as one answer of Elasticsearch's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pyarrow as pa

from heimdall.api.elasticsearch.documents import (
    Document,
    Highlighter,
    SourceFilter,
    documents_of,
    field_values,
    source_filter,
)
from heimdall.api.elasticsearch.indices import Indices, check_there, indices_of
from heimdall.api.elasticsearch.ordering import (
    Order,
    order_of,
    place_text,
    read_token,
    sort_keys,
    sort_parameter,
    write_token,
)
from heimdall.api.elasticsearch.tops import HitTops
from heimdall.api.elasticsearch.wire import flag
from heimdall.clock import Clock
from heimdall.model.timerange import format_time
from heimdall.query.ast import Call, Compare, MatchAll, Operator, Predicate, Query
from heimdall.query.cursor import Behind
from heimdall.query.languages.esdsl import values
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation, read_aggregations
from heimdall.query.languages.esdsl.aggregations.running import Runner, rows_of
from heimdall.query.languages.esdsl.datemath import MS_NS
from heimdall.query.languages.esdsl.faults import Fault, illegal, parsing, unsupported
from heimdall.query.languages.esdsl.names import both, name_of
from heimdall.query.languages.esdsl.queries import read_query, with_id
from heimdall.query.languages.esdsl.window import window_of
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.dedup import Dedup
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.stats import Stats
from heimdall.query.request import QueryRequest
from heimdall.query.service import QueryService
from heimdall.query.shape import shape_of
from heimdall.query.types import Type

MAX_WINDOW = 10_000
"""Of `from` + `size`, Elasticsearch's own default. Further pages come by `search_after`, a scroll or narrower times."""
COUNTED = 10_000
"""How far hits are counted when the request does not say."""
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}

_KNOWN = frozenset({
    "query", "size", "from", "sort", "_source", "fields", "docvalue_fields", "stored_fields", "highlight", "aggs",
    "aggregations", "track_total_hits", "search_after", "pit", "post_filter", "timeout", "terminate_after",
    "track_scores", "version", "seq_no_primary_term", "explain", "profile", "stats", "ext",
    "collapse", "indices_boost", "timestamp_field", "include_unmapped",
})  # fmt: skip
_ELSEWHERE = frozenset({
    "script_fields", "runtime_mappings", "suggest", "rescore", "knn", "rank", "retriever", "sub_searches", "derived",
    "min_score", "slice",
})  # fmt: skip
"""Parts of a search that are not here; empty ones are taken, as Kibana sends them."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search as it was asked for."""

    indices: Indices
    search: Predicate
    """Of everything: index, query, point in time."""
    start_ns: int | None
    end_ns: int | None
    order: Order
    size: int
    skip: int
    source: SourceFilter
    body: Mapping[str, Any]
    aggregations: tuple[Aggregation, ...] = ()
    post_filter: Predicate = MatchAll()
    counted: int | None = COUNTED
    """How far hits are counted; None: not at all."""
    is_lenient: bool = False
    """An index that is not there is no error."""
    parameters: Mapping[str, str] = field(default_factory=dict)


class Searches:
    """Answers searches. All methods may be called from several threads."""

    def __init__(self, service: QueryService, clock: Clock) -> None:
        self.service = service
        self._clock = clock

    # ---- reading ----

    def read(self, index: str | None, body: Mapping[str, Any], parameters: Mapping[str, str]) -> Search:
        """
        Raises:
            Fault: it is no search, or asks for what is not there.
        """
        self._check(body)
        now_ns = self._clock.time_ns()
        pit = read_token("pit", body["pit"].get("id")) if isinstance(body.get("pit"), dict) else None
        indices = indices_of(index if pit is None else pit["index"])
        search = self.query(body.get("query"), parameters, now_ns)
        parts = [indices.search, search]
        if pit is not None:
            parts.append(Compare("observed_timestamp", Operator.LE, format_time(int(pit["time_ns"]))))
        start_ns, end_ns, rest = window_of(both(parts))
        keys = sort_keys(body.get("sort", sort_parameter(parameters.get("sort"))))
        if pit is not None and not any(key.is_place for key in keys):
            keys = (*keys, *sort_keys(["_shard_doc"]))
        size, skip = whole(body, parameters, "size", 10), whole(body, parameters, "from", 0)
        if size + skip > MAX_WINDOW:
            raise Fault(
                "illegal_argument_exception",
                f"Result window is too large, from + size must be less than or equal to: [{MAX_WINDOW}] but was"
                f" [{size + skip}]. See the scroll api for a more efficient way to request large data sets. This limit"
                " can be set by changing the [index.max_result_window] index level setting.",
                of_shards=True,
            )
        given = body.get("aggs", body.get("aggregations"))
        return Search(
            indices=indices,
            search=rest,
            start_ns=start_ns,
            end_ns=end_ns,
            order=order_of(keys, body.get("search_after")),
            size=size,
            skip=skip,
            source=source_filter(body.get("_source"), parameters),
            body=body,
            aggregations=read_aggregations(given),
            post_filter=MatchAll() if body.get("post_filter") is None else read_query(body["post_filter"], now_ns),
            counted=counted_of(body.get("track_total_hits", parameters.get("track_total_hits"))),
            is_lenient=flag(parameters.get("ignore_unavailable")),
            parameters=parameters,
        )

    def query(self, given: Any, parameters: Mapping[str, str], now_ns: int | None = None) -> Predicate:
        """The condition of a body's `query` and of the parameter `q`."""
        now_ns = self._clock.time_ns() if now_ns is None else now_ns
        parts = [] if given is None else [read_query(given, now_ns)]
        if text := parameters.get("q"):
            asked: dict[str, Any] = {"query": text, "default_operator": parameters.get("default_operator", "or")}
            if field_name := parameters.get("df"):
                asked["default_field"] = field_name
            parts.append(read_query({"query_string": asked}, now_ns))
        return both(parts)

    def _check(self, body: Mapping[str, Any]) -> None:
        for word, given in body.items():
            if word in _ELSEWHERE:
                if given:
                    raise unsupported(f"[{word}]")
            elif word not in _KNOWN:
                raise parsing(f"unknown key [{word}] for a search")

    # ---- answering ----

    def answer(self, search: Search) -> dict[str, Any]:
        started_ns = self._clock.time_ns()
        is_fresh = not flag(search.parameters.get("request_cache"), usual=True)
        request = QueryRequest(start_ns=search.start_ns, end_ns=search.end_ns, fresh=is_fresh)
        told: dict[str, Any] = {}
        count: int | None = None
        filters = both([search.search, search.post_filter])
        if search.aggregations:
            runner = Runner(self._asker(request), HitTops(self._asker(request), self._shown), started_ns)
            count, told["aggregations"] = runner.run(search.aggregations, search.search)
        if filters != search.search:
            count = None
        documents: list[Document] = []
        if search.size:
            documents, found = self._documents(search, filters, request)
            count = found if count is None else count
        if search.counted is not None and count is None:
            count = self.count(filters, request)
        if not documents and not count:
            self._check_there(search)
        hits: dict[str, Any] = {} if search.counted is None else {"total": total_of(count or 0, search)}
        hits["max_score"] = 1.0 if documents and not search.order.keys else None
        marks = (
            Highlighter(filters, values.mapping("highlight", search.body["highlight"]))
            if search.body.get("highlight")
            else None
        )
        hits["hits"] = [self._hit(search, document, marks) for document in documents]
        took_ms = (self._clock.time_ns() - started_ns) // MS_NS
        return {"took": max(0, took_ms), "timed_out": False, "_shards": SHARDS, "hits": hits, **told}

    def count(self, search: Predicate, request: QueryRequest) -> int:
        query = Query(search, (Stats((Column(Call("count"), "n"),)),))
        return int(self.service.page(query, request, limit=1).rows.column("n")[0].as_py())

    def counted(self, index: str | None, body: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
        """`_count`."""
        for word in body:
            if word != "query":
                raise parsing(f"request does not support [{word}]")
        indices = indices_of(index)
        start_ns, end_ns, rest = window_of(both([indices.search, self.query(body.get("query"), parameters)]))
        count = self.count(rest, QueryRequest(start_ns=start_ns, end_ns=end_ns))
        if not count and not flag(parameters.get("ignore_unavailable")):
            check_there(self.service, indices)
        return {"count": count, "_shards": SHARDS}

    def document(self, index: str, id_: str) -> Document | None:
        """The newest record of an id."""
        query = Query(both([indices_of(index).search, with_id(id_)]))
        rows = self.service.page(query, QueryRequest(), limit=1).rows
        return next(documents_of(rows), None)

    def _asker(self, request: QueryRequest) -> Any:
        def ask(query: Query, limit: int) -> pa.Table:
            page = self.service.page(query, request, limit=limit)
            if page.partial and page.rows.num_rows < limit:
                raise illegal("the answer is too large to be kept in memory; ask for fewer or smaller buckets")
            return page.rows

        return ask

    def _check_there(self, search: Search) -> None:
        if not search.is_lenient:
            check_there(self.service, search.indices)

    # ---- hits ----

    def _documents(
        self, search: Search, filters: Predicate, request: QueryRequest
    ) -> tuple[list[Document], int | None]:
        """The page, and how many records match where the page has shown them all."""
        order = search.order
        limit = search.size + search.skip
        pipes: tuple[Any, ...] = ()
        cursor: Behind | None = None
        if order.is_newest_first:
            cursor = order.behind
            if (ms := order.before_ms) is not None:
                end_ns = ms * MS_NS
                request = replace(request, end_ns=end_ns if request.end_ns is None else min(request.end_ns, end_ns))
                if request.start_ns is not None and end_ns <= request.start_ns:
                    return [], None
        else:
            pipes = order.pipes
        if (collapse := search.body.get("collapse")) is not None:
            if values.mapping("collapse", collapse).get("inner_hits"):
                raise unsupported("[inner_hits] of [collapse]")
            key = name_of(values.text("field", values.mapping("collapse", collapse).get("field"))).expression
            pipes = (*pipes, Extend((("collapsed", key),)), Dedup(("collapsed",)))
            cursor = None
        query = Query(filters, pipes)
        page = self.service.page(query, request, limit=limit, cursor=cursor)
        is_all = page.next is None and not page.partial and order.after is None and collapse is None
        found = list(documents_of(spoken(page.rows, query)))
        return found[search.skip :], len(found) if is_all else None

    def _hit(self, search: Search, document: Document, marks: Highlighter | None) -> dict[str, Any]:
        hit = self._shown(document, search.body, search.source, is_sorted=bool(search.order.keys))
        if marks is not None and (marked := marks.marked(document)):
            hit["highlight"] = marked
        if search.order.keys:
            hit["sort"] = self._sort_values(search.order, document)
        return hit

    def _sort_values(self, order: Order, document: Document) -> list[Any]:
        found: list[Any] = []
        for place, key in enumerate(order.keys):
            if key.is_place:
                found.append(place_text(document.time_ns, document.position))
            elif key.text == "_score":
                found.append(1.0)
            elif f"sort{place}" in document.others:
                found.append(key.shown(document.others[f"sort{place}"]))
            else:
                found.append(key.shown(document.time_ns // MS_NS))
        return found

    def _shown(
        self, document: Document, body: Mapping[str, Any], source: SourceFilter, *, is_sorted: bool
    ) -> dict[str, Any]:
        hit: dict[str, Any] = {
            "_index": document.index,
            "_id": document.id,
            "_score": None if is_sorted and not body.get("track_scores") else 1.0,
        }
        if body.get("version"):
            hit["_version"] = 1
        if body.get("seq_no_primary_term"):
            hit |= {"_seq_no": 0, "_primary_term": 1}
        if source.is_wanted:
            hit["_source"] = source.apply(document.source)
        wanted = [*listed(body.get("docvalue_fields")), *listed(body.get("fields"))]
        if wanted and (found := field_values(document, wanted)):
            hit["fields"] = found
        return hit

    # ---- scrolls and points in time ----

    def scrolled(self, search: Search, index: str | None) -> dict[str, Any]:
        """The first page of a scroll."""
        if search.skip:
            raise Fault(
                "action_request_validation_exception",
                "Validation Failed: 1: using [from] is not allowed in a scroll context;",
            )
        if not any(key.is_place for key in search.order.keys):
            given = search.body.get("sort", sort_parameter(search.parameters.get("sort"))) or []
            keys = [*(given if isinstance(given, list) else [given]), "_doc"]
            search = replace(search, order=Order(sort_keys(keys)))
        told = self.answer(search)
        memory = {
            "index": index,
            "body": {**search.body, "sort": [_sort_text(key) for key in search.order.keys], "size": search.size},
            "time_ns": self._clock.time_ns(),
            "parameters": {
                key: value for key, value in search.parameters.items() if key.startswith("_source") or key == "q"
            },
            "total": told["hits"].get("total"),
        }
        return self._with_scroll(told, memory)

    def scroll(self, token: Any) -> dict[str, Any]:
        """The page behind the one that gave the token."""
        memory = read_token("scroll", token)
        if memory.get("after") is None:
            empty = {"total": memory["total"], "max_score": None, "hits": []}
            return {"_scroll_id": token, "took": 0, "timed_out": False, "_shards": SHARDS, "hits": empty}
        body = {key: value for key, value in memory["body"].items() if key not in ("aggs", "aggregations")}
        search = self.read(memory["index"], {**body, "search_after": memory["after"]}, memory["parameters"])
        seen = Compare("observed_timestamp", Operator.LE, format_time(int(memory["time_ns"])))
        search = replace(search, search=both([search.search, seen]), counted=None, is_lenient=True)
        told = self.answer(search)
        told["hits"] = {"total": memory["total"], **told["hits"]}
        return self._with_scroll(told, memory)

    def _with_scroll(self, told: dict[str, Any], memory: dict[str, Any]) -> dict[str, Any]:
        hits = told["hits"]["hits"]
        after = hits[-1]["sort"] if hits else None
        return {"_scroll_id": write_token("scroll", {**memory, "after": after}), **told}

    def point_in_time(self, index: str) -> str:
        indices = indices_of(index)
        check_there(self.service, indices)
        return write_token("pit", {"index": index, "time_ns": self._clock.time_ns()})


def _sort_text(key: Any) -> dict[str, Any]:
    shape = {} if key.format is None else {"format": key.format}
    return {key.text: {"order": "desc" if key.is_descending else "asc", "missing": key.missing, **shape}}


def spoken(rows: pa.Table, query: Query) -> pa.Table:
    """Columns that pipes added, as what they say; those of records stay as they are."""
    kinds = shape_of(query).columns
    added = [name for name in rows.column_names if name in kinds]
    if not added:
        return rows
    found = rows_of(rows.select(added), query)
    for name in added:
        texts = [row[name] for row in found]
        column = pa.array(texts) if kinds[name] not in (Type.ANY, Type.LIST) else pa.array(_packed(texts))
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _packed(found: list[Any]) -> list[Any]:
    """Values of one Arrow type: text where they are of several."""
    kinds = {type(value) for value in found if value is not None}
    if len(kinds) <= 1 and not kinds & {list, dict}:
        return found
    return [value if value is None or isinstance(value, str) else orjson.dumps(value).decode() for value in found]


def listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [] if given is None else [given]


def whole(body: Mapping[str, Any], parameters: Mapping[str, str], word: str, usual: int) -> int:
    given = body.get(word, parameters.get(word, usual))
    return values.whole(word, given)


def counted_of(given: Any) -> int | None:
    if given is None:
        return COUNTED
    if isinstance(given, bool) or str(given).lower() in ("true", "false"):
        return 2**63 if str(given).lower() == "true" else None
    found = values.whole("track_total_hits", given, least=-1)
    return None if found < 0 else found


def total_of(count: int, search: Search) -> Any:
    if flag(search.parameters.get("rest_total_hits_as_int")):
        return count
    most = search.counted or 0
    return {"value": min(count, most), "relation": "gte" if count > most else "eq"}
