"""What connectors of a real Kafka Connect worker bring to a topic arrives."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import SystemClock
from heimdall.ingest.sources.kafka import KafkaConfig, KafkaSource
from kafka_broker import KafkaBroker
from kafka_connect import ConnectWorker

WAIT_S = 60


def by_topic(bus: MemoryBus) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for frame in bus.read(1, max_bytes=1 << 40):
        for row in frame.batch.table.to_pylist():
            row |= json.loads(row["attributes"])
            found.setdefault(row["messaging.destination.name"], []).append(row)
    return found


@pytest.mark.conformance("Kafka", "Apache Kafka Connect", "file source, MirrorMaker source")
@pytest.mark.slow
def test_a_worker_brings_a_file_and_another_clusters_topic(kafka: KafkaBroker, tmp_path: Path) -> None:
    """The file connector, as text and in JSON with a field of its own; and MirrorMaker's connector."""
    lines, records, elsewhere = kafka.topic(), kafka.topic(), kafka.topic()
    watched = tmp_path / "app.log"
    watched.write_text("".join(f"2026-11-22 10:15:30 ERROR line {n}\n" for n in range(200)))
    file = {"connector.class": "FileStreamSource", "file": str(watched)}
    as_json = {
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "transforms": "wrap,add",
        "transforms.wrap.type": "org.apache.kafka.connect.transforms.HoistField$Value",
        "transforms.wrap.field": "message",
        "transforms.add.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.add.static.field": "service",
        "transforms.add.static.value": "shop",
    }
    bytes_ = "org.apache.kafka.connect.converters.ByteArrayConverter"
    mirror = {
        "connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector",
        "source.cluster.alias": "elsewhere",
        "target.cluster.alias": "here",
        "source.cluster.bootstrap.servers": kafka.address,
        "target.cluster.bootstrap.servers": kafka.address,
        "topics": elsewhere,
        "replication.factor": "1",
        "offset-syncs.topic.replication.factor": "1",
        "key.converter": bytes_,
        "value.converter": bytes_,
    }
    producer = Producer({"bootstrap.servers": kafka.address, "log_level": 0})
    for number in range(100):
        producer.produce(elsewhere, json.dumps({"message": f"order {number}", "level": "warn"}).encode())
    assert producer.flush(WAIT_S) == 0
    connectors = {"file": file | {"topic": lines}, "records": file | {"topic": records} | as_json, "mirror": mirror}
    bus, mirrored = MemoryBus(), f"elsewhere.{elsewhere}"
    config = KafkaConfig(brokers=(kafka.address,), topics=(lines, records, mirrored), group=f"g-{lines}")
    source = KafkaSource(bus, SystemClock(), config)
    wanted = {lines: 201, records: 201, mirrored: 100}
    with ConnectWorker(tmp_path / "connect", kafka, connectors):
        source.start()
        try:
            with watched.open("a") as more:
                more.write("2026-11-22 10:15:31 WARN appended later\n")
            deadline = time.monotonic() + WAIT_S
            while {topic: len(rows) for topic, rows in by_topic(bus).items()} != wanted and time.monotonic() < deadline:
                time.sleep(0.2)
        finally:
            source.stop()
    found = by_topic(bus)
    assert {topic: len(rows) for topic, rows in found.items()} == wanted
    assert [found[lines][place]["message"] for place in (0, 1, -1)] == ["line 0", "line 1", "appended later"]
    assert {row["severity_number"] for row in found[lines]} == {13, 17}
    assert found[records][0]["message"] == "2026-11-22 10:15:30 ERROR line 0"
    assert {row["service"] for row in found[records]} == {"shop"}
    assert [row["message"] for row in found[mirrored]] == [f"order {n}" for n in range(100)]
