"""The readers of questions as fuzzing targets: any text is an answer or an error that says what is wrong with it.

`<language>` reads the text; `<language>-answer` also asks it of a few records in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import orjson
import pyarrow as pa
from target import Target, apart

from heimdall.api.elasticsearch.searching import Searches
from heimdall.api.graphql.answering import GraphqlService
from heimdall.clock import ManualClock
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, LogBatch, Origin
from heimdall.model.template import CATALOGUE_SCHEMA
from heimdall.query.languages import logql, promql
from heimdall.query.languages.esdsl.names import names_of
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.languages.lucene.parser import parse as parse_lucene
from heimdall.query.languages.lucene.simple import parse_simple
from heimdall.query.languages.registry import translate
from heimdall.query.live import LiveTail
from heimdall.query.logql import LokiService
from heimdall.query.logql.lines import Direction
from heimdall.query.logql.service import Asked
from heimdall.query.promql.logs import LogMetrics
from heimdall.query.promql.service import PrometheusService
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import open_engine
from heimdall.storage.tiers import Tiers
from properties.logql_queries import Queries as LogqlQueries
from properties.promql_queries import Queries as PromqlQueries
from properties.searches import search
from properties.sql_queries import Writer

NOW_NS = 1_795_348_800_000_000_000
_HOUR_NS = 3_600 * 10**9
_TIMEOUT_S = 5.0

_EXAMPLES = 40
"""Generated questions a language begins with."""

_chance = Random(20261126)
_SQL = tuple(Writer(_chance).query() for _ in range(_EXAMPLES))
_HQL = (
    'service:checkout level>=error "card declined" -debug | stats count() as n, p95(duration_ms) by service, bin(5m)',
    "timeout or (refused and not /conn.*/) | where duration_ms > 1.5 and user_id in ('a', 'b') | sort -n | head 10",
    '* | parse "took <ms> ms" | extend x = lower(service), y = if(n > 1, 2, null) | fields x, y',
    "pay* http.status_code:[400 to 499] timestamp>-15m | patterns 5",
    *(text for sql in _SQL if (text := translate(sql, "sql").hql)),
)
_KQL = (
    'service.name: "pay" and (log.level: error or http.status >= 500) and not message: conn*',
    "a: (b or c) and d: {e: 5} or f: *",
)
_LOGSQL = (
    "_time:5m error -debug service:=pay | stats by (service) count() n, quantile(0.9, d) q | sort by (n) desc",
    'a:in("x", y) b:range[1, 5) c:~"x.*" !d:exact("q") | fields a, b | limit 5 | uniq by (a)',
)
_SPL = (
    'search index=main service="pay" (status>=500 OR err*) NOT debug | stats count as n, avg(ms) by service | sort -n',
    '* | rex "took (?<ms>\\d+)" | eval x=if(ms>5, "a", lower(b)) | where x!="q" | timechart span=5m count',
)
_logql = LogqlQueries(_chance)
_LOGQL = tuple(_logql.metric() if _chance.random() < 0.5 else _logql.log() for _ in range(_EXAMPLES))
_promql = PromqlQueries(_chance, NOW_NS // 10**9)
_PROMQL = tuple(_promql.vector(2) for _ in range(_EXAMPLES))
_LUCENE = (
    "+service:pay -debug (a AND b*) OR status:[400 TO 499} OR n:>=5",
    '"card declined" message:/co.n/ _exists_:x te?t^2 NOT level:error',
)
_SEARCHES = tuple(
    orjson.dumps(body).decode()
    for body in ({"query": {"query_string": {"query": "a:b*"}}}, *map(search, [_chance] * 60))
)
_GRAPHQL = (
    'query A($n: Int = 5) { logs(q: "error", first: $n, after: null) { edges { node { message service } cursor } '
    "pageInfo { endCursor hasNextPage } } ...F } fragment F on Query { services { name } }",
    '{ a: histogram(q: "*") { time } b: facets { field } patterns(first: 2) { id } __schema { types { name } } }',
)

_WORDS: dict[str, str] = {
    "hql": r"""
        | ( ) [ TO ] { } : = != >= < - + * / % , . " ' and or not AND OR NOT in by as where stats extend
        fields sort limit top dedup extract patterns count() p95( sum( if( bin(5m) null true 1.5
        99999999999999999999 1e400 now timestamp
    """,
    "kql": r"""
        ( ) : >= < and or not AND " * \ { } now-5m @timestamp log.level
    """,
    "logsql": r"""
        | ( ) [ ) { } : = ! ~ " in( range[ exact( re( seq( _time:5m _msg _stream: * stats by filter sort
        uniq limit math
    """,
    "spl": r"""
        | ( ) [ ] = != >= < " * , AND OR NOT IN stats eval where rex sort head tail timechart span=5m by as
        count top dedup table fields rename bin fillnull if( case( len( substr( null() (?<x>a)
    """,
    "sql": r"""
        SELECT FROM logs WHERE GROUP BY ORDER LIMIT OFFSET HAVING CASE WHEN THEN ELSE END LIKE IN ( )
        BETWEEN AND OR NOT NULL IS count(*) sum( CAST( AS INTERVAL '1' " ` ; -- /* */ UNION JOIN WITH
        DISTINCT * , = <> :: || 1e999 x'ff'
    """,
    "logql": r"""
        { } ( ) [5m] [1h:1m] | |= |~ != !~ =~ |> == > "a" ` , by without on ignoring group_left bool offset
        unwrap json logfmt pattern regexp unpack line_format label_format drop keep ip( or and unless sum(
        topk( rate( vector( {{ }} . 1e999 {{.a}} {{if}} {{end}} {{range} 0x1 1KB 5m 9999999h -
    """,
    "promql": r"""
        { } ( ) [5m] [1h:] [ ] : @ offset start() end() by without on ignoring group_left bool and or unless
        == =~ "a" ' sum( topk( rate( histogram_quantile( label_replace( absent( vector( scalar( time() 1e999
        NaN Inf 0x1 5m 99999w - ^
    """,
    "lucene": r"""
        ( ) [ ] { } TO AND OR NOT + - && || ! : ^ ~ * ? / " \ > >= < _exists_: now-1d 1e999 ~99
    """,
    "graphql": r"""
        { } ( ) [ ] : ! | & = @ $ ... " on fragment query mutation subscription null true 1e999 first:
        after: logs facets histogram patterns services edges node __typename __schema @skip(if: @include(if:
    """,
    "json": r"""
        { } [ ] : , " null true 1e999 -1 "query" "bool" "must" "match" "range" "gte" "terms" "field" "aggs"
        "size" "sort" "now-1d/d" "value" "from" "order" "fixed_interval" "calendar_interval" "sources"
        "buckets_path" "format" "missing" ""
    """,
}


JUNK: tuple[Any, ...] = (
    None, True, -1, 1.5, 2**63, 1e308, "", "*", "now-1d/d", "2026-11-22||+1M/d", "now/", "[", "a:b", "\0", "é", "x" * 9,
    [], [[]], [None], {}, {"": ""}, {"field": 5}, {"field": "message"}, {"value": {}}, {"gte": "now", "lte": []},
    "_score", "_doc", "-1-1", "log.level", "@timestamp", "_id", ["_doc"], {"match_all": {}}, {"term": {"a": 1}},
)  # fmt: skip


def questions() -> tuple[Target, ...]:
    texts: tuple[tuple[str, Callable[[str], object], tuple[str, ...], str], ...] = (
        ("hql", _translated("hql"), _HQL, "hql"),
        ("kql", _translated("kql"), _KQL, "kql"),
        ("logsql", _translated("logsql"), _LOGSQL, "logsql"),
        ("spl", _translated("spl"), _SPL, "spl"),
        ("sql", _translated("sql"), _SQL, "sql"),
        ("logql", _read_logql, _LOGQL, "logql"),
        ("promql", promql.parse, _PROMQL, "promql"),
        ("lucene", lambda text: parse_lucene(text, NOW_NS, names_of(None)), _LUCENE, "lucene"),
        ("lucene-simple", lambda text: parse_simple(text, NOW_NS, names_of(None)), _LUCENE, "lucene"),
        ("hql-answer", _answered_hql, _HQL, "hql"),
        ("logql-answer", _answered_logql, _LOGQL, "logql"),
        ("promql-answer", _answered_promql, _PROMQL, "promql"),
        ("graphql", _answered_graphql, _GRAPHQL, "graphql"),
        ("search-answer", _answered_search, _SEARCHES, "json"),
    )
    return tuple(
        Target(
            name,
            apart(_text(read)),
            tuple(example.encode() for example in examples),
            words=tuple(word.encode() for word in _WORDS[words].split()),
            spoil=_spoilt if words == "json" else None,
        )
        for name, read, examples, words in texts
    )


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """As an address is read: what is no UTF-8 comes in as U+FFFD."""
    return lambda body: read(body.decode("utf-8", "replace"))


def _spoilt(chance: Random, body: bytes) -> bytes:
    """JSON with something else in the place of a value, or of the name of one."""
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    place: Any = [whole]
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = chance.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.85:
            place = place[key]
            continue
        if isinstance(place, dict) and chance.random() < 0.2:
            place[chance.choice(_NAMES)] = place.pop(key)
        else:
            place[key] = chance.choice(JUNK)
        return orjson.dumps(whole)


_NAMES = ("", "field", "size", "from", "missing", "format", "order", "aggs", "_name", "x>y", "boost")


def _translated(language: str) -> Callable[[str], object]:
    """What is shown is what runs."""

    def run(text: str) -> None:
        found = translate(text, language)
        assert found.gaps or found.query is not None
        if found.query is not None and found.hql is not None:
            assert parse(found.hql) == found.query
            assert parse(to_text(found.query)) == found.query

    return run


def _read_logql(text: str) -> None:
    found = logql.parse(text)
    assert logql.parse(logql.to_text(found)) == found


class _Node:
    """A few records, and every face they are asked through."""

    def __init__(self) -> None:
        clock = ManualClock(NOW_NS)
        engine = open_engine("memory://", clock)
        own = json.dumps({"http": {"status_code": 500}, "a": "x", "n": 7, "t": [1, "a"]})
        rows = [
            {
                "timestamp": NOW_NS - place * 60 * 10**9,
                "observed_timestamp": NOW_NS,
                "severity_number": 17 if place % 2 else 9,
                "service": ("pay", "cart", None)[place % 3],
                "message": ("card declined", "took 15 ms", '{"a":{"b":[1]}} level=warn n=5m')[place % 3],
                "duration_ms": place / 2,
                "attributes": own if place % 4 else None,
                "template_id": place % 2,
                "position": place + 1,
            }
            for place in range(12)
        ]
        table = pa.Table.from_pylist(rows, schema=pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD]))
        engine.append(LogBatch(DEFAULT_TENANT, table, Origin(1, len(rows))))
        catalogue = CATALOGUE_SCHEMA.empty_table()
        self.queries = QueryService(Tiers({"hot": engine}), clock, QueryConfig(), TableCatalogue(lambda: catalogue))
        self.searches = Searches(self.queries, clock)
        self.loki = LokiService(self.queries, clock, TableCatalogue(lambda: catalogue))
        logs = LogMetrics(self.queries.search, TableCatalogue(lambda: catalogue))
        self.prometheus = PrometheusService(logs, clock)
        self.graphql = GraphqlService(self.queries, TableCatalogue(lambda: catalogue), clock, LiveTail())


_node = cache(_Node)


def _answered_hql(text: str) -> object:
    return _node().queries.search(SearchRequest(q=text, limit=10, timeout_s=_TIMEOUT_S))


def _answered_logql(text: str) -> object:
    asked = Asked(start_ns=NOW_NS - _HOUR_NS, end_ns=NOW_NS + 1, timeout_s=_TIMEOUT_S)
    return _node().loki.query_range(
        text, asked, step_ns=_HOUR_NS // 6, limit=10, direction=Direction.BACKWARD, categorized=True
    )


def _answered_promql(text: str) -> object:
    return _node().prometheus.query_range(text, NOW_NS - _HOUR_NS, NOW_NS, _HOUR_NS // 6, timeout_s=_TIMEOUT_S)


def _answered_graphql(text: str) -> None:
    """The library tells what fails beneath it; only what nobody expected is `internal`."""
    _, body = _node().graphql.answer({"query": text})
    for error in body.get("errors", ()):
        assert error.get("extensions", {}).get("code") != "internal", error


def _answered_search(text: str) -> object:
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"no JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise InvalidInput("no object")
    searches = _node().searches
    return searches.answer(searches.read(None, body, {}))
