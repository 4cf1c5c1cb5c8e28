"""What cheap questions take while expensive ones run, and how soon a cancelled scan is over.

    python benchmarks/admission.py [--records 4000000 | --data FILE.jsonl] [--keep FOLDER] [--scans 6] [--asked 200]

Starts a node on the set of `query.py`, twice: with its default admission, and with `expensive_ms` so high that every
question is treated alike. Each time cheap questions (latest errors of a service, counts by minute) are asked one after
the other, first alone, then while `--scans` clients ask scans over every message, no two the same. With the default
admission 30 running scans are cancelled by HTTP afterwards, 50 to 250 ms after they began: from the request to cancel
until the scan's own request has its answer. Nothing is taken from the cache. The last line is one JSON object, times
in ms.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ingest
import query

SCANS = (
    '* | parse "took=<t>ms" | stats p99(t) as p{n}',
    "/[a-z]+ {n}x[0-9]+ zz/ | stats count() as n",
    "* | where length(message) > {n} | stats count_distinct(trace_id) as n by service",
)
CHEAP = ("level:error service:search", "level>=warn | timechart span=5m count() as n by service")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=4_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--keep", type=Path)
    options.add_argument("--scans", type=int, default=6)
    options.add_argument("--asked", type=int, default=200)
    given = options.parse_args()
    result: dict[str, Any] = {"benchmark": "admission", "scans": given.scans, "asked": given.asked}
    with tempfile.TemporaryDirectory(prefix="heimdall-admission-") as temporary:
        folder = given.keep or Path(temporary) / "node"
        for name, expensive_ms in (("admission", None), ("all alike", "1e12")):
            os.environ.pop("HEIMDALL_QUERY__EXPENSIVE_MS", None)
            if expensive_ms:
                os.environ["HEIMDALL_QUERY__EXPENSIVE_MS"] = expensive_ms
            with query._node(folder) as (url, _):
                if ingest._count(url) == 0:
                    query._load(given, url, Path(temporary))
                query._rest(folder / "storage")
                result[name] = measured(url, given.scans, given.asked)
                if expensive_ms is None:
                    result["cancel_ms"] = figures(cancelled(url, 30))
    sys.stdout.write(json.dumps(result) + "\n")


def measured(url: str, scans: int, asked: int) -> dict[str, Any]:
    get = client(url)
    get("search", q="*")
    time.sleep(3)  # the planner reads its statistics
    numbers = itertools.count(1_000)
    alone = cheaply(get, asked)
    stop = threading.Event()
    took: list[float] = []

    def scan() -> None:
        mine = client(url)
        while not stop.is_set():
            number = next(numbers)
            took.append(mine("search", q=SCANS[number % len(SCANS)].replace("{n}", str(number))))

    threads = [threading.Thread(target=scan) for _ in range(scans)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    beside = cheaply(get, asked)
    stop.set()
    for thread in threads:
        thread.join()
    return {"cheap_alone": figures(alone), "cheap_beside_scans": figures(beside), "scans": figures(took)}


def cheaply(get: Callable[..., float], asked: int) -> list[float]:
    return [get("search", q=CHEAP[number % len(CHEAP)], limit=number + 1) for number in range(asked)]


def cancelled(url: str, times: int) -> list[float]:
    chance = random.Random(3)
    get, host = client(url), urllib.parse.urlsplit(url).netloc
    found = []
    for number in range(times):
        ended: list[float] = []

        def scan(number: int = number, ended: list[float] = ended) -> None:
            get("search", allowed=False, q=SCANS[number % 3].replace("{n}", f"9{number}"), query_id=f"scan-{number}")
            ended.append(time.perf_counter())

        thread = threading.Thread(target=scan)
        thread.start()
        time.sleep(0.05 + chance.random() * 0.2)
        connection = http.client.HTTPConnection(host, timeout=60)
        asked = time.perf_counter()
        connection.request("DELETE", f"/api/v1/queries/scan-{number}")
        status = connection.getresponse().status
        thread.join()
        connection.close()
        if status == 204:  # else it was over already
            found.append((ended[0] - asked) * 1e3)
    return found


def client(url: str) -> Callable[..., float]:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=120)

    def get(route: str, *, allowed: bool = True, **parameters: Any) -> float:
        started = time.perf_counter()
        path = f"/api/v1/{route}?{urllib.parse.urlencode(parameters)}"
        connection.request("GET", path, headers={"Cache-Control": "no-cache"})
        answer = connection.getresponse()
        body = answer.read()
        if allowed and answer.status != 200:
            raise SystemExit(f"{parameters}: {answer.status} {body[:300]!r}")
        return (time.perf_counter() - started) * 1e3

    return get


def figures(took: list[float]) -> dict[str, float]:
    ordered = sorted(took) or [0.0]
    return {
        "count": len(took),
        "p50": round(ordered[len(ordered) // 2], 1),
        "p95": round(ordered[int(len(ordered) * 0.95)], 1),
        "max": round(ordered[-1], 1),
    }


if __name__ == "__main__":
    main()
