"""Many records of the same names are read a column a name, and say what they say among few, where they are not."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.loki_protobuf import decode_loki_protobuf
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf
from heimdall.ingest.decode.protobuf import Wire
from heimdall.ingest.decode.protobuf_even import even_texts, even_values
from heimdall.ingest.decode.protobuf_fields import LENGTH

NOW_NS = 1_760_000_000_000_000_000
COUNT = 30
FEW = 6


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])


def inner(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | LENGTH]) + varint(len(content)) + content


def pair(name: str, value: bytes) -> bytes:
    return inner(1, name.encode()) + inner(2, value)


def any_text(text: bytes) -> bytes:
    return inner(1, text)


def any_bool(value: bool) -> bytes:
    return b"\x10" + bytes([value])


def any_integer(value: int) -> bytes:
    return b"\x18" + varint(value & 0xFFFFFFFFFFFFFFFF)


def any_real(value: float) -> bytes:
    return b"\x21" + struct.pack("<d", value)


def any_binary(value: bytes) -> bytes:
    return inner(7, value)


def usual(number: int) -> list[bytes]:
    return [
        pair("pod", any_text(b"cart-%d" % number)),
        pair("quoted", any_text(b'say "%d"\n' % number)),
        pair("user.id", any_text(b"u%d" % number)),
        pair("sessionId", any_integer(-number)),
        pair("count", any_integer(number * 1000)),
        pair("share", any_real(number / 7)),
        pair("cached", any_bool(number % 2 == 0)),
        pair("raw", any_binary(bytes([number, 255]))),
        pair("empty", any_text(b"")),
    ]


def one_of(number: int, other: list[bytes]) -> list[bytes]:
    return other if number == 17 else usual(number)


ODD: dict[str, Callable[[int], list[bytes]]] = {
    "all the same names": usual,
    "one more": lambda n: one_of(n, [*usual(n), pair("more", any_text(b"m"))]),
    "one less": lambda n: one_of(n, usual(n)[:-1]),
    "another name of the same length": lambda n: one_of(n, [pair("pad", any_text(b"x")), *usual(n)[1:]]),
    "another type": lambda n: one_of(n, [pair("pod", any_integer(n)), *usual(n)[1:]]),
    "no type": lambda n: one_of(n, [pair("pod", b""), *usual(n)[1:]]),
    "no value": lambda n: one_of(n, [inner(1, b"pod"), *usual(n)[1:]]),
    "value before name": lambda n: one_of(n, [inner(2, any_text(b"x")) + inner(1, b"pod"), *usual(n)[1:]]),
    "no UTF-8": lambda n: one_of(n, [pair("pod", any_text(b"\xff\xfe")), *usual(n)[1:]]),
    "no number": lambda n: one_of(n, [*usual(n)[:5], pair("share", any_real(float("nan"))), *usual(n)[6:]]),
    "a name twice": lambda n: [*usual(n), pair("pod", any_text(b"second"))],
    "a name that no column can have": lambda n: [*usual(n), pair("n\0l", any_text(b"x"))],
    "two names of one column": lambda n: [pair("enduser.id", any_text(b"less telling")), *usual(n)],
    "a real where a text is wanted": lambda n: [pair("user_id", any_real(n + 0.5)), *usual(n)],
    "lists": lambda n: [pair("list", inner(5, inner(1, any_integer(n)))), *usual(n)],
    "broken": lambda n: one_of(n, [pair("pod", any_text(b"x"))[:-1], *usual(n)[1:]]),
    "a value longer than it is": lambda n: one_of(n, [inner(1, b"pod") + b"\x12\x0bx", *usual(n)[1:]]),
    "a length without an end": lambda n: one_of(n, [inner(1, b"pod") + b"\x12" + b"\xff" * 12, *usual(n)[1:]]),
}


def told(table: pa.Table) -> list[dict[str, Any]]:
    rows = table.to_pylist()
    for row in rows:
        row["attributes"] = orjson.loads(row["attributes"]) if row.get("attributes") else None
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def otlp(records: list[bytes], resource: bytes) -> bytes:
    return inner(1, inner(1, resource) + inner(2, b"".join(inner(2, record) for record in records)))


RESOURCES = {
    "no resource": b"",
    "a service": inner(1, pair("service.name", any_text(b"cart")) + b""),
    "an attribute of the same name": inner(1, pair("host", any_text(b"a"))),
    "a column that the records have": inner(1, pair("cloud.region", any_text(b"eu"))),
}


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES)
@pytest.mark.parametrize("attributes", ODD.values(), ids=ODD)
def test_otlp_records_say_among_many_what_they_say_among_few(
    attributes: Callable[[int], list[bytes]], resource: bytes
) -> None:
    extra = [pair("region", any_text(b"us"))]
    records = [
        b"\x09" + struct.pack("<Q", NOW_NS + number) + inner(5, any_text(b"line %d" % number))
        + b"".join(inner(6, each) for each in [*attributes(number), *extra])
        for number in range(COUNT)
    ]  # fmt: skip
    together = decode_otlp_protobuf(otlp(records, resource), now_ns=NOW_NS)
    few = [
        decode_otlp_protobuf(otlp(records[first : first + FEW], resource), now_ns=NOW_NS)
        for first in range(0, COUNT, FEW)
    ]
    assert told(together.table) == [row for each in few for row in told(each.table)]
    assert together.rejected_count == sum(each.rejected_count for each in few)


def texts(number: int) -> list[bytes]:
    return [pair("pod", b"cart-%d" % number), pair("trace_id", b"%032x" % (number + 1)), pair("quoted", b'"\n')]


def one_text(number: int, other: list[bytes]) -> list[bytes]:
    return other if number == 17 else texts(number)


METADATA: dict[str, Callable[[int], list[bytes]]] = {
    "all the same names": texts,
    "one more": lambda n: one_text(n, [*texts(n), pair("more", b"m")]),
    "no UTF-8": lambda n: one_text(n, [pair("pod", b"\xff"), *texts(n)[1:]]),
    "an id that is none": lambda n: one_text(n, [texts(n)[0], pair("trace_id", b"none"), texts(n)[2]]),
    "a name twice": lambda n: [*texts(n), pair("pod", b"second")],
    "a name that no column can have": lambda n: [*texts(n), pair("n\0l", b"x")],
    "the name of a label": lambda n: [*texts(n), pair("job", b"own")],
    "broken": lambda n: one_text(n, [pair("pod", b"x")[:-1], *texts(n)[1:]]),
}


@pytest.mark.parametrize("labels", ['{job="a", app="cart"}', '{service_name="cart"}'])
@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
def test_loki_entries_say_among_many_what_they_say_among_few(
    metadata: Callable[[int], list[bytes]], labels: str
) -> None:
    def stamp(number: int) -> bytes:
        return inner(1, b"\x08" + varint(NOW_NS // 10**9 + number * (number != 3 or 10**9)))

    entries = [
        stamp(number) + inner(2, b"line %d" % number) + b"".join(inner(3, each) for each in metadata(number))
        for number in range(COUNT)
    ]

    def decoded(some: list[bytes]) -> Any:
        body = inner(1, inner(1, labels.encode()) + b"".join(inner(2, entry) for entry in some))
        return decode_loki_protobuf(body, now_ns=NOW_NS, schemas=SchemaMemory())

    few = [decoded(entries[first : first + FEW]) for first in range(0, COUNT, FEW)]
    together = decoded(entries)
    assert told(together.table) == [row for each in few for row in told(each.table)]
    assert together.rejected_count == sum(each.rejected_count for each in few)


def test_the_usual_bodies_are_read_a_column_a_name() -> None:
    """Else the tests above would compare one way with itself."""
    for read, records in ((even_values, usual), (even_texts, texts)):
        messages = [b"".join(inner(6, each) for each in records(number)) for number in range(COUNT)]
        ends = np.cumsum([len(message) for message in messages])
        wire = Wire(b"".join(messages))
        starts = np.concatenate(([0], ends[:-1]))
        even = read(wire, wire.fields(starts, ends, most=100).select(6, LENGTH))
        assert even is not None
        assert len(even.columns) == len(records(0))


@pytest.mark.parametrize("holders", [1, 40])
@pytest.mark.parametrize("between", [b"", b"\x1a\x03abc", b"\x12\x81\x00z", b"\x12\x80\x00"])
def test_long_runs_of_a_field_are_read_as_one_after_the_other(holders: int, between: bytes) -> None:
    """`between`: another field, and lengths written longer than they need be."""
    sizes = [1, 0, 127, 128, 300, 5] * 200
    run = b"".join(inner(2, bytes(size)) for size in sizes)
    body = inner(1, b"name") + run + between + run
    found = Wire(body * holders).fields(
        np.arange(holders) * len(body), np.arange(1, holders + 1) * len(body), most=1_000_000
    )
    middle = {b"\x12\x81\x00z": [1], b"\x12\x80\x00": [0]}.get(between, [])
    sent = found.select(2, LENGTH)
    assert not found.broken.any()
    assert (sent.end - sent.start).tolist() == [*sizes, *middle, *sizes] * holders
    assert sent.message.tolist() == sorted(sent.message.tolist())


@pytest.mark.parametrize("holders", [1, 40])
def test_a_run_that_is_cut_off_breaks_its_message(holders: int) -> None:
    body = b"".join(inner(2, bytes(50)) for _ in range(200))[:-1]
    found = Wire(body * holders).fields(
        np.arange(holders) * len(body), np.arange(1, holders + 1) * len(body), most=1_000_000
    )
    assert found.broken.all()
    assert len(found.select(2, LENGTH)) == 199 * holders
