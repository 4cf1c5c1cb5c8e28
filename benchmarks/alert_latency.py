"""From a log line to its webhook, at load: a real node, a steady stream, and a line that a rule looks for now and then.

    python benchmarks/alert_latency.py [--rate 27800] [--seconds 30] [--rules 1000] [--every 0.25] [--history]

The stream is that of `applogs.py`, sent in bodies of a tenth of a second whose lines have the time they are sent at;
with `--history` they keep the times they were made with, more than an hour in every body, as when old logs are brought
in beside. Every `--every` seconds a line is sent by itself; the clock runs from before it is sent to the moment the
webhook's body has arrived at a server of this machine.
Every line is an incident of its own, since the node groups nothing here. The rules are those of `rules.py`, with one
more. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np

from applogs import applogs
from rules import made_rules

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "e2e"))
from node_process import NodeProcess


class Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came_s: dict[str, float] = {}


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body["event"] == "trigger":
            for alert in body["shown"]:
                self.server.came_s.setdefault(alert["labels"].get("probe", ""), time.monotonic())
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=27_800)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--every", type=float, default=0.25)
    parser.add_argument("--history", action="store_true", help="the stream has old times")
    options = parser.parse_args()
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(options, receiver, Path(folder))
    print(json.dumps(result))


def measured(options: argparse.Namespace, receiver: Receiver, folder: Path) -> dict[str, object]:
    url = f"http://127.0.0.1:{receiver.server_port}/"
    channel = (
        f'[[channel]]\nname = "b"\nkind = "webhook"\nurl = "{url}"\nallow_private = true\n[route]\nchannels = ["b"]\n'
    )
    (folder / "alerting.toml").write_text(channel)
    settings = {
        "HEIMDALL_ALERTING__FILE": str(folder / "alerting.toml"),
        "HEIMDALL_ALERTING__GROUP_WINDOW_S": "0",
    }
    node = NodeProcess(folder / "data", environment=settings)
    node.start()
    try:
        keep_rules(node, options.rules)
        chunk = max(options.rate // 10, 1)
        bodies = list(applogs(chunk * 20, 7, chunk))
        made = (lambda body: body) if options.history else stamped
        stop = threading.Event()
        sent = [0]
        feeder = threading.Thread(target=feed, args=(node, bodies, made, chunk, stop, sent))
        began = time.monotonic()
        feeder.start()
        time.sleep(2)
        sent_s: dict[str, float] = {}
        while time.monotonic() - began < options.seconds:
            name = f"p{len(sent_s)}"
            line = json.dumps({"timestamp": time.time(), "service": name, "probe": name, "message": "probe found"})
            sent_s[name] = time.monotonic()
            node.send(line.encode() + b"\n")
            time.sleep(max(options.every - (time.monotonic() - sent_s[name]), 0))
        seconds = time.monotonic() - began
        stop.set()
        feeder.join()
        deadline = time.monotonic() + 30
        while len(receiver.came_s) < len(sent_s) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        node.stop()
    took = np.array([receiver.came_s[name] - at for name, at in sent_s.items() if name in receiver.came_s])
    return {
        "data": "applogs, old times" if options.history else "applogs",
        "rules": options.rules + 1,
        "records_per_s": round(sent[0] / seconds),
        "probes": len(sent_s),
        "missing": len(sent_s) - len(took),
        "p50_ms": round(float(np.percentile(took, 50)) * 1e3) if len(took) else None,
        "p99_ms": round(float(np.percentile(took, 99)) * 1e3) if len(took) else None,
        "max_ms": round(float(took.max()) * 1e3) if len(took) else None,
        "seconds": round(seconds, 1),
    }


def keep_rules(node: NodeProcess, count: int) -> None:
    rows = [rule.as_row() for rule in made_rules(count, 7)]
    rows.append(
        {"id": "probe", "name": "Probe", "kind": "threshold", "condition": '"probe found"', "group_by": ["probe"]}
    )
    for first in range(0, len(rows), 500):
        httpx.post(f"{node.url}/api/v1/rules", json=rows[first : first + 500], timeout=60).raise_for_status()


def stamped(body: bytes) -> bytes:
    """The lines as if logged over the last tenth of a second."""
    lines = body.splitlines(keepends=True)
    now_ns, step_ns = time.time_ns(), 10**8 // len(lines)
    times = range(now_ns - step_ns * len(lines), now_ns, step_ns)
    return b"".join(b'{"_time":%d%b' % (at, line[line.index(b",") :]) for at, line in zip(times, lines, strict=False))


def feed(
    node: NodeProcess,
    bodies: list[bytes],
    made: Callable[[bytes], bytes],
    chunk: int,
    stop: threading.Event,
    sent: list[int],
) -> None:
    began, number = time.monotonic(), 0
    while not stop.is_set():
        node.send(made(bodies[number % len(bodies)]))
        sent[0] += chunk
        number += 1
        time.sleep(max(began + number * 0.1 - time.monotonic(), 0))


if __name__ == "__main__":
    main()
