"""Topics of a real broker arrive on the bus once, whatever happens to the bus, the group, the broker or the node."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from node_process import NodeProcess

from heimdall.bus.buses.kafka.connection import KafkaSecurityConfig
from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import SystemClock
from heimdall.errors import BusUnavailable, InvalidInput, Misconfigured, Overloaded
from heimdall.ingest.sources.kafka import KafkaConfig, KafkaSource
from heimdall.model.batch import LogBatch
from kafka_broker import PASSWORD, USER, KafkaBroker, Keys

WAIT_S = 40


class FlakyBus(MemoryBus):
    """Refuses at random: full, or failing after it was handed the batch."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self.refusals = 0

    def append(self, batch: LogBatch, **key: Any) -> Future[int]:
        chance = self._random.random()
        if chance < 0.6:
            self.refusals += 1
            if chance < 0.3:
                raise Overloaded("full", retry_after_s=0.01)
            failure = BusUnavailable("the disk failed")
            failure.retry_after_s = 0.01
            failed: Future[int] = Future()
            failed.set_exception(failure)
            return failed
        return super().append(batch, **key)


class StuckBus(MemoryBus):
    """Makes nothing durable until `go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[LogBatch, Any, Future[int]]] = []
        self.going_on = False

    def append(self, batch: LogBatch, **key: Any) -> Future[int]:
        if self.going_on:
            return super().append(batch, **key)
        future: Future[int] = Future()
        self.held.append((batch, key, future))
        return future

    def go_on(self) -> None:
        self.going_on = True
        for batch, key, future in self.held:
            future.set_result(super().append(batch, **key).result())


def stored(bus: MemoryBus) -> list[str]:
    return [text for frame in bus.read(1, max_bytes=1 << 40) for text in frame.batch.table["message"].to_pylist()]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def send(broker: KafkaBroker, topic: str, texts: list[str], **settings: Any) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": broker.address, "enable.idempotence": True, "log_level": 0} | settings)
    for number, text in enumerate(texts):
        while True:
            try:
                producer.produce(topic, text.encode(), key=str(number % 16).encode())
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(WAIT_S) == 0


def committed(broker: KafkaBroker, group: str, topic: str, partitions: int = 1) -> int:
    """Messages before the offsets the group has committed."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": group})
    found = consumer.committed([TopicPartition(topic, n) for n in range(partitions)], timeout=WAIT_S)
    consumer.close()
    return sum(max(each.offset, 0) for each in found)


@pytest.fixture
def running(kafka: KafkaBroker) -> Iterator[Callable[..., KafkaSource]]:
    started: list[KafkaSource] = []

    def start(bus: MemoryBus, topic: str, **settings: Any) -> KafkaSource:
        config = {"brokers": (kafka.address,), "topics": (topic,), "group": f"g-{topic}"} | settings
        source = KafkaSource(bus, SystemClock(), KafkaConfig(**config))
        source.start()
        started.append(source)
        return source

    yield start
    for source in started:
        source.stop()


@pytest.mark.conformance(
    "Kafka", "confluent-kafka (Python), Apache Kafka broker", "topics as a source, offsets after storage"
)
def test_every_message_arrives_once_while_the_bus_refuses_at_random(
    kafka: KafkaBroker, running: Callable[..., KafkaSource]
) -> None:
    topic, bus = kafka.topic(4), FlakyBus(seed=3)
    sent = [f"record {n}" for n in range(2_000)]
    running(bus, topic, max_batch_records=100)
    send(kafka, topic, sent)
    wait_until(lambda: len(stored(bus)) >= len(sent))
    assert sorted(stored(bus)) == sorted(sent)
    assert bus.refusals > 10
    wait_until(lambda: committed(kafka, f"g-{topic}", topic, 4) == len(sent))


def test_offsets_are_committed_after_the_records_are_durable_and_nothing_more_is_read_before(
    kafka: KafkaBroker, running: Callable[..., KafkaSource]
) -> None:
    topic, bus = kafka.topic(), StuckBus()
    send(kafka, topic, [f"record {n}" for n in range(1_000)])
    running(bus, topic, max_batch_records=100)
    wait_until(lambda: bool(bus.held))
    time.sleep(1)
    assert committed(kafka, f"g-{topic}", topic) == 0
    assert sum(batch.num_rows for batch, _, _ in bus.held) == 100
    bus.go_on()
    wait_until(lambda: committed(kafka, f"g-{topic}", topic) == 1_000)
    assert len(stored(bus)) == 1_000


