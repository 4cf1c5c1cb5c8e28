"""What Grafana usually asks Loki, asked of a node in LogQL, and beside it the same in HQL.

    python benchmarks/grafana.py [--records 1000000 | --data FILE.jsonl] [--repeat 5] [--keep FOLDER]

Starts a node with its default configuration, loads the set of `applogs.py`, waits until its merges have come to rest
and asks each question `--repeat` times over one HTTP connection: the median counts, from request to last byte. HQL's
requests say `Cache-Control: no-cache`; Loki's face has no such word, so each of its requests shifts the range by a
millisecond, which is another question to the cache. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import calendar
import http.client
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any

import ingest
import query

DAY_NS = 24 * 3600 * 10**9

QUESTIONS: tuple[tuple[str, str, dict[str, str], str, dict[str, str]], ...] = (
    (
        "errors per 5 min by service, 24 h",
        "query_range",
        {"query": 'sum by (service_name) (count_over_time({detected_level="error"}[5m]))', "step": "300"},
        "search",
        {"q": "level:error | stats count() as n by bin(5m), service", "limit": "10000"},
    ),
    (
        "error ratio per 5 min, 24 h",
        "query_range",
        {
            "query": 'sum(rate({detected_level="error"}[5m])) / sum(rate({service_name=~".+"}[5m]))',
            "step": "300",
        },
        "search",
        {"q": "* | stats count_if(level >= \"error\") / count() as share by bin(5m)", "limit": "10000"},
    ),
    (
        "line filter, latest 100",
        "query_range",
        {"query": '{service_name=~".+"} |= "Slow upstream"', "limit": "100"},
        "search",
        {"q": "/Slow upstream/", "limit": "100"},
    ),
    (
        "volume by service, 24 h",
        "index/volume",
        {"query": '{service_name=~".+"}', "limit": "100"},
        "search",
        {"q": "* | stats sum(byte_length(message)) as size by service", "limit": "100"},
    ),
    (
        "volume per 5 min by level, 24 h",
        "index/volume_range",
        {"query": '{service_name=~".+"}', "targetLabels": "detected_level", "step": "300"},
        "search",
        {"q": "* | stats sum(byte_length(message)) as size by bin(5m), level", "limit": "10000"},
    ),
    (
        "labels",
        "labels",
        {},
        "search",
        {"q": "* | stats count() as n by heimdall.labels", "limit": "100"},
    ),
    (
        "p99 behind a parser, 1 h",
        "query_range",
        {
            "query": 'quantile_over_time(0.99, {service_name=~".+"} |= "Slow upstream" | regexp "(?P<ms>[0-9]+) ?ms"'
            ' | ms != "" | unwrap ms [5m]) by (service_name)',
            "step": "300",
            "hours": "1",
        },
        "search",
        {"q": r"/Slow upstream/ | extend ms = tonumber(extract(message, /([0-9]+) ?ms/))"
         " | stats p99(ms) by bin(5m), service",
         "limit": "10000", "hours": "1"},
    ),
)  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="heimdall-grafana-") as temporary:
        folder = given.keep or Path(temporary)
        with query._node(folder) as (url, process):
            if ingest._count(url) == 0:
                query._load(given, url, Path(temporary))
            query._rest(folder / "storage")
            result: dict[str, Any] = {
                "benchmark": "grafana",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                "records": ingest._count(url),
                "repeat": given.repeat,
                "ms": _asked(url, given.repeat),
                "rss_mib": round(process.memory_info().rss / 2**20),
            }
    sys.stdout.write(json.dumps(result) + "\n")


def _asked(url: str, repeat: int) -> dict[str, dict[str, float]]:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=300)

    def ask(path: str, parameters: dict[str, str]) -> Any:
        connection.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}", headers={"Cache-Control": "no-cache"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} {parameters}: {answer.status} {body[:300]!r}")
        return json.loads(body)

    newest_ns = _newest_ns(ask)
    found = {}
    for name, loki, loki_parameters, hql, hql_parameters in QUESTIONS:
        took: dict[str, list[float]] = {"logql": [], "hql": []}
        for number in range(repeat + 1):  # the first one warms up
            for kind, path, parameters in (
                ("logql", f"/loki/api/v1/{loki}", loki_parameters),
                ("hql", f"/api/v1/{hql}", hql_parameters),
            ):
                hours = int(parameters.get("hours", "24"))
                end_ns = newest_ns + 1 + number * 1_000_000
                bounds = {"start": str(end_ns - DAY_NS * hours // 24), "end": str(end_ns)}
                asked = {key: value for key, value in parameters.items() if key != "hours"}
                began = time.perf_counter()
                ask(path, asked | bounds)
                took[kind].append((time.perf_counter() - began) * 1e3)
        found[name] = {kind: round(statistics.median(times[1:]), 1) for kind, times in took.items()}
        sys.stdout.write(f"{name:40} LogQL {found[name]['logql']:9.1f} ms   HQL {found[name]['hql']:9.1f} ms\n")
        sys.stdout.flush()
    return found


def _newest_ns(ask: Any) -> int:
    row = ask("/api/v1/search", {"q": "* | fields timestamp", "limit": "1"})["data"][0]
    seconds, _, fraction = row["timestamp"].rstrip("Z").partition(".")
    moment = time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(moment) * 10**9 + int((fraction + "0" * 9)[:9])


if __name__ == "__main__":
    main()
