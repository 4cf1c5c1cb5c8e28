"""Does a node stay as it is? Hours at a steady rate with questions beside it: memory, latency, errors over time.

    python benchmarks/soak.py [--minutes 60] [--rate 27800] [--asked 5]

Starts a node with its default configuration, sends `--rate` records a second of `applogs.py`, stamped with the time of
sending, and asks `--asked` questions a second of the last hour, never the same twice in a minute. Resident memory is
read every five seconds; its slope is the least-squares line through everything behind the warm-up (the first third, at
most 20 minutes). Questions are told by quarters of the time. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import numpy as np
import psutil

from freshness import Run
from ingest import _cpu_s, _peak_rss_bytes, new_node

WARM_UP_S = 1_200
SAMPLE_S = 5.0
QUARTERS = 4
QUESTIONS = (
    ("search", {"q": "level:error", "from": "-15m", "limit": "{limit}"}),
    ("histogram", {"q": "*", "by": "level", "from": "-1h", "buckets": "{limit}"}),
    ("search", {"q": "* | top {limit} user_id", "from": "-15m"}),
    ("search", {"q": '"Connection refused" {limit}', "from": "-1h"}),
    ("search", {"q": "service:cart | stats p95(took) by region | head {limit}", "from": "-15m"}),
    ("facets", {"q": "level:error", "from": "-1h", "limit": "{limit}"}),
    ("patterns", {"q": "*", "from": "-1h", "limit": "{limit}"}),
    ("search", {"q": "trace_id:{trace}", "from": "-1h"}),
)


@dataclass(slots=True)
class Watched:
    began_s: float = field(default_factory=time.monotonic)
    rss: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the beginning, bytes)."""
    answers: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since the beginning, ms)."""
    failed: list[str] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.began_s


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--rate", type=int, default=27_800)
    options.add_argument("--asked", type=float, default=5)
    given = options.parse_args()
    with new_node() as (url, process):
        result = _soaked(given, url, process)
    sys.stdout.write(json.dumps(result) + "\n")


def _soaked(given: argparse.Namespace, url: str, node: psutil.Process) -> dict[str, Any]:
    seconds = given.minutes * 60
    run, watched, over = Run(url, given.rate, seconds, 2), Watched(), threading.Event()
    cpu_s = _cpu_s(node)
    beside = [
        threading.Thread(target=_sample, args=(node, watched, over)),
        threading.Thread(target=_ask, args=(url, given.asked, watched, over)),
    ]
    for thread in beside:
        thread.start()
    run.send()
    over.set()
    for thread in beside:
        thread.join()
    records = len(run.due) * run.records_per_body
    times, bytes_ = np.array(watched.rss).T
    warm = times > min(WARM_UP_S, seconds / 3)
    slope, _ = np.polyfit(times[warm], bytes_[warm], 1)
    return {
        "benchmark": "soak",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "minutes": given.minutes,
        "records": records,
        "retries": run.sent.retries,
        "rss_slope_mib_per_hour": round(slope * 3600 / 2**20, 1),
        "rss_mib": [round(value / 2**20) for value in bytes_[:: max(1, len(bytes_) // 20)]],
        "peak_rss_mib": round(_peak_rss_bytes(node) / 2**20),
        "node_cpu_percent": round((_cpu_s(node) - cpu_s) / seconds * 100),
        "asked": len(watched.answers),
        "failed": len(watched.failed),
        "failures": watched.failed[:3],
        "ms_by_quarter": [_quantiles(part) for part in _quarters(watched.answers, seconds)],
    }


def _sample(node: psutil.Process, watched: Watched, over: threading.Event) -> None:
    while not over.wait(SAMPLE_S):
        watched.rss.append((watched.now_s, node.memory_info().rss))


def _ask(url: str, rate: float, watched: Watched, over: threading.Event) -> None:
    """One user who asks at a steady pace, and after a slow answer at once."""
    traces: list[str] = [""]
    for number, (route, parameters) in zip(count(), cycle(QUESTIONS)):
        if over.wait(max(0.0, number / rate - watched.now_s)):
            return
        filled = {
            name: value.replace("{limit}", str(10 + number // len(QUESTIONS) % 90)).replace("{trace}", traces[0])
            for name, value in parameters.items()
        }
        before = time.monotonic()
        try:
            query = urllib.parse.urlencode(filled)
            with urllib.request.urlopen(f"{url}/api/v1/{route}?{query}", timeout=60) as answer:
                data = json.load(answer)["data"]
        except (OSError, ValueError, KeyError) as exc:
            watched.failed.append(f"{route} {filled}: {exc}")
            continue
        watched.answers.append((before - watched.began_s, (time.monotonic() - before) * 1e3))
        if route == "search" and data and data[0].get("trace_id"):
            traces[0] = data[0]["trace_id"]


def _quarters(answers: list[tuple[float, float]], seconds: float) -> list[list[float]]:
    parts: list[list[float]] = [[] for _ in range(QUARTERS)]
    for at, ms in answers:
        parts[min(QUARTERS - 1, int(at / seconds * QUARTERS))].append(ms)
    return parts


def _quantiles(ms: list[float]) -> dict[str, float]:
    found = np.percentile(ms, [50, 95, 99, 100]) if ms else [float("nan")] * 4
    return {name: round(float(value), 1) for name, value in zip(("p50", "p95", "p99", "worst"), found, strict=True)}


if __name__ == "__main__":
    main()