def test_a_source_that_lost_its_commit_goes_on_where_the_bus_is(
    kafka: KafkaBroker, running: Callable[..., KafkaSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, bus = kafka.topic(), MemoryBus()
    send(kafka, topic, [f"record {n}" for n in range(300)])
    with monkeypatch.context() as patched:
        patched.setattr(KafkaSource, "_commit", lambda *_: None)
        patched.setattr(KafkaSource, "_revoked", lambda *_: None)
        first = running(bus, topic)
        wait_until(lambda: len(stored(bus)) == 300)
        first.stop()
    assert committed(kafka, f"g-{topic}", topic) == 0
    running(bus, topic)
    send(kafka, topic, ["the last one"])
    wait_until(lambda: "the last one" in stored(bus))
    assert len(stored(bus)) == 301


def test_members_that_come_and_go_lose_and_double_nothing(
    kafka: KafkaBroker, running: Callable[..., KafkaSource]
) -> None:
    topic = kafka.topic(3)
    buses = [MemoryBus() for _ in range(3)]
    sent: list[str] = []

    def more() -> None:
        texts = [f"record {n}" for n in range(len(sent), len(sent) + 1_500)]
        sent.extend(texts)
        send(kafka, topic, texts)

    def all_stored() -> list[str]:
        return [text for bus in buses for text in stored(bus)]

    def joined(bus: MemoryBus) -> bool:
        more()  # what came before may have been read before partitions moved
        time.sleep(0.5)
        return bool(stored(bus))

    members = []
    for bus in buses:
        members.append(running(bus, topic, max_batch_records=50))
        wait_until(partial(joined, bus))
    members[0].stop()
    more()
    wait_until(lambda: len(all_stored()) >= len(sent))
    assert [text for text, count in Counter(all_stored()).items() if count > 1] == []
    assert sorted(all_stored()) == sorted(sent)
    assert all(stored(bus) for bus in buses)


def test_what_cannot_be_decoded_goes_to_the_dead_letter_topic_whole(
    kafka: KafkaBroker, running: Callable[..., KafkaSource]
) -> None:
    from confluent_kafka import Consumer

    topic, dead, bus = kafka.topic(), kafka.topic(), MemoryBus()
    send(kafka, topic, ['{"message":"good"}', "no object"])
    running(bus, topic, format="json", dead_letter_topic=dead)
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "d", "auto.offset.reset": "earliest"})
    consumer.subscribe([dead])
    (letter,) = consumer.consume(1, WAIT_S)
    consumer.close()
    assert (letter.value(), letter.key()) == (b"no object", b"1")
    assert dict(letter.headers())["heimdall.reason"] == b"not a JSON object"
    assert dict(letter.headers())["heimdall.offset"] == b"1"
    wait_until(lambda: committed(kafka, f"g-{topic}", topic) == 2)
    assert stored(bus) == ["good"]


def test_what_cannot_be_decoded_is_kept_and_marked_without_such_a_topic(
    kafka: KafkaBroker, running: Callable[..., KafkaSource]
) -> None:
    topic, bus = kafka.topic(), MemoryBus()
    send(kafka, topic, ["no object"])
    running(bus, topic, format="json")
    wait_until(lambda: bool(stored(bus)))
    (frame,) = bus.read(1, max_bytes=1 << 20)
    assert frame.batch.table["message"].to_pylist() == ["no object"]
    assert '"heimdall.oddity":["malformed"]' in frame.batch.table["attributes"][0].as_py()


def test_a_batch_the_bus_can_never_keep_is_halved_down_to_the_message(
    kafka: KafkaBroker, running: Callable[..., KafkaSource]
) -> None:
    class Narrow(MemoryBus):
        def append(self, batch: LogBatch, **key: Any) -> Future[int]:
            if batch.table["message"].nbytes > 20_000:
                raise InvalidInput("too large")
            return super().append(batch, **key)

    topic, bus = kafka.topic(), Narrow()
    send(kafka, topic, [f"record {n}" for n in range(20)] + ["x" * 30_000] + ["last"])
    running(bus, topic)
    wait_until(lambda: committed(kafka, f"g-{topic}", topic) == 22)
    assert stored(bus) == [f"record {n}" for n in range(20)] + ["last"]


def test_a_login_over_tls(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "broker.crt", tmp_path / "broker.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(keys.key), "-out", str(keys.certificate)],
        check=True,
        capture_output=True,
    )
    broker = KafkaBroker(tmp_path / "kafka", keys=keys)
    try:
        topic, bus = broker.topic(), MemoryBus()
        send(broker, topic, ["over TLS"])
        security = {"protocol": "sasl_ssl", "username": USER, "secret": PASSWORD, "authority": keys.certificate}
        config = {"brokers": (broker.secure_address,), "topics": (topic,)}
        source = KafkaSource(bus, SystemClock(), KafkaConfig(**config, security=KafkaSecurityConfig(**security)))
        source.start()
        wait_until(lambda: stored(bus) == ["over TLS"])
        source.stop()
    finally:
        broker.stop()


def test_settings_that_cannot_work_stop_the_start(tmp_path: Path) -> None:
    security = KafkaSecurityConfig(protocol="ssl", authority=tmp_path / "missing.pem")
    config = KafkaConfig(brokers=("127.0.0.1:1",), topics=("t",), security=security)
    with pytest.raises(Misconfigured, match=r"sources\.kafka"):
        KafkaSource(MemoryBus(), SystemClock(), config).start()


@pytest.mark.slow
def test_a_node_killed_again_and_again_and_a_broker_that_restarts_lose_and_double_nothing(tmp_path: Path) -> None:
    broker = KafkaBroker(tmp_path / "kafka")
    topic = broker.topic(3)
    node = NodeProcess(
        tmp_path / "data",
        environment={
            "HEIMDALL_SOURCES__KAFKA__BROKERS": broker.address,
            "HEIMDALL_SOURCES__KAFKA__TOPICS": topic,
            "HEIMDALL_SOURCES__KAFKA__MEMBER": "node-1",
            "HEIMDALL_SOURCES__KAFKA__MAX_BATCH_RECORDS": "500",
        },
    )
    chance = random.Random(11)
    sent = 0
    try:
        node.start()
        for life in range(3):
            records = [f'{{"message":"order {n}","seq":{n}}}' for n in range(sent, sent + 6_000)]
            send(broker, topic, records)
            sent += len(records)
            if life == 2:
                broker.kill()
                broker.start()
            else:
                time.sleep(chance.uniform(0.1, 1.5))
                node.kill()
                node.start()
        node.wait_for_count(sent, timeout_s=60)
        assert node.search("* | stats count_distinct(seq) as n")["data"][0]["n"] == sent
    finally:
        node.stop()
        broker.stop()
