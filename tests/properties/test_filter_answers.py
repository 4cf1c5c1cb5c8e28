"""The same filter written in SPL, KQL, LogsQL and PPL finds what a plain evaluation in Python finds, in 5,000 records.

`HEIMDALL_FILTER_QUERIES=10000` for a release (`make fuzz`).
"""

from __future__ import annotations

import json
import operator
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from heimdall.query.ast import Call, Field, Query
from heimdall.query.languages.registry import translate
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.stats import Stats
from properties.engines import START_NS, Asked, Engines, Record

QUERIES = int(os.environ.get("HEIMDALL_FILTER_QUERIES", "30"))
COUNTED = Stats((Column(Call("count"), "n"), Column(Call("sum", (Field("template_id"),)), "places")))
WORDS = ("connection", "refused", "card", "declined", "took", "ms", "user")
MESSAGES = ("Connection refused", "refused connection", "card declined: code=5", "user bob took 15 ms", "idle")
SERVICES = (None, "cart", "payment", "order desk")
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class Written:
    """One filter in every language, and what it means."""

    spl: str
    kql: str
    logsql: str
    ppl: str
    """Where a value may be missing it says so: a comparison with one is unknown there, and so is `not` of it."""
    holds: Callable[[Record], bool]


def leaf(chance: random.Random) -> Written:
    kind = chance.randrange(6)
    service = chance.choice(SERVICES[1:])
    if kind == 0:
        return Written(
            f'service="{service}"',
            f'service.name: "{service}"',
            f'service:="{service}"',
            f'(service is not null and service = "{service}")',
            lambda record: record["service"] == service,
        )
    if kind == 1:
        return Written(
            "service=*",
            "service.name: *",
            "service:*",
            "isnotnull(service)",
            lambda record: record["service"] is not None,
        )
    if kind == 2:
        sign, bound = chance.choice(list(SIGNS)), chance.choice((200, 404, 499.5))
        return Written(
            f"http.status{sign}{bound}",
            f"http.status {sign} {bound}",
            f"http.status:{sign}{bound}",
            f"(isnotnull(http.status) and http.status {sign} {bound})",
            lambda record: record["status"] is not None and SIGNS[sign](record["status"], bound),
        )
    if kind == 3:
        word = chance.choice(WORDS)
        return Written(word, word, word, pattern_in_ppl(rf"\b{word}\b"), lambda record: word in tokens(record))
    if kind == 4:
        first, second = chance.sample(WORDS, 2)
        phrase = f'"{first} {second}"'
        return Written(
            phrase,
            f"message: {phrase}",
            phrase,
            pattern_in_ppl(rf"\b{first}\W+{second}\b"),
            lambda record: f" {first} {second} " in spaced(record),
        )
    start = chance.choice(WORDS)[:3]
    found = re.compile(rf"\b{start}", re.IGNORECASE)
    return Written(
        f"{start}*",
        f"{start}*",
        f"{start}*",
        pattern_in_ppl(rf"\b{start}"),
        lambda record: found.search(record["message"]) is not None,
    )


def pattern_in_ppl(pattern: str) -> str:
    return f"regexp_match(message, '(?i){pattern}')"


def tokens(record: Record) -> list[str]:
    return re.findall(r"[a-z0-9]+", record["message"].lower())


def spaced(record: Record) -> str:
    return f" {' '.join(tokens(record))} "


def written(chance: random.Random, depth: int = 3) -> Written:
    """Sums are put in parentheses only where the language needs it: SPL's `OR` binds tighter than its `AND`."""
    kind = chance.randrange(6) if depth else 0
    if kind < 2:
        return leaf(chance)
    if kind == 2:
        one = written(chance, depth - 1)
        return Written(
            f"NOT ({one.spl})",
            f"not ({one.kql})",
            chance.choice(("-", "!", "not ")) + f"({one.logsql})",
            f"not ({one.ppl})",
            lambda record: not one.holds(record),
        )
    a, b, c = (written(chance, depth - 1) for _ in range(3))
    if kind in (3, 4):  # a and (b or c), in SPL without parentheses around the sum
        return Written(
            f"({a.spl}) ({b.spl}) OR ({c.spl})",
            f"({a.kql}) and (({b.kql}) or ({c.kql}))",
            f"({a.logsql}) (({b.logsql}) or ({c.logsql}))",
            f"({a.ppl}) and (({b.ppl}) or ({c.ppl}))",
            lambda record: a.holds(record) and (b.holds(record) or c.holds(record)),
        )
    return Written(  # (a and b) or c, elsewhere without
        f"(({a.spl}) AND ({b.spl})) OR ({c.spl})",
        f"({a.kql}) and ({b.kql}) or ({c.kql})",
        f"({a.logsql}) ({b.logsql}) or ({c.logsql})",
        f"({a.ppl}) and ({b.ppl}) or ({c.ppl})",
        lambda record: (a.holds(record) and b.holds(record)) or c.holds(record),
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asked, list[Record]]]:
    chance = random.Random(11)
    records: list[dict[str, Any]] = [
        {
            "timestamp": START_NS + place * 10**6,
            "service": chance.choice(SERVICES),
            "message": chance.choice(MESSAGES),
            "template_id": place,
            "status": chance.choice((None, 200, 404, 500)),
        }
        for place in range(5_000)
    ]
    engines = Engines(Path(tmp_path_factory.mktemp("engines")))
    yield engines.keep([stored(record) for record in records]), records
    engines.close()


def stored(record: Record) -> Record:
    own = None if record["status"] is None else json.dumps({"http": {"status": record["status"]}})
    return {**{name: value for name, value in record.items() if name != "status"}, "attributes": own}


def test_filters_find_what_they_say(kept: tuple[Asked, list[Record]]) -> None:
    asked, records = kept
    some = 0
    for seed in range(QUERIES):
        filter_ = written(random.Random(seed))
        found = [record["template_id"] for record in records if filter_.holds(record)]
        some += 0 < len(found) < len(records)
        for language in ("spl", "kql", "logsql", "ppl"):
            text = getattr(filter_, language)
            query = translate(f"source=logs | where {text}" if language == "ppl" else text, language).complete()
            (answer,) = asked.by_sql(Query(query.search, (*query.pipes, COUNTED)))
            wanted = (len(found), sum(found))
            assert (answer["n"], answer.get("places", 0)) == wanted, f"seed {seed}, {language}: {text}"
    assert some > QUERIES / 2
