"""Google Cloud Pub/Sub: pushes, wrapped and unwrapped, and Cloud Logging's entries inside them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from doors import Doors

SUBSCRIPTION = "projects/shop/subscriptions/logs"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENTRY = {
    "insertId": "1x9",
    "logName": "projects/shop/logs/stdout",
    "receiveTimestamp": "2026-11-22T10:00:01.5Z",
    "timestamp": "2026-11-22T10:00:00.123456789Z",
    "severity": "ERROR",
    "resource": {
        "type": "k8s_container",
        "labels": {"project_id": "shop", "container_name": "pay", "pod_name": "pay-7", "location": "europe-west1"},
    },
    "labels": {"k8s-pod/app": "pay"},
    "trace": f"projects/shop/traces/{TRACE}",
    "spanId": SPAN,
    "traceSampled": True,
    "sourceLocation": {"file": "pay.go", "line": "7"},
}
PUBLISHED_NS = 1_795_341_602_000_000_000
AT_NS = 1_795_341_600_123_456_789


def push(data: bytes, **attributes: str) -> bytes:
    message = {
        "attributes": attributes,
        "data": base64.b64encode(data).decode(),
        "messageId": "2070443601311540",
        "message_id": "2070443601311540",
        "publishTime": "2026-11-22T10:00:02Z",
    }
    return json.dumps({"message": message, "subscription": SUBSCRIPTION}).encode()


def entry(**payload: Any) -> bytes:
    return push(json.dumps(ENTRY | payload).encode(), **{"logging.googleapis.com/timestamp": "2026-11-22T10:00:00Z"})


async def test_text_keeps_what_its_message_says(door: Doors) -> None:
    answer = await door.post(push(b"card declined", origin="till"), "/gcp/pubsub")
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = door.rows
    assert (row["message"], row["timestamp"]) == ("card declined", PUBLISHED_NS)
    assert row["attributes"] == {
        "origin": "till",
        "messaging.message.id": "2070443601311540",
        "messaging.destination.subscription.name": SUBSCRIPTION,
    }


async def test_a_log_entry_with_text(door: Doors) -> None:
    assert (await door.post(entry(textPayload="card declined"), "/gcp/pubsub")).status_code == 204
    (row,) = door.rows
    assert (row["message"], row["severity_number"], row["timestamp"]) == ("card declined", 17, AT_NS)
    assert (row["service"], row["instance"], row["region"]) == ("pay", "pay-7", "europe-west1")
    assert (row["trace_id"].hex(), row["span_id"].hex(), row["trace_flags"]) == (TRACE, SPAN, 1)
    attributes = row["attributes"]
    assert attributes["gcp.log_name"] == "projects/shop/logs/stdout"
    assert (attributes["gcp.insert_id"], attributes["gcp.resource_type"]) == ("1x9", "k8s_container")
    assert attributes["gcp.source_location"] == {"file": "pay.go", "line": "7"}
    assert attributes["gcp.labels.k8s-pod/app"] == "pay"
    assert (attributes["cloud.provider"], attributes["cloud.account.id"]) == ("gcp", "shop")


async def test_a_log_entry_with_fields_of_its_own(door: Doors) -> None:
    payload = {"message": "slow", "service": "own", "order": 7, "nested": {"a": 1}}
    await door.post(entry(jsonPayload=payload, severity="DEFAULT", trace="elsewhere/1"), "/gcp/pubsub")
    (row,) = door.rows
    assert (row["message"], row["service"], row.get("severity_number")) == ("slow", "own", 0)
    assert (row["attributes"]["order"], row["attributes"]["nested"]) == (7, {"a": 1})
    assert row["attributes"]["gcp.trace"] == "elsewhere/1"


async def test_an_audit_log_says_what_was_called(door: Doors) -> None:
    await door.post(entry(protoPayload={"methodName": "storage.get", "status": {}}), "/gcp/pubsub")
    (row,) = door.rows
    assert (row["message"], row["attributes"]["gcp.proto_payload"]["methodName"]) == ("storage.get", "storage.get")


async def test_an_unwrapped_message_has_its_metadata_in_headers(door: Doors) -> None:
    headers = {
        "x-goog-pubsub-message-id": "7",
        "x-goog-pubsub-subscription-name": SUBSCRIPTION,
        "x-goog-pubsub-attribute-origin": "till",
    }
    answer = await door.post(b'{"message":"one","level":"warn"}', "/gcp/pubsub", **headers)
    assert answer.status_code == 204
    (row,) = door.rows
    assert (row["message"], row["severity_number"], row["attributes"]["origin"]) == ("one", 13, "till")


async def test_an_empty_message_is_acknowledged_and_makes_no_record(door: Doors) -> None:
    assert (await door.post(push(b"", only="attributes"), "/gcp/pubsub")).status_code == 204
    assert door.rows == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"message":5}', b'{"message":{"data":"&"}}'])
async def test_what_is_no_push_is_not_acknowledged(door: Doors, body: bytes) -> None:
    assert (await door.post(body, "/gcp/pubsub")).status_code == 400


async def test_a_wrong_token_is_refused() -> None:
    door = Doors(pubsub_secret="right")
    assert (await door.post(push(b"x"), "/gcp/pubsub")).status_code == 401
    assert (await door.post(push(b"x"), "/gcp/pubsub?token=wrong")).status_code == 401
    assert (await door.post(push(b"x"), "/gcp/pubsub?token=right")).status_code == 204
