"""Template mining against labelled logs, and its speed.

    python benchmarks/templates.py --data PATH [--batch-records 500] [--systems A,B] [--show SYSTEM]

`--data` is a folder in Loghub-2k layout (`<System>/*_structured_corrected.csv`, else `*_structured.csv`, with the
columns Content and EventTemplate), or a folder of raw logs (`*.log`, Nezha's `*_log.csv.xz`), which measures speed
only. Every line goes through the very stage of production, in batches, with one configuration. What the stage merges
later is resolved through its catalogue, as every reader of stored records does.

The last line is one JSON object. GA: share of lines in a group equal to the line's true group. PA: share of lines
whose template text is exact. FGA, FTA: F1 over groups, and over groups with exact text. Texts of both sides are
normalised alike: white space to one space, `<*><*>`, `<*>.<*>`, `<*>:<*>`, `<*>/<*>` to `<*>`.
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
import random
import resource
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from heimdall.model.batch import DEFAULT_TENANT, TIMESTAMP, LogBatch
from heimdall.pipeline.stages.template import TemplateStage

SPEED_BATCH = 16_384
"""Records per batch when speed is measured; the pipeline's spans hold up to 50,000."""


def batch_of(messages: Sequence[str], first: int = 0) -> LogBatch:
    times = pa.array(range(first + 1, first + 1 + len(messages)), pa.int64()).cast(TIMESTAMP)
    return LogBatch(DEFAULT_TENANT, pa.table({"timestamp": times, "message": pa.array(messages, pa.large_string())}))


def batches(messages: Sequence[str], records: int) -> Iterable[LogBatch]:
    for first in range(0, len(messages), records):
        yield batch_of(messages[first : first + records], first)


def mine(messages: Sequence[str], records: int, restart_at: int | None = None) -> tuple[list[int], TemplateStage]:
    """Ids as they were stored. `restart_at`: before that batch the stage is replaced by one restored from its state."""
    stage = TemplateStage()
    ids: list[int] = []
    for number, batch in enumerate(batches(messages, records)):
        if number == restart_at:
            state = stage.snapshot()
            stage = TemplateStage()
            stage.restore(state)
        ids += stage.process(batch).table.column("template_id").to_pylist()
    return ids, stage


def read(ids: Sequence[int], stage: TemplateStage) -> tuple[list[int], list[str]]:
    """Ids and texts as a reader of the stored records sees them."""
    catalogue = stage.catalogue()
    merged = dict(zip(catalogue["template_id"].to_pylist(), catalogue["merged_into"].to_pylist(), strict=True))
    text = dict(zip(catalogue["template_id"].to_pylist(), catalogue["text"].to_pylist(), strict=True))
    final = [merged[i] or i for i in ids]
    return final, [text[i] for i in final]


def normalised(template: str) -> str:
    template = " ".join(template.split())
    while True:
        before = template
        for doubled in ("<*><*>", "<*>.<*>", "<*>:<*>", "<*>/<*>"):
            template = template.replace(doubled, "<*>")
        if template == before:
            return template


def score(groups: Sequence[int], texts: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    texts, truth = [normalised(t) for t in texts], [normalised(t) for t in truth]
    found: dict[int, set[int]] = defaultdict(set)
    true: dict[str, set[int]] = defaultdict(set)
    for line, (group, template) in enumerate(zip(groups, truth, strict=True)):
        found[group].add(line)
        true[template].add(line)
    right = [lines for lines in found.values() if true[truth[min(lines)]] == lines]
    exact = [lines for lines in right if texts[min(lines)] == truth[min(lines)]]
    return {
        "ga": sum(map(len, right)) / len(truth),
        "pa": sum(a == b for a, b in zip(texts, truth, strict=True)) / len(truth),
        "fga": 2 * len(right) / (len(found) + len(true)),
        "fta": 2 * len(exact) / (len(found) + len(true)),
    }


def labelled(data: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Messages and true templates by system."""
    systems = {}
    for folder in sorted([data, *data.iterdir()]) if data.is_dir() else []:
        if not folder.is_dir():
            continue
        files = sorted(folder.glob("*_structured_corrected.csv")) or sorted(folder.glob("*_structured.csv"))
        for file in files:
            with file.open(newline="", encoding="utf-8") as lines:
                rows = list(csv.DictReader(lines))
            name = file.name.split("_")[0]
            systems[name] = ([r["Content"] or "" for r in rows], [r["EventTemplate"] or "" for r in rows])
    return systems


def raw(data: Path) -> list[str]:
    """Lines of plain logs, or the log lines of Nezha's tables."""
    lines: list[str] = []
    for file in sorted(data.rglob("*.log")):
        lines += file.read_text(encoding="utf-8", errors="replace").splitlines()
    csv.field_size_limit(2**30)
    for file in sorted(data.rglob("*_log.csv.xz")):
        with lzma.open(file, "rt", encoding="utf-8", newline="") as table:
            for row in csv.DictReader(table):
                try:
                    lines.append(str(json.loads(row["Log"])["log"]))
                except (ValueError, KeyError, TypeError):
                    lines.append(row["Log"] or "")
    return lines


def service_logs(records: int) -> list[str]:
    """Messages of about 90 characters from 12 templates, as a busy shop writes them; the same every time."""
    chance = random.Random(7)

    def n(top: int) -> int:
        return chance.randrange(top)

    def host() -> str:
        return f"10.{n(256)}.{n(256)}.{n(256)}"

    def request() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128)))

    def key() -> str:
        return f"{chance.getrandbits(128):032x}"

    shapes = [
        lambda: (
            f"payment {n(10**6)} declined for user u{n(200_000)} card ending {n(10_000):04} amount {n(9999)}.99 EUR"
        ),
        lambda: f"GET /api/v1/orders/{n(10**6)}/items 200 in {n(900)}ms from {host()} request {request()}",
        lambda: f"cache miss for key session:{key()} on shard {n(64)} after {n(90)} us, loading",
        lambda: f"connection to {host()}:{n(65_536)} closed: reset by peer after {n(10**6)} bytes in pool {n(9)}",
        lambda: f"order {n(10**7)} of customer {n(200_000)} moved from state pending to state paid in {n(500)} ms",
        lambda: f"slow query took {n(9000)} ms: select from orders where id={n(10**7)} limit={n(100)} rows={n(100)}",
        lambda: f"user u{n(200_000)} logged in from {host()} with token 0x{key()[:16]} expires in {n(3600)}s",
        lambda: f"published message {request()} to topic orders partition {n(32)} offset {n(10**9)}",
        lambda: f"retrying call {n(5)} of 5 to http://stock.shop.local:8080/sku/{n(10**5)} after {n(5000)} ms",
        lambda: f"worker {n(64)} picked job {request()} from queue mails, {n(10**4)} jobs waiting",
        lambda: f"wrote /var/lib/shop/exports/2026/{n(12):02}/orders-{n(10**6)}.csv with {n(10**5)} rows in {n(9)} s",
        lambda: f"health check of {host()} passed: latency {n(100)} ms, load {n(4)}.{n(99)}, free {n(64_000)} MB",
    ]
    return [shapes[n(len(shapes))]() for _ in range(records)]


