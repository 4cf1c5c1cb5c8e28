"""Loki's two forms say the same; whatever bytes come, decoding holds."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.loki_json import decode_loki_json, decode_loki_json_together
from heimdall.ingest.decode.loki_protobuf import decode_loki_protobuf, decode_loki_protobuf_together
from heimdall.ingest.decode.protobuf_together import is_framed
from properties.together import check_together, rows

NOW_NS = 1_795_348_800_000_000_000
NAMES = st.sampled_from(["a", "job", "level", "trace_id", "user_id", "pod"])
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
PAIRS = st.dictionaries(NAMES, TEXT, max_size=3)
LINES = TEXT | st.sampled_from(['{"msg":"x","n":1}', '{"msg":', "ERROR gone", "level=warn"])
ENTRIES = st.lists(st.tuples(st.integers(0, 2**62), LINES, PAIRS), max_size=3)
STREAMS = st.lists(st.tuples(PAIRS, ENTRIES, st.sampled_from([1, 1, 30])), max_size=3)


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(found) + bytes([number])


def inner(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def protobuf(streams: list) -> bytes:
    body = b""
    for labels, entries, times in streams:
        text = "{" + ", ".join(f"{name}={orjson.dumps(value).decode()}" for name, value in labels.items()) + "}"
        sent = inner(1, text.encode())
        for time, line, metadata in entries * times:
            stamp = b"\x08" + varint(time // 10**9) + b"\x10" + varint(time % 10**9)
            pairs = b"".join(inner(3, inner(1, k.encode()) + inner(2, v.encode())) for k, v in metadata.items())
            sent += inner(2, inner(1, stamp) + inner(2, line.encode()) + pairs)
        body += inner(1, sent)
    return body


def as_json(streams: list) -> bytes:
    sent = [
        {"stream": labels, "values": [[str(time), line, metadata] for time, line, metadata in entries * times]}
        for labels, entries, times in streams
    ]
    return orjson.dumps({"streams": sent})


BROKEN_ENTRY = b'{"streams":[{"stream":{"job":"a"},"values":[["1","x"],["yesterday?","y"]]}]}'


@given(STREAMS)
def test_both_forms_say_the_same(streams: list) -> None:
    one = decode_loki_protobuf(protobuf(streams), now_ns=NOW_NS, schemas=SchemaMemory())
    other = decode_loki_json(as_json(streams), now_ns=NOW_NS, schemas=SchemaMemory())
    assert one.rejected_count == other.rejected_count == 0
    assert one.num_rows == sum(len(entries) * times for _, entries, times in streams)
    assert rows(one.table) == rows(other.table)


@given(STREAMS, st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6), st.integers(0, 40))
def test_whatever_bytes_come_decoding_holds(streams: list, flips: list, cut: int) -> None:
    body = bytearray(protobuf(streams))
    for place, byte in flips:
        if body:
            body[place % len(body)] = byte
    try:
        decoded = decode_loki_protobuf(bytes(body[: max(0, len(body) - cut)]), now_ns=NOW_NS, schemas=SchemaMemory())
    except InvalidInput:
        return
    for row in rows(decoded.table):
        assert isinstance(row["attributes"], dict)


@given(st.binary(max_size=80) | st.text('{}[]":,streamvalu0', max_size=60).map(str.encode))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    for decode in (decode_loki_protobuf, decode_loki_json):
        try:
            decode(body, now_ns=NOW_NS, schemas=SchemaMemory())
        except InvalidInput:
            continue


@given(st.lists(STREAMS.map(protobuf) | st.binary(max_size=6), min_size=1, max_size=5), st.integers(0, 40))
def test_requests_that_go_together_are_read_like_each_alone(bodies: list[bytes], cut: int) -> None:
    bodies[0] = bodies[0][: max(len(bodies[0]) - cut, 0)] if cut % 4 == 0 else bodies[0]
    given: dict[str, Any] = {"now_ns": NOW_NS, "schemas": SchemaMemory()}
    check_together(
        bodies,
        lambda bodies: decode_loki_protobuf_together(bodies, **given),
        lambda body: decode_loki_protobuf(body, **given),
    )


@given(st.lists(STREAMS.map(as_json) | st.sampled_from([b"", b"{}", BROKEN_ENTRY]), min_size=1, max_size=5))
def test_requests_in_json_that_go_together_are_read_like_each_alone(bodies: list[bytes]) -> None:
    given: dict[str, Any] = {"now_ns": NOW_NS, "schemas": SchemaMemory()}
    check_together(
        bodies,
        lambda bodies: decode_loki_json_together(bodies, **given),
        lambda body: decode_loki_json(body, **given),
    )


def test_a_request_that_is_cut_off_does_not_reach_into_the_next() -> None:
    whole = protobuf([({"job": "a"}, [(1, "x", {})], 1)])
    assert all(map(is_framed, (whole, whole + whole, b"")))
    assert not any(is_framed(whole[:end]) for end in range(1, len(whole)))
    cut = protobuf([({"job": "thief"}, [(1, "x" * 200, {})], 1)])[:-50]
    parts = decode_loki_protobuf_together([cut, whole, whole], now_ns=NOW_NS, schemas=SchemaMemory()).parts
    assert [part and part.table["message"].to_pylist() for part in parts] == [None, ["x"], ["x"]]
