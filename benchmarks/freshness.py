"""Sent → searchable: how long a record takes from its first byte on the wire until a search finds it.

    python benchmarks/freshness.py [--rate 27800] [--seconds 60] [--connections 2] [--url http://127.0.0.1:7373]

Sends `--rate` records a second of `applogs.py`, stamped with the time of sending, in bodies of a tenth of a second,
while a user searches once a second: the latest errors, a phrase, a histogram, the top users. Every body ends in a
record with the body's number; a watcher asks again and again for the highest number that can be found. A body counts
from the moment its sending was due, so a sender held up by the node counts as well. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request
from itertools import count
from typing import Any

import psutil

from applogs import applogs
from ingest import Sent, _cpu_s, _peak_rss_bytes, _post, new_node

BODIES_PER_S = 10
QUESTIONS = (
    "level:error",
    '"Connection refused"',
    "* | timechart span=5m count() by level",
    "* | top 10 user_id",
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rate", type=int, default=27_800)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--connections", type=int, default=2)
    options.add_argument("--url")
    given = options.parse_args()
    if given.url:
        _report(given, given.url, None)
        return
    with new_node() as (url, process):
        _report(given, url, process)


def _report(given: argparse.Namespace, url: str, node: psutil.Process | None) -> None:
    run = Run(url, given.rate, given.seconds, given.connections)
    cpu = _cpu_s(node)
    run.go()
    delays = sorted(run.found[number] - due for number, due in run.due.items() if number in run.found)
    if not delays:
        raise SystemExit("nothing that was sent could be found")
    records = len(run.due) * run.records_per_body
    result: dict[str, Any] = {
        "benchmark": "freshness",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "records_per_s": round(records / given.seconds),
        "searchable_s_p50": round(_at(delays, 0.5), 3),
        "searchable_s_p99": round(_at(delays, 0.99), 3),
        "searchable_s_max": round(delays[-1], 3),
        "never_found": len(run.due) - len(delays),
        "searches": len(run.answers),
        "search_ms_p50": round(_at(sorted(run.answers), 0.5) * 1e3, 1),
        "search_ms_p99": round(_at(sorted(run.answers), 0.99) * 1e3, 1),
        "retries": run.sent.retries,
    }
    if node is not None:
        result["node_cpu_us_per_record"] = round((_cpu_s(node) - cpu) / records * 1e6, 2)
        result["peak_rss_mib"] = round(_peak_rss_bytes(node) / 2**20)
    for name, value in result.items():
        sys.stdout.write(f"{name:26} {value}\n")
    sys.stdout.write(f"\n{json.dumps(result)}\n")


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class Run:
    """Senders, a watcher and a user, side by side."""

    def __init__(self, url: str, rate: int, seconds: float, connections: int) -> None:
        self.records_per_body = rate // BODIES_PER_S
        self.due: dict[int, float] = {}
        self.found: dict[int, float] = {}
        self.answers: list[float] = []
        self.sent = Sent()
        self._url = url
        self._bodies = int(seconds * BODIES_PER_S)
        self._connections = connections
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        chunk = next(applogs(self.records_per_body * 8, chunk_records=self.records_per_body * 8))
        self._lines = [re.sub(rb'"_time":\d+', b'"_time":%d', line) for line in chunk.splitlines()]

    def go(self) -> None:
        watchers = [threading.Thread(target=self._guarded, args=(work,)) for work in (self._watch, self._ask)]
        for thread in watchers:
            thread.start()
        self.send()
        patience = time.monotonic() + 30
        while time.monotonic() < patience and not self._failures and self._bodies not in self.found:
            time.sleep(0.1)
        self._over.set()
        for thread in watchers:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def send(self) -> None:
        """All bodies, each when it is due; returns behind the last answer."""
        self._started = time.monotonic() + 0.5
        senders = [threading.Thread(target=self._guarded, args=(self._send,)) for _ in range(self._connections)]
        for thread in senders:
            thread.start()
        for thread in senders:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as exc:
            self._failures.append(exc)

    def _send(self) -> None:
        target = urllib.parse.urlsplit(self._url)
        with socket.create_connection((target.hostname or "127.0.0.1", target.port or 7373), 120) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                with self._lock:
                    number = next(self._numbers)
                if number > self._bodies:
                    return
                due = self._started + number / BODIES_PER_S
                body = self._body(number)
                time.sleep(max(0.0, due - time.monotonic()))
                self.due[number] = due
                _post(wire, target.netloc, memoryview(body), self.sent, self._lock)

    def _body(self, number: int) -> bytes:
        first = number % 8 * self.records_per_body
        lines = self._lines[first : first + self.records_per_body - 1]
        now_ns = time.time_ns()
        marker = b'{"_time":%d,"level":"info","service":"freshness","_msg":"body sent","body_number":%d}' % (
            now_ns,
            number,
        )
        return b"\n".join(lines).replace(b'"_time":%d', b'"_time":%d' % now_ns) + b"\n" + marker

    def _watch(self) -> None:
        seen = 0
        while not self._over.is_set():
            rows = self._search("service:freshness | stats max(body_number) as n", since="-5m")
            highest = int(rows[0].get("n") or 0) if rows else 0
            now = time.monotonic()
            for number in range(seen + 1, highest + 1):
                self.found[number] = now
            seen = max(seen, highest)
            time.sleep(0.05)

    def _ask(self) -> None:
        for question in (QUESTIONS[n % len(QUESTIONS)] for n in count()):
            if self._over.wait(1.0):
                return
            before = time.monotonic()
            self._search(question, since="-1h")
            self.answers.append(time.monotonic() - before)

    def _search(self, question: str, since: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"q": question, "from": since})
        with urllib.request.urlopen(f"{self._url}/api/v1/search?{query}", timeout=60) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["data"]
            return rows


if __name__ == "__main__":
    main()
