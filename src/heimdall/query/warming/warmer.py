"""`Warmer`: asks ahead, one question at a time, when nobody else asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from prometheus_client import Counter

from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.query.request import Answer, QueryRequest
from heimdall.query.warming.history import History, Moved, Person
from heimdall.query.warming.schedule import Planned

WARMED = Counter("heimdall_query_warmed", "Questions asked ahead of time.", ["why"])

MOST_WAITING = 50
"""Questions that wait to be asked ahead; the oldest are dropped: what was likely a minute ago no longer is."""

AHEAD = 5
"""Questions asked ahead after one: those of the next page or two."""

PASSES = 2
"""Times a question is asked: the first tells what its answer looks like, from the second on its pieces are kept."""

HABITS_EVERY_NS = 600 * 10**9
"""What is usual at an hour is asked again so often, for the newest pieces."""

TIMEOUT_S = 10.0
PAUSE_S = 0.25
"""Between two looks whether it is quiet."""


class Warmer:
    """Its thread begins with the first question and ends with `stop`."""

    def __init__(
        self,
        ask: Callable[[QueryRequest], Answer],
        quiet: Callable[[], bool],
        clock: Clock,
        planned: Sequence[Planned] = (),
    ) -> None:
        """`ask` answers a question with `background` set, and gives way as soon as somebody else asks one; `quiet`
        says whether nobody does."""
        self._ask = ask
        self._quiet = quiet
        self._clock = clock
        self._planned = planned
        self._history = History()
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Moved, str] = OrderedDict()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._minute = clock.time_ns() // (60 * 10**9)
        self._habits_ns = 0

    def start(self) -> None:
        """Safe to call again."""
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="warmer", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def asked(self, request: QueryRequest) -> None:
        """Somebody asked this: some microseconds, on the asker's thread."""
        if request.background or request.fresh:
            return
        person: Person = (request.tenant, request.user)
        asked = self._history.note(person, request, self._clock.time_ns())
        for follower in reversed(self._history.after(person, asked, AHEAD)):  # the nearest is wanted last: asked first
            self._want(follower, "next")
        self.start()

    def look(self) -> None:
        """Put what is due by the clock among what waits."""
        now_ns = self._clock.time_ns()
        minute = now_ns // (60 * 10**9)
        if minute != self._minute:
            self._minute = minute
            for one in self._planned:
                if one.due(now_ns):
                    self._want(one.question, "schedule")
        if now_ns - self._habits_ns >= HABITS_EVERY_NS:
            self._habits_ns = now_ns
            for asked in self._history.at_hour(now_ns):
                self._want(asked, "hour")

    def ask_one(self) -> bool:
        """Ask what has waited least; False when nothing waits or it is not quiet."""
        if not self._quiet():
            return False
        with self._lock:
            if not self._waiting:
                return False
            question, why = self._waiting.popitem()
        try:
            for place in range(PASSES):
                # A moment of its own each time: the very same range would be answered whole, and no piece be made.
                asked = question.at(self._clock.time_ns() + place)
                answer = self._ask(replace(asked, background=True, timeout_s=TIMEOUT_S))
                if answer.cached or answer.known_pieces:
                    break
        except HeimdallError:  # somebody else asked meanwhile, or it cannot be answered: then it need not be kept
            return True
        WARMED.labels(why).inc()
        return True

    def _want(self, question: Moved, why: str) -> None:
        with self._lock:
            self._waiting.pop(question, None)
            self._waiting[question] = why
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            if not self.ask_one():
                self._stop.wait(PAUSE_S)
