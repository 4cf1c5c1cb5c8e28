"""The readers of questions as fuzzing targets: any text is an answer or an error that says what is wrong with it.

`<language>` reads the text; `<language>-answer` also asks it of a few records in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

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
from heimdall.storage import open_engine
from heimdall.storage.tiers import Tiers

NOW_NS = 1_795_348_800_000_000_000
_HOUR_NS = 3_600 * 10**9
_TIMEOUT_S = 5.0

_HQL = (
    b'service:checkout level>=error "card declined" -debug | stats count() as n, p95(duration_ms) by service, bin(5m)',
    b"timeout OR (refused AND NOT /conn.*/) | where duration_ms > 1.5 and user_id in (\"a\", 'b') | sort -n | limit 10",
    b'* | extract message "took <ms:number> ms" | extend x = lower(service) + "-", y = if(n > 1, 2, null) | fields x',
    b"pay* http.status_code:[400 TO 499] | top 5 service by sum(n) | dedup service | patterns",
)
_KQL = (b'service.name: "pay" and (log.level: error or http.status >= 500) and not message: conn*', b"a: (b or c) d")
_LOGSQL = (
    b'_time:5m error -debug service:=pay {app="x"} | stats by (service) count() n, quantile(0.9, d) | sort by (n) desc',
    b'a:in("x", y) b:range[1, 5) c:~"x.*" !d:exact("q") | fields a, b | limit 5 | uniq by (a)',
)
_SPL = (
    b'search index=main service="pay" (status>=500 OR err*) NOT debug | stats count as n, avg(ms) by service | sort -n',
    b'* | rex "took (?<ms>\\d+)" | eval x=if(ms>5, "a", lower(b)) | where x!="q" | timechart span=5m count | head 5',
)
_SQL = (
    b"SELECT service, count(*) AS n FROM logs WHERE level >= 'error' AND message LIKE '%card%' GROUP BY service "
    b"HAVING count(*) > 1 ORDER BY n DESC LIMIT 5",
    b"SELECT CASE WHEN a = 1 THEN 'x' ELSE lower(b) END AS c FROM (SELECT * FROM logs) WHERE n BETWEEN 1 AND 5",
)
_LOGQL = (
    b'{app=~"x|y", env!="p"} |= "err" or ip("10.0.0.0/8") !~ "a.*" | json a="b[0].c" | n > 5m or (s = "q" and z >= 1K)',
    b'sum by (a) (rate({app="x"} | logfmt --strict | unwrap duration(d) | __error__="" [5m] offset 1m)) > bool 1',
    b'topk(3, quantile_over_time(0.9, {app="x"} | pattern "<a> <_>" | unwrap n [1h]) by (a)) or vector(1)',
    b'{a="b"} | line_format "{{.x | lower | trunc 5}} {{ if eq .a `b` }}c{{ end }}" | label_format x=y,z="{{.q}}"',
)
_PROMQL = (
    b'sum by (a) (rate(logs_total{service=~"x.*", env!="p"}[5m] offset 1m)) / on (a) group_left (b) up > bool 1.5e3',
    b'histogram_quantile(0.9, x) or topk(3, max_over_time(m[1h:5m])) unless -label_replace(up, "a", "", "b", "")',
)
_LUCENE = (
    b'+service:pay -debug (a AND b*) OR status:[400 TO 499} "card declined"~2 /co.n/ n:>=5 _exists_:x te?t^2 fuzz~1',
)
_SEARCHES = tuple(
    orjson.dumps(body)
    for body in (
        {"query": {"bool": {"must": [{"match": {"message": "a b"}}, {"range": {"@timestamp": {"gte": "now-1d/d"}}}],
                            "should": [{"term": {"service.name": {"value": "x"}}}, {"prefix": {"s": "a"}}],
                            "minimum_should_match": "75%", "must_not": {"exists": {"field": "n"}}}},
         "sort": [{"@timestamp": {"order": "desc"}}, "_doc"], "_source": ["a.*"], "size": 5,
         "highlight": {"fields": {"*": {}}}},
        {"size": 0, "query": {"query_string": {"query": "a:b*"}}, "aggs": {
            "t": {"terms": {"field": "service.name", "order": {"m": "desc"}}, "aggs": {"m": {"avg": {"field": "n"}}}},
            "d": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}},
            "f": {"filters": {"filters": {"x": {"match_all": {}}}}},
            "c": {"composite": {"sources": [{"a": {"terms": {"field": "s"}}}]}},
            "p": {"percentiles": {"field": "n", "percents": [50]}}, "h": {"top_hits": {"size": 1}}}},
    )
)  # fmt: skip
_GRAPHQL = (
    b'query A($n: Int = 5) { logs(q: "error", first: $n, after: null) { edges { node { message service } cursor } '
    b"pageInfo { endCursor hasNextPage } } ...F } fragment F on Query { services { name } }",
    b'{ a: histogram(q: "*") { time } b: facets { field } patterns(first: 2) { id } __schema { types { name } } }',
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


def questions() -> tuple[Target, ...]:
    texts: tuple[tuple[str, Callable[[str], object], tuple[bytes, ...], str], ...] = (
        ("hql", _translated("hql"), _HQL, "hql"),
        ("kql", _translated("kql"), _KQL, "kql"),
        ("logsql", _translated("logsql"), _LOGSQL, "logsql"),
        ("spl", _translated("spl"), _SPL, "spl"),
        ("sql", _translated("sql"), _SQL, "sql"),
        ("logql", _logql, _LOGQL, "logql"),
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
        Target(name, apart(_text(read)), examples, words=tuple(word.encode() for word in _WORDS[words].split()))
        for name, read, examples, words in texts
    )


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """What is no UTF-8 is refused before a reader sees it."""

    def run(body: bytes) -> object:
        try:
            text = body.decode()
        except UnicodeDecodeError as exc:
            raise InvalidInput("no UTF-8") from exc
        return read(text)

    return run


def _translated(language: str) -> Callable[[str], object]:
    """What is shown is what runs."""

    def run(text: str) -> None:
        found = translate(text, language)
        assert found.gaps or found.query is not None
        if found.query is not None and found.hql is not None:
            assert parse(found.hql) == found.query
            assert parse(to_text(found.query)) == found.query

    return run


def _logql(text: str) -> None:
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
        self.queries = QueryService(Tiers({"hot": engine}), clock, QueryConfig(), lambda: catalogue)
        self.searches = Searches(self.queries, clock)
        self.loki = LokiService(self.queries, clock, lambda: catalogue)
        logs = LogMetrics(self.queries.search, lambda: catalogue)
        self.prometheus = PrometheusService(logs, clock)
        self.graphql = GraphqlService(self.queries, lambda: catalogue, clock, LiveTail())


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
