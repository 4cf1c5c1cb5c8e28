"""Whatever objects a sender makes, their fields come back; whatever bytes come, decoding holds."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall.ingest.decode.canonical import canonical_of, may_hold_canonical
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import decode_json, decode_json_together
from heimdall.ingest.decode.json_schema import SchemaMemory
from properties.together import check_together

NOW_NS = 1_795_348_800_000_000_000

NAMES = st.text(min_size=1, max_size=6).filter(
    lambda name: canonical_of(name) is None and not may_hold_canonical(name) and not name.startswith("heimdall")
) | st.sampled_from(["^$", "^.*$", "^a$"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), min_size=1, max_size=8)
ALIKE = st.dictionaries(
    NAMES,
    st.sampled_from([st.integers(-(2**31), 2**31), st.text(max_size=9), st.booleans(), st.floats(-1e9, 1e9)]),
    max_size=5,
).flatmap(lambda fields: st.lists(st.fixed_dictionaries({}, optional=fields), min_size=1, max_size=20))


def without_nulls(value: Any) -> Any:
    """As stored: a null member is an absent one; elements of lists stay."""
    if isinstance(value, dict):
        return {name: without_nulls(child) for name, child in value.items() if child is not None}
    if isinstance(value, list):
        return [without_nulls(child) for child in value]
    return value


def check(records: list[dict[str, Any]], body: bytes) -> None:
    decoded = decode_json(body, now_ns=NOW_NS)
    assert decoded.rejected_count == 0
    stored = (
        decoded.table["attributes"].to_pylist() if "attributes" in decoded.table.column_names else [None] * len(records)
    )
    found = [orjson.loads(text) if text else {} for text in stored]
    assert found == [without_nulls(record) for record in records]


@given(RECORDS | ALIKE)
@settings(deadline=None)
def test_every_field_comes_back(records: list[dict[str, Any]]) -> None:
    check(records, b"\n".join(map(orjson.dumps, records)))
    check(records, orjson.dumps(records))


@given(st.lists(st.dictionaries(st.sampled_from(["user_id", "message", "service", "level", "x"]), SCALARS), min_size=1))
@settings(deadline=None)
def test_no_canonical_value_is_lost(records: list[dict[str, Any]]) -> None:
    decoded = decode_json(b"\n".join(map(orjson.dumps, records)), now_ns=NOW_NS)
    assert decoded.num_rows == len(records)
    for record, row in zip(records, decoded.table.to_pylist(), strict=True):
        kept = orjson.loads(row.get("attributes") or "{}")
        for name in ("user_id", "service", "x"):
            value = record.get(name)
            if value is not None:
                assert (name in kept and kept[name] == value) or row[name] == str(value)
        if isinstance(record.get("message"), str) and not record["message"].startswith("{"):
            assert row["message"] == record["message"]


@given(
    st.binary(max_size=200) | st.text(alphabet='{}[]":,0123456789eE.-\\untrlfase \n\x00', max_size=200).map(str.encode)
)
@settings(deadline=None, max_examples=300)
def test_no_bytes_break_it(body: bytes) -> None:
    decoded = decode_json(body, now_ns=NOW_NS, hints=Hints(time_field="a.b"))
    assert len(decoded.rejected) <= decoded.rejected_count


BODIES = st.lists(
    (RECORDS | ALIKE).flatmap(
        lambda records: st.sampled_from([b"\n".join(map(orjson.dumps, records)) + b"\n", orjson.dumps(records)])
    )
    | st.sampled_from(
        [b"", b"[]", b"{}", b'{"a":1', b'{"a":1}{"b":2}', b'{\n"a":1}', b'[{"a":1},\n{"a":2}]', b"text", b'{"a":\xff}']
    )
    | st.just(b'{"log":"one\\n","stream":"stdout","time":"2026-11-25T00:00:00Z"}'),
    min_size=1,
    max_size=8,
)


@given(BODIES)
@settings(deadline=None)
def test_bodies_that_go_together_are_read_like_each_alone(bodies: list[bytes]) -> None:
    check_together(
        bodies,
        lambda given: decode_json_together(given, now_ns=NOW_NS, schemas=SchemaMemory()),
        lambda body: decode_json(body, now_ns=NOW_NS),
        every=False,
    )


def test_ordinary_bodies_go_together() -> None:
    broken = b'{"a":1}\n{"a":'
    bodies = [b'{"a":1}', b'[{"a":2},{"b":"3"}]', broken, b'{"a":4}\n{"a":5}\r\n']
    parts = decode_json_together(bodies, now_ns=NOW_NS, schemas=SchemaMemory()).parts
    assert [None if part is None else part.num_rows for part in parts] == [1, 2, None, 2]
