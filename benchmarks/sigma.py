"""Sigma rules over recorded attacks: how many compile, what they find, and whether that is right.

    python benchmarks/sigma.py --rules DIR --data DIR [--pairs 3000000] [--seed 7]

`--data` holds zip archives of JSON lines, one attack each. Every archive is decoded as the door decodes it and matched
by all rules. Then a second reading of the rules, written for this benchmark and slow (`says`: one event, one rule,
Python's own `re`), is asked about pairs of rule and event that matched and about `--pairs` more drawn by chance, rules
taken without their log source on both sides. The last line is one JSON object: `agree` is the share of pairs on which
both readings say the same, `matched` the pairs that matched with their log sources, `archives_found` the archives in
which some rule of level high or critical matched.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from heimdall.ingest.decode.json import decode_json
from heimdall.insight.rules.columns import RuleColumns
from heimdall.insight.rules.matching import RuleSet
from heimdall.insight.rules.sigma import import_folder
from heimdall.insight.rules.sigma.detection import detection
from heimdall.insight.rules.sigma.logsource import LogSource
from heimdall.insight.rules.sigma.unsupported import Unsupported
from heimdall.model.batch import POSITION_FIELD, TEMPLATE_FIELD

PLAIN = {"contains", "startswith", "endswith", "all", "re", "i", "cased"}
"""Modifiers the second reading knows; rules with others are left out of the comparison and counted."""


def says(given: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    named = {name: item(value, event) for name, value in given.items() if name not in ("condition", "timeframe")}
    conditions = given["condition"] if isinstance(given["condition"], list) else [given["condition"]]
    return any(evaluate(text, named) for text in conditions)


def item(given: Any, event: Mapping[str, Any]) -> bool:
    if isinstance(given, Mapping):
        return all(field(name, value, event) for name, value in given.items())
    if isinstance(given, list):
        return any(item(each, event) for each in given)
    text = json.dumps(event, ensure_ascii=False).replace("\\\\", "\\")
    return re.search(glob(str(given)), text, re.I | re.S) is not None


def field(name: str, given: Any, event: Mapping[str, Any]) -> bool:
    key, *modifiers = name.split("|")
    value = at(event, key)
    tests = [one(value, wanted, modifiers) for wanted in (given if isinstance(given, list) else [given])]
    return all(tests) if "all" in modifiers else any(tests)


def one(value: Any, wanted: Any, modifiers: list[str]) -> bool:
    if wanted is None:
        return value is None
    if value is None:
        return False
    text = json.dumps(value) if isinstance(value, bool | list) else str(value)
    if isinstance(wanted, bool):
        return text == json.dumps(wanted)
    if "re" in modifiers:
        return re.search(str(wanted), text, re.I if "i" in modifiers else 0) is not None
    pattern = glob(str(wanted))
    before = ".*" if {"contains", "endswith"} & set(modifiers) else ""
    after = ".*" if {"contains", "startswith"} & set(modifiers) else ""
    flags = re.S if "cased" in modifiers else re.S | re.I
    return re.fullmatch(before + pattern + after, text, flags) is not None


def glob(text: str) -> str:
    parts = re.findall(r"\\[*?\\]|[*?]|[^*?\\]+|\\", text)
    words = {"*": ".*", "?": "."}
    return "".join(
        words.get(part) or re.escape(part[1:] if part[:1] == "\\" and len(part) == 2 else part) for part in parts
    )


def at(event: Mapping[str, Any], key: str) -> Any:
    if key in event:
        return event[key]
    head, _, rest = key.partition(".")
    inner = event.get(head)
    return at(inner, rest) if rest and isinstance(inner, Mapping) else None


def evaluate(text: str, named: Mapping[str, bool]) -> bool:
    """The condition as a Python expression of constants."""

    def quantified(match: re.Match[str]) -> str:
        pattern = match[2].replace("*", ".*")
        found = [
            value for name, value in named.items()
            if (not name.startswith("_") if match[2] == "them" else re.fullmatch(pattern, name))
        ]  # fmt: skip
        return str(all(found) if match[1] == "all" else any(found))

    text = re.sub(r"\b(1|any|all) of ([\w*]+)", quantified, text)
    words = {"and": "and", "or": "or", "not": "not", "True": "True", "False": "False"}
    return bool(eval(re.sub(r"[\w-]+", lambda m: words.get(m[0]) or str(named[m[0]]), text)))


def plain(given: Any) -> bool:
    if isinstance(given, Mapping):
        return all(set(str(name).split("|")[1:]) <= PLAIN and plain(value) for name, value in given.items())
    return all(map(plain, given)) if isinstance(given, list) else True


def documents(folder: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for file in sorted(folder.rglob("*.yml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader):
            if "detection" in document:
                found[str(document["id"])] = document
    return found


def archives(folder: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    found = []
    for file in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(file) as packed:
            lines = [line for name in packed.namelist() for line in packed.read(name).splitlines() if line.strip()]
        events = [event for event in map(read, lines) if isinstance(event, dict)]
        if events:
            found.append((file.stem, events))
    return found


def read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def table_of(events: list[dict[str, Any]]) -> pa.Table:
    body = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    table = decode_json(body, now_ns=time.time_ns()).table
    numbers = pa.array(range(1, table.num_rows + 1), pa.uint64())
    return table.append_column(POSITION_FIELD, numbers).append_column(TEMPLATE_FIELD, numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    imported = import_folder(options.rules)
    whole = RuleSet([rule.predicates()[0] for rule in imported.rules])
    bare, compared = [], []
    for document in documents(options.rules).values():
        if plain(document["detection"]):
            try:
                bare.append(detection(document["detection"], LogSource(None, web=False)))
                compared.append(document)
            except Unsupported:
                continue
    bare_set = RuleSet(bare)
    data = archives(options.data)
    events = sum(len(own) for _, own in data)
    matched = agreed = asked = found = 0
    seconds = 0.0
    differing: dict[str, int] = {}
    for _, own in data:
        table = table_of(own)
        assert table.num_rows == len(own)
        began = time.perf_counter()
        hits = whole.match(RuleColumns(table))
        seconds += time.perf_counter() - began
        matched += sum(map(len, hits))
        found += any(len(rows) and rule.severity <= "P2" for rule, rows in zip(imported.rules, hits, strict=True))
        rows_of = [set(rows.tolist()) for rows in bare_set.match(RuleColumns(table))]
        pairs = {(place, row) for place, rows in enumerate(rows_of) for row in list(rows)[:50]}
        share = options.pairs * len(own) // events
        pairs |= {(chance.randrange(len(bare)), chance.randrange(len(own))) for _ in range(share)}
        for place, row in pairs:
            asked += 1
            same = says(compared[place]["detection"], own[row]) == (row in rows_of[place])
            agreed += same
            if not same:
                title = compared[place]["title"]
                differing[title] = differing.get(title, 0) + 1
    result = {
        "data": options.data.name, "rules": len(imported.rules), "refused": len(imported.unsaid),
        "share": round(imported.share, 4), "events": events, "matched": matched, "archives": len(data),
        "archives_found": found, "pairs": asked, "agree": round(agreed / asked, 6), "compared_rules": len(compared),
        "differing": dict(sorted(differing.items(), key=lambda each: -each[1])[:10]),
        "events_per_s": round(events / seconds), "seconds": round(seconds, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
