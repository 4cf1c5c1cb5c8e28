"""When customers come: a day with two peaks per region, quieter nights, week-ends, noise, and Poisson arrivals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heimdall.app.demo.chance import FloatArray, IntArray, unit_hash
from heimdall.app.demo.topology import REGION_SHARE, REGION_UTC_OFFSET_H

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

MEAN_REQUESTS_PER_S = 0.8
"""At scale 1, over a whole average day: about 475,000 lines a day in all, so that a back-fill takes seconds."""

_HOURS = np.arange(25, dtype=np.float64)
_DAY_SHAPE = np.array(
    [0.42, 0.28, 0.20, 0.16, 0.16, 0.22, 0.38, 0.62, 0.88, 1.05, 1.18, 1.30, 1.42]
    + [1.34, 1.22, 1.18, 1.22, 1.34, 1.52, 1.74, 1.82, 1.62, 1.16, 0.72, 0.42]
)
_DAY_MEAN = float(_DAY_SHAPE[:-1].mean())
_WEEKDAY = np.array([0.97, 0.94, 0.95, 0.98, 1.02, 1.10, 1.14])
"""Monday … Sunday."""
_BIN_NS = 10 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time, ns since 1970 UTC."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.start_ns) / SECOND_NS


@dataclass(frozen=True, slots=True)
class Campaign:
    """A benign rush: an advertisement brings people, more of them in the middle of it than at its ends."""

    name: str
    start_ns: int
    end_ns: int
    factor: float

    def at(self, times_ns: IntArray) -> FloatArray:
        place = (times_ns - self.start_ns) / (self.end_ns - self.start_ns)
        inside = (place >= 0) & (place <= 1)
        return np.where(inside, 1 + (self.factor - 1) * np.sin(np.pi * np.clip(place, 0, 1)), 1.0)


def demand(times_ns: IntArray, region: int, seed: int, campaigns: tuple[Campaign, ...] = ()) -> FloatArray:
    """Requests per second expected in a region; a pure function of time, so windows join without a seam."""
    local_ns = times_ns + REGION_UTC_OFFSET_H[region] * HOUR_NS
    shape = np.interp((local_ns % DAY_NS) / HOUR_NS, _HOURS, _DAY_SHAPE) / _DAY_MEAN
    weekday = _WEEKDAY[(local_ns // DAY_NS + 3) % 7]  # 1970-01-01 was a Thursday
    noise: FloatArray = 1 + 0.16 * (unit_hash(times_ns // (5 * MINUTE_NS), seed * 2 + region) - 0.5)
    rate: FloatArray = MEAN_REQUESTS_PER_S * REGION_SHARE[region] * shape * weekday * noise
    for campaign in campaigns:
        rate = rate * campaign.at(times_ns)
    return rate


def load(times_ns: IntArray, region: int, seed: int, campaigns: tuple[Campaign, ...] = ()) -> FloatArray:
    """Demand relative to an average moment of the region (1 = average); drives CPU and queue figures."""
    return demand(times_ns, region, seed, campaigns) / (MEAN_REQUESTS_PER_S * REGION_SHARE[region])


def arrivals(
    rng: np.random.Generator, window: Window, region: int, seed: int, scale: float, campaigns: tuple[Campaign, ...]
) -> IntArray:
    """Sorted arrival times of a Poisson process with the region's demand."""
    edges = np.arange(window.start_ns, window.end_ns, _BIN_NS, dtype=np.int64)
    widths = np.minimum(edges + _BIN_NS, window.end_ns) - edges
    expected = demand(edges + widths // 2, region, seed, campaigns) * scale * widths / SECOND_NS
    counts = rng.poisson(expected)
    starts = np.repeat(edges, counts)
    offsets = rng.random(starts.size) * np.repeat(widths, counts)
    times: IntArray = np.sort(starts + offsets.astype(np.int64))
    return times


def every(period_s: float, window: Window, phase: float) -> IntArray:
    """Times of a periodic job in the window; `phase` (0..1) shifts it within its period."""
    period_ns = int(period_s * SECOND_NS)
    offset_ns = int(phase * period_ns)
    first = -(-(window.start_ns - offset_ns) // period_ns)
    last = -(-(window.end_ns - offset_ns) // period_ns)
    return np.arange(first, last, dtype=np.int64) * period_ns + offset_ns
