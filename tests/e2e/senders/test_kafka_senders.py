"""Producers that are not Confluent's write to the topic a node reads."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from debian import unpacked
from node_process import NodeProcess

from kafka_broker import KafkaBroker

from .conftest import PythonClients

_WITHIN_S = 30


@dataclass(frozen=True)
class Reader:
    """A node that reads a topic."""

    process: NodeProcess
    broker: str
    topic: str


@pytest.fixture(scope="module")
def reader(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    topic = kafka.topic(2)
    settings = {"HEIMDALL_SOURCES__KAFKA__BROKERS": kafka.address, "HEIMDALL_SOURCES__KAFKA__TOPICS": topic}
    with NodeProcess(tmp_path_factory.mktemp("reader") / "data", environment=settings) as process:
        yield Reader(process, kafka.address, topic)


@pytest.mark.conformance(
    "Kafka", "kcat 1.7", "lines of standard input with keys and headers, without compression and with each kind of it"
)
def test_kcat_produces(reader: Reader) -> None:
    package = unpacked("kcat")
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        lines = "".join(f"order-{n}\tlevel=warn service=kcat codec={codec} n={n} msg=late\n" for n in range(50))
        command = [str(package.find("kcat")), "-P", "-b", reader.broker, "-t", reader.topic, "-z", codec]
        done = subprocess.run(
            [*command, "-K", "\t", "-H", "team=payments", "-X", "acks=all"],
            input=lines,
            text=True,
            capture_output=True,
            timeout=_WITHIN_S,
            env=package.environment,
        )
        assert done.returncode == 0, done.stderr
    reader.process.wait_for_count(50 * len(codecs), "service:kcat")
    rows = reader.process.search("service:kcat", limit=1_000)["data"]
    assert Counter(row["codec"] for row in rows) == dict.fromkeys(codecs, 50)
    assert {(row["level"], row["messaging.kafka.headers.team"]) for row in rows} == {("warn", "payments")}
    assert {(row["n"], row["messaging.kafka.message.key"]) for row in rows} == {(n, f"order-{n}") for n in range(50)}


@pytest.mark.conformance(
    "Kafka", "aiokafka (Python)", "idempotent producers with each kind of compression, transactions kept and aborted"
)
def test_aiokafka_produces(reader: Reader, python_clients: PythonClients) -> None:
    requirements = ("aiokafka==0.14.0", "cramjam==2.14.0")
    python_clients.run("aiokafka_produce.py", requirements, reader.broker, reader.topic, "aiokafka")
    reader.process.wait_for_count(501, "service:aiokafka")
    rows = reader.process.search("service:aiokafka", limit=1_000)["data"]
    assert Counter(row["message"].split()[0] for row in rows) == {
        "None": 100,
        "gzip": 100,
        "snappy": 100,
        "lz4": 100,
        "zstd": 100,
        "committed": 1,
    }
    assert all(row["message"].startswith(row.get("messaging.kafka.headers.codec", "committed")) for row in rows)
