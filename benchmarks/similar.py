"""How well and how fast `| similar` finds what is like a line or a stack trace.

    python benchmarks/similar.py --templates LOGHUB_2K [--data NLQ_LOGQL] [--model FOLDER] [--records 1000000]
    python benchmarks/similar.py --traces 50000 [--records 1000000] [--lines 300]

`--templates` is a folder in Loghub-2k layout (`<System>/*_structured_corrected.csv`, else `*_structured.csv`). Lines
are mined, again and again until there are `--records`, and stored in the embedded engine; questions come over HTTP.
`--lines` of them, drawn at random from templates with more than ten lines, are asked for:
`recall_at_10_lines` is the share of the ten found that have the ground-truth template of the line asked with,
`p50_ms` and `p95_ms` how long an answer takes, `cpu_p50_ms` and `cpu_p95_ms` its CPU, the client's too. The first
`WARMING` questions count for nothing. With `--data`, questions in plain words are ranked against the ground-truth
templates of all systems; right are those that hold every literal of the question's gold line filters: `recall_at_1`,
`recall_at_5`, `mrr`.
With `--model`, a folder with a sentence model, words and meaning are put together; `embeds_per_s` is how many
templates a thread reads.
With `--traces` so many stack traces of 300 known faults (`tracelogs.py`), frequent and rare ones, stand among short
lines up to `--records`. Asked with are occurrences that are not stored; `recall_at_10` is the share of the ten found
that are of the same fault; `simple_p50_ms` is how long the newest record with a word takes. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import resource
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import polars as pl
import pyarrow as pa
import uvicorn

from heimdall.api.asgi import build_asgi
from heimdall.api.explaining import explaining_routes
from heimdall.api.queries import query_routes
from heimdall.api.static_files import StaticUi
from heimdall.clock import SystemClock
from heimdall.insight.similarity.bm25 import Collection
from heimdall.insight.similarity.meaning import EmbeddingsConfig, TemplateMeaning, open_meaning
from heimdall.insight.similarity.similar import fused, nearness
from heimdall.model.batch import DEFAULT_TENANT, TIMESTAMP, LogBatch, Origin
from heimdall.pipeline.stages.template import TemplateStage
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Engine, Tiers, open_engine
from tracelogs import faults, occurrence

START_NS = 1_795_000_000_000_000_000
STEP_NS = 10_000_000
BATCH = 50_000
LEAST_LINES = 11
WARMING = 5
SAID = ("cart", "orders", "stock", "login", "search", "checkout", "health", "metrics")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--templates", type=Path)
    options.add_argument("--data", type=Path)
    options.add_argument("--model", type=Path)
    options.add_argument("--traces", type=int, default=0)
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--lines", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    began_s, draw = time.perf_counter(), random.Random(given.seed)
    if given.templates is not None:
        lines, truth = labelled(given.templates)
        questions, recall = often(lines, truth, draw, given.lines), "recall_at_10_lines"
    elif given.traces:
        lines, truth, questions = traces(draw, given.traces, given.records, given.lines)
        recall = "recall_at_10"
    else:
        options.error("say what is stored: --templates or --traces")
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"clickhouse+embedded://{Path(folder) / 'tier'}", SystemClock())
        catalogue = store(lines, given.records, engine)
        queries = QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), TableCatalogue(lambda: catalogue))
        meaning = open_meaning(EmbeddingsConfig(model=given.model), Path(folder), TableCatalogue(lambda: catalogue))
        queries.meaning = meaning
        speed = {} if meaning is None else embedded(meaning)
        with served(queries) as client:
            right, took = asked(client, questions, truth)
        queries.close()
        engine.close()
        if meaning is not None:
            meaning.close()
        result: dict[str, object] = {recall: right, **took, **speed}
        if given.data is not None:
            result |= ranked(sorted(set(truth)), given.data / "pairs.jsonl", given.model, Path(folder) / "ranked")
    about = {
        "data": "traces" if given.templates is None else given.templates.name,
        "records": given.records,
        "templates": len(set(truth)),
        "seconds": round(time.perf_counter() - began_s, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(about | result))


def labelled(folder: Path) -> tuple[list[str], list[str]]:
    """(lines, the template of each), of all systems."""
    lines, truth = [], []
    for system in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = sorted(system.glob("*_structured_corrected.csv")) or sorted(system.glob("*_structured.csv"))
        with found[0].open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                lines.append(row["Content"])
                truth.append(row["EventTemplate"])
    return lines, truth


def store(lines: list[str], records: int, engine: Engine) -> pa.Table:
    """The lines over and over; `request_id` is a line's number. Returns the templates."""
    stage = TemplateStage()
    for first in range(0, records, BATCH):
        places = [(first + offset) % len(lines) for offset in range(min(BATCH, records - first))]
        times = pa.array(range(START_NS + first * STEP_NS, START_NS + (first + len(places)) * STEP_NS, STEP_NS))
        table = pa.table(
            {
                "timestamp": times.cast(TIMESTAMP),
                "observed_timestamp": times.cast(TIMESTAMP),
                "severity_number": pa.array([9] * len(places), pa.uint8()),
                "message": pa.array([lines[place] for place in places], pa.large_string()),
                "request_id": pa.array([str(place) for place in places], pa.large_string()),
                "position": pa.array(range(first, first + len(places)), pa.uint64()),
            }
        )
        origin = Origin(first, first + len(places) - 1)
        engine.append(stage.process(LogBatch(DEFAULT_TENANT, table, origin=origin)))
    return stage.catalogue()


