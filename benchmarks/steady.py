"""What a node takes of a machine while it does little: at rest, and at steady rates.

    python benchmarks/steady.py [--rates 0 100 1000 10000 27800] [--seconds 30]

Starts one node with its default configuration and sends `applogs.py` at each rate in turn, stamped with the time of
sending, in ten bodies a second; nobody asks anything. CPU is that of the whole node (100 % = one core), merges and
detection included; the first quarter of each stretch is left out. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time

import psutil

from freshness import Run
from ingest import _cpu_s, new_node

SETTLE_S = 8.0
"""After a start, and between two rates."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rates", type=int, nargs="+", default=[0, 100, 1_000, 10_000, 27_800])
    options.add_argument("--seconds", type=float, default=30)
    given = options.parse_args()
    with new_node() as (url, process):
        rows = [_stretch(process, url, rate, given.seconds) for rate in given.rates]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    sys.stdout.write(json.dumps({"benchmark": "steady", "machine": machine, "rates": rows}) + "\n")


def _stretch(node: psutil.Process, url: str, rate: int, seconds: float) -> dict[str, float]:
    time.sleep(SETTLE_S)
    sending = threading.Thread(target=Run(url, rate, seconds, 2).send) if rate else None
    if sending is not None:
        sending.start()
    time.sleep(seconds / 4)
    cpu_s, started_s = _cpu_s(node), time.monotonic()
    time.sleep(seconds / 2)
    share = (_cpu_s(node) - cpu_s) / (time.monotonic() - started_s)
    if sending is not None:
        sending.join()
    row: dict[str, float] = {"records_per_s": rate, "cpu_percent": round(share * 100, 1)}
    if rate:
        row["cpu_us_per_record"] = round(share / rate * 1e6, 1)
    row["rss_mib"] = round(node.memory_info().rss / 2**20)
    sys.stdout.write("   ".join(f"{name} {value:,}" for name, value in row.items()) + "\n")
    return row


if __name__ == "__main__":
    main()
