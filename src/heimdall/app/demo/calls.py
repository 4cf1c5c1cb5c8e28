"""Runs the requests of a window through their trees of calls: who was called when, how long, and how it ended.

A tree is walked once per kind of request, for all requests of that kind at once. A call's time is its own log-normal
time plus that of the calls it makes; a failure below fails the caller unless the call is optional, and a caller that
waits longer than its time-out fails by itself, which is how trouble in the database shows at the gateway.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.app.demo.chance import Array, BoolArray, FloatArray, IntArray, hex_ids
from heimdall.app.demo.effects import REJECTIONS, Effect, Outcome
from heimdall.app.demo.journeys import JOURNEYS, Call
from heimdall.app.demo.rhythm import Window
from heimdall.app.demo.topology import choose_instance
from heimdall.app.demo.traffic import Traffic

AMBIENT_RATE: dict[tuple[str, str], tuple[Outcome, float]] = {
    ("payment", "charge"): (Outcome.DECLINED, 0.034),
    ("inventory", "reserve"): (Outcome.STOCK, 0.012),
    ("recommendation", "suggest"): (Outcome.TRANSIENT, 0.0016),
    ("notification", "send"): (Outcome.TRANSIENT, 0.011),
    ("catalogue", "list"): (Outcome.TRANSIENT, 0.0009),
    ("search", "query"): (Outcome.TRANSIENT, 0.0007),
    ("shipping", "schedule"): (Outcome.TRANSIENT, 0.004),
    ("kafka", "produce"): (Outcome.TRANSIENT, 0.0008),
}
"""What fails on any day, and how often."""

_REJECTED = np.isin(np.arange(len(Outcome)), [int(outcome) for outcome in REJECTIONS])
_NOTICEABLE_SLOWDOWN = 3.0
"""From this factor on a slow call counts as a symptom of the incident that slows it."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one service and operation, one row each."""

    service: str
    operation: str
    request: IntArray
    """Row in the traffic."""
    instance: IntArray
    start_ns: IntArray
    end_ns: IntArray
    outcome: IntArray
    span: IntArray
    """Row in the span ids; 0 is no span."""
    parent: IntArray
    attempt: IntArray
    blame: IntArray
    """Number of the incident behind the outcome or the slowness, 0 for none."""
    degraded: BoolArray
    """Went on without an optional call that failed."""
    missed: BoolArray
    """Had to ask the database because the cache did not know."""


@dataclass(frozen=True, slots=True)
class CallLog:
    by_operation: dict[tuple[str, str], Calls]
    span_ids: pl.Series
    """Hex span id by number; number 0 is the empty text."""


def run_calls(
    rng: np.random.Generator,
    traffic: Traffic,
    window: Window,
    effects: tuple[Effect, ...],
    wrong_password: FloatArray,
) -> CallLog:
    walk = _Walk(rng, traffic, tuple(e for e in effects if e.end_ns > window.start_ns), wrong_password)
    for number, journey in enumerate(JOURNEYS):
        requests = np.flatnonzero(traffic.journey == number)
        if requests.size:
            walk.visit(journey.root, requests, traffic.start_ns[requests], np.zeros(requests.size, np.int64), 1)
    by_operation = {key: _join(parts) for key, parts in walk.calls.items()}
    spans = pl.concat([pl.Series([""], dtype=pl.String), hex_ids(rng, walk.next_span - 1, 8)])
    return CallLog(by_operation, spans)


def _join(parts: list[Calls]) -> Calls:
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, Array] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in Calls.__dataclass_fields__
        if name not in ("service", "operation")
    }
    return Calls(parts[0].service, parts[0].operation, **columns)


@dataclass(slots=True)
class _Ends:
    """What a caller learns about its calls."""

    took_ns: IntArray
    outcome: IntArray
    blame: IntArray


