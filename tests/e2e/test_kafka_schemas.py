"""Avro, Protobuf and JSON Schema of the official serialisers, through a real broker, with a real registry."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from node_process import NodeProcess

from heimdall.bus.buses.memory import MemoryBus
from heimdall.bus.registry import SchemaRegistry
from heimdall.clock import SystemClock
from heimdall.ingest.sources.kafka import KafkaConfig, KafkaSource
from heimdall.ingest.sources.registered_schemas import OutsideSchemas, OwnSchemas, RegisteredSchemas
from kafka_broker import KafkaBroker

WAIT_S = 40
AT_MS = 1_795_343_300_123
LOG = """{"type":"record","name":"Log","namespace":"shop","fields":[
  {"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"level","type":{"type":"enum","name":"Level","symbols":["INFO","ERROR"]}},
  {"name":"service","type":"string"},
  {"name":"message","type":"string"},
  {"name":"order","type":["null","long"],"default":null},
  {"name":"http","type":{"type":"record","name":"Http","fields":[{"name":"status","type":"int"}]}}]}"""
TAGGED = """{"type":"record","name":"Tagged","fields":[
  {"name":"message","type":"string"},{"name":"tags","type":{"type":"array","items":"string"}}]}"""


def log(number: int) -> dict[str, Any]:
    level = "ERROR" if number % 2 else "INFO"
    order = number if number % 3 else None
    return {"timestamp": AT_MS + number, "level": level, "service": "pay", "message": f"declined {number}",
            "order": order, "http": {"status": 402}}  # fmt: skip


def about(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def send(broker: KafkaBroker, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": broker.address, "log_level": 0})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(WAIT_S) == 0


def rows(bus: MemoryBus) -> list[dict[str, Any]]:
    return [
        row | json.loads(row["attributes"])
        for frame in bus.read(1, max_bytes=1 << 40)
        for row in frame.batch.table.to_pylist()
    ]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def client(shared_node: NodeProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": f"{shared_node.url}/schema-registry"}) as made:
        yield made


@pytest.fixture
def read(kafka: KafkaBroker, shared_node: NodeProcess) -> Iterator[Callable[..., MemoryBus]]:
    """Reads a topic onto a bus, with the schemas of the node unless others are given."""
    started: list[KafkaSource] = []

    def start(topic: str, registered: RegisteredSchemas | None = None, **settings: Any) -> MemoryBus:
        bus, clock = MemoryBus(), SystemClock()
        config = KafkaConfig(brokers=(kafka.address,), topics=(topic,), group=f"g-{topic}", registry="own", **settings)
        url = f"{shared_node.url}/schema-registry"
        source = KafkaSource(bus, clock, config, registered or OutsideSchemas(url, clock))
        source.start()
        started.append(source)
        return bus

    yield start
    for source in started:
        source.stop()


@pytest.mark.conformance("Kafka", "confluent-kafka (Python) serialisers", "Avro")
def test_avro_records_become_columns(
    kafka: KafkaBroker, client: SchemaRegistryClient, read: Callable[..., MemoryBus]
) -> None:
    topic = kafka.topic()
    serialise = AvroSerializer(client, LOG)
    send(kafka, topic, [serialise(log(n), about(topic)) for n in range(300)])
    bus = read(topic)
    wait_until(lambda: len(rows(bus)) == 300)
    for number, row in enumerate(rows(bus)):
        assert (row["message"], row["service"]) == (f"declined {number}", "pay")
        assert row["timestamp"].value // 1_000_000 == AT_MS + number
        assert row["severity_number"] == (17 if number % 2 else 9)
        assert (row.get("order"), row["http"]) == (number if number % 3 else None, {"status": 402})
        assert (row["messaging.destination.name"], row["messaging.kafka.offset"]) == (topic, number)


def test_avro_with_lists_and_with_types_of_another_schema(
    kafka: KafkaBroker, client: SchemaRegistryClient, read: Callable[..., MemoryBus]
) -> None:
    topic = kafka.topic()
    client.register_schema(f"{topic}-level", Schema('{"type":"enum","name":"Lv","symbols":["WARN"]}', "AVRO"))
    builds_on = (
        '{"type":"record","name":"B","fields":[{"name":"message","type":"string"},{"name":"level","type":"Lv"}]}'
    )
    schema = Schema(builds_on, "AVRO", [SchemaReference("Lv", f"{topic}-level", 1)])
    values = [
        AvroSerializer(client, TAGGED)({"message": "tagged", "tags": ["a", "b"]}, about(f"{topic}-tagged")),
        AvroSerializer(client, schema)({"message": "built on", "level": "WARN"}, about(topic)),
    ]
    send(kafka, topic, values)
    bus = read(topic)
    wait_until(lambda: len(rows(bus)) == 2)
    found = {row["message"]: row for row in rows(bus)}
    assert found["tagged"]["tags"] == ["a", "b"]
    assert found["built on"]["severity_number"] == 13


@pytest.mark.conformance("Kafka", "confluent-kafka (Python) serialisers", "Protobuf, JSON Schema")
def test_protobuf_and_json_schema(
    kafka: KafkaBroker, client: SchemaRegistryClient, read: Callable[..., MemoryBus]
) -> None:
    topic = kafka.topic()
    file = FileDescriptorProto(name=f"{topic}.proto", package="shop", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    other, mine = file.message_type.add(name="Other"), file.message_type.add(name="Log")
    other.field.add(name="x", number=1, type="TYPE_INT64", label="LABEL_OPTIONAL")
    mine.field.add(name="message", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    mine.field.add(name="order", number=2, type="TYPE_INT64", label="LABEL_OPTIONAL")
    mine.field.add(name="timestamp", number=3, type="TYPE_MESSAGE", label="LABEL_OPTIONAL",
                   type_name=".google.protobuf.Timestamp")  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Log"))
    at = {"seconds": AT_MS // 1000}
    text = '{"title":"Log","type":"object","properties":{"message":{"type":"string"}}}'
    protobuf = ProtobufSerializer(made, client, {"use.deprecated.format": False})
    values = [
        protobuf(made(message="by protobuf", order=7, timestamp=at), about(topic)),
        JSONSerializer(text, client)({"message": "by json schema", "level": "error"}, about(f"{topic}-json")),
        b'{"message":"without a schema"}',
    ]
    send(kafka, topic, values)
    bus = read(topic)
    wait_until(lambda: len(rows(bus)) == 3)
    found = {row["message"]: row for row in rows(bus)}
    assert found["by protobuf"]["order"] == 7
    assert found["by protobuf"]["timestamp"].value == AT_MS // 1000 * 1_000_000_000
    assert found["by json schema"]["severity_number"] == 17
    assert "without a schema" in found


def test_what_cannot_be_decoded_is_kept_beside_the_others(
    kafka: KafkaBroker, client: SchemaRegistryClient, read: Callable[..., MemoryBus]
) -> None:
    topic = kafka.topic()
    good = AvroSerializer(client, LOG)(log(1), about(topic))
    send(kafka, topic, [good, good[:-3], b"\0" + (10**9).to_bytes(4) + b"unknown schema", good])
    bus = read(topic)
    wait_until(lambda: len(rows(bus)) == 4)
    marked = [row for row in rows(bus) if row.get("heimdall.oddity") == ["malformed"]]
    assert sorted(row["messaging.kafka.offset"] for row in marked) == [1, 2]
    assert [row["message"] for row in rows(bus)].count("declined 1") == 2


def test_schemas_of_this_nodes_own_registry(
    kafka: KafkaBroker, tmp_path: Path, client: SchemaRegistryClient, read: Callable[..., MemoryBus]
) -> None:
    topic, own = kafka.topic(), SchemaRegistry(tmp_path / "schemas.db")
    try:
        from heimdall.bus.registry import Schema as Own

        schema_id = own.register("logs-value", Own(LOG)).id
        wire = AvroSerializer(client, LOG)(log(5), about(topic))
        send(kafka, topic, [b"\0" + schema_id.to_bytes(4) + wire[5:]])
        bus = read(topic, OwnSchemas(own))
        wait_until(lambda: [row["message"] for row in rows(bus)] == ["declined 5"])
    finally:
        own.close()


class _Away(BaseHTTPRequestHandler):
    """A registry that is busy three times, then has one schema."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        busy = len(self.asked) <= 3
        body = json.dumps({"error_code": 50003} if busy else {"schema": LOG}).encode()
        self.send_response(503 if busy else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_registry_that_is_away_is_waited_for_and_asked_once(
    kafka: KafkaBroker, client: SchemaRegistryClient, read: Callable[..., MemoryBus]
) -> None:
    topic = kafka.topic()
    _Away.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Away) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wire = AvroSerializer(client, LOG)(log(1), about(topic))
        send(kafka, topic, [wire] * 50)
        bus = read(topic, OutsideSchemas(f"http://127.0.0.1:{server.server_port}", SystemClock()), max_batch_records=10)
        wait_until(lambda: len(rows(bus)) == 50)
        server.shutdown()
    assert len(_Away.asked) == 4
    assert all(path.startswith(f"/schemas/ids/{int.from_bytes(wire[1:5])}") for path in _Away.asked)
