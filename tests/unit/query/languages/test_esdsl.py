"""Elasticsearch's clauses and Lucene's syntax as the HQL they mean."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall.query.ast import Query
from heimdall.query.languages.esdsl.faults import Fault
from heimdall.query.languages.esdsl.queries import least_of, read_query
from heimdall.query.languages.hql import to_text

NOW_NS = 1_763_805_600_000_000_000
"""2025-11-22T10:00:00Z"""


def hql(clause: Any) -> str:
    return to_text(Query(read_query(clause, NOW_NS)))


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ({"match_all": {}}, "*"),
        ({"match_none": {}}, "not *"),
        ({"term": {"service.name": "cart"}}, "service:cart"),
        ({"term": {"service.name.keyword": {"value": "cart"}}}, "service:cart"),
        ({"term": {"service.name": {"value": "Cart", "case_insensitive": True}}}, "service:/(?i)^Cart$/"),
        ({"term": {"log.level": "ERROR"}}, "level:ERROR"),
        ({"term": {"log.level": "loud"}}, "not *"),
        ({"term": {"message": "refused"}}, '"refused"'),
        ({"term": {"message": "Refused"}}, "not *"),
        ({"term": {"message.keyword": "Refused!"}}, 'message="Refused!"'),
        ({"term": {"http.status": 500}}, "http.status:500"),
        ({"term": {"http.ratio": 1.0}}, "http.ratio:1"),
        ({"term": {"cached": True}}, "cached:true"),
        ({"term": {"_index": "shop"}}, "_index:shop"),
        ({"term": {"_index": "logs-heimdall-default"}}, "_index:logs-heimdall-default or not _index:*"),
        ({"terms": {"log.level": ["warn", "error"]}}, "level:warn or level:error"),
        ({"terms": {"user.id": []}}, "not *"),
        ({"match": {"message": "card declined"}}, '"card" or "declined"'),
        ({"match": {"message": {"query": "card declined", "operator": "and"}}}, '"card" "declined"'),
        ({"match": {"message": "!?"}}, "not *"),
        ({"match": {"message": {"query": "a b c", "minimum_should_match": "67%"}}}, '"a" "b" or "a" "c" or "b" "c"'),
        ({"match_phrase": {"message": "card declined"}}, '"card declined"'),
        (
            {"multi_match": {"query": "cart", "fields": ["message", "service.*"]}},
            '"cart" or service:cart or instance:cart or environment:cart',
        ),
        ({"exists": {"field": "log.level"}}, "severity_number>=1"),
        ({"exists": {"field": "host.name"}}, "host.name:* or instance:*"),
        ({"exists": {"field": "@timestamp"}}, "*"),
        ({"prefix": {"user.id": "u*"}}, "user_id:u\\**"),
        ({"wildcard": {"service.name": "pay*"}}, "service:pay*"),
        ({"wildcard": {"service.name": "*"}}, "service:*"),
        ({"regexp": {"service.name": "pay(ment)?|^x"}}, "service:/(?s)^(?:pay(ment)?|\\^x)$/"),
        ({"range": {"duration_ms": {"gte": 10, "lt": 20}}}, "duration_ms:[10 to 20}"),
        (
            {"range": {"@timestamp": {"gte": "2025-11-22", "lte": "2025-11-22"}}},
            "timestamp:[2025-11-22T00:00:00.000000000Z to 2025-11-23T00:00:00.000000000Z}",
        ),
        ({"range": {"@timestamp": {"gt": 1763805600000}}}, "timestamp:[2025-11-22T10:00:00.001000000Z to *}"),
        (
            {"range": {"@timestamp": {"gte": "now-1h/h", "time_zone": "+01:00"}}},
            "timestamp:[2025-11-22T09:00:00.000000000Z to *}",
        ),
        ({"range": {"log.level": {"gte": "warn"}}}, "severity_number>=1 level:[warn to *]"),
        ({"ids": {"values": ["abc"]}}, "_id:abc"),
        ({"bool": {"must": [{"term": {"a": 1}}], "should": [{"term": {"b": 1}}]}}, "a:1"),
        ({"bool": {"should": [{"term": {"a": 1}}, {"term": {"b": 1}}]}}, "a:1 or b:1"),
        ({"bool": {"must_not": {"term": {"a": 1}}}}, "not a:1"),
        (
            {
                "bool": {
                    "should": [{"term": {"a": 1}}, {"term": {"b": 1}}, {"term": {"c": 1}}],
                    "minimum_should_match": 2,
                }
            },
            "a:1 b:1 or a:1 c:1 or b:1 c:1",
        ),
        ({"constant_score": {"filter": {"term": {"a": 1}}}}, "a:1"),
        ({"boosting": {"positive": {"term": {"a": 1}}, "negative": {"term": {"b": 1}}, "negative_boost": 0.5}}, "a:1"),
        ({"nested": {"path": "k", "query": {"term": {"k.a": 1}}}}, "k.a:1"),
        ({"dis_max": {"queries": [{"term": {"a": 1}}, {"term": {"b": 1}}]}}, "a:1 or b:1"),
    ],
)
def test_a_clause_means(clause: Any, expected: str) -> None:
    assert hql(clause) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("error", '"error"'),
        ('"card declined"', '"card declined"'),
        ("a b", '"a" or "b"'),
        ("a AND b", '"a" "b"'),
        ("a OR b AND c", '"b" "c"'),
        ("a && !b", '"a" not "b"'),
        ("+a -b c", '"a" not "b"'),
        ("NOT a", 'not "a"'),
        ("(a OR b) AND c", '("a" or "b") "c"'),
        ("log.level:error", "level:error"),
        ("log.level:(error OR warn)", "level:error or level:warn"),
        ('service.name:"my cart"', 'service:"my cart"'),
        ("service.name:pay*", "service:pay*"),
        ("service.name:*", "service:*"),
        ("_exists_:user.id", "user_id:*"),
        ("duration_ms:[10 TO 20}", "duration_ms:[10 to 20}"),
        ("duration_ms:>=10", "duration_ms:[10 to *]"),
        ("duration_ms:<5", "duration_ms:[* to 5}"),
        ("@timestamp:[2025-11-22 TO *]", "timestamp:[2025-11-22T00:00:00.000000000Z to *}"),
        ("service.name:/bo[xz]/", "service:/(?s)^(?:bo[xz])$/"),
        ("card-declined", '"card" or "declined"'),
        ("a\\:b", '"a" or "b"'),
        ("*", "*"),
        ("*:*", "*"),
        ("a^2", '"a"'),
        ("http.*:500", "request_id:500"),
    ],
)
def test_a_query_string_means(text: str, expected: str) -> None:
    assert hql({"query_string": {"query": text}}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", '"a" or "b"'),
        ("a + b", '"a" "b"'),
        ("a | b", '"a" or "b"'),
        ("-a", 'not "a"'),
        ("(a | b) + c", '("a" or "b") "c"'),
        ("(", "not *"),
        ("a -b", '"a" or not "b"'),
    ],
)
def test_a_simple_query_string_means(text: str, expected: str) -> None:
    assert hql({"simple_query_string": {"query": text}}) == expected


def test_the_default_operator_may_be_and() -> None:
    assert hql({"query_string": {"query": "a b", "default_operator": "AND"}}) == '"a" "b"'
    assert hql({"query_string": {"query": "a OR b", "default_operator": "AND"}}) == '"a" or "b"'
    assert hql({"simple_query_string": {"query": "a -b", "default_operator": "and"}}) == '"a" not "b"'


@pytest.mark.parametrize(
    ("clause", "kind", "reason"),
    [
        ({"no_such": {}}, "parsing_exception", "unknown query [no_such]"),
        ({"fuzzy": {"message": "a"}}, "illegal_argument_exception", "[fuzzy] query is not supported by Heimdall"),
        ({"match": {"message": {"query": "a", "fuzziness": "AUTO"}}}, "illegal_argument_exception", "[fuzziness]"),
        ({"term": {"a": None}}, "illegal_argument_exception", "value cannot be null"),
        ({"term": {"a": 1, "b": 2}}, "parsing_exception", "doesn't support multiple fields"),
        ({"term": {"duration_ms": "slow"}}, "number_format_exception", 'For input string: "slow"'),
        ({"bool": {"shoud": []}}, "parsing_exception", "[bool] query does not support [shoud]"),
        ({"range": {"@timestamp": {"gte": "soon"}}}, "parse_exception", "failed to parse date field [soon]"),
        ({"range": {"@timestamp": {"gte": 1, "time_zone": "Mars"}}}, "illegal_argument_exception", "Unknown time-zone"),
        ({"query_string": {"query": "a AND (b"}}, "query_shard_exception", "Failed to parse query [a AND (b]"),
        ({"query_string": {"query": "a~2"}}, "illegal_argument_exception", "fuzzy matching with [~]"),
        ({"regexp": {"service.name": "a~b"}}, "illegal_argument_exception", "operator [~]"),
        ({"regexp": {"service.name": "a("}}, "illegal_argument_exception", "cannot be read"),
        ({"regexp": {"message": "x?"}}, "illegal_argument_exception", "fits the empty text"),
        ({"terms": {"a": ["x"] * 10_001}}, "illegal_argument_exception", "[10001]"),
        ({"bool": {"must": [{"term": {"a": 1}}] * 1_025}}, "too_many_clauses", "maxClauseCount is set to 1024"),
    ],
)
def test_what_is_wrong_is_told_in_elasticsearch_s_words(clause: Any, kind: str, reason: str) -> None:
    with pytest.raises(Fault) as raised:
        hql(clause)
    assert raised.value.kind == kind
    assert reason in str(raised.value)


def test_clauses_are_not_nested_without_end() -> None:
    clause: Any = {"match_all": {}}
    for _ in range(50):
        clause = {"bool": {"must": [clause]}}
    with pytest.raises(Fault, match="nested depth"):
        hql(clause)


@pytest.mark.parametrize(
    ("said", "clauses", "needed"),
    [(2, 3, 2), (-1, 3, 2), ("75%", 4, 3), ("-25%", 4, 3), ("3<90%", 3, 3), ("3<90%", 10, 9), ("2<-25% 9<-3", 12, 9)],
)
def test_how_many_should_match(said: Any, clauses: int, needed: int) -> None:
    assert least_of(said, clauses) == needed
