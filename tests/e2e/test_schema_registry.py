"""The official Python client and its serialisers, unchanged, against a real node's registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from node_process import NodeProcess

ORDER = """{"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":"long"},{"name":"note","type":["null","string"],"default":null}]}"""


@pytest.fixture
def client(shared_node: NodeProcess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": f"{shared_node.url}/schema-registry"}) as made:
        yield made


def about(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


@pytest.mark.conformance("Schema registry", "confluent-kafka (Python) client", "Avro")
def test_avro(client: SchemaRegistryClient) -> None:
    wire = AvroSerializer(client, ORDER)({"id": 7, "note": "x"}, about("avro-orders"))
    assert AvroDeserializer(client)(wire, about("avro-orders")) == {"id": 7, "note": "x"}
    latest = client.get_latest_version("avro-orders-value")
    assert int.from_bytes(wire[1:5]) == latest.schema_id
    assert (latest.version, latest.schema.schema_type) == (1, "AVRO")


@pytest.mark.conformance("Schema registry", "confluent-kafka (Python) client", "JSON Schema")
def test_json_schema(client: SchemaRegistryClient) -> None:
    text = '{"title":"Order","type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}'
    wire = JSONSerializer(text, client)({"id": 7}, about("json-orders"))
    assert JSONDeserializer(text, schema_registry_client=client)(wire, about("json-orders")) == {"id": 7}
    assert client.get_latest_version("json-orders-value").schema.schema_type == "JSON"


@pytest.mark.conformance("Schema registry", "confluent-kafka (Python) client", "Protobuf")
def test_protobuf(client: SchemaRegistryClient) -> None:
    settings: dict[str, Any] = {"use.deprecated.format": False}
    file = FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    file.message_type.add(name="Order").field.add(name="id", number=1, type="TYPE_INT64", label="LABEL_OPTIONAL")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))
    wire = ProtobufSerializer(order, client, settings)(order(id=7), about("protobuf-orders"))
    assert ProtobufDeserializer(order, settings, client)(wire, about("protobuf-orders")) == order(id=7)
    assert client.get_latest_version("protobuf-orders-value").schema.schema_type == "PROTOBUF"


@pytest.mark.conformance("Schema registry", "confluent-kafka (Python) client", "compatibility")
def test_an_incompatible_producer_is_refused_with_the_reason(client: SchemaRegistryClient) -> None:
    AvroSerializer(client, ORDER)({"id": 7}, about("refused"))
    other = '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"id","type":"string"}]}'
    with pytest.raises(SchemaRegistryError, match="/id: string cannot read long") as refusal:
        AvroSerializer(client, other)({"id": "seven"}, about("refused"))
    assert refusal.value.http_status_code == 409
    assert client.test_compatibility("refused-value", Schema(other, "AVRO")) is False


def test_levels_subjects_and_versions(client: SchemaRegistryClient) -> None:
    subject = "kept-value"
    first = client.register_schema(subject, Schema(ORDER, "AVRO"))
    client.set_compatibility(subject, "FULL_TRANSITIVE")
    assert client.get_compatibility(subject) == "FULL_TRANSITIVE"
    assert client.get_compatibility() == "BACKWARD"
    wider = ORDER.replace('"default":null}', '"default":null},{"name":"vip","type":"boolean","default":false}')
    second = client.register_schema(subject, Schema(wider, "AVRO"))
    assert second != first
    assert client.get_versions(subject) == [1, 2]
    assert client.lookup_schema(subject, Schema(ORDER, "AVRO")).version == 1
    assert client.get_schema(second).schema_str == wider
    assert subject in client.get_subjects()
    assert client.delete_version(subject, 2) == 2
    assert client.delete_subject(subject) == [1]
    assert subject not in client.get_subjects()


def test_the_records_own_schema_is_there(client: SchemaRegistryClient) -> None:
    latest = client.get_latest_version("heimdall-log-record")
    assert '"name": "severity_number"' in (latest.schema.schema_str or "")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "number"),
    [
        ("GET", "/subjects/nowhere/versions", None, 404, 40401),
        ("GET", "/subjects/heimdall-log-record/versions/99", None, 404, 40402),
        ("GET", "/subjects/heimdall-log-record/versions/one", None, 422, 42202),
        ("GET", "/schemas/ids/99999", None, 404, 40403),
        ("GET", "/config/nowhere", None, 404, 40408),
        ("PUT", "/config", {"compatibility": "SIDEWAYS"}, 422, 42203),
        ("POST", "/subjects/bad/versions", {"schema": "{"}, 422, 42201),
        ("POST", "/subjects/bad/versions", {"schema": "{}", "schemaType": "XML"}, 422, 42201),
        ("POST", "/subjects/bad/versions", {"schema": '"int"', "references": [{"name": 1}]}, 422, 42201),
        ("POST", "/subjects/bad/versions", {}, 422, 42201),
    ],
)
def test_errors_in_the_registrys_own_words(
    shared_node: NodeProcess, method: str, path: str, body: Any, status: int, number: int
) -> None:
    answer = httpx.request(method, f"{shared_node.url}/schema-registry{path}", json=body, timeout=60)
    assert (answer.status_code, answer.json()["error_code"]) == (status, number)
    assert answer.headers["content-type"] == "application/vnd.schemaregistry.v1+json"


def test_schemas_survive_a_kill(node: NodeProcess) -> None:
    url = f"{node.url}/schema-registry/subjects/s/versions"
    made = httpx.post(url, json={"schema": ORDER}, timeout=60).json()
    node.kill()
    node.start()
    assert httpx.get(f"{url}/latest", timeout=60).json()["id"] == made["id"]
