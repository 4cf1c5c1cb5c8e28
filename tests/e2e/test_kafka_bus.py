"""Kafka as the bus, on a real broker: what the contract suite cannot show."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.app.config import load_config
from heimdall.bus.buses.kafka import KafkaBus, KafkaBusConfig
from heimdall.bus.buses.kafka.bus import Place
from heimdall.bus.opening import open_bus
from heimdall.bus.port import Bus, ProducerKey
from heimdall.clock import SystemClock
from heimdall.errors import BusUnavailable, HeimdallError, Misconfigured, Overloaded, TooLarge
from heimdall.ingest.decode.fields import finished
from heimdall.model.batch import LogBatch, TenantId
from kafka_broker import KafkaBroker

WAIT_S = 40
SENDER = b"sender-of-16-byt"


def batch(*messages: str) -> LogBatch:
    table = pa.table({"message": pa.array(messages, pa.large_string())})
    return LogBatch(TenantId("shop"), finished(table, now_ns=1_795_348_800_000_000_000))


def messages(bus: Bus, position: int = 1) -> list[str]:
    return [
        text for frame in bus.read(position, max_bytes=1 << 40) for text in frame.batch.table["message"].to_pylist()
    ]


def opened(broker: KafkaBroker, topic: str, data: Path, partition: int = 0, **settings: object) -> KafkaBus:
    place = Place((broker.address,), topic, partition)
    return KafkaBus(place, KafkaBusConfig(**settings), SystemClock(), data)  # type: ignore[arg-type]


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    """One that a test may kill."""
    with KafkaBroker(tmp_path / "kafka") as broker:
        yield broker


def test_positions_and_producers_are_the_same_after_a_restart(kafka: KafkaBroker, tmp_path: Path) -> None:
    bus = opened(kafka, "again", tmp_path)
    bus.append(batch("a", "b"), producer=ProducerKey(SENDER, 0, 5)).result(WAIT_S)
    bus.append(batch("c")).result(WAIT_S)
    bus.release(3)
    bus.close()

    bus = opened(kafka, "again", tmp_path)
    assert bus.end == 4
    assert messages(bus, 3) == ["c"]
    assert bus.kept(SENDER) == (0, 5)
    assert bus.append(batch("a", "b"), producer=ProducerKey(SENDER, 0, 5)).result(WAIT_S) == 0
    assert bus.append(batch("d"), producer=ProducerKey(SENDER, 0, 6)).result(WAIT_S) == 4
    bus.close()


def test_what_is_stored_is_committed_and_deleted_from_the_topic(kafka: KafkaBroker, tmp_path: Path) -> None:
    from confluent_kafka import Consumer, TopicPartition

    bus = opened(kafka, "stored", tmp_path, group="who-stores")
    for number in range(10):
        bus.append(batch(f"{number}")).result(WAIT_S)
    bus.release(8)
    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "who-stores"})
    partition = TopicPartition("stored", 0)
    deadline = time.monotonic() + WAIT_S
    while consumer.get_watermark_offsets(partition, timeout=WAIT_S) != (7, 10):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while consumer.committed([partition], timeout=WAIT_S)[0].offset != 7:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    consumer.close()
    bus.close()


def test_a_batch_that_is_in_the_partition_twice_counts_once(kafka: KafkaBroker, tmp_path: Path) -> None:
    first, second = opened(kafka, "twice", tmp_path / "1"), opened(kafka, "twice", tmp_path / "2")
    key = ProducerKey(SENDER, 0, 1)
    first._submit(batch("once"), key).result(WAIT_S)  # its acknowledgement was lost: nobody remembers it was kept
    assert second._submit(batch("once"), key).result(WAIT_S) == 0
    assert second.append(batch("next")).result(WAIT_S) == 2
    assert first.wait_for(2, WAIT_S)
    assert messages(first) == messages(second) == ["once", "next"]
    first.close()
    second.close()


def test_what_others_write_to_the_topic_is_no_batch_and_stops_nothing(kafka: KafkaBroker, tmp_path: Path) -> None:
    from confluent_kafka import Producer

    bus = opened(kafka, "strangers", tmp_path)
    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce("strangers", b"hello", partition=0, headers=[("heimdall.batch", b"short")])
    assert producer.flush(WAIT_S) == 0
    assert bus.append(batch("ours")).result(WAIT_S) == 1
    assert messages(bus) == ["ours"]
    bus.close()


def test_batches_the_topic_cannot_hold_are_too_large(kafka: KafkaBroker, tmp_path: Path) -> None:
    topic = kafka.topic(max_message_bytes="50000", retention_ms="-1")
    bus = opened(kafka, topic, tmp_path, compression="none")
    with pytest.raises(TooLarge, match="50000|4897"):
        bus.append(batch("x" * 60_000)).result(WAIT_S)
    assert bus.append(batch("fits")).result(WAIT_S) == 1
    bus.close()


def test_a_topic_that_would_lose_batches_or_lacks_the_partition_stops_the_start(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match="compacted"):
        opened(kafka, kafka.topic(cleanup_policy="compact"), tmp_path)
    with pytest.raises(Misconfigured, match="none is number 4"):
        opened(kafka, kafka.topic(2), tmp_path, partition=4)


@pytest.mark.parametrize(
    "url", ["kafka://b:1", "kafka:///t", "kafka://b:1/t?partition=x", "kafka://b:1/a/b", "kafka://b/t?q=1"]
)
def test_a_url_that_names_no_partition_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="kafka://host:port"):
        open_bus(url, SystemClock(), default_directory=tmp_path, journal=load_config(None, {}, {}).bus.journal)


def test_brokers_that_restart_cost_time_and_no_records(own_broker: KafkaBroker, tmp_path: Path) -> None:
    bus = opened(own_broker, "restart", tmp_path / "data")
    kept: list[str] = []
    stop = threading.Event()

    def send(sender: int) -> None:
        for number in range(100_000):
            if stop.is_set():
                return
            key = ProducerKey(bytes([sender]) * 16, 0, number)
            while True:
                try:
                    bus.append(batch(f"{sender}:{number}"), producer=key).result(WAIT_S)
                    break
                except (BusUnavailable, Overloaded):
                    time.sleep(0.05)
            kept.append(f"{sender}:{number}")
            time.sleep(0.005)

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(3)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    own_broker.kill()
    time.sleep(0.5)
    before = len(kept)
    own_broker.start()
    deadline = time.monotonic() + WAIT_S
    while len(kept) < before + 50:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    for sender in senders:
        sender.join()
    assert sorted(messages(bus)) == sorted(kept)
    bus.close()


def test_brokers_that_do_not_answer_make_no_promise(own_broker: KafkaBroker, tmp_path: Path) -> None:
    bus = opened(own_broker, "away", tmp_path / "data", acknowledged_within_s=2.0, max_waiting_bytes=20_000)
    own_broker.pause()
    futures = []
    with contextlib.suppress(Overloaded):
        futures = [bus.append(batch("x" * 5_000)) for _ in range(2)]
    with pytest.raises(Overloaded):
        bus.append(batch(*(str(number) * 50 for number in range(2_000))))
    for future in futures:
        with pytest.raises(BusUnavailable):
            future.result(WAIT_S)
    own_broker.go_on()
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            bus.append(batch("back")).result(WAIT_S)
            break
        except HeimdallError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    bus.close()


@pytest.mark.slow
def test_two_nodes_on_one_topic_killed_with_their_broker_lose_and_double_nothing(tmp_path: Path) -> None:
    program = [sys.executable, str(Path(__file__).with_name("node_kill.py")), "--bus", "kafka", "--nodes", "2"]
    # the fifth kill is followed by one of the broker
    done = subprocess.run(
        [*program, "--kills", "6", "--data", str(tmp_path)], capture_output=True, text=True, timeout=110
    )
    counts = json.loads(done.stdout.splitlines()[-1]) if done.stdout else done.stderr
    assert done.returncode == 0, counts
    assert counts["broker_kills"] == 1
    assert counts["acknowledged"] > 0
