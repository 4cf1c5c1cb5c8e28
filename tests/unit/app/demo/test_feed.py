"""The demo as a sender."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import orjson
import pytest

from heimdall.app.demo.feed import DemoFeed
from heimdall.app.demo.files import write_files
from heimdall.app.demo.sender import HttpSender
from heimdall.app.demo.truth import read_truth
from heimdall.clock import ManualClock
from heimdall.errors import Refused

ORIGIN_NS = 1_795_340_100_000_000_000
"""2026-11-22T09:35:00Z: where the back-fill ends."""


class Inbox:
    def __init__(self) -> None:
        self.bodies: list[tuple[bytes, str, dict[str, str]]] = []

    def __call__(self, body: bytes, content_type: str, parameters: Mapping[str, str]) -> None:
        self.bodies.append((body, content_type, dict(parameters)))

    @property
    def lines(self) -> list[bytes]:
        return [line for body, *_ in self.bodies for line in body.splitlines()]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(ORIGIN_NS + 12_000_000_000)


def test_back_fill_ends_at_the_minute_and_live_continues(clock: ManualClock, tmp_path: Path) -> None:
    inbox = Inbox()
    feed = DemoFeed(inbox, clock, tmp_path / "truth.json", hours=0.5)
    shares: list[float] = []
    sent = feed.backfill(report=lambda done, _: shares.append(done))
    assert sent > 5_000
    assert shares[-1] == 1.0
    assert read_truth(tmp_path / "truth.json")["until_ns"] == ORIGIN_NS
    inbox.bodies.clear()
    feed.tick()
    caught_up = feed.progress["sent"]
    assert caught_up > sent
    clock.advance(30)
    feed.tick()
    assert feed.progress["sent"] > caught_up + 50


def test_no_line_is_sent_before_its_time(clock: ManualClock, tmp_path: Path) -> None:
    inbox = Inbox()
    feed = DemoFeed(inbox, clock, tmp_path / "truth.json", hours=0.1)
    feed.backfill()
    for _ in range(40):
        inbox.bodies.clear()
        feed.tick()
        stamps = [
            orjson.loads(line)["time"] for line in inbox.lines if line.startswith(b'{"level":"') and b'"time"' in line
        ]
        now = f"{clock.time_ns() // 1_000_000_000 % 60:02d}"
        assert all(stamp[17:19] <= now or now == "00" for stamp in stamps)
        clock.advance(1)


def test_json_services_share_bodies_and_text_says_whose_it_is(clock: ManualClock, tmp_path: Path) -> None:
    inbox = Inbox()
    DemoFeed(inbox, clock, tmp_path / "truth.json", hours=1).backfill()
    assert {content for _, content, _ in inbox.bodies} == {"application/x-ndjson", "text/plain; charset=utf-8"}
    for body, content, parameters in inbox.bodies:
        if content == "application/x-ndjson":
            assert parameters == {}
            assert body.startswith(b"{")
        else:
            assert parameters.keys() == {"service", "instance", "region", "environment"}
            assert parameters["instance"].startswith(parameters["service"])


def test_a_second_run_fills_only_the_time_it_was_away(clock: ManualClock, tmp_path: Path) -> None:
    """And what the shop lived through stays the same: seed and origin come from the truth file."""
    first = DemoFeed(Inbox(), clock, tmp_path / "truth.json", hours=1, seed=99)
    first.backfill()
    [leak] = [e for e in read_truth(tmp_path / "truth.json")["incidents"] if e["kind"] == "memory_leak"]
    lines_of_the_leak = leak["lines"]
    assert lines_of_the_leak["search"] > 0
    clock.advance(600)
    inbox = Inbox()
    second = DemoFeed(inbox, clock, tmp_path / "truth.json", hours=1)
    sent = second.backfill()
    assert 0 < sent < first.progress["sent"] / 3
    truth = read_truth(tmp_path / "truth.json")
    [leak] = [entry for entry in truth["incidents"] if entry["kind"] == "memory_leak"]
    assert leak["lines"] == lines_of_the_leak
    assert (truth["seed"], truth["origin_ns"]) == (99, ORIGIN_NS)
    assert truth["until_ns"] == ORIGIN_NS + 600_000_000_000


def test_run_ends_when_told(clock: ManualClock, tmp_path: Path) -> None:
    stop = threading.Event()
    feed = DemoFeed(Inbox(), clock, tmp_path / "truth.json", hours=0.05)
    thread = threading.Thread(target=feed.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert feed.progress["phase"] == "stopped"


def test_files_hold_the_same_lines_as_the_feed(clock: ManualClock, tmp_path: Path) -> None:
    written = write_files(tmp_path / "raw", hours=1, seed=7, clock=clock)
    inbox = Inbox()
    assert DemoFeed(inbox, clock, tmp_path / "truth.json", hours=1).backfill() == written
    on_disk = sorted(line for path in (tmp_path / "raw").glob("*.log") for line in path.read_bytes().splitlines())
    assert on_disk == sorted(inbox.lines)


def test_labels_point_at_the_symptoms(clock: ManualClock, tmp_path: Path) -> None:
    write_files(tmp_path, hours=2, seed=7, clock=clock)
    labels = [orjson.loads(line) for line in (tmp_path / "labels.ndjson").read_bytes().splitlines()]
    locks = [label for label in labels if label["file"] == "postgres-eu-1.log" and label["incident"] == 6]
    lines = (tmp_path / "postgres-eu-1.log").read_text().splitlines()
    assert "ALTER TABLE ledger ADD COLUMN" in lines[locks[0]["record"] - 1]


class _Busy(BaseHTTPRequestHandler):
    answers: list[int]
    bodies: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        status = self.answers.pop(0)
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0.01")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def node():
    handler = type("Handler", (_Busy,), {"answers": [], "bodies": [], "protocol_version": "HTTP/1.1"})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_sender_repeats_when_the_node_is_busy(node: HTTPServer) -> None:
    node.RequestHandlerClass.answers = [429, 503, 200]
    sender = HttpSender(f"http://127.0.0.1:{node.server_port}")
    sender(b"x\n", "text/plain", {"service": "a b"})
    sender.close()
    assert node.RequestHandlerClass.bodies == [("/api/v1/logs?service=a+b", b"x\n")] * 3


def test_sender_gives_up_on_what_the_node_refuses(node: HTTPServer) -> None:
    node.RequestHandlerClass.answers = [400]
    sender = HttpSender(f"http://127.0.0.1:{node.server_port}")
    with pytest.raises(Refused, match="answered 400"):
        sender(b"x\n", "text/plain", {})
    sender.close()
