"""How long the usual questions of Elasticsearch's clients take, beside the same question in HQL.

    python benchmarks/elasticsearch_queries.py [--records 1000000 | --data FILE.jsonl] [--repeat 9] [--keep FOLDER]

Starts a node with its default configuration in a new folder, loads the set of `applogs.py`, waits until its merges
have come to rest, and asks every question `--repeat` times over one HTTP connection, in both languages: the median
counts, from request to last byte. Nothing comes from the node's cache (`request_cache=false`, `Cache-Control:
no-cache`). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import sys
import tempfile
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ingest
import query

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class Question:
    """`body` goes to `_search`; both are asked about the last 24 hours of the data."""

    name: str
    body: dict[str, Any]
    route: str
    parameters: dict[str, Any]


BY_LEVEL = {
    "times": {
        "date_histogram": {"field": "@timestamp", "fixed_interval": "5m", "min_doc_count": 0},
        "aggs": {"levels": {"terms": {"field": "log.level"}}},
    }
}
NEWEST = [{"@timestamp": "desc"}, {"_doc": "desc"}]
QUESTIONS = (
    Question(
        "terms, top 10 of 200,000 users",
        {"size": 0, "aggs": {"users": {"terms": {"field": "user.id", "size": 10}}}},
        "search",
        {"q": "* | top 10 user_id"},
    ),
    Question(
        "terms, services",
        {"size": 0, "aggs": {"services": {"terms": {"field": "service.name", "size": 10}}}},
        "search",
        {"q": "* | top 10 service"},
    ),
    Question("date_histogram 5 min by level", {"size": 0, "aggs": BY_LEVEL}, "histogram", {"interval": "5m", "q": "*"}),
    Question(
        "match, latest 100, hits counted",
        {"size": 100, "query": {"match": {"message": "upstream"}}, "sort": NEWEST, "track_total_hits": True},
        "search",
        {"q": "upstream", "limit": 100},
    ),
    Question(
        "match, latest 100, hits not counted",
        {"size": 100, "query": {"match": {"message": "upstream"}}, "sort": NEWEST, "track_total_hits": False},
        "search",
        {"q": "upstream", "limit": 100},
    ),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--repeat", type=int, default=9)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="heimdall-elasticsearch-") as temporary:
        folder = given.keep or Path(temporary)
        with query._node(folder) as (url, process):
            if ingest._count(url) == 0:
                query._load(given, url, Path(temporary))
            query._rest(folder / "storage")
            result = {
                "benchmark": "elasticsearch_queries",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                "repeat": given.repeat,
                "records": ingest._count(url),
                "median_ms": _asked(url, given.repeat),
                "rss_mib": round(process.memory_info().rss / 2**20),
            }
    for name, (elasticsearch, hql) in result["median_ms"].items():
        sys.stdout.write(f"{name:40}{elasticsearch:>10,.1f}{hql:>10,.1f}\n")
    sys.stdout.write(json.dumps(result) + "\n")


def _asked(url: str, repeat: int) -> dict[str, tuple[float, float]]:
    """Name → medians in ms, in Elasticsearch's language and in HQL."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Cache-Control": "no-cache", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} {body}: {answer.status} {told[:300]!r}")
        found: dict[str, Any] = json.loads(told)
        return found

    newest = ask("POST", "/_search", {"size": 1, "sort": NEWEST})["hits"]["hits"][0]["sort"][0]
    first, last = newest - DAY_MS + 1, newest + 1
    medians: dict[str, tuple[float, float]] = {}
    for question in QUESTIONS:
        within = {"range": {"@timestamp": {"gte": first, "lt": last, "format": "epoch_millis"}}}
        asked = [question.body["query"]] if "query" in question.body else []
        body = {**question.body, "query": {"bool": {"filter": [within, *asked]}}}
        path = f"/api/v1/{question.route}?{urllib.parse.urlencode({**question.parameters, 'from': first, 'to': last})}"
        in_elasticsearch = _of(ask, "POST", "/_search?request_cache=false", body)
        in_hql = _of(ask, "GET", path, None)
        in_elasticsearch(), in_hql()  # the first of each plans and warms
        medians[question.name] = (query._median(repeat, in_elasticsearch), query._median(repeat, in_hql))
    return medians


def _of(ask: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: ask(*arguments)


if __name__ == "__main__":
    main()
