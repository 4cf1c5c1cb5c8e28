"""Many senders of small bodies: requests a second, their latency and what one costs, door by door.

    python benchmarks/senders.py [--connections 1 32 128] [--records 1] [--seconds 6] [--door OTLP]

Each connection sends the next body as soon as the last one was answered, as a program without a queue does; a body
holds `--records` records of `applogs.py`. One node in its default configuration; before each run a second passes
unmeasured. CPU is that of the node's process, storing included. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import sys
import threading
import time
import urllib.parse
from typing import Any

import psutil

from applogs import applogs
from doors import Sent, doors
from ingest import _answer, _cpu_s, new_node

_UNMEASURED_S = 1.0
_BODIES = 64
"""Different ones a door."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--connections", type=int, nargs="+", default=[1, 32, 128])
    options.add_argument("--records", type=int, default=1, help="of a body")
    options.add_argument("--seconds", type=float, default=6)
    options.add_argument("--door", action="append", help="a word of its name; may be given again; all by default")
    given = options.parse_args()
    lines = b"".join(applogs(given.records * _BODIES)).splitlines()
    bodies: dict[str, list[bytes]] = {}
    for first in range(0, len(lines), given.records):
        for name, sent in doors(lines[first : first + given.records]):
            bodies.setdefault(name, []).append(sent)
    found: dict[str, list[dict[str, Any]]] = {}
    with new_node() as (url, node):
        for name, sent in bodies.items():
            if given.door and not any(word in name for word in given.door):
                continue
            for connections in given.connections:
                told = measured(sent, url, node, connections, given.seconds)
                found.setdefault(name, []).append(told)
                sys.stdout.write(
                    f"{name:20} {connections:4} connections: {told['requests_per_s']:6.0f}/s, median "
                    f"{told['ms_p50']:6.1f} ms, p99 {told['ms_p99']:6.1f}, {told['cpu_ms']:5.2f} ms CPU a request\n"
                )
                sys.stdout.flush()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    told = {"benchmark": "senders", "machine": machine, "records": given.records, "doors": found}
    sys.stdout.write(f"\n{json.dumps(told)}\n")


def measured(bodies: list[Sent], url: str, node: psutil.Process, connections: int, seconds: float) -> dict[str, Any]:
    """Of `connections` that send at once, after a second."""
    begin = time.monotonic() + _UNMEASURED_S
    end = begin + seconds
    latencies: list[float] = []
    failures: list[BaseException] = []

    def send(number: int) -> None:
        try:
            _send(bodies[number:] + bodies[:number], url, begin, end, latencies)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=send, args=(number % len(bodies),)) for number in range(connections)]
    for thread in threads:
        thread.start()
    time.sleep(_UNMEASURED_S)
    cpu = _cpu_s(node)
    time.sleep(seconds)
    cpu = _cpu_s(node) - cpu
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    ordered = sorted(latencies)
    return {
        "connections": connections,
        "requests_per_s": round(len(ordered) / seconds, 1),
        "ms_p50": round(ordered[len(ordered) // 2] * 1e3, 1),
        "ms_p99": round(ordered[int(len(ordered) * 0.99)] * 1e3, 1),
        "cpu_ms": round(cpu / len(ordered) * 1e3, 2),
    }


def _send(bodies: list[Sent], url: str, begin: float, end: float, latencies: list[float]) -> None:
    target = urllib.parse.urlsplit(url)
    with socket.create_connection((str(target.hostname), int(target.port or 80))) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number = 0
        while (started := time.monotonic()) < end:
            path, headers, body = bodies[number % len(bodies)]
            number += 1
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            request = f"POST {path} HTTP/1.1\r\nHost: {target.netloc}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
            wire.sendall(request.encode() + body)
            status, _, content = _answer(wire)
            if status not in (200, 201, 202, 204):
                raise SystemExit(f"{path} answered {status}: {content[:300]!r}")
            if started >= begin:
                latencies.append(time.monotonic() - started)


if __name__ == "__main__":
    main()
