"""Anomalies of sessions of log events: count-vector novelty on labelled sets, threshold without labels.

    python benchmarks/logad.py --data PATH [--fit PATH] [--splits 5]

`PATH` has sessions as `id,space-separated event ids`: `normal.csv` and `abnormal.csv`, or files named `…_train…`,
`…_test_normal` and `…_test_abnormal`. Learnt is from normal sessions only: half of `normal.csv` by a hash of the ids
(`--splits` different halves; figures are their mean), else the `…_train…` file, or what `--fit` names. A session
alarms below p = 1 / (sessions learnt from): no label sets a threshold.

`f1` weighs sessions so that normal and abnormal ones have the prevalence of `--prevalence` (HDFS as published:
558,223 to 16,838; others as they are); `f1_unique` counts each distinct sequence that was not learnt from once. A set
without a tested part gives the rate of false alarms on the other half of its normal sessions. The sets have no times,
so there are no alerts a day; `alerts_per_1000_sessions` stands in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import resource
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heimdall.insight.detectors.sequences import SequenceSurprise, contexts_of
from heimdall.insight.detectors.sessions import SessionConfig, SessionNovelty

Session = tuple[str, tuple[int, ...]]
_PREVALENCE = {"log-ad-hdfs": (558_223, 16_838)}


@dataclass(frozen=True)
class Sets:
    fit: list[Session]
    normal: list[Session]
    abnormal: list[Session]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--fit", type=Path)
    options.add_argument("--splits", type=int, default=5)
    options.add_argument("--prevalence", type=int, nargs=2, metavar=("NORMAL", "ABNORMAL"))
    given = options.parse_args()
    prevalence = given.prevalence or _PREVALENCE.get(given.data.resolve().name)
    started = time.perf_counter()
    rows = [measured(sets, prevalence) for sets in split(given.data, given.fit, given.splits)]
    for number, row in enumerate(rows, start=1):
        print(f"split {number}: {json.dumps(row)}")
    result: dict[str, object] = {
        key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0] if key != "fit_sessions"
    }
    result["worst_f1"] = min((row["f1"] for row in rows if "f1" in row), default=None)
    result |= {
        "fit_sessions": rows[0]["fit_sessions"],
        "splits": len(rows),
        "data": str(given.data),
        "seconds": round(time.perf_counter() - started, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result))


def measured(sets: Sets, prevalence: tuple[int, int] | None) -> dict[str, float]:
    codes = _codes(sets.fit)
    novelty = SessionNovelty()
    width = SessionConfig().events
    novelty.learn(np.array([_vector(events, codes, width) for _, events in sets.fit]))
    order = SequenceSurprise()
    limit = 1 / len(sets.fit)
    known = {events for _, events in sets.fit}
    began = time.perf_counter()
    p_normal = _judge(novelty, sets.normal, codes, width)
    p_abnormal = _judge(novelty, sets.abnormal, codes, width)
    per_session_ms = (time.perf_counter() - began) / max(len(sets.normal) + len(sets.abnormal), 1) * 1e3
    row = {
        "fit_sessions": len(sets.fit),
        "false_alarm_rate": round(float((p_normal < limit).mean()), 5),
        "latency_ms": round(per_session_ms, 4),
        "median_surprise": round(_order_surprise(order, sets), 2),
    }
    if not sets.abnormal:
        return row
    totals = prevalence or (len(sets.normal), len(sets.abnormal))
    weights = totals[0] / len(sets.normal), totals[1] / len(sets.abnormal)
    normal = {events: p for (_, events), p in zip(sets.normal, p_normal, strict=True) if events not in known}
    abnormal = {events: p for (_, events), p in zip(sets.abnormal, p_abnormal, strict=True) if events not in known}
    f1, mcc = _f1_mcc(p_normal < limit, p_abnormal < limit, *weights)
    f1_unique, _ = _f1_mcc(np.array(list(normal.values())) < limit, np.array(list(abnormal.values())) < limit, 1, 1)
    alerts = weights[0] * (p_normal < limit).sum() + weights[1] * (p_abnormal < limit).sum()
    return row | {
        "f1": round(f1, 4),
        "f1_unique": round(f1_unique, 4),
        "pr_auc": round(_average_precision(p_normal, p_abnormal, *weights), 4),
        "mcc": round(mcc, 4),
        "recall": round(float((p_abnormal < limit).mean()), 4),
        "alerts_per_1000_sessions": round(float(alerts / sum(totals) * 1_000), 2),
    }


def split(folder: Path, fit: Path | None, splits: int) -> list[Sets]:
    train = sorted(path for path in folder.iterdir() if "_train" in path.name)
    tested = [
        [one for path in sorted(folder.iterdir()) if path.name in names for one in read_sessions(path)]
        for names in (
            {"normal.csv", f"{folder.name.removeprefix('log-ad-')}_test_normal"},
            {"abnormal.csv", f"{folder.name.removeprefix('log-ad-')}_test_abnormal"},
        )
    ]
    if fit is not None:
        learnt = [one for path in sorted(fit.iterdir()) if _is_normal(path) for one in read_sessions(path)]
        return [Sets(learnt, tested[0], tested[1])]
    if train and tested[0] and not (folder / "normal.csv").exists():
        return [Sets([one for path in train for one in read_sessions(path)], tested[0], tested[1])]
    normal = tested[0] or [one for path in train for one in read_sessions(path)]
    return [
        Sets(
            [one for one in normal if _half(one[0], salt) == 0],
            [one for one in normal if _half(one[0], salt) == 1],
            tested[1],
        )
        for salt in range(splits)
    ]


def read_sessions(path: Path) -> list[Session]:
    found = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            name, _, events = line.strip().rpartition(",")
            if events:
                found.append((name, tuple(int(event) for event in events.split())))
    return found


def _is_normal(path: Path) -> bool:
    return path.name == "normal.csv" or "_train" in path.name


def _half(name: str, salt: int) -> int:
    return hashlib.sha256(f"{salt}:{name}".encode()).digest()[0] % 2


def _codes(fit: list[Session]) -> dict[int, int]:
    """Event → place in the vectors; the most frequent first. Place 0 takes every event never seen in the fit."""
    counts = Counter(event for _, events in fit for event in events)
    return {event: place for place, (event, _) in enumerate(counts.most_common(), start=1)}


def _vector(events: tuple[int, ...], codes: dict[int, int], width: int) -> np.ndarray:
    vector = np.zeros(width, np.int32)
    for event, count in Counter(events).items():
        vector[min(codes.get(event, 0), width - 1)] += count
    return vector


def _judge(novelty: SessionNovelty, sessions: list[Session], codes: dict[int, int], width: int) -> np.ndarray:
    if not sessions:
        return np.zeros(0)
    vectors = np.array([_vector(events, codes, width) for _, events in sessions])
    distinct, place = np.unique(vectors, axis=0, return_inverse=True)
    return novelty.judge(distinct)[place.ravel()]


def _order_surprise(order: SequenceSurprise, sets: Sets) -> float:
    """Median over abnormal (else normal) sessions of their most surprising event, -log10 p, by the Markov model."""
    order.learn(*_flat(sets.fit))
    tested = sets.abnormal or sets.normal
    codes, before = _flat(tested)
    lengths = [len(events) for _, events in tested]
    most = np.maximum.reduceat(order.surprise(codes, before), np.r_[0, np.cumsum(lengths)[:-1]])
    return float(np.median(most))


def _flat(sessions: list[Session]) -> tuple[np.ndarray, np.ndarray]:
    codes = np.array([event for _, events in sessions for event in events], np.int64) + 1
    places = np.repeat(np.arange(len(sessions)), [len(events) for _, events in sessions])
    return codes, contexts_of(codes, places)


def _f1_mcc(false: np.ndarray, true: np.ndarray, normal_weight: float, abnormal_weight: float) -> tuple[float, float]:
    tp, fn = true.sum() * abnormal_weight, (~true).sum() * abnormal_weight
    fp, tn = false.sum() * normal_weight, (~false).sum() * normal_weight
    below = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return 2 * tp / (2 * tp + fp + fn), (tp * tn - fp * fn) / below if below else 0.0


def _average_precision(p_normal: np.ndarray, p_abnormal: np.ndarray, wn: float, wa: float) -> float:
    """Area under precision and recall over all thresholds; equal p-values are one threshold."""
    marks = np.unique(np.r_[p_normal, p_abnormal])
    tp = np.searchsorted(np.sort(p_abnormal), marks, side="right") * wa
    fp = np.searchsorted(np.sort(p_normal), marks, side="right") * wn
    recall = np.r_[0.0, tp / (len(p_abnormal) * wa)]
    return float(np.sum(np.diff(recall) * tp / (tp + fp)))


if __name__ == "__main__":
    main()
