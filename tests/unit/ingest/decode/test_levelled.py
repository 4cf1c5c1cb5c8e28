"""A record whose sender states no level has the one that stands out in its message, through doors that ship lines."""

from __future__ import annotations

from collections.abc import Callable

import msgpack
import orjson
import pytest

from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.elasticsearch_bulk import decode_bulk
from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.gelf import decode_gelf
from heimdall.ingest.decode.json_schema import SchemaMemory

NOW_NS = 1_780_000_000_000_000_000
LINES = {"2026-05-28 10:00:00 ERROR pool exhausted": 17, "no errors were found": 0, "[WARN] slow": 13}


def _bulk(lines: list[str], action: dict[str, object] | None = None) -> Decoded:
    pairs = [({"create": {} if action is None else action}, {"message": line}) for line in lines]
    body = b"".join(orjson.dumps(each) + b"\n" for pair in pairs for each in pair)
    return decode_bulk(body, index="logs", now_ns=NOW_NS, schemas=SchemaMemory())


def _forward(lines: list[str]) -> Decoded:
    packed = b"".join(msgpack.packb([NOW_NS // 10**9, {"log": line}]) for line in lines * 8)
    return decode_forward([msgpack.packb(["docker", packed])], now_ns=NOW_NS, schemas=SchemaMemory())


def _gelf(lines: list[str]) -> Decoded:
    documents = [orjson.dumps({"version": "1.1", "host": "h", "short_message": line}) for line in lines]
    return decode_gelf(documents, now_ns=NOW_NS, schemas=SchemaMemory())


@pytest.mark.parametrize("door", [_bulk, lambda lines: _bulk(lines, {"_id": "7"}), _forward, _gelf])
def test_a_level_that_stands_out_is_taken_where_none_is_stated(door: Callable[[list[str]], Decoded]) -> None:
    rows = door(list(LINES)).table.select(["message", "severity_number"]).to_pylist()
    assert {row["message"]: row["severity_number"] for row in rows} == LINES


def test_a_stated_level_stays() -> None:
    body = b'{"create":{}}\n{"message":"ERROR in the text","level":"info"}\n{"create":{}}\n{"message":"FATAL: gone"}\n'
    found = decode_bulk(body, index="logs", now_ns=NOW_NS, schemas=SchemaMemory())
    assert found.table["severity_number"].to_pylist() == [9, 21]