class _Walk:
    def __init__(
        self, rng: np.random.Generator, traffic: Traffic, effects: tuple[Effect, ...], wrong_password: FloatArray
    ) -> None:
        self.rng = rng
        self.traffic = traffic
        self.effects = effects
        self.wrong_password = wrong_password
        self.calls: defaultdict[tuple[str, str], list[Calls]] = defaultdict(list)
        self.next_span = 1

    def visit(self, call: Call, request: IntArray, start: IntArray, parent: IntArray, attempt: int) -> _Ends:
        """Carry out `call` for every row; all arrays have one row per request concerned."""
        count = request.size
        span = np.arange(self.next_span, self.next_span + count, dtype=np.int64)
        self.next_span += count
        luck = self.rng.integers(0, 60, count)
        instance = choose_instance(call.service, self.traffic.region[request], luck)
        own_ms = call.self_ms * np.exp(call.sigma * self.rng.standard_normal(count))
        outcome = np.zeros(count, np.int64)
        blame = np.zeros(count, np.int64)
        outcome, own_ms, blame = self._ambient(call, request, outcome, own_ms, blame)
        outcome, own_ms, blame = self._apply_effects(call, request, instance, start, outcome, own_ms, blame)
        blame = np.where(self.traffic.hostile[request] > 0, self.traffic.hostile[request], blame)

        own_ns = (own_ms * 1e6).astype(np.int64)
        cursor = start + np.where(outcome == Outcome.OK, (own_ns * 0.45).astype(np.int64), own_ns)
        degraded = np.zeros(count, np.bool_)
        missed = np.zeros(count, np.bool_)
        for below in call.needs:
            if below.afterwards:
                continue
            going_on = np.flatnonzero((outcome == Outcome.OK) & (self.rng.random(count) < below.share))
            if going_on.size == 0:
                continue
            ends = self._ask(below, request[going_on], cursor[going_on], span[going_on])
            cursor[going_on] += ends.took_ns
            if below.service == "postgres" and below.share < 1:
                missed[going_on] = True
            failed = ends.outcome != Outcome.OK
            hurt = going_on[failed]
            blame[hurt] = np.where(blame[hurt] == 0, ends.blame[failed], blame[hurt])
            if below.optional:
                degraded[hurt] = True
            else:
                outcome[hurt] = ends.outcome[failed]
            slow = going_on[~failed]
            blame[slow] = np.where(blame[slow] == 0, ends.blame[~failed], blame[slow])
        end = cursor + np.where(outcome == Outcome.OK, (own_ns * 0.55).astype(np.int64), 150_000)
        for below in call.needs:
            if below.afterwards:
                heard = np.flatnonzero((outcome == Outcome.OK) & (self.rng.random(count) < below.share))
                if heard.size:
                    lag_ns = (self.rng.gamma(2.0, 90.0, heard.size) * 1e6).astype(np.int64)
                    self._ask(below, request[heard], end[heard] + lag_ns, span[heard])
        self.calls[call.service, call.operation].append(
            Calls(
                call.service, call.operation, request, instance, start, end, outcome, span, parent,
                np.full(count, attempt, np.int64), blame, degraded, missed,
            )
        )  # fmt: skip
        return _Ends(end - start, outcome, blame)

    def _ask(self, call: Call, request: IntArray, start: IntArray, parent: IntArray) -> _Ends:
        """Call with the caller's time-out and attempts; the outcome is the caller's view of it."""
        ends = self._wait(call, self.visit(call, request, start, parent, 1))
        for attempt in range(2, call.attempts + 1):
            again = np.flatnonzero((ends.outcome != Outcome.OK) & ~_REJECTED[ends.outcome])
            if again.size == 0:
                break
            pause_ns = 50_000_000 * attempt
            later = start[again] + ends.took_ns[again] + pause_ns
            second = self._wait(call, self.visit(call, request[again], later, parent[again], attempt))
            ends.took_ns[again] += second.took_ns + pause_ns
            ends.outcome[again] = second.outcome
            ends.blame[again] = np.maximum(ends.blame[again], second.blame)
        return ends

    @staticmethod
    def _wait(call: Call, ends: _Ends) -> _Ends:
        limit_ns = int(call.timeout_ms * 1e6)
        late = ends.took_ns > limit_ns
        broken = (ends.outcome != Outcome.OK) & ~_REJECTED[ends.outcome]
        if call.service == "postgres":
            broken[:] = False  # its clients are told the reason; theirs are not
        told = np.where(broken, int(Outcome.UPSTREAM), ends.outcome)
        outcome = np.where(late, int(Outcome.TIMEOUT), told)
        return _Ends(np.minimum(ends.took_ns, limit_ns), outcome, ends.blame.copy())

    def _ambient(
        self, call: Call, request: IntArray, outcome: IntArray, own_ms: FloatArray, blame: IntArray
    ) -> tuple[IntArray, FloatArray, IntArray]:
        if (call.service, call.operation) == ("auth", "login"):
            refused = self.rng.random(request.size) < self.wrong_password[request]
            return np.where(refused, int(Outcome.PASSWORD), outcome), own_ms, blame
        ambient = AMBIENT_RATE.get((call.service, call.operation))
        if ambient is None:
            return outcome, own_ms, blame
        kind, rate = ambient
        return np.where(self.rng.random(request.size) < rate, int(kind), outcome), own_ms, blame

    def _apply_effects(
        self,
        call: Call,
        request: IntArray,
        instance: IntArray,
        start: IntArray,
        outcome: IntArray,
        own_ms: FloatArray,
        blame: IntArray,
    ) -> tuple[IntArray, FloatArray, IntArray]:
        for effect in self.effects:
            if effect.service != call.service or effect.operation not in (None, call.operation):
                continue
            concerned = (start >= effect.start_ns) & (start < effect.end_ns)
            if effect.instance is not None:
                concerned &= instance == effect.instance
            if effect.sku_below is not None:
                concerned &= self.traffic.sku_place[request] < effect.sku_below
            if effect.hostile:
                concerned &= self.traffic.hostile[request] == effect.incident
            if not concerned.any():
                continue
            if effect.slow is not None:
                factor = np.where(concerned, effect.slow.at(start), 1.0)
                own_ms = own_ms * factor
                blame = np.where(factor > _NOTICEABLE_SLOWDOWN, effect.incident, blame)
            if effect.rate is not None:
                struck = concerned & (self.rng.random(request.size) < effect.rate.at(start))
                outcome = np.where(struck, int(effect.outcome), outcome)
                blame = np.where(struck, effect.incident, blame)
                wait_ms = effect.fail_after_ms * (1 + 0.02 * self.rng.random(request.size))
                own_ms = np.where(struck, wait_ms, own_ms)
        return outcome, own_ms, blame
