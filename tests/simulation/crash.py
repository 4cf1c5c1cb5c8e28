"""Crash the journal on a simulated disk, seed after seed: `python tests/simulation/crash.py --seeds 100000`.

Prints what was done and found; exit code 1 with the seed when a law is broken.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from simdisk import Tally
from simworld import run_seed


def run_range(begin: int, stop: int, enough: int = 10) -> tuple[Tally, list[tuple[int, str]]]:
    logging.disable(logging.CRITICAL)
    tally = Tally()
    broken: list[tuple[int, str]] = []
    for seed in range(begin, stop):
        try:
            run_seed(seed, tally)
        except Exception as exc:
            where = traceback.extract_tb(exc.__traceback__)[-1]
            broken.append((seed, f"{type(exc).__name__}: {exc} ({where.name}:{where.lineno})"))
            if len(broken) >= enough:
                break
    return tally, broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--enough", type=int, default=10, help="stop after this many seeds that break a law")
    options = parser.parse_args()
    started = time.perf_counter()
    total = Tally()
    broken: list[tuple[int, str]] = []
    if options.processes == 1:
        results = [run_range(options.first, options.first + options.seeds, options.enough)]
    else:
        step = max(1, options.seeds // (options.processes * 32))
        begins = range(options.first, options.first + options.seeds, step)
        stops = [min(begin + step, options.first + options.seeds) for begin in begins]
        with ProcessPoolExecutor(options.processes) as pool:
            results = []
            for stop, result in zip(stops, pool.map(run_range, begins, stops), strict=True):
                results.append(result)
                sys.stderr.write(f"\r{stop - options.first:,} of {options.seeds:,} seeds")
            sys.stderr.write("\n")
    for tally, failures in results:
        total.add(tally)
        broken += failures
    seconds = time.perf_counter() - started
    lost = sum("is lost" in text for _, text in broken)
    doubled = sum("doubled" in text or "twice" in text for _, text in broken)
    summary = asdict(total) | {
        "faults_injected": sum(total.faults.values()),
        "lost": lost,
        "doubled": doubled,
        "laws_broken": len(broken),
        "opens_per_s": round(total.opens / seconds),
        "seconds": round(seconds, 1),
    }
    sys.stdout.write(json.dumps(summary) + "\n")
    for seed, text in broken[:10]:
        sys.stdout.write(f"seed {seed}: {text}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
