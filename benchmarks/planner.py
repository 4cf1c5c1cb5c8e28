"""How close the planner's estimates come to what questions really read and take.

    python benchmarks/planner.py [--records 4000000 | --data FILE.jsonl] [--keep FOLDER] [--url http://127.0.0.1:7373]
    python benchmarks/planner.py --calibrate --keep FOLDER

Every question of `query.py` that is a search, and a varied set beside them, is explained and run once
(`explain?analyze=true`), in an order mixed by a fixed seed. An estimate is right when it is within a factor of 3 of
what was read and taken; below one granule (8,192 rows), 256 KiB and 5 ms differences cost nobody anything and are not
counted. `first` is the figure of a planner that has just started, `second` that of the same set asked again, when it
has learnt how fast the machine is; of conditions it has seen, the engine then skips blocks it knows to be empty, and
reads less than the indexes say. The last line is one JSON object.

`--calibrate` measures the constants of `src/heimdall/query/planner/work.py`: nanoseconds one record costs, by function,
asked of the engine alone on the data of a stopped node.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import ingest
import query

VARIED = (
    "timeout",
    "service:payment level>=warn",
    "service:search | stats count_distinct(user_id) as users",
    "* | stats p95(duration_ms) by service",
    "/took=[0-9]+ms/ | stats count()",
    "level>=warn | top 10 user_id",
    "* | stats count() by region, environment",
    "* | sort message | head 10",
    "* | head 5",
    "* | stats max(timestamp), min(timestamp) by instance",
    "cache session | stats count() by service",
    "* | where length(message) > 100 | stats count()",
    "* | extend n = length(message) | stats avg(n) by service",
    "not level:info | stats count() by template_id",
    'service:billing "user" | head 50',
    "* | timechart span=1h count_distinct(user_id)",
    "* | rare 10 service",
    "completed | timechart span=10m count() by service",
    "service:billing /user u[0-9]+7 /",
    "session | stats count() as n by region",
    "* | timechart span=5m count() by level",
    "* | stats values(region) by service",
    "level:error or service:email | stats count() as n by bin(1h)",
    "* | stats count() by lower(service)",
    '* | where contains(message, "retries") | top 5 service',
    "duration_ms>100 | stats avg(duration_ms)",
)
FLOORS = {"rows": 8_192, "bytes": 256 * 1024, "ms": 5.0}
RIGHT = 3.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=4_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--url")
    options.add_argument("--keep", type=Path)
    options.add_argument("--calibrate", action="store_true")
    given = options.parse_args()
    if given.calibrate:
        sys.stdout.write(json.dumps(calibrated(given.keep / "storage"), indent=1) + "\n")
        return
    result: dict[str, Any] = {
        "benchmark": "planner",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "right_within": RIGHT,
        "floors": FLOORS,
    }
    if given.url:
        result |= asked(given.url)
    else:
        with tempfile.TemporaryDirectory(prefix="heimdall-planner-") as temporary:
            folder = given.keep or Path(temporary) / "node"
            with query._node(folder) as (url, _):
                if ingest._count(url) == 0:
                    query._load(given, url, Path(temporary))
                query._rest(folder / "storage")
                result |= asked(url)
    sys.stdout.write(json.dumps(result) + "\n")


def asked(url: str) -> dict[str, Any]:
    def ask(route: str, **parameters: Any) -> Any:
        path = f"{url}/api/v1/{route}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(path, timeout=120) as answer:
            return json.load(answer)["data"]

    records = int(ask("search", q="* | stats count() as n")[0]["n"])
    (row,) = ask("search", q="*", rank=records // 3, limit=1)
    orders = ask("search", q='"offset"', limit=1)
    facts = {
        "{trace}": row.get("trace_id", ""),
        "{user}": row.get("user_id", ""),
        "{number}": orders[0]["message"].rsplit(" ", 1)[-1] if orders else "1",
    }
    searches = [one.parameters for one in query.QUESTIONS if one.route == "search" and "rank" not in one.parameters]
    questions = [*searches, *({"q": text} for text in VARIED)]
    random.Random(9).shuffle(questions)
    rounds: dict[str, list[dict[str, Any]]] = {}
    for name in ("first", "second"):
        rounds[name] = []
        for parameters in questions:
            text = parameters["q"]
            for placeholder, value in facts.items():
                text = text.replace(placeholder, value)
            (tier,) = ask("explain", **{**parameters, "q": text, "analyze": "true"})["tiers"]
            estimated = next(one["estimated"] for one in tier["candidates"] if one["chosen"])
            rounds[name].append(compared(text, tier["strategy"], estimated, tier["actual"]))
    for one in rounds["first"]:
        _print(one)
    return {"records": records, "questions": len(questions)} | {name: share(found) for name, found in rounds.items()}


def compared(text: str, strategy: str, estimated: dict[str, float], actual: dict[str, float]) -> dict[str, Any]:
    factors = {
        name: max(estimated[name], floor) / max(actual[name], floor) for name, floor in FLOORS.items()
    }  # above 1: estimated too dear
    return {"q": text, "strategy": strategy, "estimated": estimated, "actual": actual, "factors": factors}


def share(found: list[dict[str, Any]]) -> dict[str, Any]:
    def right(one: dict[str, Any], name: str) -> bool:
        return bool(1 / RIGHT <= one["factors"][name] <= RIGHT)

    by_quantity = {name: round(sum(right(one, name) for one in found) / len(found), 3) for name in FLOORS}
    return {
        **by_quantity,
        "all_three": round(sum(all(right(one, name) for name in FLOORS) for one in found) / len(found), 3),
        "median_factor_ms": round(statistics.median(one["factors"]["ms"] for one in found), 2),
        "wrong": [one["q"] for one in found if not all(right(one, name) for name in FLOORS)],
    }


def _print(one: dict[str, Any]) -> None:
    cells = [
        f"{name} {one['estimated'][name]:>13,.0f} {one['actual'][name]:>13,.0f} ×{one['factors'][name]:<5.2f}"
        for name in FLOORS
    ]
    sys.stdout.write(f"{one['q'][:46]:46} {one['strategy']:14} {'  '.join(cells)}\n")


_NUMBERED = "concat(message, ' ')"  # a computed text, so that no index and no cache answers in its place
PROBES = {
    "match": f"match({_NUMBERED}, 'x[0-9]+y.*zz')",
    "extract": f"extract({_NUMBERED}, 'took=([0-9]+)ms') = 'x'",
    "positioncaseinsensitive": f"positionCaseInsensitive({_NUMBERED}, 'zzq') > 0",
    "hasphrase": f"hasPhrase(lower({_NUMBERED}), 'zzq yy')",
    "hastoken": f"hasToken(lower({_NUMBERED}), 'zzq')",
    "lower": f"lower({_NUMBERED}) = 'x'",
    "tojsonstring": "toJSONString(attributes) = 'x'",
}
AGGREGATES = {
    "uniqexact": "uniqExact(trace_id)",
    "uniqcombined64": "uniqCombined64(trace_id)",
    "quantile": "quantile(0.99)(position)",
    "grouparray": "length(groupUniqArray(user_id))",
}


def calibrated(storage: Path) -> dict[str, float]:
    """Nanoseconds a record beside those of reading its column."""
    script = (
        "import json, sys, time, chdb\n"
        "session = chdb.connect(sys.argv[1]); found = {}\n"
        "for name, (work, base) in json.loads(sys.argv[2]).items():\n"
        "    took = []\n"
        "    for statement in (work, base):\n"
        "        best = 1e9\n"
        "        for _ in range(4):\n"
        "            started = time.perf_counter()\n"
        "            session.query(statement + ' SETTINGS use_query_condition_cache = 0, '\n"
        "                'max_threads_min_free_memory_per_thread = 0', 'ArrowStream')\n"
        "            best = min(best, time.perf_counter() - started)\n"
        "        took.append(best)\n"
        "    found[name] = took[0] - took[1]\n"
        "rows = int(session.query('SELECT count() FROM heimdall.logs', 'CSV').bytes())\n"
        "print(json.dumps({name: round(max(0.0, s) / rows * 1e9, 1) for name, s in found.items()}))\n"
    )
    select = "SELECT {} FROM heimdall.logs WHERE {}"
    read = select.format("count()", f"{_NUMBERED} = 'x'")
    probes = {name: (select.format("count()", test), read) for name, test in PROBES.items()}
    for name, made in AGGREGATES.items():
        column = next(one for one in ("trace_id", "position", "user_id") if one in made)
        probes[name] = (select.format(made, "1"), select.format(f"max({column})", "1"))
    run = subprocess.run(
        [sys.executable, "-c", script, str(storage), json.dumps(probes)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
