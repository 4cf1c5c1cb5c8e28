"""Incidents of the demo shop: the real stages over its lines, as a stream at accelerated time, judged by its truth.

    python benchmarks/demo_incidents.py [--hours 6] [--seed 7] [--quiet-days 1]

The shop's generator writes a day of history, then live incidents for `--hours`, each kind in turn; lines are decoded
as the door decodes them and given to the template and detect stages in slices of `SLICE_S` seconds, in the order and at
the moment in which they would have arrived. Nothing is told about incidents.

An incident is found when a service it affects is named between its first symptom and its end; `root_named` is the
share of found ones whose root, or the service whose line names the cause, was named. The delay runs from the first
symptom in the logs to the arrival of the slice that led to the first such finding. A second run without any incident,
but with deploys, a campaign and nightly jobs, gives the false alarms per service and day. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from heimdall.app.demo.feed import bodies
from heimdall.app.demo.plan import Plan, make_plan
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS
from heimdall.app.demo.streams import Tape
from heimdall.app.demo.topology import SERVICES
from heimdall.app.demo.truth import truth_of
from heimdall.ingest.decode.defaults import with_defaults
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import decode_lines
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, LogBatch, Origin
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.pipeline.stages.template import TemplateStage

ORIGIN_NS = 1_763_985_600_000_000_000  # 2025-11-24T12:00:00Z, a Monday
SLICE_S = 5
WINDOW_NS = 10 * MINUTE_NS
"""Lines are worked out and decoded this many at a time; arrival is slice by slice all the same."""


@dataclass
class Arrivals:
    """A sink that notes at which slice's arrival each finding came."""

    now_ns: int = 0
    findings: list[tuple[int, Finding]] = field(default_factory=list)

    def report(self, finding: Finding) -> None:
        self.findings.append((self.now_ns, finding))


@dataclass
class Played:
    findings: list[tuple[int, Finding]]
    truth: dict[str, object]
    records: int
    detect_cpu_s: float
    rest_cpu_s: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=6.0, help="of live incidents after the day of history")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--quiet-days", type=float, default=1.0)
    options.add_argument("--verbose", action="store_true", help="print every finding")
    given = options.parse_args()
    started = time.perf_counter()
    plan = make_plan(given.seed, ORIGIN_NS, int(given.hours * HOUR_NS))
    played = play(plan, ORIGIN_NS - 24 * HOUR_NS, ORIGIN_NS + int(given.hours * HOUR_NS))
    result = judged(played, given.verbose)
    if given.quiet_days:
        quiet = dataclasses.replace(make_plan(given.seed, ORIGIN_NS), incidents=())
        # The first half day is learnt from; benign events lie in the day that follows.
        calm = play(quiet, ORIGIN_NS - 24 * HOUR_NS, ORIGIN_NS + int((given.quiet_days * 24 - 12) * HOUR_NS))
        for at_ns, finding in calm.findings:
            if given.verbose:
                print(f"quiet {_clock(at_ns)} {finding.evidence:5.1f} {finding.statement}")
        days = given.quiet_days + 0.5
        result["false_per_service_day"] = round(len(calm.findings) / days / len(SERVICES), 3)
        result["false_kinds"] = dict(Counter(finding.kind.value for _, finding in calm.findings))
    result |= {
        "seconds": round(time.perf_counter() - started, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result))


def play(plan: Plan, start_ns: int, end_ns: int) -> Played:
    arrivals = Arrivals()
    templates, detect = TemplateStage(), DetectStage(arrivals, Feedback())
    tape = Tape(plan, start_ns)
    records, detect_cpu_s, rest_cpu_s = 0, 0.0, 0.0
    while tape.written_to_ns < end_ns:
        until_ns = min(tape.written_to_ns + WINDOW_NS, end_ns)
        tape.write_to(until_ns)
        table = decoded(tape.take_to(until_ns), until_ns)
        for arrival_ns, part in slices(table):
            batch = arrived(part, arrival_ns, records)
            records += batch.num_rows
            arrivals.now_ns = arrival_ns
            began = time.process_time()
            batch = templates.process(batch)
            between = time.process_time()
            detect.process(batch)
            detect_cpu_s += time.process_time() - between
            rest_cpu_s += between - began
    return Played(arrivals.findings, truth_of(tape, start_ns, end_ns), records, detect_cpu_s, rest_cpu_s)


