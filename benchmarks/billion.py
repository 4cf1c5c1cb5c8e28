"""A month of logs in one node, and two thousand questions about it, four at a time.

    python benchmarks/billion.py [--records 1000000000] [--folder FOLDER] [--questions 2000] [--seed 1]
                                  [--while-ingesting]

Loads `shoplogs.py` over HTTP by two connections into a node with its default configuration; killed and called again
with the same `--folder` it goes on where it was, each body under a key of its own, so none is stored twice. Then asks
the mix of `MIX`, no literal twice, caches as they are by default, and prints the quantiles in all and by class.
`--while-ingesting` asks once more while 27,800 records a second come in. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import platform
import random
import socket
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from freshness import Run
from ingest import Sent, _answer, _count, _cpu_s, _peak_rss_bytes, running_node
from query import _rest
from shoplogs import LEVELS, SAID, SERVICES, SPAN_NS, Month
from startup import stored_bytes

BODY_RECORDS = 16_000
CONNECTIONS = 2
ASKERS = 4
MINUTE_NS, HOUR_NS, DAY_NS = 60 * 10**9, 3600 * 10**9, 24 * 3600 * 10**9
LIVE_PER_S = 27_800


def main() -> None:
    given = _arguments()
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heimdall-billion-")))
        folder.mkdir(parents=True, exist_ok=True)
        result: dict[str, Any] = {
            "benchmark": "billion",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "records": given.records,
        }
        progress = Progress.open(folder / "progress.json", given.records)
        with _node(folder) as (url, node):
            result["ingest"] = _load(progress, url, node)
            _rest(folder / "node" / "storage")
            result["bytes_per_record"] = round(stored_bytes(folder / "node") / given.records, 2)
            result["questions"] = _report(_asked(url, progress.month, given.questions, given.seed))
            if given.while_ingesting:
                result["while_ingesting"] = _while_ingesting(url, progress.month, given)
            result["rss_mib"] = round(node.memory_info().rss / 2**20)
            result["peak_rss_mib"] = round(_peak_rss_bytes(node) / 2**20)
        sys.stdout.write(json.dumps(result) + "\n")


def _arguments() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=1_000_000_000)
    options.add_argument("--folder", type=Path, help="kept, and taken up again; 45 GB for a billion")
    options.add_argument("--questions", type=int, default=2_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--while-ingesting", action="store_true")
    return options.parse_args()


def _node(folder: Path) -> AbstractContextManager[tuple[str, psutil.Process]]:
    # A month stays in the tier that takes it, however long ago it was loaded.
    settings = {"HEIMDALL_STORAGE__HOT_DAYS": "100000"}
    return running_node(folder / "node", folder / "node.log", settings=settings, stops_within_s=120)


# ---- loading -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Progress:
    """What was acknowledged, on disk; each connection has its own stripe of bodies."""

    path: Path
    month: Month
    producers: list[str]
    bodies: list[int]
    """Of each connection, acknowledged."""
    tenths_s: list[float] = field(default_factory=list)
    """How long each tenth of the records took."""

    @classmethod
    def open(cls, path: Path, records: int) -> Progress:
        if path.exists():
            known = json.loads(path.read_text())
            if known["records"] != records:
                raise SystemExit(f"{path.parent} holds a run over {known['records']:,} records")
            month = Month(records, known["start_ns"])
            return cls(path, month, known["producers"], known["bodies"], known["tenths_s"])
        start_ns = time.time_ns() // DAY_NS * DAY_NS - SPAN_NS
        producers = [uuid.uuid4().hex for _ in range(CONNECTIONS)]
        return cls(path, Month(records, start_ns), producers, [0] * CONNECTIONS)

    def save(self) -> None:
        fresh = self.path.with_suffix(".new")
        known = {"records": self.month.records, "start_ns": self.month.start_ns, "producers": self.producers}
        fresh.write_text(json.dumps(known | {"bodies": self.bodies, "tenths_s": self.tenths_s}))
        fresh.replace(self.path)

    @property
    def records(self) -> int:
        return min(self.month.records, sum(self.bodies) * BODY_RECORDS)


def _load(progress: Progress, url: str, node: psutil.Process) -> dict[str, Any]:
    month, lock = progress.month, threading.Lock()
    sent, failures = Sent(), list[BaseException]()
    already, started_s, cpu_s = progress.records, time.monotonic(), _cpu_s(node)
    tenth_s = started_s

    def stripe(number: int) -> None:
        nonlocal tenth_s
        target = urllib.parse.urlsplit(url)
        with socket.create_connection((target.hostname or "127.0.0.1", target.port or 7373), 300) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for body in count(progress.bodies[number]):
                first = (body * CONNECTIONS + number) * BODY_RECORDS
                if first >= month.records or failures:
                    return
                lines = month.lines(first, min(BODY_RECORDS, month.records - first))
                _post(wire, target.netloc, f"{progress.producers[number]}:0:{body + 1}", lines, sent)
                with lock:
                    before = progress.records * 10 // month.records
                    progress.bodies[number] = body + 1
                    if progress.records * 10 // month.records > before:
                        now_s = time.monotonic()
                        progress.tenths_s.append(round(now_s - tenth_s, 2))
                        tenth_s = now_s
                        _say(f"{progress.records:,} records, {month.records / 10 / progress.tenths_s[-1]:,.0f}/s")
                    progress.save()

    def guarded(number: int) -> None:
        try:
            stripe(number)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    while _count(url) < month.records:
        time.sleep(0.5)
    seconds = time.monotonic() - started_s
    found: dict[str, Any] = {"seconds": round(seconds), "tenths_s": progress.tenths_s, "retries": sent.retries}
    if month.records > already:
        found["records_per_s"] = round((month.records - already) / seconds)
        found["node_cpu_us_per_record"] = round((_cpu_s(node) - cpu_s) / (month.records - already) * 1e6, 2)
    return found


def _post(wire: socket.socket, host: str, key: str, body: bytes, sent: Sent) -> None:
    head = (
        f"POST /api/v1/logs HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-ndjson\r\n"
        f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    while True:
        wire.sendall(head)
        wire.sendall(body)
        status, headers, content = _answer(wire)
        if status == 200:
            return
        if status not in (429, 503):
            raise SystemExit(f"the node answered {status}: {content[:500]!r}")
        sent.retries += 1
        time.sleep(float(headers.get("retry-after", "1")))


# ---- asking --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    route: str
    q: str
    length_ns: int | None = None
    """Of the range, which may lie anywhere in the month; None = all of it."""
    more: tuple[tuple[str, str], ...] = ()


def _phrase(draw: random.Random) -> str:
    """Two or more words of a statement that follow each other."""
    words = draw.choice(SAID[draw.choice(SERVICES)]).split()
    first = draw.randrange(max(1, len(words) - 1))
    return f'"{" ".join(words[first : draw.randrange(first + 1, len(words)) + 1])}"'


def _record(month: Month, draw: random.Random) -> dict[str, Any]:
    return dict(month.fields(draw.randrange(month.records), 1).row(0, named=True))


def _hours(draw: random.Random, most: float) -> int:
    return int(draw.uniform(1, most) * HOUR_NS)


MIX: dict[str, tuple[int, Callable[[Month, random.Random], Ask]]] = {
    "latest 100 by service and level, 15 min": (25, lambda month, draw: Ask(
        "search", f"service:{draw.choice(SERVICES)} level:{draw.choice(LEVELS).lower()}", 15 * MINUTE_NS)),
    "histogram by level, 1 h to 30 d": (20, lambda month, draw: Ask(
        "histogram", "*", _hours(draw, 30 * 24), (("by", "level"), ("buckets", "60")))),
    "trace id": (10, lambda month, draw: Ask("search", f"trace_id:{_record(month, draw)['trace_id']}")),
    "rare token": (10, lambda month, draw: Ask("search", _record(month, draw)["message"].split("ref-")[1][:12])),
    "phrase, latest 100, 24 h": (10, lambda month, draw: Ask("search", _phrase(draw), DAY_NS)),
    "phrase count": (5, lambda month, draw: Ask("search", f"{_phrase(draw)} | stats count() as n")),
    "top 10 of a field, 1 to 24 h": (10, lambda month, draw: Ask("search", "* | top 10 user_id", _hours(draw, 24))),
    "p95 by service, 1 h": (5, lambda month, draw: Ask("search", "* | stats p95(took_ms) as p by service", HOUR_NS)),
    "distinct users, 24 h": (3, lambda month, draw: Ask("search", "* | stats count_distinct(user_id) as n", DAY_NS)),
    "regex in one service's hour": (2, lambda month, draw: Ask(
        "search", f"service:{draw.choice(SERVICES)} /worker 1[0-9] in {draw.randrange(10, 199)}[0-9] ms/", HOUR_NS)),
}  # fmt: skip
"""Class → its share in %, and how one of it is made."""


@dataclass(slots=True)
class Answers:
    ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MIX})
    failed: list[str] = field(default_factory=list)


def _asked(url: str, month: Month, questions: int, seed: int) -> Answers:
    draw = random.Random(seed)
    kinds = draw.choices(list(MIX), [share for share, _ in MIX.values()], k=questions)
    asks = list(_different(month, draw, kinds))
    waiting, lock, answers = iter(asks), threading.Lock(), Answers()

    def ask() -> None:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
        while True:
            with lock:
                taken = next(waiting, None)
            if taken is None:
                return
            started_s = time.perf_counter()
            connection.request("GET", taken[1])
            answer = connection.getresponse()
            body = answer.read()
            took_ms = (time.perf_counter() - started_s) * 1e3
            with lock:
                answers.ms[taken[0]].append(took_ms)
                if answer.status != 200 or json.loads(body)["error"]:
                    answers.failed.append(f"{taken[1]}: {answer.status} {body[:300]!r}")

    threads = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _different(month: Month, draw: random.Random, kinds: list[str]) -> Iterator[tuple[str, str]]:
    """A question of each kind, none asked twice."""
    asked = set[str]()
    for kind in kinds:
        while (request := _request(month, draw, MIX[kind][1](month, draw))) in asked:
            pass
        asked.add(request)
        yield kind, request


def _request(month: Month, draw: random.Random, ask: Ask) -> str:
    parameters = {"q": ask.q, **dict(ask.more)}
    if ask.length_ns is not None:
        length_ns = min(ask.length_ns, SPAN_NS)
        start_ns = month.start_ns + draw.randrange(SPAN_NS - length_ns + 1)
        parameters |= {"from": str(start_ns), "to": str(start_ns + length_ns)}
    if ask.route == "search":
        parameters["limit"] = "100"
    return f"/api/v1/{ask.route}?{urllib.parse.urlencode(parameters)}"


def _while_ingesting(url: str, month: Month, given: argparse.Namespace) -> dict[str, Any]:
    sending = threading.Thread(target=Run(url, LIVE_PER_S, 90, CONNECTIONS).send)
    sending.start()
    time.sleep(10)
    found = _report(_asked(url, month, given.questions, given.seed + 1))
    found["sending_to_the_end"] = sending.is_alive()
    sending.join()
    return found


def _report(answers: Answers) -> dict[str, Any]:
    every = sorted(ms for taken in answers.ms.values() for ms in taken)
    found: dict[str, Any] = {"asked": len(every), "errors": len(answers.failed), "all": _quantiles(every)}
    found["classes"] = {name: _quantiles(sorted(taken)) for name, taken in answers.ms.items() if taken}
    _say(f"{'ms':42}{'p50':>9}{'p95':>9}{'p99':>9}{'worst':>9}")
    for name, values in (("all", found["all"]), *found["classes"].items()):
        _say(f"{name:42}{values['p50']:>9,.1f}{values['p95']:>9,.1f}{values['p99']:>9,.1f}{values['worst']:>9,.1f}")
    for failure in answers.failed[:5]:
        _say(failure)
    return found


def _quantiles(ordered: list[float]) -> dict[str, float]:
    at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in
          (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("worst", 1.0))}  # fmt: skip
    return {name: round(value, 1) for name, value in at.items()}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
