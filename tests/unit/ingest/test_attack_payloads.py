"""Hostile inputs of a collection kept beside the checkout, where there is one: each gets the answer it asks for."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.hints import NO_HINTS
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.http.json import decode_body

NOW_NS = 1_795_348_800_000_000_000
COLLECTION = next(
    (
        found
        for folder in Path(__file__).parents
        if (found := folder / "shared/data/security/attack_payloads.jsonl").exists()
    ),
    None,
)


def payloads(category: str) -> list[str]:
    if COLLECTION is None:
        return []
    rows = [json.loads(line) for line in COLLECTION.read_text().splitlines()]
    return [row["payload"] for row in rows if row["category"] == category]


def stored(record: dict[str, Any]) -> dict[str, Any]:
    (row,) = decode_json(json.dumps(record).encode(), now_ns=NOW_NS).table.to_pylist()
    return dict(row)


@pytest.mark.skipif(COLLECTION is None, reason="the attack set is not here")
@pytest.mark.parametrize("category", ["log_injection", "xss_in_logs", "sql_injection", "redos", "search_dsl"])
def test_text_of_any_kind_is_stored_byte_for_byte(category: str) -> None:
    found = payloads(category)
    assert found
    for text in found:
        row = stored({"msg": text, "note": {"deep": text}})
        if not text.startswith("{"):
            assert row["message"] == text
        assert orjson.loads(row["attributes"])["note"] == {"deep": text}


@pytest.mark.skipif(COLLECTION is None, reason="the attack set is not here")
def test_json_beyond_limits_is_refused_or_kept_with_the_oddity_marked() -> None:
    found = payloads("json_limits")
    assert found
    for text in found:
        body = text.encode("utf-8", "surrogatepass")
        try:
            decoded = decode_body(body, "application/json", NO_HINTS, NOW_NS, SchemaMemory())
        except InvalidInput:
            continue
        assert decoded.num_rows + decoded.rejected_count == 1
        for row in decoded.table.to_pylist():
            assert orjson.loads(row["attributes"])["heimdall.oddity"], text[:80]
