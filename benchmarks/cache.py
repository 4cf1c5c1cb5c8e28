"""What the query cache saves: dashboards and searches against a real node that keeps receiving, with it and without.

    .venv/bin/python benchmarks/cache.py [--records 400000] [--rounds 40]

Starts a node of its own on a free port below a temporary folder, sends a day of records, then plays rounds. In each, a
page of six panels over "the last 24 h" is loaded as the clock moves on, a fixed report of yesterday's hours is opened,
and a search nobody repeats is made, while 200 new records a second come in. The same rounds run with
`Cache-Control: no-cache` between them, question by question, so both see the same machine.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

DAY_S = 86_400
SERVICES = [f"service-{number}" for number in range(16)]
PANELS = (
    ("histogram", {"q": "*", "interval": "10m"}),
    ("histogram", {"q": "level>=error", "interval": "10m", "by": "service"}),
    ("search", {"q": "* | timechart span=10m avg(duration_ms) as mean by service"}),
    ("search", {"q": "* | top 10 service"}),
    ("search", {"q": "level>=warn | stats count() as n, max(duration_ms) as slowest by service | sort n desc"}),
    ("facets", {"q": "*"}),
)


def records(chance: random.Random, count: int, start_s: float, end_s: float) -> bytes:
    lines = []
    for _ in range(count):
        lines.append(
            json.dumps(
                {
                    "timestamp": int((start_s + chance.random() * (end_s - start_s)) * 1e9),
                    "level": chance.choices(["info", "warn", "error"], [90, 7, 3])[0],
                    "service": chance.choice(SERVICES),
                    "message": f"request {chance.randrange(10**9)} took {chance.randrange(900)} ms",
                    "duration_ms": chance.randrange(900),
                }
            )
        )
    return "\n".join(lines).encode()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "heimdall", "up", "--data", str(Path(folder) / "node"), "--port", str(port)]
        node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                play(client, options.records, options.rounds)
        finally:
            node.terminate()
            node.wait()


def play(client: httpx.Client, count: int, rounds: int) -> None:
    chance = random.Random(5)
    wait_ready(client)
    now_s = time.time()
    for _ in range(0, count, 20_000):
        send(client, records(chance, 20_000, now_s - DAY_S, now_s))
    while client.get("/api/v1/node").json()["pending"]:
        time.sleep(0.2)
    stop = threading.Event()
    feed = threading.Thread(target=keep_sending, args=(client, stop))
    feed.start()
    took: dict[tuple[str, bool], list[float]] = {}
    hits: dict[str, int] = {"whole": 0, "pieces": 0, "none": 0}
    for number in range(rounds):
        for name, route, asked in one_round(chance, now_s):
            for fresh in (True, False) if number % 2 else (False, True):  # what is asked first warms the engine
                started_s = time.perf_counter()
                headers = {"Cache-Control": "no-cache"} if fresh else {}
                answer = client.post(f"/api/v1/{route}", json=asked, headers=headers)
                answer.raise_for_status()
                took.setdefault((name, fresh), []).append((time.perf_counter() - started_s) * 1e3)
                if not fresh:
                    facts = answer.json()
                    hits["whole" if facts["cached"] else "pieces" if facts["known_pieces"] else "none"] += 1
        time.sleep(0.3)
    stop.set()
    feed.join()
    report(took, hits)


def one_round(chance: random.Random, now_s: float) -> list[tuple[str, str, dict[str, object]]]:
    asked: list[tuple[str, str, dict[str, object]]] = []
    for route, question in PANELS:
        asked.append(("panels, last 24 h", route, {**question, "from": "-24h", "to": "now"}))
    start_s = int(now_s) - 20 * 3_600 + 600 * chance.randrange(6)
    report_range = {"from": start_s, "to": start_s + 6 * 3_600}
    asked.append(("report, fixed hours", "search", {"q": "* | stats p95(duration_ms) by service", **report_range}))
    asked.append(("search, never twice", "search", {"q": f'"request {chance.randrange(10**9)}"', "from": "-24h"}))
    return asked


def keep_sending(client: httpx.Client, stop: threading.Event) -> None:
    chance = random.Random(6)
    while not stop.wait(1.0):
        send(client, records(chance, 200, time.time() - 1, time.time()))


def send(client: httpx.Client, body: bytes) -> None:
    client.post("/api/v1/logs", content=body, headers={"Content-Type": "application/x-ndjson"}).raise_for_status()


def wait_ready(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the node did not start")


def report(took: dict[tuple[str, bool], list[float]], hits: dict[str, int]) -> None:
    print(f"{'ms':22} {'p50 without':>12} {'p50 with':>9} {'p95 without':>12} {'p95 with':>9}")
    for name in dict.fromkeys(name for name, _ in took):
        plain, cached = took[name, True], took[name, False]
        figures = [statistics.median(plain), statistics.median(cached), p95(plain), p95(cached)]
        print(f"{name:22} {figures[0]:12.1f} {figures[1]:9.1f} {figures[2]:12.1f} {figures[3]:9.1f}")
    total = sum(hits.values())
    print("answers: " + ", ".join(f"{kind} {number / total:.0%}" for kind, number in hits.items()))


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


if __name__ == "__main__":
    main()
