"""Anomalies of metrics: the default detector on labelled series, streaming, with one configuration.

    python benchmarks/metricad.py --data PATH

`PATH` has the layout of the Numenta Anomaly Benchmark: `data/<group>/<file>.csv` (timestamp, value),
`labels/combined_windows.json`, `profiles.json`. Every series is given point by point to one detector object and each
point is judged before it is learnt; the threshold is the one the package ships. As in the benchmark, the detector is
told the length of the probation: it warms up and rests in proportion to it. The last line is one JSON object;
`nab_best_threshold` is the standard score had the threshold been chosen on these very labels, for comparison with
published figures, which are chosen so.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from heimdall.insight.detectors.metric import MetricConfig, MetricDetector
from nabscore import BoolArray, FloatArray, Labelled, Profile, false_detections, nab_score, vus_pr

WARMUP_SHARE = 0.6
"""Of the probation; the rest of it fills the state in which an alarm may be resting."""
_KEYS = {"standard": "nab_standard", "reward_low_FP_rate": "nab_low_fp", "reward_low_FN_rate": "nab_low_fn"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--thresholds", action="store_true", help="also try other thresholds (slower)")
    given = options.parse_args()
    series = read_series(given.data)
    profiles = read_profiles(given.data)
    started = time.perf_counter()
    evidence, detections = stream(series, MetricConfig())
    streaming_s = time.perf_counter() - started
    points = sum(len(one.values) for one in series)
    result: dict[str, object] = {
        key: round(nab_score(series, detections, profiles[name]), 2) for name, key in _KEYS.items()
    }
    labelled = [(one, seen) for one, seen in zip(series, evidence, strict=True) if one.windows]
    by_series = {one.name: round(vus_pr(_labels(one), seen), 3) for one, seen in labelled}
    days = sum((one.times_s[-1] - one.times_s[one.probation]) / 86_400 for one in series)
    false = sum(false_detections(one, found) for one, found in zip(series, detections, strict=True))
    result |= {
        "vus_pr": round(float(np.mean(list(by_series.values()))), 3),
        "false_alarms_per_day": round(false / days, 4),
        "us_per_point": round(streaming_s / points * 1e6, 1),
        "series": len(series),
        "points": points,
    }
    if given.thresholds:
        scores = {}
        for threshold in np.arange(0.75, 2.26, 0.125):
            _, found = stream(series, dataclasses.replace(MetricConfig(), threshold=float(threshold)))
            scores[float(threshold)] = round(nab_score(series, found, profiles["standard"]), 2)
        result |= {"nab_by_threshold": scores, "nab_best_threshold": max(scores.values())}
    for one, found in zip(series, detections, strict=True):
        hit = sum(bool(found[first : last + 1].any()) for first, last in one.windows)
        print(f"{one.name:62} {hit} of {len(one.windows)} windows, {false_detections(one, found)} false")
    result |= {
        "data": str(given.data),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result))


def read_series(folder: Path) -> list[Labelled]:
    windows = json.loads((folder / "labels" / "combined_windows.json").read_bytes())
    found = []
    for path in sorted((folder / "data").rglob("*.csv")):
        name = path.relative_to(folder / "data").as_posix()
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        times = np.array([_seconds(row["timestamp"]) for row in rows])
        bounds = [(_seconds(first), _seconds(last)) for first, last in windows.get(name, [])]
        places = [
            (int(np.searchsorted(times, first)), int(np.searchsorted(times, last, side="right")) - 1)
            for first, last in bounds
        ]
        found.append(Labelled(name, times, np.array([float(row["value"]) for row in rows]), places))
    return found


def read_profiles(folder: Path) -> dict[str, Profile]:
    profiles = json.loads((folder / "profiles.json").read_bytes())
    return {
        name: Profile(costs["tpWeight"], costs["fnWeight"], costs["fpWeight"])
        for name, costs in ((name, one["CostMatrix"]) for name, one in profiles.items())
    }


def stream(series: Sequence[Labelled], config: MetricConfig) -> tuple[list[FloatArray], list[BoolArray]]:
    """Sustained evidence and detections of each series: step t holds point t of every series that is that long."""
    detector = MetricDetector(config)
    for number, one in enumerate(series, start=1):
        detector.grow(number, warmup_points=max(20, int(WARMUP_SHARE * one.probation)))
    evidence = [np.zeros(len(one.values)) for one in series]
    detections = [np.zeros(len(one.values), bool) for one in series]
    lengths = np.array([len(one.values) for one in series])
    for place in range(int(lengths.max())):
        rows = np.flatnonzero(lengths > place)
        times_ns = np.array([series[row].times_s[place] for row in rows]) * 10**9
        step = detector.step(rows, times_ns, np.array([series[row].values[place] for row in rows]))
        for at, row in enumerate(rows):
            evidence[row][place] = step.sustained[at]
            detections[row][place] = step.alarms[at]
    return evidence, detections


def _labels(one: Labelled) -> BoolArray:
    label = np.zeros(len(one.values), bool)
    for first, last in one.windows:
        label[first : last + 1] = True
    return label


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp())


if __name__ == "__main__":
    main()