def decoded(lines: pl.DataFrame, now_ns: int) -> pa.Table:
    """All lines of a window as records, sorted by time."""
    tables = []
    for body, content_type, about, _ in bodies(lines):
        if content_type.startswith("text/"):
            read = decode_lines(lines_of(body), now_ns=now_ns)
        else:
            read = decode_json(body, now_ns=now_ns)
        tables.append(with_defaults(read.table, about))
    table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    return table.take(np.argsort(table.column("timestamp").cast(pa.int64()).to_numpy(), kind="stable"))


def slices(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """(arrival, records) of each slice: all of them arrive when it ends."""
    number = table.column("timestamp").cast(pa.int64()).to_numpy() // (SLICE_S * 10**9)
    bounds = np.flatnonzero(np.diff(number, prepend=number[0] - 1, append=number[-1] + 1))
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield int(number[start] + 1) * SLICE_S * 10**9, table.slice(start, end - start)


def arrived(table: pa.Table, arrival_ns: int, first: int) -> LogBatch:
    count = table.num_rows
    place = table.column_names.index("observed_timestamp")
    observed = pa.array(np.full(count, arrival_ns), pa.int64()).cast(LOG_SCHEMA.field("observed_timestamp").type)
    table = table.set_column(place, LOG_SCHEMA.field("observed_timestamp"), observed)
    positions = pa.array(np.arange(first + 1, first + 1 + count, dtype=np.uint64))
    return LogBatch(DEFAULT_TENANT, table.append_column(POSITION_FIELD, positions), Origin(first + 1, first + count))


def judged(played: Played, verbose: bool) -> dict[str, object]:
    incidents = sorted(played.truth["incidents"], key=lambda one: one["start_ns"])  # type: ignore[call-overload]
    if verbose:
        for at_ns, finding in played.findings:
            inside = [one["number"] for one in incidents if one["start_ns"] <= at_ns <= one["end_ns"] + 20 * MINUTE_NS]
            print(f"{_clock(at_ns)} {inside} {finding.evidence:5.1f} {finding.statement}")
    delays, named, missed = [], 0, []
    for incident in incidents:
        if incident["observed_first_ns"] is None and incident["kind"] != "silent_service":
            continue
        began_ns = incident["observed_first_ns"] or incident["first_symptom_ns"]
        hits = [
            (at_ns, finding)
            for at_ns, finding in played.findings
            if began_ns <= at_ns <= incident["end_ns"] + MINUTE_NS and finding.service in incident["affected"]
        ]
        culprit = incident["culprit"]["service"] if incident["culprit"] else incident["root"]
        if not hits:
            missed.append(f"{incident['number']} {incident['kind']}")
            continue
        delays.append((hits[0][0] - began_ns) / 1e9)
        right = any(finding.service in (incident["root"], culprit) for _, finding in hits)
        named += right
        first = hits[0][1]
        about = f"{incident['number']:3} {incident['kind']:20} {delays[-1]:8.0f} s  {'root' if right else '    '}"
        print(f"{about}  {first.statement}")
    total = len(delays) + len(missed)
    return {
        "found": len(delays),
        "total": total,
        "missed": missed,
        "root_named": round(named / max(len(delays), 1), 3),
        "median_delay_s": round(statistics.median(delays), 1) if delays else None,
        "findings": len(played.findings),
        "records": played.records,
        "detect_cpu_us_per_record": round(played.detect_cpu_s / played.records * 1e6, 2),
        "template_cpu_us_per_record": round(played.rest_cpu_s / played.records * 1e6, 2),
    }


def _clock(time_ns: int) -> str:
    return time.strftime("%d %H:%M:%S", time.gmtime(time_ns / 1e9))


if __name__ == "__main__":
    main()
