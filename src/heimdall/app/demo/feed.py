"""The demo as a sender: a day of history as fast as the node takes it, then live, second by second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import polars as pl

from heimdall.app.demo.files import CHUNK_NS, write_files
from heimdall.app.demo.formats import WRITERS
from heimdall.app.demo.plan import Plan, make_plan
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS, SECOND_NS
from heimdall.app.demo.sender import HttpSender
from heimdall.app.demo.shop import STREAMS
from heimdall.app.demo.streams import Tape
from heimdall.app.demo.topology import ENVIRONMENT, INSTANCES, REGIONS, SERVICE_NUMBER, SERVICES
from heimdall.app.demo.truth import read_truth, seen_in, truth_of, write_truth
from heimdall.clock import Clock, SystemClock
from heimdall.errors import Refused, Unavailable

__all__ = ["DemoFeed", "Send", "make_feed", "write_files"]

_log = logging.getLogger(__name__)

Send = Callable[[bytes, str, Mapping[str, str]], None]
"""Body, content type, query parameters; returns once the node has acknowledged. Called from several threads."""

DEFAULT_SEED = 7
BACKFILL_HOURS = 24
_LIVE_WINDOW_NS = 10 * SECOND_NS
"""Lines are worked out this far ahead and let go second by second: a tenth of the effort, the same lines."""
_PLAN_AHEAD_NS = 48 * HOUR_NS
_TRUTH_EVERY_NS = MINUTE_NS
_BODY_BYTES = 8 << 20
_CONNECTIONS = 2
"""Of a back-fill; the node decodes two bodies at a time."""

_WRITES_JSON = [WRITERS[SERVICES[SERVICE_NUMBER[instance.service]].writer].json for instance in STREAMS]
_SENDER = pl.Series(
    [
        STREAMS.index(INSTANCES[instance.service][0]) if as_json else number
        for number, (instance, as_json) in enumerate(zip(STREAMS, _WRITES_JSON, strict=True))
    ]
)
"""Stream → the stream whose requests carry it."""
_JSON_SENDERS = frozenset(number for number, as_json in enumerate(_WRITES_JSON) if as_json)


_Sending = tuple[Future[None], int]
"""A body on its way, and its records."""


class DemoFeed:
    """Feeds one node. `run` in one thread; `progress` from any."""

    def __init__(
        self, send: Send, clock: Clock, truth_path: Path, *, seed: int = DEFAULT_SEED, hours: float = BACKFILL_HOURS
    ) -> None:
        """A truth file that is there already is continued: same shop, and only the time since then is filled."""
        self._send = send
        self._clock = clock
        self._truth_path = truth_path
        now = clock.time_ns() // MINUTE_NS * MINUTE_NS
        self._start_ns = start = now - int(hours * HOUR_NS)
        origin = now
        earlier = read_truth(truth_path)
        if earlier is not None:
            seed, origin = int(earlier["seed"]), int(earlier["origin_ns"])
            self._start_ns = int(earlier["start_ns"])
            start = max(start, int(earlier["until_ns"]))
        self._seed, self._origin_ns = seed, origin
        self._planned: tuple[int, Plan] | None = None
        self._tape = Tape(self._plan(now), start)
        if earlier is not None:
            self._tape.seen = seen_in(earlier)
        self._first_ns = start
        self._backfill_end_ns = max(now, start)
        self._acknowledged_ns = start
        self._truth_at_ns = 0
        self._phase: Literal["backfill", "live", "stopped"] = "backfill"
        self._sent = 0

    @property
    def progress(self) -> dict[str, Any]:
        """For people who wait: phase, share of the back-fill done (0..1), records sent, where the truth is."""
        span = self._backfill_end_ns - self._first_ns
        done = 1.0 if span <= 0 else min((self._acknowledged_ns - self._first_ns) / span, 1.0)
        return {"phase": self._phase, "done": round(done, 3), "sent": self._sent, "truth": str(self._truth_path)}

    def run(self, stop: threading.Event) -> None:
        """Back-fill, then live until `stop`; a node that goes away ends it with a line in the log."""
        try:
            self.backfill(stop)
            self.live(stop)
        except (Unavailable, Refused) as exc:
            _log.error("the demo feed stopped: %s", exc)
        finally:
            self._phase = "stopped"
            close = getattr(self._send, "close", None)
            if close is not None:
                close()

    def backfill(self, stop: threading.Event | None = None, report: Callable[[float, int], None] | None = None) -> int:
        """Send history up to the minute in which the feed was made; returns the records sent.

        Several bodies travel at a time, and the next part is worked out meanwhile. `report` is called after each part
        with the share done (0..1) and the records sent so far. A part that `stop` interrupts is sent again next time.
        """
        stop = stop or threading.Event()
        with ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="demo-send") as senders:
            waiting: list[_Sending] = []
            while not stop.is_set():
                start = self._tape.written_to_ns
                part = self._submit_next(senders) if start < self._backfill_end_ns else []
                if not self._finish(waiting, start, stop):
                    waiting += part
                    break
                if not part:
                    break
                if report is not None and waiting:
                    report(self.progress["done"], self._sent)
                waiting = part
            for future, _ in waiting:
                future.cancel()
        if report is not None:
            report(self.progress["done"], self._sent)
        return self._sent

    def _submit_next(self, senders: ThreadPoolExecutor) -> list[_Sending]:
        end = min(self._tape.written_to_ns + CHUNK_NS, self._backfill_end_ns)
        self._tape.write_to(end)
        return [
            (senders.submit(self._send, body, content_type, parameters), records)
            for body, content_type, parameters, records in bodies(self._tape.take_to(end))
        ]

    def _finish(self, part: list[_Sending], until_ns: int, stop: threading.Event) -> bool:
        """Wait until a part is acknowledged, and note in the truth file how far history has come."""
        start_ns = self._acknowledged_ns
        for number, (future, records) in enumerate(part, start=1):
            if stop.is_set():
                return False
            future.result()
            self._sent += records
            self._acknowledged_ns = start_ns + (until_ns - start_ns) * number // len(part)
        if part:
            self._save_truth(until_ns)
        return True

    def live(self, stop: threading.Event) -> None:
        """Send every line at its own time, until told to stop."""
        self._phase = "live"
        while not stop.is_set():
            self.tick()
            self._clock.sleep(1.0)

    def tick(self) -> None:
        """Send what has happened up to now."""
        now = self._clock.time_ns()
        while self._tape.written_to_ns <= now:
            # After a pause (a laptop asleep) larger steps catch up; both step from the same grid.
            behind = now - self._tape.written_to_ns
            step = CHUNK_NS if behind > CHUNK_NS else MINUTE_NS if behind > 5 * MINUTE_NS else _LIVE_WINDOW_NS
            self._tape.plan = self._plan(now)
            self._tape.write_to(self._tape.written_to_ns + step)
        self._post(self._tape.take_to(now))
        if now - self._truth_at_ns >= _TRUTH_EVERY_NS:
            self._save_truth(now)

    def _plan(self, now_ns: int) -> Plan:
        """Far enough ahead of now; made anew only when a day has passed."""
        days = max(now_ns - self._origin_ns, 0) // (24 * HOUR_NS)
        horizon = days * 24 * HOUR_NS + _PLAN_AHEAD_NS
        if self._planned is None or self._planned[0] != horizon:
            self._planned = (horizon, make_plan(self._seed, self._origin_ns, horizon))
        return self._planned[1]

    def _save_truth(self, until_ns: int) -> None:
        self._truth_at_ns = until_ns
        write_truth(self._truth_path, truth_of(self._tape, self._start_ns, until_ns))

    def _post(self, lines: pl.DataFrame) -> None:
        for body, content_type, parameters, records in bodies(lines):
            self._send(body, content_type, parameters)
            self._sent += records


def bodies(lines: pl.DataFrame) -> Iterator[tuple[bytes, str, dict[str, str], int]]:
    """Requests that carry `lines`: body, content type, parameters, records.

    JSON goes one service at a time, since its records say where they come from and share their fields. Text goes one
    instance at a time, with what a shipper knows about it as parameters.
    """
    lines = lines.with_columns(sender=_SENDER.gather(lines["stream"]))
    for (sender,), own in lines.group_by("sender", maintain_order=True):
        instance = STREAMS[int(sender)]
        as_json = int(sender) in _JSON_SENDERS
        content_type = "application/x-ndjson" if as_json else "text/plain; charset=utf-8"
        about = {
            "service": instance.service,
            "instance": instance.name,
            "region": REGIONS[instance.region],
            "environment": ENVIRONMENT,
        }
        for part in _pieces(own):
            yield _body(part), content_type, {} if as_json else about, part.height


def _pieces(lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut so that no body is much larger than `_BODY_BYTES`."""
    if lines.is_empty():
        return
    size = int(lines["line"].str.len_bytes().sum())
    rows = max(lines.height * _BODY_BYTES // max(size, 1), 1)
    yield from (lines[at : at + rows] for at in range(0, lines.height, rows))


def _body(lines: pl.DataFrame) -> bytes:
    return (str(lines["line"].str.join("\n").item()) + "\n").encode()


def make_feed(url: str, truth_path: Path) -> DemoFeed:
    """The feed of a running node, on the system's clock."""
    return DemoFeed(HttpSender(url), SystemClock(), truth_path)
