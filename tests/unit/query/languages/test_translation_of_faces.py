"""LogQL and Elasticsearch's JSON as HQL: what the page on languages has no row for."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.registry import as_hql, translate


def hql(text: str, language: str) -> str | None:
    found = translate(text, language)
    assert found.gaps == ()
    return found.hql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{app="a", service_name!="web"}', "app:a not service:web"),
        ('{app="a"} |= ""', "app:a"),
        ('{app="a"} |= "x" or "y"', "app:a (/x/ or /y/)"),
        ('{app="a"} | json took="t.total" | took > 5', "app:a | extend took = t.total | where tonumber(took) > 5"),
        ('{app="a"} | a="1" or b=~"2.*"', "app:a (a:1 or b:/^(?s:2.*)$/)"),
        ('{app="a"} | n != 5', "app:a n:* not n:5"),
        ('{app="a"} | pattern "<x>" | x!="1" or x=~"2"',
         'app:a | parse "<x>" | where not x = "1" or matches(x, /^(?s:2)$/)'),
        ('{app="a"} | pattern "<x>" |= "b"', 'app:a | parse "<x>" | where matches(message, /b/)'),
        ('{app="a"} | keep pod', "app:a | fields timestamp, message, pod"),
        ('max(max_over_time({app="a"} | unwrap took [5m]))', "app:a | timechart span=5m max(took) as value"),
        ('sum by (x) (sum_over_time({app="a"} | regexp "(?P<n>[0-9]+)" | unwrap n [1m]))',
         "app:a | parse /(?P<n>[0-9]+)/ | timechart span=1m sum(tonumber(n)) as value by x"),
        ('{http_status="500"}', "http_status:500 or http.status:500"),
    ],
)  # fmt: skip
def test_logql(text: str, expected: str) -> None:
    assert hql(text, "logql") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{a="b"} | line_format "x" | decolorize | unpack', ["line_format", "decolorize", "unpack"]),
        ('{a="b"} | label_format x="{{.y}}"', ["label_format"]),
        ('{a="b"} |= ip("10.0.0.1")', ["ip"]),
        ('{a="b"} | addr = ip("10.0.0.0/8") | size > 5kb | took > 1s', ["addr", "size", "took"]),
        ('{a="b"} | drop x="1"', ["drop"]),
        ('avg by (x) (rate({a="b"}[5m]))', ["avg"]),
        ('sum without (x) (rate({a="b"}[5m]))', ["without"]),
        ('sum(stddev_over_time({a="b"} | unwrap x [5m]))', ["sum", "stddev_over_time"]),
        ('sum(rate({a="b"}[5m])) % 2', ["%"]),
        ('label_replace(rate({a="b"}[5m]), "x", "$1", "y", "(.*)")', ["label_replace"]),
        ("vector(1)", ["vector(1)"]),
        ('sum(sum_over_time({a="b"} | unwrap bytes(x) [5m]))', ["bytes"]),
    ],
)
def test_words_of_logql_that_have_no_place_are_named(text: str, words: list[str]) -> None:
    assert [gap.word for gap in translate(text, "logql").gaps] == words


def test_a_question_with_a_gap_does_not_run() -> None:
    with pytest.raises(QuerySyntaxError, match="'topk' cannot be translated from logql"):
        as_hql('topk(5, rate({a="b"}[5m]))', "logql")
    with pytest.raises(QuerySyntaxError, match="'fuzzy' cannot be translated from esdsl"):
        as_hql('{"fuzzy": {"a": "b"}}', "esdsl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "*"),
        ('{"size": 0}', "* | stats count() as count"),
        ('{"query": {"match_all": {}}, "sort": ["_score", {"@timestamp": {"order": "desc"}}]}', "*"),
        ('{"sort": ["took", {"user": "desc"}], "size": 5}', "* | sort took, user desc | head 5"),
        ('{"fields": [{"field": "service.name"}, "took"], "_source": false}', "* | fields service, took"),
        ('{"range": {"@timestamp": {"gt": "2026-11-01", "lte": "now"}}}',
         "timestamp:{* to now] timestamp:[2026-11-02T00:00:00.000000000Z to *}"),
        ('{"aggs": {"n": {"cardinality": {"field": "user.id"}}}}', "* | stats count_distinct(user_id) as n"),
        ('{"aggs": {"h": {"histogram": {"field": "took", "interval": 10}}}}',
         "* | stats count() as count by bin(took, 10) as h"),
        ('{"aggs": {"count": {"terms": {"field": "a", "missing": "none", "order": {"_key": "asc"}}}}}',
         '* | stats count() as doc_count by coalesce(a, "none") as count | sort count | head 10'),
        ('{"aggs": {"d": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}}}}',
         "* | stats count() as count by bin(timestamp, 1d) as d"),
        ('{"aggs": {"s": {"stats": {"field": "took"}}}}',
         "* | stats count(took) as s_count, min(took) as s_min, max(took) as s_max, avg(took) as s_avg,"
         " sum(took) as s_sum"),
    ],
)  # fmt: skip
def test_esdsl(text: str, expected: str) -> None:
    assert hql(text, "esdsl") == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"bool": {"must": [{"fuzzy": {"a": "b"}}, {"script": {}}]}}', ["fuzzy", "script"]),
        ('{"match": {"message": {"query": "a", "fuzziness": 2}}}', ["fuzziness"]),
        ('{"query_string": {"query": "@timestamp:[now-1h TO now]"}}', ["now-1h"]),
        ('{"suggest": {}, "rescore": {}}', ["suggest", "rescore"]),
        ('{"_source": ["a*", "b"]}', ["a*"]),
        ('{"_source": {"excludes": ["b"]}}', ["excludes"]),
        ('{"aggs": {"a": {"terms": {"field": "x", "include": "b.*"}}}}', ["include"]),
        ('{"aggs": {"a": {"filter": {"term": {"x": 1}}}}}', ["filter"]),
        ('{"aggs":{"a":{"terms":{"field":"x"},"aggs":{"b":{"terms":{"field":"y"}},"c":{"sum":{"field":"z"}}}}}}',
         ["c"]),
        ('{"aggs": {"d": {"date_histogram": {"field": "@timestamp", "calendar_interval": "month"}}}}', ["month"]),
        ('{"aggs":{"d":{"date_histogram":{"field":"@timestamp","fixed_interval":"1h","time_zone":"CET"}}}}',
         ["time_zone"]),
    ],
)  # fmt: skip
def test_words_of_esdsl_that_have_no_place_are_named(text: str, words: list[str]) -> None:
    assert [gap.word for gap in translate(text, "esdsl").gaps] == words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ('{"query": ', "no JSON"),
        ("[]", "a search is a JSON object"),
        ('{"query": {"trem": {"a": 1}}}', r"unknown query \[trem\]"),
        ('{"size": "many"}', r"\[size\] must be a whole number"),
        ('{"aggs": {"a": {"terms": {"field": "x", "size": 0}}}}', "must be a whole number above 0"),
        ('{"aggs": {"a": {"histogram": {"field": "x", "interval": 0}}}}', "must be a number above 0"),
        ('{"aggs": {"a": {"trems": {}}}}', r"Unknown aggregation type \[trems\]"),
    ],
)
def test_what_is_no_search_is_refused(text: str, told: str) -> None:
    with pytest.raises(QuerySyntaxError, match=told):
        translate(text, "esdsl")