def often(lines: list[str], truth: list[str], draw: random.Random, count: int) -> list[tuple[str, str]]:
    """(line, its template) of `count` lines whose template has more than ten."""
    times = Counter(truth)
    return draw.sample([one for one in zip(lines, truth, strict=True) if times[one[1]] >= LEAST_LINES], count)


def traces(
    draw: random.Random, count: int, records: int, asked_with: int
) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """(lines, the fault of each or nothing, occurrences to ask with): faults as frequent as Zipf has it."""
    known = faults(draw, services=25, each=12)
    draw.shuffle(known)
    drawn = draw.choices(known, [1 / rank for rank in range(1, len(known) + 1)], k=count)
    stored = [(occurrence(fault, draw), str(fault.number)) for fault in drawn]
    stored += [(f"GET /{draw.choice(SAID)} {draw.randrange(900)} ms of {draw.choice(SAID)}", "")] * (records - count)
    draw.shuffle(stored)
    times = Counter(fault.number for fault in drawn)
    frequent = [fault for fault in known if times[fault.number] >= LEAST_LINES]
    questions = [(occurrence(fault, draw), str(fault.number)) for fault in draw.choices(frequent, k=asked_with)]
    return [line for line, _ in stored], [fault for _, fault in stored], questions


@contextmanager
def served(queries: QueryService) -> Iterator[httpx.Client]:
    """A client of the node's own routes, on a thread of this process."""
    clock = SystemClock()
    app = build_asgi([query_routes(queries, clock), explaining_routes(queries, clock)], [], [], StaticUi(None))
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    headers = {"Cache-Control": "no-cache"}
    with httpx.Client(base_url=f"http://127.0.0.1:{opened.getsockname()[1]}", headers=headers, timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


def asked(client: httpx.Client, questions: list[tuple[str, str]], truth: list[str]) -> tuple[float, dict[str, object]]:
    """(share of the ten found that are right, how long it took)."""
    right, took_ms, cpu_ms, simple_ms = [], [], [], []
    for text, wanted in questions:
        began_s = time.perf_counter()
        client.get("/api/v1/search", params={"q": "error", "limit": 1}).raise_for_status()
        simple_ms.append((time.perf_counter() - began_s) * 1e3)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        answer = client.post("/api/v1/similar", json={"text": text, "limit": 10})
        took_ms.append((time.perf_counter() - began_s) * 1e3)
        cpu_ms.append((time.process_time() - began_cpu_s) * 1e3)
        found = [truth[int(row["request_id"])] for row in answer.raise_for_status().json()["data"]]
        right.append(sum(one == wanted for one in found) / 10)
    took_ms, cpu_ms, simple_ms = sorted(took_ms[WARMING:]), sorted(cpu_ms[WARMING:]), simple_ms[WARMING:]
    took = {
        "p50_ms": round(statistics.median(took_ms), 1),
        "p95_ms": round(took_ms[int(len(took_ms) * 0.95)], 1),
        "cpu_p50_ms": round(statistics.median(cpu_ms), 1),
        "cpu_p95_ms": round(cpu_ms[int(len(cpu_ms) * 0.95)], 1),
        "simple_p50_ms": round(statistics.median(simple_ms), 1),
    }
    return round(statistics.fmean(right), 4), took


def embedded(meaning: TemplateMeaning) -> dict[str, object]:
    began_s = time.perf_counter()
    made = meaning.refresh()
    return {"embeds_per_s": round(made / (time.perf_counter() - began_s), 1)}


def ranked(templates: list[str], pairs: Path, model: Path | None, folder: Path) -> dict[str, object]:
    collection = Collection(pl.Series(templates))
    catalogue = pa.table({"text": templates})
    meaning = open_meaning(EmbeddingsConfig(model=model), folder, TableCatalogue(lambda: catalogue))
    if meaning is not None:
        meaning.refresh()
    ranks = []
    for line in pairs.read_text(encoding="utf-8").splitlines():
        pair = json.loads(line)
        literals = [re.sub(r"\\+", "", text) for text in re.findall(r'\|[=~]\s*"((?:[^"\\]|\\.)+)"', pair["logql"])]
        gold = {place for place, text in enumerate(templates) if all(one in text for one in literals)}
        if not literals or not gold:
            continue
        near = {} if meaning is None else meaning.nearness(pair["question"], templates)
        order = fused(collection.rank(collection.weighed(pair["question"])), nearness(near))["text"].to_list()
        ranks.append(next((rank for rank, place in enumerate(order, 1) if place in gold), 0))
    return {
        "questions": len(ranks),
        "recall_at_1": round(statistics.fmean(rank == 1 for rank in ranks), 3),
        "recall_at_5": round(statistics.fmean(1 <= rank <= 5 for rank in ranks), 3),
        "mrr": round(statistics.fmean(1 / rank if rank else 0 for rank in ranks), 3),
    }


if __name__ == "__main__":
    main()
