"""Fluent Forward: what is read as columns is what is read entry by entry."""

from __future__ import annotations

from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode import forward
from heimdall.ingest.decode.forward import decode_forward
from heimdall.ingest.decode.forward_columns import columns_of_entries
from heimdall.ingest.decode.json_schema import SchemaMemory

NOW_NS = 1_795_348_800_000_000_000
NOW_S = NOW_NS // 10**9

values: dict[str, st.SearchStrategy[Any]] = {
    "message": st.text(max_size=40) | st.sampled_from(["x" * 300, "\0" * 9, "\x92\xd7\0" * 5, '\\"\n']),
    "level": st.sampled_from(["error", "warn", "INFO"]),
    "service": st.sampled_from(["cart", "pay"]),
    "n": st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 300),
    "real": st.floats(-1e9, 1e9, allow_nan=False),
    "small": st.floats(-1e9, 1e9, width=32, allow_nan=False),
    "ok": st.booleans(),
    "nothing": st.none(),
    "ö": st.sampled_from([b"", b"a", b"bytes"]),
    "y" * 40: st.text(max_size=3) | st.none(),
}
records = st.fixed_dictionaries({}, optional=values)
event_times = st.builds(
    lambda s, ns: msgpack.ExtType(0, s.to_bytes(4, "big") + ns.to_bytes(4, "big")),
    st.integers(NOW_S - 10**6, NOW_S),
    st.integers(0, 10**9 - 1),
)
entries = st.lists(st.tuples(event_times, records), min_size=16, max_size=20) | st.lists(
    st.tuples(st.integers(NOW_S - 10**6, NOW_S), records), min_size=16, max_size=20
)


def packed(chunk: list[tuple[Any, dict[str, Any]]], single: bool = False) -> bytes:
    return b"".join(msgpack.packb(each, use_single_float=single) for each in chunk)


def rows(messages: list[bytes]) -> list[dict[str, Any]]:
    found = decode_forward(messages, now_ns=NOW_NS, schemas=SchemaMemory())
    assert found.rejected_count == 0
    table = [{name: value for name, value in row.items() if value is not None} for row in found.table.to_pylist()]
    for row in table:
        row["attributes"] = orjson.loads(row["attributes"])
    return table


@given(st.lists(entries, min_size=1, max_size=2))
def test_columns_are_what_the_entries_say(chunks: list[list[tuple[Any, dict[str, Any]]]]) -> None:
    messages = [msgpack.packb([f"tag.{number}", packed(chunk, number == 1)]) for number, chunk in enumerate(chunks)]
    read = rows(messages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "columns_of_entries", lambda _: None)
        wanted = rows(messages)
    assert read == wanted


def test_what_is_plain_comes_as_columns() -> None:
    chunk = [(NOW_S - n, {"message": f"order {n}", "n": n, "real": n / 4, "ok": True, "none": None}) for n in range(40)]
    found = columns_of_entries([packed(chunk[:20]), packed(chunk[20:])])
    assert found is not None
    assert found.each.tolist() == [20, 20]
    assert found.frame["real"].to_list() == [n / 4 for n in range(40)]
    assert found.times_ns.tolist() == [(NOW_S - n) * 10**9 for n in range(40)]


ODD: list[dict[Any, Any]] = [
    {"a": [1]}, {"a": {"b": 1}}, {"a": 2**63}, {"a": float("nan")}, {"a": 1e300}, {5: "x"}, {"fluent.tag": "own"},
    {"a": "text"}, {"a": b"\xff"}, {"a": msgpack.ExtType(7, b"x")}, {"l\0vel": "x"}, {f"n{n}": n for n in range(200)},
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_read_entry_by_entry(odd: dict[Any, Any]) -> None:
    chunk: list[Any] = [(NOW_S, {"message": f"order {n}", "a": 1}) for n in range(20)]
    data = packed([*chunk, (NOW_S, {"message": "odd", **odd}), *chunk])
    assert columns_of_entries([data]) is None
    assert len(rows([msgpack.packb(["t", data])])) == 41


@given(entries, st.integers(0, 10_000), st.binary(max_size=9))
def test_what_is_cut_off_or_spoilt_is_never_read_as_something_else(
    chunk: list[tuple[Any, dict[str, Any]]], at: int, junk: bytes
) -> None:
    data = packed(chunk)
    at %= len(data)
    for spoilt in (data[:at], data[:at] + junk + data[at:]):
        messages = [msgpack.packb(["a", spoilt]), msgpack.packb(["b", packed(chunk)])]
        read = decode_forward(messages, now_ns=NOW_NS, schemas=SchemaMemory())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(forward, "columns_of_entries", lambda _: None)
            wanted = decode_forward(messages, now_ns=NOW_NS, schemas=SchemaMemory())
        assert read.table.num_rows == wanted.table.num_rows


def test_messages_of_every_mode_keep_their_order() -> None:
    chunk = [(NOW_S, {"message": f"packed {n}"}) for n in range(16)]
    one = msgpack.packb(["t", NOW_S, {"message": "alone"}])
    many = msgpack.packb(["t", packed(chunk)])
    found = [row["message"] for row in rows([one, many, many, one, many])]
    sent = [f"packed {n}" for n in range(16)]
    assert found == ["alone", *sent, *sent, "alone", *sent]
