"""What the index of words holds must never hide a record that a search would find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlglot import parse_one

from heimdall.clock import ManualClock
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.engines.clickhouse.engine import ClickHouseEngine

NOW_NS = 1_700_000_000_000_000_000
WORDS_BEFORE = "translate(lower(message), '0123456789', '          ')"
MESSAGES = [
    "Cache hit for key session:c94ab97d55d12abd ttl=3701s",
    "c94 ab 97d a1b2 cd3 4ef",
    "Straße 12b größer é9abc 9é abcé",
    "disk_sda1 is-full, 100% OF /var",
    "a 1 b",
    "日本語 log 日本語7",
    "7",
    "",
]
_WORD = re.compile(r"[a-z\x80-\U0010ffff]+")
_TOKEN = re.compile(r"[0-9a-z\x80-\U0010ffff]+")


def tokens(message: str) -> set[str]:
    return set(_TOKEN.findall(message.encode().lower().decode()))


def records() -> pa.Table:
    count = len(MESSAGES)
    time = pa.array([NOW_NS + n for n in range(count)], pa.timestamp("ns", tz="UTC"))
    return pa.table(
        {
            "timestamp": time,
            "observed_timestamp": time,
            "severity_number": pa.array([9] * count, pa.uint8()),
            "message": pa.array(MESSAGES, pa.large_string()),
            "position": pa.array(range(1, count + 1), pa.uint64()),
            "template_id": pa.array([7] * count, pa.uint64()),
        }
    )


def found(engine: ClickHouseEngine, statement: str) -> list[object]:
    tree = parse_one(statement, dialect="clickhouse")
    rows = engine.select(tree, query_id="words", timeout_s=10, max_memory_bytes=2**28)  # type: ignore[arg-type]
    return [value for batch in rows for row in batch.to_pylist() for value in row.values()]


BEFORE = {
    "a folder of before": WORDS_BEFORE,
    "a folder of before forms": layout.WORDS,
}
"""Which words the table's index held."""


@pytest.fixture(params=["a new folder", *BEFORE])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ClickHouseEngine]:
    """With records; in a folder of before the table is as it was made when letters beside digits were words, or when
    no form was kept."""
    if request.param in BEFORE:
        with monkeypatch.context() as before:
            statement = _made_of(BEFORE[request.param])
            before.setattr(layout, "create_statement", lambda _: statement)
            made = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
            made.append(LogBatch(DEFAULT_TENANT, records(), Origin(1, len(MESSAGES))))
            made.close()
        opened = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
    else:
        opened = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
        opened.append(LogBatch(DEFAULT_TENANT, records(), Origin(1, len(MESSAGES))))
    yield opened
    opened.close()


def _made_of(words: str) -> str:
    """DDL of a table with an index of `words` and without forms."""
    statement = layout.create_statement(layout.TABLE)
    assert layout.FORM_LINE in statement
    return statement.replace(f"{layout.FORM_LINE},", "").replace(layout.WORDS_OF_FORMS, words)


def test_words_are_exact_unless_the_folder_is_of_before(
    engine: ClickHouseEngine, request: pytest.FixtureRequest
) -> None:
    assert engine.wording.exact == ("a folder of before]" not in request.node.name)
    assert engine.wording.forms == ("of before" not in request.node.name)


def test_every_token_finds_the_records_that_have_it(engine: ClickHouseEngine) -> None:
    for token in sorted(set().union(*map(tokens, MESSAGES)) | {"abd", "ttl", "sda"}):
        expected = [message for message in MESSAGES if token in tokens(message)]
        statement = f"SELECT message FROM heimdall.logs WHERE hasAllTokens(message, ['{token}']) ORDER BY position"
        assert found(engine, statement) == expected, token


def test_the_index_holds_all_tokens_without_digits_and_no_letters_of_an_id(tmp_path: Path) -> None:
    engine = ClickHouseEngine.embedded(tmp_path, ManualClock(NOW_NS))
    try:
        engine.append(LogBatch(DEFAULT_TENANT, records(), Origin(1, len(MESSAGES))))
        statement = "SELECT message_words FROM heimdall.logs ORDER BY position"
        held = [tokens(str(words)) for words in found(engine, statement)]
    finally:
        engine.close()
    words = [{token for token in tokens(message) if _WORD.fullmatch(token)} for message in MESSAGES]
    assert all(has <= kept for has, kept in zip(words, held, strict=True))
    assert held[0] - {"0"} == {"cache", "hit", "for", "key", "session", "ttl"}
