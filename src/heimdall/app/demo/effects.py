"""What an incident does to the shop's calls: how many fail, how, and how slow the rest becomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from heimdall.app.demo.chance import FloatArray, IntArray


class Outcome(IntEnum):
    """How a call ended. Everything above `OK` is told to the caller."""

    OK = 0
    UPSTREAM = 1  # something it needed failed
    TIMEOUT = 2  # something it needed took too long
    UNAVAILABLE = 3  # nobody listens there
    POOL = 4  # no free database connection
    CLIENTS = 5  # the database takes no further clients
    DEFECT = 6  # the program itself is wrong
    TRANSIENT = 7  # connection reset; happens on any day
    DISK = 8  # no space left on device
    DECLINED = 9  # the bank says no
    PASSWORD = 10  # wrong password
    STOCK = 11  # sold out
    LOCKED = 12  # account locked after too many attempts
    LIMITED = 13  # rate limit


REJECTIONS = (Outcome.DECLINED, Outcome.PASSWORD, Outcome.STOCK, Outcome.LOCKED, Outcome.LIMITED)
"""The caller's own doing: passed up as they are and answered with a 4xx; nothing is broken."""

HTTP_STATUS: dict[Outcome, int] = {
    Outcome.OK: 200, Outcome.UPSTREAM: 502, Outcome.TIMEOUT: 504, Outcome.UNAVAILABLE: 503, Outcome.POOL: 503,
    Outcome.CLIENTS: 503, Outcome.DEFECT: 500, Outcome.TRANSIENT: 502, Outcome.DISK: 500, Outcome.DECLINED: 402,
    Outcome.PASSWORD: 401, Outcome.STOCK: 409, Outcome.LOCKED: 423, Outcome.LIMITED: 429,
}  # fmt: skip

STATUS_OF = np.array([HTTP_STATUS[outcome] for outcome in Outcome], dtype=np.int64)
"""The same by number, to look up whole columns."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A value over time: straight lines between points (ns, value), level before the first and after the last."""

    points: tuple[tuple[int, float], ...]

    def at(self, times_ns: IntArray) -> FloatArray:
        xs = [float(x) for x, _ in self.points]
        return np.interp(times_ns.astype(np.float64), xs, [y for _, y in self.points])


def trapezoid(start_ns: int, full_ns: int, easing_ns: int, end_ns: int, value: float, rest: float = 0.0) -> Curve:
    """`rest` until start, rising to `value` at full, level, falling back to `rest` from easing to end."""
    return Curve(((start_ns, rest), (full_ns, value), (easing_ns, value), (end_ns, rest)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A change in how calls of one service end, for the span of an incident."""

    incident: int
    """Number of the incident that is to blame."""
    service: str
    start_ns: int
    end_ns: int
    operation: str | None = None
    """None: all of them."""
    instance: int | None = None
    """Rank of the one instance concerned; None: all of them."""
    outcome: Outcome = Outcome.TRANSIENT
    rate: Curve | None = None
    """Share of the calls that end with `outcome`."""
    fail_after_ms: float = 2.0
    """Time a failing call takes before it says so."""
    slow: Curve | None = None
    """Factor on the time the service itself spends."""
    sku_below: int | None = None
    """Only requests about articles whose last digits are below this (0..100)."""
    hostile: bool = False
    """Only requests that belong to the attack."""
