"""How long a node takes to answer, and beside it the engine alone on the same table.

    python benchmarks/query.py [--records 4000000 | --data FILE.jsonl] [--repeat 9] [--url http://127.0.0.1:7373]
                               [--keep FOLDER] [--without-engine-alone]

Starts a node with its default configuration in a new folder, loads the set of `applogs.py` (or `--data`, JSON lines
with the same fields), waits until its merges have come to rest, and asks every question `--repeat` times over one
HTTP connection: the median counts, from request to last byte. Nothing is cached between them but what the engine
caches itself: every request says `Cache-Control: no-cache`. `--url` asks a node that holds the set already; `--keep`
loads into FOLDER, or asks what lies there.

Afterwards, with the node stopped, the engine answers the same questions by plain SQL in a process of its own: no HTTP,
no planning, no rows as JSON. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import ingest

DAY_S = 24 * 3600


@dataclass(frozen=True)
class Question:
    """`{trace}` and `{user}` are a trace id and a user that occur; `sql` has `{where}` for the tenant."""

    name: str
    route: str
    parameters: dict[str, Any]
    sql: str
    bound_ms: float | None = None


QUESTIONS = (
    Question("trace id", "search", {"q": "trace_id:{trace}"},
             "SELECT * FROM heimdall.logs WHERE {where} AND trace_id = unhex('{trace}')", 20),
    Question("phrase count", "search", {"q": '"slow upstream response" | stats count() as n'},
             "SELECT count() FROM heimdall.logs WHERE {where} AND hasPhrase(lower(message), 'slow upstream response')",
             50),
    Question("latest 100 errors", "search", {"q": "level:error", "limit": 100},
             "SELECT * FROM heimdall.logs WHERE {where} AND severity_number BETWEEN 17 AND 20 "
             "ORDER BY timestamp DESC, position DESC LIMIT 100", 50),
    Question("histogram 5 min by level, 24 h", "histogram", {"q": "*", "interval": "5m", "by": "level"},
             "SELECT toStartOfFiveMinutes(timestamp) AS t, severity_number, count() FROM heimdall.logs "
             "WHERE {where} GROUP BY t, severity_number ORDER BY t", 115),
    Question("top 10 of 200k users", "search", {"q": "* | top 10 user_id"},
             "SELECT user_id, count() AS n FROM heimdall.logs WHERE {where} GROUP BY user_id ORDER BY n DESC LIMIT 10",
             200),
    Question("regex in message", "search",
             {"q": r"/postgres-[0-9]+\.db\.svc:5432 after [5-9][0-9] retries/ | stats count() as n"},
             "SELECT count() FROM heimdall.logs WHERE {where} AND "
             r"match(message, 'postgres-[0-9]+\\.db\\.svc:5432 after [5-9][0-9] retries')", 200),
    Question("count all", "search", {"q": "* | stats count() as n"},
             "SELECT count() FROM heimdall.logs WHERE {where}"),
    Question("latest 100 of all", "search", {"q": "*", "limit": 100},
             "SELECT * FROM heimdall.logs WHERE {where} ORDER BY timestamp DESC, position DESC LIMIT 100"),
    Question("errors by service", "search", {"q": "level:error | stats count() as n by service"},
             "SELECT service, count() FROM heimdall.logs WHERE {where} AND severity_number BETWEEN 17 AND 20 "
             "GROUP BY service"),
    Question("one user", "search", {"q": "user_id:{user}"},
             "SELECT * FROM heimdall.logs WHERE {where} AND user_id = '{user}' ORDER BY timestamp DESC"),
    Question("rare word", "search", {"q": "{number}"},
             "SELECT * FROM heimdall.logs WHERE {where} AND hasToken(lower(message), '{number}') "
             "ORDER BY timestamp DESC LIMIT 100"),
    Question("word that never occurs", "search", {"q": "kryptonite"},
             "SELECT * FROM heimdall.logs WHERE {where} AND hasToken(lower(message), 'kryptonite')"),
    Question("top 10 of a sender's field", "search", {"q": "* | top 10 version"},
             "SELECT attributes.version.:String AS v, count() AS n FROM heimdall.logs WHERE {where} "
             "GROUP BY v ORDER BY n DESC LIMIT 10"),
    Question("distinct trace ids", "search", {"q": "* | stats count_distinct(trace_id) as n"},
             "SELECT uniqExact(trace_id) FROM heimdall.logs WHERE {where}"),
    Question("p99 of an extracted number", "search",
             {"q": '* | parse "took=<took>ms" | stats p99(took) as p99'},
             r"SELECT quantile(0.99)(toFloat64OrNull(extract(message, 'took=([0-9]+)ms'))) FROM heimdall.logs "
             "WHERE {where}"),
    Question("templates by frequency", "search", {"q": "* | patterns"},
             "SELECT template_id, count() AS n FROM heimdall.logs WHERE {where} GROUP BY template_id ORDER BY n DESC"),
    Question("page at rank 2,000,000", "search", {"q": "*", "rank": 2_000_000, "limit": 200},
             "SELECT * FROM heimdall.logs WHERE {where} ORDER BY timestamp DESC, position DESC "
             "LIMIT 200 OFFSET 2000000"),
    Question("facets", "facets", {"q": "*"},
             "SELECT service, count() FROM heimdall.logs WHERE {where} GROUP BY service"),
    Question("facets of a phrase", "facets", {"q": '"slow upstream response"'},
             "SELECT service, count() FROM heimdall.logs WHERE {where} AND "
             "hasPhrase(lower(message), 'slow upstream response') GROUP BY service"),
    Question("fields", "fields", {"q": "*"}, "SELECT distinctJSONPaths(attributes) FROM heimdall.logs WHERE {where}"),
)  # fmt: skip


def main() -> None:
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="heimdall-query-") as temporary:
        folder = given.keep or Path(temporary)
        result: dict[str, Any] = {
            "benchmark": "query",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "repeat": given.repeat,
        }
        if given.url:
            facts, result["node"] = _asked(given.url, given.repeat)
        else:
            with _node(folder) as (url, process):
                if ingest._count(url) == 0:
                    _load(given, url, Path(temporary))
                _rest(folder / "storage")
                facts, result["node"] = _asked(url, given.repeat)
                result["rss_mib"] = round(process.memory_info().rss / 2**20)
            if not given.without_engine_alone:
                result["engine_alone"] = _engine_alone(folder / "storage", facts, given.repeat)
        result["records"] = facts["records"]
        _print(result)
        sys.stdout.write(json.dumps(result) + "\n")
        if given.keep is None and not given.url:
            shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=4_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--repeat", type=int, default=9)
    options.add_argument("--url")
    options.add_argument("--keep", type=Path)
    options.add_argument("--without-engine-alone", action="store_true")
    return options.parse_args()


_ALL_HOT = {
    "HEIMDALL_STORAGE__HOT_DAYS": "100000",
    "HEIMDALL_STORAGE__WARM_DAYS": "0",
    "HEIMDALL_STORAGE__COLD_DAYS": "0",
}
"""A folder that is kept for long stays what it was."""


def _node(folder: Path) -> contextlib.AbstractContextManager[tuple[str, psutil.Process]]:
    folder.mkdir(parents=True, exist_ok=True)
    return ingest.running_node(folder, folder / "node.log", settings=_ALL_HOT, stops_within_s=60)


def _load(given: argparse.Namespace, url: str, temporary: Path) -> None:
    path = given.data or ingest._generated(temporary, given.records)
    records = sum(chunk.count(b"\n") for chunk in ingest._chunks(path, 16 << 20))
    sys.stdout.write(f"loading {records:,} records\n")
    ingest._send(path, url, 2, 4_000_000)
    while ingest._count(url) < records:
        time.sleep(0.5)


def _rest(storage: Path) -> None:
    """Wait until no part of the table has changed for a while."""
    quiet, before = 0, -1
    for _ in range(300):
        parts = sum(1 for path in storage.glob("store/*/*/*") if path.is_dir() and not path.name.startswith("tmp"))
        quiet = quiet + 1 if parts == before else 0
        if quiet >= 5:
            return
        before = parts
        time.sleep(1)


def _asked(url: str, repeat: int) -> tuple[dict[str, Any], dict[str, float]]:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def ask(route: str, parameters: dict[str, Any]) -> dict[str, Any]:
        path = f"/api/v1/{route}?{urllib.parse.urlencode(parameters)}"
        connection.request("GET", path, headers={"Cache-Control": "no-cache"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{route} {parameters}: {answer.status} {body[:300]!r}")
        found: dict[str, Any] = json.loads(body)
        return found

    records = int(ask("search", {"q": "* | stats count() as n"})["data"][0]["n"])
    (row,) = ask("search", {"q": "*", "rank": records // 3, "limit": 1})["data"]
    orders = ask("search", {"q": '"offset"', "limit": 1})["data"]
    number = orders[0]["message"].rsplit(" ", 1)[-1] if orders else "1"
    facts = {"records": records, "trace": row.get("trace_id", ""), "user": row.get("user_id", ""), "number": number}
    medians: dict[str, float] = {}
    for question in QUESTIONS:
        parameters = {
            name: value.replace("{trace}", facts["trace"]).replace("{user}", facts["user"]).replace("{number}", number)
            if isinstance(value, str)
            else value
            for name, value in question.parameters.items()
        }
        if parameters.get("rank", 0) > records:
            continue
        medians[question.name] = _median(repeat, lambda q=question, p=parameters: ask(q.route, p))  # type: ignore[misc]
    return facts, medians


def _median(repeat: int, run: Any) -> float:
    taken = []
    for _ in range(repeat):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1e3)
    return round(statistics.median(taken), 1)


def _engine_alone(storage: Path, facts: dict[str, Any], repeat: int) -> dict[str, float]:
    """Plain SQL on the node's own table, by chDB in a process that does nothing else."""
    statements = {
        question.name: question.sql.replace("{where}", "tenant = 'default'")
        .replace("{trace}", facts["trace"])
        .replace("{user}", facts["user"])
        .replace("{number}", facts["number"])
        for question in QUESTIONS
    }
    script = (
        "import json, statistics, sys, time, chdb\n"
        "session = chdb.connect(sys.argv[1]); given = json.loads(sys.argv[2]); medians = {}\n"
        "for name, statement in given.items():\n"
        "    taken = []\n"
        "    for _ in range(int(sys.argv[3])):\n"
        "        started = time.perf_counter(); session.query(statement, 'ArrowStream')\n"
        "        taken.append((time.perf_counter() - started) * 1e3)\n"
        "    medians[name] = round(statistics.median(taken), 1)\n"
        "print(json.dumps(medians))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(storage), json.dumps(statements), str(repeat)],
        check=True,
        capture_output=True,
        text=True,
    )
    medians: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return medians


def _print(result: dict[str, Any]) -> None:
    alone = result.get("engine_alone", {})
    sys.stdout.write(f"{'median of ' + str(result['repeat']):34}{'node':>10}{'engine':>10}{'bound':>8}\n")
    for question in QUESTIONS:
        if question.name in result["node"]:
            bound = f"{question.bound_ms:,.0f}" if question.bound_ms else ""
            engine = f"{alone[question.name]:,.1f}" if question.name in alone else ""
            sys.stdout.write(f"{question.name:34}{result['node'][question.name]:>10,.1f}{engine:>10}{bound:>8}\n")


if __name__ == "__main__":
    main()
