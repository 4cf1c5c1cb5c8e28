"""What a subscription takes, and what a topic says of its records."""

from __future__ import annotations

import json

import pytest

from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.mqtt import MqttMessages, Subscription, Topics
from heimdall.ingest.decode.payloads import decode_payloads

NOW_NS = 1_795_348_800_000_000_000


@pytest.mark.parametrize(
    ("text", "filter_"),
    [
        ("a/b", "a/b"),
        ("a/{instance}/#", "a/+/#"),
        ("$share/nodes/plant/{region}/+", "$share/nodes/plant/+/+"),
        ("#", "#"),
        ("/{device.id}", "/+"),
    ],
)
def test_names_are_wildcards_on_the_wire(text: str, filter_: str) -> None:
    assert Subscription.parse(text).filter == filter_


@pytest.mark.parametrize(
    "text", ["", "a/#/b", "a#", "a+/b", "a/x{instance}", "a/{}", "$share/n", "$share//a", "{a}/{a}", "a/{b}c/#"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="topic|shared|level"):
        Subscription.parse(text)


def test_a_record_keeps_what_it_says_itself() -> None:
    topics = Topics([Subscription.parse("{service}/{instance}/{rack}")])
    sent = MqttMessages(["shop/a/r1", "shop/b/r2"], [b'{"message":"x","service":"own"}', b'{"message":"y"}'], topics)
    table = decode_payloads(sent, "auto", now_ns=NOW_NS, schemas=SchemaMemory()).table
    rows = table.select(["service", "instance", "attributes"]).to_pylist()
    assert [(row["service"], row["instance"]) for row in rows] == [("own", "a"), ("shop", "b")]
    assert [json.loads(row["attributes"])["rack"] for row in rows] == ["r1", "r2"]


def test_empty_payloads_are_no_records() -> None:
    """That is how a retained message is taken back."""
    sent = MqttMessages(["t"] * 2, [b"", b"text"], Topics([Subscription.parse("t")]))
    assert decode_payloads(sent, "auto", now_ns=NOW_NS, schemas=SchemaMemory()).num_rows == 1