def speed(messages: Sequence[str], least_records: int = 100_000) -> dict[str, float]:
    """Lines a second and CPU per record of one stage in one process, learning included; the best of three."""
    messages = list(messages)
    while messages and len(messages) < least_records:
        messages = messages * 2
    prepared = list(batches(messages, SPEED_BATCH))
    wall, cpu = [], []
    for _ in range(3):
        stage = TemplateStage()
        started, started_cpu = time.perf_counter(), time.process_time()
        for batch in prepared:
            stage.process(batch)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - started_cpu)
    return {
        "lines_per_s": round(len(messages) / min(wall)),
        "cpu_us_per_line": round(min(cpu) / len(messages) * 1e6, 3),
        "chars_per_line": round(sum(map(len, messages)) / len(messages), 1),
        "templates": stage.catalogue().num_rows,
    }


def differences(groups: Sequence[int], texts: Sequence[str], truth: Sequence[str]) -> Iterable[str]:
    seen: dict[tuple[int, str], int] = defaultdict(int)
    for group, template in zip(groups, truth, strict=True):
        seen[group, template] += 1
    text = dict(zip(groups, texts, strict=True))
    of_truth: dict[str, int] = defaultdict(int)
    of_group: dict[int, int] = defaultdict(int)
    for group, template in seen:
        of_truth[template] += 1
        of_group[group] += 1
    for (group, template), lines in sorted(seen.items(), key=lambda x: -x[1]):
        mark = ("split " if of_truth[template] > 1 else "") + ("mixed " if of_group[group] > 1 else "")
        if mark or normalised(text[group]) != normalised(template):
            yield f"{lines:5} {mark}\n      mined {normalised(text[group])}\n      truth {normalised(template)}"


def main(argv: Sequence[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--batch-records", type=int, default=500)
    parser.add_argument("--systems", help="only these, separated by commas")
    parser.add_argument("--show", help="print what differs from the truth in this system")
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args(argv)
    started = time.perf_counter()
    systems = labelled(options.data)
    if options.systems:
        systems = {name: systems[name] for name in options.systems.split(",")}
    result: dict[str, object] = {}
    scores: dict[str, dict[str, float]] = {}
    shuffled, stable = [], []
    for name, (messages, truth) in systems.items():
        ids, stage = mine(messages, options.batch_records)
        groups, texts = read(ids, stage)
        scores[name] = score(groups, texts, truth)
        middle = len(messages) // options.batch_records // 2
        again, other = mine(messages, options.batch_records, restart_at=middle)
        stable.append(again == ids and read(again, other) == (groups, texts))
        order = list(range(len(messages)))
        random.Random(1).shuffle(order)
        mixed = [messages[i] for i in order]
        shuffled.append(score(*read(*mine(mixed, options.batch_records)), [truth[i] for i in order])["ga"])
        print(
            f"{name:12}", "  ".join(f"{k} {v:.3f}" for k, v in scores[name].items()), f" shuffled {shuffled[-1]:.3f}",
            f" templates {len(set(groups))} of {len(set(truth))}", "" if stable[-1] else " IDS CHANGED BY A RESTART",
        )  # fmt: skip
        if options.show == name:
            print(*differences(groups, texts, truth), sep="\n")
    for key in ("ga", "pa", "fga", "fta") if scores else ():
        by_system = {name: round(s[key], 4) for name, s in scores.items()}
        result[key] = {"mean": round(sum(by_system.values()) / len(by_system), 4), **by_system}
    if scores:
        result["shuffled_ga"] = round(sum(shuffled) / len(shuffled), 4)
        result["ids_stable"] = all(stable)
    if not options.no_speed:
        lines = [m for messages, _ in systems.values() for m in messages] or raw(options.data)
        measured = speed(lines)
        result["lines_per_s"] = measured["lines_per_s"]
        result["speed"] = {"data": measured, "generated": speed(service_logs(200_000))}
    result["data"] = str(options.data)
    result["seconds"] = round(time.perf_counter() - started, 1)
    result["peak_rss_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return result


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
