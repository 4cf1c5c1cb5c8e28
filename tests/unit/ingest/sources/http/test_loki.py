from concurrent.futures import Future
from typing import Any

import orjson
import pyarrow as pa
import pytest

from doors import NOW_NS, Doors
from heimdall.errors import BusUnavailable, Overloaded
from heimdall.ingest.decode.loki import parse_labels

TEN_NS = 1_795_341_600_123_456_789
PROTOBUF = {"content-type": "application/x-protobuf"}


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(found) + bytes([number])


def entry(time_ns: int, line: str | bytes, **metadata: str) -> bytes:
    stamp = field(1, time_ns // 10**9) + field(2, time_ns % 10**9)
    pairs = b"".join(field(3, field(1, k.encode()) + field(2, v.encode())) for k, v in metadata.items())
    return field(1, stamp) + field(2, line.encode() if isinstance(line, str) else line) + pairs


def push(labels: str, *entries: bytes) -> bytes:
    return field(1, field(1, labels.encode()) + b"".join(field(2, each) for each in entries))


def snappy(body: bytes) -> bytes:
    return pa.Codec("snappy").compress(body, asbytes=True)


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LABELS = {"app": "pay", "level": "warn", "pod": "pay-1"}
METADATA = {"trace_id": TRACE, "user": "u7"}
EXPECTED = {
    "timestamp": TEN_NS,
    "observed_timestamp": NOW_NS,
    "severity_number": 13,
    "service": "pay",
    "message": "card declined",
    "trace_id": bytes.fromhex(TRACE),
    "attributes": {"app": "pay", "pod": "pay-1", "user": "u7", "heimdall.labels": "app,level,pod;trace_id,user"},
}


async def test_protobuf_and_json_say_the_same(door: Doors) -> None:
    labels = '{app="pay", level="warn", pod="pay-1"}'
    answer = await door.post(
        snappy(push(labels, entry(TEN_NS, "card declined", **METADATA))), "/loki/api/v1/push", **PROTOBUF
    )
    assert (answer.status_code, answer.content) == (204, b"")
    body = {"streams": [{"stream": LABELS, "values": [[str(TEN_NS), "card declined", METADATA]]}]}
    answer = await door.http.post("/loki/api/v1/push", json=body, headers={"x-scope-orgid": "someone"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert door.rows == [EXPECTED, EXPECTED]


async def test_many_entries_of_many_streams_keep_their_labels_and_times(door: Doors) -> None:
    streams = [
        push(f'{{job="j{n % 7}"}}', *(entry(TEN_NS + n * 100 + k, f"s{n} e{k}") for k in range(9))) for n in range(40)
    ]
    answer = await door.post(snappy(b"".join(streams)), "/api/prom/push", **PROTOBUF, content_encoding="snappy")
    assert answer.status_code == 204, answer.text
    told = [(row["message"], row["service"], row["timestamp"]) for row in door.rows]
    assert told == [(f"s{n} e{k}", f"j{n % 7}", TEN_NS + n * 100 + k) for n in range(40) for k in range(9)]


async def test_a_line_in_json_is_opened_and_keeps_the_time_of_its_entry(door: Doors) -> None:
    line = orjson.dumps(
        {"msg": "slow", "level": "error", "time": "2026-11-22T10:00:00Z", "took": 7, "pod": "x"}
    ).decode()
    body = {"streams": [{"stream": LABELS, "values": [[str(TEN_NS), line]]}]}
    await door.http.post("/loki/api/v1/push", json=body)
    (row,) = door.rows
    assert (row["message"], row["severity_number"], row["timestamp"]) == ("slow", 17, TEN_NS)
    told = {"heimdall.labels": "app,level,pod", "log.record.original": line}
    assert row["attributes"] == {"app": "pay", "outer.pod": "pay-1", "pod": "x", "took": 7} | told


async def test_an_id_of_another_shape_is_kept(door: Doors) -> None:
    body = {
        "streams": [{"stream": {"app": "pay"}, "values": [[str(TEN_NS), "slow", {"trace_id": "t-1", "user": "u"}]]}]
    }
    await door.http.post("/loki/api/v1/push", json=body)
    (row,) = door.rows
    told = {"app": "pay", "user": "u", "heimdall.labels": "app;trace_id,user"}
    assert ("trace_id" in row, row["attributes"]) == (False, told | {"trace_id": "t-1"})


async def test_a_level_that_nobody_states_is_looked_for_in_the_line(door: Doors) -> None:
    values = [[str(TEN_NS), "2026-11-22 ERROR no route"], [str(TEN_NS), "level=warn msg=slow"], [str(TEN_NS), "hello"]]
    await door.http.post("/loki/api/v1/push", json={"streams": [{"stream": {"job": "x"}, "values": values}]})
    assert [row["severity_number"] for row in door.rows] == [17, 13, 0]


async def test_bytes_that_are_no_text_are_kept_and_marked(door: Doors) -> None:
    body = snappy(push('{job="x"}', entry(TEN_NS, b"caf\xe9"), entry(5, "old")))
    assert (await door.post(body, "/loki/api/v1/push", **PROTOBUF)).status_code == 204
    one, other = door.rows
    assert (one["message"], one["attributes"]["heimdall.oddity"]) == ("caf\ufffd", ["invalid_utf8"])
    assert (other["timestamp"], other["attributes"]["entry_time"]) == (NOW_NS, 5)


async def test_a_malformed_entry_is_told_and_its_neighbours_are_stored(door: Doors) -> None:
    body = snappy(push('{job="x"}', entry(TEN_NS, "one"), b"\x0a\xff", entry(TEN_NS, "two")))
    answer = await door.post(body, "/loki/api/v1/push", **PROTOBUF)
    assert answer.status_code == 400
    assert answer.text.startswith("1 of 3 entries were ignored, the others are stored")
    assert door.messages == ["one", "two"]
    values = [["soon", "x"], [str(TEN_NS), 5], [str(TEN_NS), "three"]]
    answer = await door.http.post("/loki/api/v1/push", json={"streams": [{"stream": {}, "values": values}]})
    assert answer.status_code == 400
    assert door.messages == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        (PROTOBUF, b"not snappy", 400, "snappy"),
        (PROTOBUF, snappy(b"\xff\xff"), 400, "PushRequest"),
        (PROTOBUF, snappy(push("job=x", entry(TEN_NS, "a"))), 400, "labels"),
        (PROTOBUF, b"\xff\xff\xff\xff\x0f", 413, "larger"),
        ({"content-type": "application/json"}, b"{}", 400, "push request"),
        ({"content-type": "text/csv"}, b"a", 415, "application/x-protobuf"),
    ],
)
async def test_errors_are_plain_text(door: Doors, headers: Any, body: bytes, status: int, words: str) -> None:
    answer = await door.http.post("/loki/api/v1/push", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert words in answer.text
    assert door.rows == []


class FailingBus:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def append(self, batch: Any, *, producer: Any = None) -> Future[int]:
        raise self._error


@pytest.mark.parametrize(("error", "status"), [(Overloaded("slow", retry_after_s=7), 429), (BusUnavailable("x"), 503)])
async def test_what_may_work_later_says_when(error: Exception, status: int) -> None:
    body = {"streams": [{"stream": {}, "values": [[str(TEN_NS), "x"]]}]}
    answer = await Doors(FailingBus(error)).http.post("/loki/api/v1/push", json=body)
    assert (answer.status_code, "retry-after" in answer.headers) == (status, True)


async def test_an_agent_that_asks_first_is_told_ready(door: Doors) -> None:
    assert (await door.http.get("/ready")).text == "ready\n"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('{a="b"}', {"a": "b"}),
        ('{a="b",c="d, }\\"x\\n"}', {"a": "b", "c": 'd, }"x\n'}),
        (' { a = "b" , } ', {"a": "b"}),
        ("{}", {}),
        ('{a="\\x41"}', {"a": "\\x41"}),
    ],
)
def test_label_sets_are_read_as_agents_write_them(text: str, labels: dict[str, str]) -> None:
    assert parse_labels(text) == labels
