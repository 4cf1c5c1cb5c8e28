from concurrent.futures import Future
from typing import Any

import orjson
import pytest

from doors import NOW_NS, Doors
from heimdall.errors import BusUnavailable, Overloaded

TOKEN = {"authorization": "Splunk 11111111-2222-3333-4444-555555555555"}
EVENT = "/services/collector/event"
TEN_NS = 1_795_341_600_123_000_000


async def test_envelopes_without_anything_between_them_become_records(door: Doors) -> None:
    body = (
        b'{"time":1795341600.123,"host":"web-1","source":"app","event":"card }{ declined","fields":{"trace":5}}'
        b'{"event":{"message":"slow","level":"warn","took":7}}{"host":"web-2","index":"main","event":42}'
    )
    answer = await door.post(body, EVENT, **TOKEN)
    assert (answer.status_code, answer.json()) == (200, {"text": "Success", "code": 0})
    told = [(row["message"], row["severity_number"], row["timestamp"], row["attributes"]) for row in door.rows]
    assert told == [
        ("card }{ declined", 0, TEN_NS, {"host": "web-1", "source": "app", "trace": 5}),
        ("slow", 13, TEN_NS, {"host": "web-1", "source": "app", "took": 7}),
        ("42", 0, TEN_NS, {"host": "web-2", "source": "app", "index": "main"}),
    ]


@pytest.mark.parametrize("path", ["", "/event", "/event/1.0"])
@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n"])
async def test_every_address_and_separator_is_taken(door: Doors, path: str, between: bytes) -> None:
    body = between.join(b'{"event":"e%d"}' % n for n in range(3))
    assert (await door.post(body, f"/services/collector{path}?source=s", **TOKEN)).json()["code"] == 0
    assert door.messages == ["e0", "e1", "e2"]
    assert {row["attributes"]["source"] for row in door.rows} == {"s"}
    assert {row["timestamp"] for row in door.rows} == {NOW_NS}


@pytest.mark.parametrize("path", ["", "/event/1.0", "/raw", "/ack"])
async def test_who_asks_whether_a_collector_is_there_needs_no_token(door: Doors, path: str) -> None:
    answer = await door.http.options(f"/services/collector{path}")
    assert (answer.status_code, answer.headers["allow"]) == (200, "OPTIONS, POST")
    assert (await door.http.get(f"/services/collector{path}")).status_code == 405


@pytest.mark.parametrize("path", ["/services/collector/raw", "/services/collector/raw/1.0"])
async def test_raw_lines_are_read_as_text(door: Doors, path: str) -> None:
    answer = await door.post(b'2026-11-22 10:00:00 ERROR one\n{"msg":"two"}\n', f"{path}?host=h&sourcetype=st", **TOKEN)
    assert answer.json() == {"text": "Success", "code": 0}
    assert sorted(door.messages) == ["one", "two"]
    assert {(row["attributes"]["host"], row["attributes"]["sourcetype"]) for row in door.rows} == {("h", "st")}


async def test_a_channel_counts_what_is_on_the_disk(door: Doors) -> None:
    channel = {**TOKEN, "x-splunk-request-channel": "c1"}
    for number in range(2):
        answer = await door.post(b'{"event":"x"}', EVENT, **channel)
        assert answer.json() == {"text": "Success", "code": 0, "ackId": number}
    asked = orjson.dumps({"acks": [0, 1, 2]})
    told = (await door.post(asked, "/services/collector/ack", **channel)).json()
    assert told == {"acks": {"0": True, "1": True, "2": False}}
    other = await door.post(asked, "/services/collector/ack?channel=c2", **TOKEN)
    assert other.json() == {"acks": {"0": False, "1": False, "2": False}}


@pytest.mark.parametrize(
    ("headers", "path", "body", "status", "told"),
    [
        ({}, EVENT, b"{}", 401, {"text": "Token is required", "code": 2}),
        ({"authorization": "Digest x"}, EVENT, b"{}", 401, {"text": "Invalid authorization", "code": 3}),
        (TOKEN, EVENT, b"", 400, {"text": "No data", "code": 5}),
        (TOKEN, "/services/collector/raw", b" \n", 400, {"text": "No data", "code": 5}),
        (
            TOKEN,
            EVENT,
            b'{"event":"x"}{"event":',
            400,
            {"text": "Invalid data format", "code": 6, "invalid-event-number": 1},
        ),
        (TOKEN, EVENT, b"[5]", 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": 0}),
        (
            TOKEN,
            EVENT,
            b'{"event":"x"}{"time":1}',
            400,
            {"text": "Event field is required", "code": 12, "invalid-event-number": 1},
        ),
        (
            TOKEN,
            EVENT,
            b'{"event":""}',
            400,
            {"text": "Event field cannot be blank", "code": 13, "invalid-event-number": 0},
        ),
        (TOKEN, "/services/collector/ack", b'{"acks":[0]}', 400, {"text": "Data channel is missing", "code": 10}),
        (TOKEN, "/services/collector/ack?channel=c", b"{}", 400, {"text": "Invalid data format", "code": 6}),
    ],
)
async def test_errors_have_splunk_s_codes(
    door: Doors, headers: dict[str, str], path: str, body: bytes, status: int, told: dict[str, Any]
) -> None:
    answer = await door.http.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (status, told)
    assert door.rows == []


class FailingBus:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def append(self, batch: Any, *, producer: Any = None) -> Future[int]:
        raise self._error


@pytest.mark.parametrize(("error", "status"), [(Overloaded("slow", retry_after_s=7), 429), (BusUnavailable("x"), 503)])
async def test_a_busy_node_says_so(error: Exception, status: int) -> None:
    answer = await Doors(FailingBus(error)).post(b'{"event":"x"}', EVENT, **TOKEN)
    assert (answer.status_code, answer.json()["code"], "retry-after" in answer.headers) == (status, 9, True)


async def test_a_token_in_the_address_and_no_token_for_health(door: Doors) -> None:
    assert (await door.post(b'{"event":"x"}', f"{EVENT}?token=t")).status_code == 200
    assert (await door.http.get("/services/collector/health")).json() == {"text": "HEC is healthy", "code": 17}
    assert (await door.http.get("/services/collector/health/1.0")).status_code == 200
