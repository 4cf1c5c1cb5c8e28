"""SQL answers as SQLite does: generated SELECTs over 5,000 records.

`HEIMDALL_SQL_QUERIES=10000` for a release (`make fuzz`), `HEIMDALL_SQL_SEED` to begin at other queries.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from heimdall.query.languages.hql import to_text
from heimdall.query.languages.sql import parse
from properties.engines import START_NS, Asked, Engines, Record
from properties.sql_queries import Writer

QUERIES = int(os.environ.get("HEIMDALL_SQL_QUERIES", "30"))
SEED = int(os.environ.get("HEIMDALL_SQL_SEED", "0"))
RECORDS = 5_000
COLUMNS = ("id", "service", "user_id", "message", "duration_ms", "template_id", "http.status_code", "n", "s")
MESSAGES = ("Connection refused", "refused", "card declined: code=5", "user bob took 15 ms", "user al took 7 ms")


def made(count: int) -> list[Record]:
    chance = random.Random(7)
    found = []
    for _ in range(count):
        own: dict[str, Any] = {}
        if chance.random() < 0.7:
            own["http"] = {"status_code": chance.choice([200, 404, 500, 503])}
        if chance.random() < 0.5:
            own["n"] = chance.choice([5, 6, 7, -3, 0])
        if chance.random() < 0.5:
            own["s"] = chance.choice(["x", "y z", "q"])
        found.append(
            {
                "timestamp": START_NS + chance.randrange(600) * 10**9,
                "severity_number": 9,
                "service": chance.choice(["cart", "payment", None, "auth"]),
                "message": chance.choice(MESSAGES),
                "attributes": json.dumps(own) if own else None,
                "user_id": chance.choice([None, "u1", "u2"]),
                "duration_ms": chance.choice([None, 1.0, 2.5, 1500.0, 20.25]),
                "template_id": chance.randrange(4),
            }
        )
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asked, sqlite3.Connection]]:
    records = made(RECORDS)
    engines = Engines(tmp_path_factory.mktemp("engines"))
    asked = engines.keep(records)
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    quoted = ", ".join(json.dumps(column) for column in COLUMNS)
    connection.execute(f"CREATE TABLE logs ({quoted})")
    for place, record in enumerate(records):
        own = json.loads(record["attributes"] or "{}")
        flat = {"http.status_code": own.get("http", {}).get("status_code"), "n": own.get("n"), "s": own.get("s")}
        row = {**record, **flat, "id": place}
        connection.execute(f"INSERT INTO logs VALUES ({', '.join('?' * len(COLUMNS))})", [row[c] for c in COLUMNS])
    yield asked, connection
    connection.close()
    engines.close()


def comparable(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as texts: without missing values and ids, numbers to nine digits."""

    def number(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        return 0.0 if value == 0 else float(f"{value:.9g}")

    def hidden(name: str) -> bool:
        return name == "id" or name.startswith("_")

    cleaned = [
        {name: number(value) for name, value in row.items() if value is not None and not hidden(name)} for row in rows
    ]
    return sorted(json.dumps(row, sort_keys=True) for row in cleaned)


def test_generated_queries_are_answered_as_sqlite_does(both: tuple[Asked, sqlite3.Connection]) -> None:
    asked, connection = both
    found = 0
    for seed in range(SEED, SEED + QUERIES):
        text = Writer(random.Random(seed)).query()
        cursor = connection.execute(text)
        names = [column[0] for column in cursor.description]
        expected = comparable([dict(zip(names, row, strict=True)) for row in cursor])
        query = parse(text).complete()
        answer = comparable(asked.by_sql(query))
        assert answer == expected, f"seed {seed}\n{text}\n{to_text(query)}"
        found += bool(expected)
    assert found > QUERIES * 0.7
