"""Start to ready: seconds from the command to `/readyz` saying 200, on a data folder with something in it.

    python benchmarks/startup.py [--gib 2] [--data DIR] [--repeat 5]

Fills a folder through HTTP until its storage takes `--gib` GiB (lines of random hexadecimal text, which compress to
half at best, so that it fills quickly), or takes the one at `--data` as it is when it is that large already; a folder
named so is kept. Then stops and starts the node `--repeat` times. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import ingest

LINES = 2_000
LINE_BYTES = 2_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gib", type=float, default=2.0)
    options.add_argument("--data", type=Path)
    options.add_argument("--repeat", type=int, default=5)
    given = options.parse_args()
    folder = given.data or Path(tempfile.mkdtemp(prefix="heimdall-startup-"))
    try:
        first = _Node(folder)
        _fill(first.url, folder, int(given.gib * 2**30))
        records = ingest._count(first.url)
        first.stop()
        taken = []
        for _ in range(given.repeat):
            node = _Node(folder)
            taken.append(node.ready_s)
            node.stop()
        result: dict[str, Any] = {
            "benchmark": "startup",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load_average": round(os.getloadavg()[0], 1),
            "gib": round(stored_bytes(folder) / 2**30, 2),
            "records": records,
            "ready_s_median": round(statistics.median(taken), 2),
            "ready_s_each": [round(seconds, 2) for seconds in taken],
        }
    finally:
        if given.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(result) + "\n")


class _Node:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = ingest._free_port()
        self.url = f"http://127.0.0.1:{port}"
        log = folder / "node.log"
        began = time.monotonic()
        with log.open("wb") as output:
            command = [ingest.HEIMDALL, "up", "--data", folder, "--port", str(port)]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        ingest._wait_until_ready(self.url, self._process, log)
        self.ready_s = time.monotonic() - began

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(120)


def _fill(url: str, folder: Path, wanted: int) -> None:
    chance, sent = random.Random(1), 0
    while stored_bytes(folder) < wanted:
        for _ in range(10):
            text = chance.randbytes(LINES * LINE_BYTES // 2).hex()
            lines = (text[place : place + LINE_BYTES] for place in range(0, len(text), LINE_BYTES))
            body = b"".join(b'{"service":"filler","message":"%s"}\n' % line.encode() for line in lines)
            request = urllib.request.Request(f"{url}/api/v1/logs", body, {"Content-Type": "application/x-ndjson"})
            with urllib.request.urlopen(request, timeout=120) as answer:
                answer.read()
            sent += LINES
        sys.stdout.write(f"{stored_bytes(folder) / 2**30:.2f} GiB\n")
    while sent and ingest._count(url) < sent:
        time.sleep(0.5)


def stored_bytes(folder: Path) -> int:
    """Of stored records; files that merges remove meanwhile do not count."""
    total = 0
    for place, _, files in os.walk(folder / "storage"):
        for name in files:
            try:
                total += (Path(place) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


if __name__ == "__main__":
    main()
