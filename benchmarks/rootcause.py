"""Root causes of the demo shop's incidents: `| rootcause` over each incident's window, judged by the shop's truth.

    python benchmarks/rootcause.py [--hours 6] [--before 2] [--seed 7]

The shop's generator writes `--before` hours of history and `--hours` of live incidents; lines are decoded as the door
decodes them, go through the template stage, and are stored in the embedded engine. For each incident whose lines are
all in the data, the question is asked from two minutes before its first line to its end, against the hour before, which
often holds another incident. A hit is the root, or the service whose line names the cause. The last line is one JSON
object: `top1`, `top3` (shares), `cases`, `ms_per_case`.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from demo_incidents import ORIGIN_NS, WINDOW_NS, arrived, decoded
from heimdall.app.demo.plan import make_plan
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS
from heimdall.app.demo.streams import Tape
from heimdall.app.demo.truth import truth_of
from heimdall.clock import SystemClock
from heimdall.pipeline.stages.template import TemplateStage
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Engine, Tiers, open_engine


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--hours", type=float, default=6.0, help="of live incidents")
    options.add_argument("--before", type=float, default=2.0, help="hours of history before them")
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    started = time.perf_counter()
    start_ns, end_ns = ORIGIN_NS - int(given.before * HOUR_NS), ORIGIN_NS + int(given.hours * HOUR_NS)
    tape = Tape(make_plan(given.seed, ORIGIN_NS, int(given.hours * HOUR_NS)), start_ns)
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"clickhouse+embedded://{Path(folder) / 'tier'}", SystemClock())
        catalogue, records = store(tape, end_ns, engine)
        queries = QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(lambda: catalogue))
        result = judged(queries, truth_of(tape, start_ns, end_ns))
        queries.close()
        engine.close()
    about = {"data": f"demo seed {given.seed}", "records": records, "seconds": round(time.perf_counter() - started, 1)}
    peak_rss_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(result | about | {"peak_rss_mb": peak_rss_mb}))


def store(tape: Tape, end_ns: int, engine: Engine) -> tuple[pa.Table, int]:
    """(the templates, records stored)."""
    templates, records = TemplateStage(), 0
    while tape.written_to_ns < end_ns:
        until_ns = min(tape.written_to_ns + WINDOW_NS, end_ns)
        tape.write_to(until_ns)
        batch = templates.process(arrived(decoded(tape.take_to(until_ns), until_ns), until_ns, records))
        engine.append(batch)
        records += batch.num_rows
    return templates.catalogue(), records


def judged(queries: QueryService, truth: dict[str, Any]) -> dict[str, object]:
    ranks, took_ms = [], []
    for incident in truth["incidents"]:
        began_ns = incident["observed_first_ns"] or incident["first_symptom_ns"]
        seen = incident["observed_first_ns"] is not None or incident["kind"] == "silent_service"
        start_ns = began_ns - 2 * MINUTE_NS
        end_ns = min(incident["end_ns"], truth["until_ns"])
        if not seen or end_ns - began_ns < 3 * MINUTE_NS or start_ns - HOUR_NS < truth["start_ns"]:
            continue
        answer = queries.search(SearchRequest(q="* | rootcause", start_ns=start_ns, end_ns=end_ns))
        named = answer.rows.column("service").to_pylist()
        right = {incident["root"], incident["culprit"]["service"] if incident["culprit"] else incident["root"]}
        ranks.append(next((rank for rank, service in enumerate(named, 1) if service in right), 0))
        took_ms.append(answer.took_ms)
        print(f"{incident['number']:3} {incident['kind']:20} {incident['root']:16} rank {ranks[-1]}  {named[:4]}")
    return {
        "top1": round(sum(rank == 1 for rank in ranks) / max(len(ranks), 1), 3),
        "top3": round(sum(1 <= rank <= 3 for rank in ranks) / max(len(ranks), 1), 3),
        "cases": len(ranks),
        "ms_per_case": round(statistics.median(took_ms), 1) if took_ms else None,
    }


if __name__ == "__main__":
    main()
