"""Rules in the pipeline: records a second through the rules stage, with many rules of every kind in force.

    python benchmarks/rules.py [--rules 1000] [--records 1000000] [--batch 50000] [--sigma DIR] [--seed 7]

The records are those of `applogs.py`, decoded and given templates beforehand. The rules are made from words of their
messages, names of their fields and values that never occur, in the mix that people keep: most of them look for text,
many narrow it by service or level, some count, compare, wait or join. With `--sigma` the rules of a folder of Sigma
files are loaded on top. Every batch is also matched by `heimdall.query.frame` for `--checked` of the rules, and has
to give the same records. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from pathlib import Path

import polars as pl
import pyarrow as pa

from applogs import MESSAGES, SERVICES, applogs
from heimdall.ingest.decode.json import decode_json
from heimdall.insight.rules.columns import RuleColumns
from heimdall.insight.rules.engine import CompiledRules
from heimdall.insight.rules.firing import Firing
from heimdall.insight.rules.rule import Rule, rule_of
from heimdall.model.batch import DEFAULT_TENANT, POSITION_FIELD, LogBatch, Origin
from heimdall.pipeline.stages.rules import RulesStage
from heimdall.pipeline.stages.template import TemplateStage
from heimdall.query.frame.evaluation import matching_rows


class Held:
    """The rules in force, and a sink that counts."""

    def __init__(self, rules: list[Rule]) -> None:
        self.compiled = CompiledRules(rules)
        self.firings = 0

    def fired(self, firings: list[Firing]) -> None:
        self.firings += len(firings)


def made_rules(count: int, seed: int) -> list[Rule]:
    chance = random.Random(seed)
    phrases = [" ".join(text.replace("{}", " ").split()[:2]) for _, _, text, _ in MESSAGES]
    nouns = ("disk", "quota", "certificate", "replica", "lease", "socket", "snapshot", "shard", "mutex", "tenant")
    verbs = ("expired", "exhausted", "corrupted", "rejected", "stalled", "diverged", "leaked", "unreachable")
    rules = []
    for number in range(count):
        service = chance.choice(SERVICES)
        rare = f'"{chance.choice(nouns)} {chance.choice(verbs)} {number}"'
        common = f'"{chance.choice(phrases)}"'
        given: dict[str, object] = {"id": f"r{number}", "name": f"rule {number}", "kind": "threshold"}
        match number % 10:
            case 0 | 1 | 2:
                given |= {"condition": f"{rare} level>=warn"}
            case 3:
                given |= {"condition": f"service:{service} {rare}", "group_by": ["instance"]}
            case 4:
                given |= {"condition": f"/(?i)error[ -]?code[=: ]+{number}\\b/ service:{service}"}
            case 5 if number % 3:
                given |= {"condition": f"http.path:/v{number}/* status>={500 + number % 90}", "group_by": ["service"]}
            case 5:
                given |= {"condition": f"pod:*-{number:05} version:1.{number % 5}.{number % 9} level>=error"}
            case 6:
                given |= {"condition": f"service:{service} level>=error {common}", "threshold": 1_000_000}
                given |= {"window": f"{number % 50 + 1}m", "group_by": ["service"]}
            case 7:
                given |= {"kind": "sequence", "steps": [f"{rare}", f'"recovered {number}"'], "absent_last": True}
                given |= {"group_by": ["trace_id"], "window": "30s"}
            case 8 if number % 3:
                given |= {"kind": "absence", "condition": f'service:{service} "Health check"', "window": "1h"}
            case 8:
                given |= {"kind": "join", "steps": [rare, f'"deploy {number}"'], "group_by": ["service"]}
            case _ if number % 3:
                given |= {"kind": "new_template", "condition": f"service:{service} level>=error", "learn": "1h"}
            case _:
                given |= {"kind": "ratio", "condition": f"service:{service} level>=fatal", "of": f"service:{service}"}
                given |= {"ratio": 0.5, "min_count": 100}
        rules.append(rule_of(given))
    return rules


def batches(records: int, size: int, seed: int) -> list[LogBatch]:
    stage = TemplateStage()
    found, position = [], 1
    for body in applogs(records, seed, size):
        decoded = decode_json(body, now_ns=time.time_ns()).table
        positions = pa.array(range(position, position + decoded.num_rows), pa.uint64())
        table = decoded.append_column(POSITION_FIELD, positions)
        batch = LogBatch(DEFAULT_TENANT, table, Origin(position, position + decoded.num_rows - 1))
        found.append(stage.process(batch))
        position += decoded.num_rows
    return found


def check(stage_rules: CompiledRules, batch: LogBatch, most: int) -> int:
    """Conditions whose records are exactly those a query finds. Raises AssertionError at the first that differs."""
    found = stage_rules.set.match(RuleColumns(batch.table))
    frame = pl.from_arrow(batch.table).with_row_index("row")
    step = max(len(found) // most, 1)
    checked = 0
    for predicate, rows in list(zip(stage_rules.set.predicates, found, strict=True))[::step]:
        expected = matching_rows(predicate, frame.lazy()).select("row").collect()["row"].sort().to_list()
        assert rows.tolist() == expected, predicate
        checked += 1
    return checked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=50_000)
    parser.add_argument("--sigma", type=Path)
    parser.add_argument("--checked", type=int, default=25)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rules = made_rules(options.rules, options.seed)
    if options.sigma is not None:
        from heimdall.insight.rules.sigma import import_folder

        rules += import_folder(options.sigma).rules
    data = batches(options.records, options.batch, options.seed)
    began = time.perf_counter()
    held = Held(rules)
    compile_s = time.perf_counter() - began
    stage = RulesStage(held, held)
    seconds = []
    cpu_s = -time.process_time()
    for batch in data:
        began = time.perf_counter()
        stage.process(batch)
        seconds.append(time.perf_counter() - began)
    cpu_s += time.process_time()
    records = sum(batch.num_rows for batch in data)
    checked = check(held.compiled, data[0], options.checked) if options.checked else 0
    result = {
        "data": "applogs",
        "rules": len(held.compiled.rules),
        "records": records,
        "batch": options.batch,
        "records_per_s": round(records / sum(seconds)),
        "records_per_cpu_s": round(records / cpu_s),
        "batch_ms_p50": round(statistics.median(seconds) * 1e3, 1),
        "batch_ms_max": round(max(seconds) * 1e3, 1),
        "firings": held.firings,
        "state_bytes": len(stage.snapshot()),
        "compile_s": round(compile_s, 2),
        "conditions_checked": checked,
        "seconds": round(sum(seconds), 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
