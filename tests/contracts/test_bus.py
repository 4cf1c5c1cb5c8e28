"""One suite for every adapter of the `Bus` port."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.bus.buses.journal import Journal, JournalConfig
from heimdall.bus.buses.kafka import KafkaBus, KafkaBusConfig
from heimdall.bus.buses.kafka.bus import Place
from heimdall.bus.buses.memory import MemoryBus
from heimdall.bus.port import Bus, Frame, ProducerKey
from heimdall.clock import ManualClock
from heimdall.errors import BusUnavailable, InvalidInput
from heimdall.model.batch import LOG_SCHEMA, LogBatch, Origin, TenantId

SHOP = TenantId("shop")
WAIT_S = 10
NOW_NS = 1_700_000_000_000_000_000


def batch(*messages: str, tenant: TenantId = SHOP) -> LogBatch:
    names = ["timestamp", "observed_timestamp", "severity_number", "service", "message", "trace_id"]
    schema = pa.schema([LOG_SCHEMA.field(name) for name in names])
    times = [NOW_NS + i for i in range(len(messages))]
    services = pa.array(["cart" if i % 2 else None for i in range(len(messages))], pa.string())
    columns = [
        pa.array(times, schema.field("timestamp").type),
        pa.array(times, schema.field("observed_timestamp").type),
        pa.array([9] * len(messages), pa.uint8()),
        services.dictionary_encode(),
        pa.array(messages, pa.large_string()),
        pa.array([bytes([i % 256]) * 16 for i in range(len(messages))], pa.binary(16)),
    ]
    return LogBatch(tenant, pa.Table.from_arrays(columns, schema=schema))


def messages(frames: Iterator[Frame]) -> list[str]:
    return [message for frame in frames for message in frame.batch.table["message"].to_pylist()]


WITHOUT_RECENT = " without recent batches in memory"


@pytest.fixture(params=["memory", "journal", f"journal{WITHOUT_RECENT}", "kafka", f"kafka{WITHOUT_RECENT}"])
def open_bus(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Bus]:
    kind = request.param.removesuffix(WITHOUT_RECENT)
    recent = {"recent_bytes": 0} if request.param.endswith(WITHOUT_RECENT) else {}
    brokers = request.getfixturevalue("kafka").address if kind == "kafka" else ""
    topic = f"t{uuid.uuid4().hex}"

    def make() -> Bus:
        clock = ManualClock(NOW_NS)
        if kind == "memory":
            return MemoryBus(clock)
        if kind == "kafka":
            return KafkaBus(Place((brokers,), topic), KafkaBusConfig(**recent), clock, tmp_path)
        return Journal(JournalConfig(directory=tmp_path, segment_bytes=1 << 20, min_free_bytes=0, **recent), clock)

    return make


@pytest.fixture
def bus(open_bus: Callable[[], Bus]) -> Iterator[Bus]:
    opened = open_bus()
    yield opened
    opened.close()


def test_positions_count_records_from_one(bus: Bus) -> None:
    assert bus.end == 1
    assert bus.append(batch("a", "b", "c")).result(WAIT_S) == 1
    assert bus.append(batch("d")).result(WAIT_S) == 4
    assert bus.end == 5


def test_a_batch_comes_back_as_it_was(bus: Bus) -> None:
    sent = batch("first", "", "naïve ✓\x00 text", tenant=TenantId("über"))
    bus.append(sent).result(WAIT_S)

    (frame,) = bus.read(1, max_bytes=1 << 20)

    assert (frame.first, frame.count, frame.tenant, frame.accepted_at_ns) == (1, 3, "über", NOW_NS)
    assert frame.batch.tenant == "über"
    assert frame.batch.origin == Origin(1, 3)
    assert frame.batch.table.schema.equals(sent.table.schema)
    assert frame.batch.table.equals(sent.table)


def test_a_table_of_many_chunks_with_their_own_dictionaries_comes_back_with_the_same_values(bus: Bus) -> None:
    tables = [batch(*(f"{k}-{i}" for i in range(3))).table for k in range(4)]
    tables[2] = tables[2].set_column(3, LOG_SCHEMA.field("service"), pa.array(["x", "y", None]).dictionary_encode())
    sent = pa.concat_tables(tables)
    bus.append(LogBatch(SHOP, sent)).result(WAIT_S)

    (frame,) = bus.read(1, max_bytes=1 << 20)

    assert frame.batch.table.to_pylist() == sent.to_pylist()


def test_reading_starts_with_the_frame_that_holds_the_position(bus: Bus) -> None:
    for sent in (batch("a", "b"), batch("c", "d"), batch("e")):
        bus.append(sent).result(WAIT_S)

    assert [frame.first for frame in bus.read(4, max_bytes=1 << 20)] == [3, 5]
    assert [frame.first for frame in bus.read(5, max_bytes=1 << 20)] == [5]
    assert list(bus.read(6, max_bytes=1 << 20)) == []


def test_reading_stops_at_its_bound_but_gives_at_least_one_frame(bus: Bus) -> None:
    for k in range(10):
        bus.append(batch(*(f"{k}-{i}" * 100 for i in range(10)))).result(WAIT_S)
    one_batch_bytes = next(iter(bus.read(1, max_bytes=1))).batch.table.nbytes

    assert len(list(bus.read(1, max_bytes=1))) == 1
    assert len(list(bus.read(1, max_bytes=3 * one_batch_bytes))) == 3


def test_every_acknowledged_record_is_read_once_and_in_order(bus: Bus) -> None:
    sent = [[f"{k}-{i}" for i in range(1 + k % 7)] for k in range(60)]
    for future in [bus.append(batch(*lines)) for lines in sent]:
        future.result(WAIT_S)

    position, got = 1, []
    while position < bus.end:
        for frame in bus.read(position, max_bytes=2_000):
            assert frame.first == position
            got += frame.batch.table["message"].to_pylist()
            position += frame.count

    assert got == [line for lines in sent for line in lines]


def test_senders_in_several_threads_each_keep_their_order(bus: Bus) -> None:
    def send(sender: int) -> None:
        for k in range(40):
            bus.append(batch(f"{sender}:{k}")).result(WAIT_S)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    got = messages(bus.read(1, max_bytes=1 << 30))
    assert len(got) == 160
    for sender in range(4):
        assert [m for m in got if m.startswith(f"{sender}:")] == [f"{sender}:{k}" for k in range(40)]


def test_waiting_ends_when_the_position_is_acknowledged(bus: Bus) -> None:
    assert not bus.wait_for(1, 0.01)
    waited: list[bool] = []
    waiter = threading.Thread(target=lambda: waited.append(bus.wait_for(2, WAIT_S)))
    waiter.start()
    bus.append(batch("a", "b"))
    waiter.join(WAIT_S)
    assert waited == [True]
    assert bus.wait_for(1, 0)


def test_releasing_keeps_what_is_not_below_the_position(bus: Bus) -> None:
    for k in range(20):
        bus.append(batch(f"{k}")).result(WAIT_S)

    bus.release(11)

    assert messages(bus.read(11, max_bytes=1 << 20)) == [f"{k}" for k in range(10, 20)]
    assert bus.end == 21
    assert bus.append(batch("more")).result(WAIT_S) == 21


def test_an_empty_batch_is_the_callers_mistake(bus: Bus) -> None:
    with pytest.raises(InvalidInput):
        bus.append(batch()).result(WAIT_S)


def test_a_closed_bus_takes_nothing_more_but_has_finished_what_it_took(open_bus: Callable[[], Bus]) -> None:
    bus = open_bus()
    futures = [bus.append(batch(f"{k}")) for k in range(5)]
    bus.close()
    assert [future.result(0) for future in futures] == [1, 2, 3, 4, 5]
    with pytest.raises(BusUnavailable):
        bus.append(batch("late")).result(WAIT_S)


SENDER = b"sender-of-16-byt"


def test_a_batch_sent_again_under_its_key_is_kept_once(bus: Bus) -> None:
    assert bus.append(batch("a", "b"), producer=ProducerKey(SENDER, 0, 100)).result(WAIT_S) == 1
    assert bus.append(batch("a", "b"), producer=ProducerKey(SENDER, 0, 100)).result(WAIT_S) == 0
    assert bus.append(batch("c"), producer=ProducerKey(SENDER, 0, 150)).result(WAIT_S) == 3
    assert bus.append(batch("a", "b"), producer=ProducerKey(SENDER, 0, 100)).result(WAIT_S) == 0
    assert messages(bus.read(1, max_bytes=1 << 20)) == ["a", "b", "c"]


def test_a_later_epoch_counts_from_its_beginning(bus: Bus) -> None:
    bus.append(batch("a"), producer=ProducerKey(SENDER, 0, 100)).result(WAIT_S)
    bus.append(batch("b"), producer=ProducerKey(SENDER, 1, 5)).result(WAIT_S)
    assert bus.append(batch("late"), producer=ProducerKey(SENDER, 0, 200)).result(WAIT_S) == 0
    assert messages(bus.read(1, max_bytes=1 << 20)) == ["a", "b"]


def test_producers_do_not_hide_each_other(bus: Bus) -> None:
    for number in range(3):
        bus.append(batch(f"{number}"), producer=ProducerKey(bytes([number]) * 16, 0, 1)).result(WAIT_S)
    assert messages(bus.read(1, max_bytes=1 << 20)) == ["0", "1", "2"]


def test_the_same_batch_sent_by_many_threads_at_once_is_kept_once(bus: Bus) -> None:
    key = ProducerKey(SENDER, 0, 7)
    threads = [threading.Thread(target=lambda: bus.append(batch("x"), producer=key).result(WAIT_S)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert messages(bus.read(1, max_bytes=1 << 20)) == ["x"]


def test_a_refused_batch_may_be_sent_again_under_its_key(bus: Bus) -> None:
    with pytest.raises(InvalidInput):
        bus.append(batch(), producer=ProducerKey(SENDER, 0, 1)).result(WAIT_S)
    assert bus.append(batch("now"), producer=ProducerKey(SENDER, 0, 1)).result(WAIT_S) == 1


def test_the_last_batch_of_a_producer_is_known(bus: Bus) -> None:
    assert bus.kept(SENDER) is None
    bus.append(batch("a"), producer=ProducerKey(SENDER, 2, 100)).result(WAIT_S)
    assert bus.kept(SENDER) == (2, 100)
