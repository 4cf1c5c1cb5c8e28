"""Whatever a device publishes is one record, under what its topic says."""

from __future__ import annotations

import json
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.mqtt import TOPIC_FIELD, MqttMessages, Subscription, Topics
from heimdall.ingest.decode.payloads import decode_payloads

NOW_NS = 1_795_348_800_000_000_000
LEVEL = st.sampled_from(["a", "b", "", "plant"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(bool)
FILTER = st.builds(
    lambda levels, end: "/".join([*levels, *end]),
    st.lists(st.sampled_from(["a", "b", "", "+", "{instance}"]), min_size=1, max_size=4, unique=True),
    st.sampled_from([[], ["#"]]),
).filter(bool)


@given(FILTER, TOPIC)
def test_a_filter_takes_what_the_brokers_rules_say(text: str, topic: str) -> None:
    subscription = Subscription.parse(text)
    assert (subscription.names(topic) is not None) == topic_matches_sub(subscription.filter, topic)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=6), st.binary(max_size=40) | st.just(b'{"a":1}')), max_size=8))
def test_every_payload_is_a_record_under_its_topic(sent: list[tuple[str, bytes]]) -> None:
    topics = Topics([Subscription.parse("{instance}"), Subscription.parse("#")])
    messages = MqttMessages([topic for topic, _ in sent], [payload for _, payload in sent], topics)
    found = decode_payloads(messages, "auto", now_ns=NOW_NS, schemas=SchemaMemory())
    assert not found.undecodable
    attributes = [json.loads(text) for text in found.table["attributes"].to_pylist()] if found.num_rows else []
    kept = Counter(each[TOPIC_FIELD] for each in attributes)
    visible = Counter(topic for topic, payload in sent if re.search(r"[^\s\0]", payload.decode("utf-8", "replace")))
    assert visible <= kept <= Counter(topic for topic, payload in sent if payload)
