"""Amazon Data Firehose: deliveries and answers as its developer guide specifies them, headers and all."""

from __future__ import annotations

import base64
import gzip
import json
from concurrent.futures import Future
from typing import Any

import pytest

from doors import NOW_NS, Doors
from heimdall.errors import Overloaded

REQUEST_ID = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"
HEADERS = {
    "content-type": "application/json",
    "user-agent": "Amazon Kinesis Data Firehose Agent/1.0",
    "x-amz-firehose-protocol-version": "1.0",
    "x-amz-firehose-request-id": REQUEST_ID,
    "x-amz-firehose-source-arn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/logs",
    "x-amz-firehose-access-key": "a-key",
}
EVENT_MS = 1_795_343_300_123


def record(data: bytes) -> dict[str, str]:
    return {"data": base64.b64encode(data).decode()}


def delivery(*records: Any) -> bytes:
    return json.dumps({"requestId": REQUEST_ID, "timestamp": EVENT_MS, "records": list(records)}).encode()


def subscription(*messages: str, group: str = "/aws/lambda/checkout", kind: str = "DATA_MESSAGE") -> bytes:
    """As CloudWatch Logs writes it, compressed."""
    events = [{"id": f"{36_000 + n}", "timestamp": EVENT_MS + n, "message": text} for n, text in enumerate(messages)]
    envelope = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": group,
        "logStream": "2026/11/22/[$LATEST]9a",
        "subscriptionFilters": ["all"],
        "logEvents": events,
    }
    return gzip.compress(json.dumps(envelope).encode())


async def deliver(door: Doors, body: bytes, **headers: str) -> Any:
    return await door.http.post("/aws/firehose", content=body, headers=HEADERS | headers)


async def test_cloudwatch_events_become_records(door: Doors) -> None:
    messages = (
        '{"level":"error","message":"card declined","order":7}',
        "START RequestId: 8f",
        "level=warn msg=slow n=3",
    )
    answer = await deliver(door, delivery(record(subscription(*messages))))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"requestId": REQUEST_ID, "timestamp": NOW_NS // 1_000_000}
    rows = {row["message"]: row for row in door.rows}
    declined, start, slow = rows["card declined"], rows["START RequestId: 8f"], rows["slow"]
    assert (declined["severity_number"], declined["service"], declined["attributes"]["order"]) == (17, "checkout", 7)
    assert [row["timestamp"] for row in (declined, start, slow)] == [(EVENT_MS + n) * 1_000_000 for n in range(3)]
    assert {row["service"] for row in (start, slow)} == {"checkout"}
    assert start["attributes"] == {
        "cloud.provider": "aws",
        "cloud.account.id": "123456789012",
        "aws.log.group.names": ["/aws/lambda/checkout"],
        "aws.log.stream.names": ["2026/11/22/[$LATEST]9a"],
        "log.record.uid": "36001",
        "aws.firehose.arn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/logs",
    }


async def test_several_streams_in_one_delivery_keep_apart(door: Doors) -> None:
    body = delivery(record(subscription("a", group="/ecs/one")), record(subscription("b", "c", group="two")))
    await deliver(door, body)
    assert {row["message"]: row["service"] for row in door.rows} == {"a": "one", "b": "two", "c": "two"}


async def test_a_control_message_is_answered_and_makes_no_record(door: Doors) -> None:
    answer = await deliver(door, delivery(record(subscription("CWL CONTROL MESSAGE", kind="CONTROL_MESSAGE"))))
    assert (answer.status_code, door.rows) == (200, [])


async def test_what_producers_put_is_read_as_json_and_text(door: Doors) -> None:
    put = (b'{"message":"one","service":"pay"}\n', gzip.compress(b"two\nthree\n"), b"")
    given = json.dumps({"commonAttributes": {"deployment": "blue"}})
    body = gzip.compress(delivery(*map(record, put)))
    headers = {"x-amz-firehose-common-attributes": given, "content-encoding": "gzip"}
    assert (await deliver(door, body, **headers)).status_code == 200
    assert sorted(door.messages) == ["one", "three", "two"]
    assert {row["attributes"]["deployment"] for row in door.rows} == {"blue"}


@pytest.mark.parametrize(
    "bad",
    [
        {"data": "&&&"}, {}, 5, {"data": 7}, record(b"\x1f\x8bnot gzip"),
        record(b'{"messageType":"DATA_MESSAGE","logEvents":5}'), record(b'{"messageType":"DATA_MESSAGE","logEvents":['),
    ],
)  # fmt: skip
async def test_a_bad_record_never_spoils_its_delivery(door: Doors, bad: Any) -> None:
    body = delivery(record(b"before"), bad, record(subscription("event")), record(b"after"))
    assert (await deliver(door, body)).status_code == 200
    assert {"before", "event", "after"} < set(door.messages)
    assert len(door.rows) == 4


async def test_a_bomb_is_refused(door: Doors) -> None:
    answer = await deliver(door, delivery(*[record(gzip.compress(b"x" * (40 << 20)))] * 2))
    assert answer.status_code == 413
    assert answer.json()["requestId"] == REQUEST_ID
    assert door.rows == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"requestId":"a","records":5}', b'{"records":[]}'])
async def test_what_is_no_delivery_is_refused_in_the_protocols_words(door: Doors, body: bytes) -> None:
    answer = await deliver(door, body)
    told = answer.json()
    assert (answer.status_code, told["requestId"], told["timestamp"]) == (400, REQUEST_ID, NOW_NS // 1_000_000)
    assert told["errorMessage"].startswith("a delivery is a JSON object")


async def test_a_wrong_access_key_is_refused() -> None:
    door = Doors(firehose_secret="right")
    assert (await deliver(door, delivery(record(b"x")))).status_code == 401
    assert (await deliver(door, delivery(record(b"x")), **{"x-amz-firehose-access-key": "right"})).status_code == 200
    assert door.messages == ["x"]


class FailingBus:
    def append(self, batch: Any, *, producer: Any = None) -> Future[int]:
        raise Overloaded("slow", retry_after_s=7)


async def test_a_busy_node_has_it_sent_again() -> None:
    answer = await deliver(Doors(FailingBus()), delivery(record(b"x")))
    assert (answer.status_code, answer.json()["errorMessage"]) == (429, "slow")
