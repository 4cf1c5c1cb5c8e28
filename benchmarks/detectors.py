"""What watching costs: state and CPU of a step, over all services and series at once.

    python benchmarks/detectors.py [--services 1000] [--templates 20] [--series 10000] [--steps 240]

Part one is a tenant's watch, ten detectors a service: every service logs `--templates` kinds of lines in every step of
15 seconds, Poisson counts with some errors, warnings and durations. One service in a hundred is in trouble half of the
time (errors tenfold), since judging is dearest then. With `--flood`, so many pairs of service and template a step
were never seen before. `state_mb` is what a checkpoint holds, before compression; `rss_mb`, what the process grew by,
has scikit-learn in it. `findings` are all there were, in so many `service_days`.
Part two is the detector of numbers over time, without shapes. Times are CPU of this process. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from heimdall.insight.detectors.metric import MetricConfig, MetricDetector
from heimdall.insight.feedback import Feedback
from heimdall.insight.judged import VOTES
from heimdall.insight.step import STEPS_PER_DAY, StepCounts
from heimdall.insight.watch import TenantWatch, WatchConfig
from heimdall.model.batch import DEFAULT_TENANT

FIRST_STEP = 119_000_000
SETTLING = 40
"""Steps that are not measured: nothing is judged in the first twenty."""
MINUTE_NS = 60 * 10**9


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--services", type=int, default=1_000)
    options.add_argument("--templates", type=int, default=20, help="a service's, each in every step")
    options.add_argument("--flood", type=int, default=0, help="new pairs of service and template a step")
    options.add_argument("--series", type=int, default=10_000)
    options.add_argument("--steps", type=int, default=240)
    given = options.parse_args()
    began_s = time.perf_counter()
    result: dict[str, object] = {
        "data": "Poisson counts",
        "services": given.services,
        "service_detector_pairs": given.services * len(VOTES),
    }
    result["watch"] = watched(given.services, given.templates, given.flood, given.steps)
    result["metric"] = {"series": given.series, **measured(given.series, max(given.steps // 4, 20))}
    result["seconds"] = round(time.perf_counter() - began_s, 1)
    result["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(result))


def watched(services: int, templates: int, flood: int, steps: int) -> dict[str, object]:
    rng = np.random.default_rng(7)
    before_mb = rss_mb()
    watch = TenantWatch(DEFAULT_TENANT, Feedback(), WatchConfig(services=services + 1))
    rows = np.array([watch.row_of(f"service-{number}", FIRST_STEP) for number in range(services)])
    of = np.repeat(rows, templates)
    names = np.tile(np.arange(2, templates + 2, dtype=np.uint64), services)
    rates = rng.gamma(2.0, 5.0, len(of))
    troubled = of % 100 == 0
    took_ms, findings = [], 0
    for number in range(steps + SETTLING):
        records = rng.poisson(rates).astype(np.float64)
        share = np.where(troubled & (number % 80 >= 40), 0.2, 0.02)
        errors = rng.binomial(records.astype(np.int64), share).astype(np.float64)
        warnings = rng.binomial((records - errors).astype(np.int64), 0.03).astype(np.float64)
        new = np.arange(flood, dtype=np.uint64) + np.uint64(1_000_000 + number * flood)
        one, none = np.ones(flood), np.zeros(flood)
        duration_sum = records * rng.normal(3.0, 0.1, len(of))
        there = records > 0
        nothing = 0.0 * records
        counted = (
            (records, one), (errors, none), (warnings, none), (duration_sum, one), (records, one), (nothing, none),
        )  # fmt: skip
        data = StepCounts.of(
            FIRST_STEP + number, np.concatenate([of[there], rows[new.astype(np.int64) % services]]),
            np.concatenate([names[there], new]), [np.concatenate([own[there], extra]) for own, extra in counted],
        )  # fmt: skip
        began_s = time.process_time()
        findings += len(watch.step(data))
        if number >= SETTLING:
            took_ms.append((time.process_time() - began_s) * 1e3)
    return {
        **times(took_ms),
        "state_mb": round(sum(array.nbytes for array in watch.arrays().values()) / 1e6, 1),
        "rss_mb": round(rss_mb() - before_mb),
        "findings": findings,
        "service_days": round(services * steps / STEPS_PER_DAY, 1),
    }


def measured(series: int, steps: int) -> dict[str, object]:
    rng = np.random.default_rng(7)
    before_mb = rss_mb()
    detector = MetricDetector(MetricConfig(shape=None))
    detector.grow(series)
    rows = np.arange(series)
    levels = rng.gamma(2.0, 50.0, series)
    took_ms = []
    for number in range(steps):
        values = rng.normal(levels, levels / 10)
        began_s = time.process_time()
        detector.step(rows, np.full(series, number * MINUTE_NS), values)
        took_ms.append((time.process_time() - began_s) * 1e3)
    state_mb = round(sum(array.nbytes for array in detector.arrays().values()) / 1e6, 1)
    return {**times(took_ms), "state_mb": state_mb, "rss_mb": round(rss_mb() - before_mb)}


def times(took_ms: list[float]) -> dict[str, object]:
    return {
        "cpu_p50_ms": round(float(np.percentile(took_ms, 50)), 1),
        "cpu_p95_ms": round(float(np.percentile(took_ms, 95)), 1),
        "cpu_max_ms": round(max(took_ms), 1),
    }


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main()
