"""A condition in PPL finds what three-valued logic over plain Python values finds, in 2,000 records."""

from __future__ import annotations

import json
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from heimdall.query.languages.registry import translate
from properties.engines import START_NS, Asked, Engines, Record

QUERIES = 40
SERVICES = (None, "cart", "payment", "order desk")
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "<>": operator.ne}

Truth = bool | None
"""None is unknown: a value it rests on is missing."""


@dataclass(frozen=True)
class Written:
    text: str
    holds: Callable[[Record], Truth]


def leaf(chance: random.Random) -> Written:
    service = chance.choice(SERVICES[1:])
    low, high = sorted(chance.sample((200, 404, 404.5, 500), 2))
    sign = chance.choice(list(SIGNS))
    return chance.choice(
        (
            Written(f"service = '{service}'", lambda record: known(record["service"], lambda it: it == service)),
            Written(f'service != "{service}"', lambda record: known(record["service"], lambda it: it != service)),
            Written(
                f"http.status {sign} {low}", lambda record: known(record["status"], lambda it: SIGNS[sign](it, low))
            ),
            Written(
                f"`http.status` between {low} and {high}",
                lambda record: known(record["status"], lambda it: low <= it <= high),
            ),
            Written("http.status in (200, 500)", lambda record: known(record["status"], lambda it: it in (200, 500))),
            Written("service like '%a%'", lambda record: known(record["service"], lambda it: "a" in it)),
            Written("service is null", lambda record: record["service"] is None),
            Written("isnotnull(http.status)", lambda record: record["status"] is not None),
        )
    )


def known(value: object, test: Callable[..., bool]) -> Truth:
    return None if value is None else test(value)


def negation(truth: Truth) -> Truth:
    return None if truth is None else not truth


def conjunction(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def written(chance: random.Random, depth: int = 3) -> Written:
    kind = chance.randrange(4) if depth else 0
    if kind == 0:
        return leaf(chance)
    a = written(chance, depth - 1)
    if kind == 1:
        return Written(f"NOT ({a.text})", lambda record: negation(a.holds(record)))
    b = written(chance, depth - 1)
    if kind == 2:
        return Written(f"({a.text}) and ({b.text})", lambda record: conjunction(a.holds(record), b.holds(record)))
    return Written(
        f"({a.text}) OR ({b.text})",
        lambda record: negation(conjunction(negation(a.holds(record)), negation(b.holds(record)))),
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asked, list[Record]]]:
    chance = random.Random(12)
    records: list[Record] = [
        {
            "timestamp": START_NS + place * 10**6,
            "service": chance.choice(SERVICES),
            "message": "line",
            "template_id": place,
            "status": chance.choice((None, 200, 404, 500)),
        }
        for place in range(2_000)
    ]
    engines = Engines(Path(tmp_path_factory.mktemp("engines")))
    yield engines.keep([stored(record) for record in records]), records
    engines.close()


def stored(record: Record) -> Record:
    own = None if record["status"] is None else json.dumps({"http": {"status": record["status"]}})
    return {**{name: value for name, value in record.items() if name != "status"}, "attributes": own}


def test_conditions_find_what_they_say(kept: tuple[Asked, list[Record]]) -> None:
    asked, records = kept
    some = 0
    for seed in range(QUERIES):
        condition = written(random.Random(seed))
        found = [record["template_id"] for record in records if condition.holds(record) is True]
        some += 0 < len(found) < len(records)
        for front in ("source=logs ", "source=logs | where "):
            text = f"{front}{condition.text} | stats count() as n, sum(template_id) as places"
            (answer,) = asked.by_sql(translate(text, "ppl").complete())
            assert (answer["n"], answer.get("places") or 0) == (len(found), sum(found)), f"seed {seed}: {text}"
    assert some > QUERIES / 2
