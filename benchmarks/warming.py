"""What asking ahead saves: the pages a person opens every time in the same order, with it and without.

    python benchmarks/warming.py [--records 1200000] [--rounds 10]

Starts two nodes one after the other, `query.warm_ahead` on and off, each with a day of records, 200 new ones a second
and a cache of 600 KiB. In each round a person opens an overview of three panels, reads it for three seconds and opens a
second page of three; other people's questions in between push the pieces out of the cache, as a night does. The first
two rounds teach and are not counted. Measured is the second page: how many panels found their pieces, and how long they
took; and beside it the other people's questions, which asking ahead must not slow. The last line is one JSON object,
times in ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

import cache
import ingest

OVERVIEW = ("* | timechart span=10m avg(duration_ms) as mean", "* | stats max(duration_ms) as most by service, level")
PAGE = (
    "level>=error | stats avg(duration_ms) as mean, count(duration_ms) as n by service",
    "/took [0-9]+5 ms/ | timechart span=10m count() as n by service",
    "service:service-3 | timechart span=10m max(duration_ms) as slowest by level",
)
TEACHING = 2
READING_S = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_200_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "warming", "records": options.records, "rounds": options.rounds}
    for name, ahead in (("ahead", "true"), ("plain", "false")):
        with tempfile.TemporaryDirectory(prefix="heimdall-warming-") as folder:
            port = ingest._free_port()
            node = subprocess.Popen(
                [ingest.HEIMDALL, "up", "--data", Path(folder) / "node", "--port", str(port)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ
                | {"HEIMDALL_QUERY__WARM_AHEAD": ahead, "HEIMDALL_QUERY__CACHE": "memory://?size=600KiB"},
            )
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                    result[name] = played(client, options.records, options.rounds)
            finally:
                node.terminate()
                node.wait()
    result["p95_saved_ms"] = round(result["plain"]["page_p95"] - result["ahead"]["page_p95"], 1)
    sys.stdout.write(json.dumps(result) + "\n")


def played(client: httpx.Client, count: int, rounds: int) -> dict[str, float]:
    chance = random.Random(5)
    cache.wait_ready(client)
    now_s = time.time()
    for _ in range(0, count, 20_000):
        cache.send(client, cache.records(chance, 20_000, now_s - cache.DAY_S, now_s))
    while client.get("/api/v1/node").json()["pending"]:
        time.sleep(0.2)
    stop = threading.Event()
    feed = threading.Thread(target=cache.keep_sending, args=(client, stop))
    feed.start()
    page: list[float] = []
    others: list[float] = []
    found = 0
    for number in range(rounds):
        for question in OVERVIEW:
            asked(client, question)
        time.sleep(READING_S)
        for question in PAGE:
            took_ms, known = asked(client, question)
            if number >= TEACHING:
                page.append(took_ms)
                found += known
        for other in range(10):  # each in pieces from its second time on
            for _ in range(2):
                took_ms, _known = asked(
                    client,
                    f"* | where duration_ms > {number * 10 + other} | timechart span=10m avg(duration_ms) by service",
                )
                others.append(took_ms)
    stop.set()
    feed.join()
    return {
        "hit_rate": round(found / len(page), 3),
        "page_p50": round(sorted(page)[len(page) // 2], 1),
        "page_p95": round(cache.p95(page), 1),
        "others_p50": round(sorted(others)[len(others) // 2], 1),
        "others_p95": round(cache.p95(others), 1),
    }


def asked(client: httpx.Client, question: str) -> tuple[float, bool]:
    started_s = time.perf_counter()
    answer = client.get("/api/v1/search", params={"q": question, "from": "-24h", "to": "now"}).raise_for_status().json()
    return (time.perf_counter() - started_s) * 1e3, bool(answer["cached"] or answer["known_pieces"])


if __name__ == "__main__":
    main()
