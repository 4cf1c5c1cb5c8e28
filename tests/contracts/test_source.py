"""One suite for every adapter of the `Source` port that listens on TCP."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import msgpack
import pytest
from prometheus_client import REGISTRY

from heimdall.bus.buses.memory import MemoryBus
from heimdall.bus.port import Bus
from heimdall.clock import SystemClock
from heimdall.errors import BusUnavailable, Overloaded
from heimdall.ingest.port import Source
from heimdall.ingest.sources.forward import ForwardConfig, ForwardSource
from heimdall.ingest.sources.gelf import GelfConfig, GelfSource
from heimdall.ingest.sources.syslog import SyslogConfig, SyslogSource
from heimdall.model.batch import LogBatch

WAIT_S = 15


@dataclass(frozen=True)
class Adapter:
    name: str
    open: Callable[..., Source]
    """`open(bus, **settings)`"""
    encode: Callable[[str], bytes]
    """One record on the wire."""


def open_syslog(bus: Bus, **settings: Any) -> Source:
    return SyslogSource(bus, SystemClock(), SyslogConfig(host="127.0.0.1", **({"ports": (0,)} | settings)))


def open_forward(bus: Bus, **settings: Any) -> Source:
    return ForwardSource(bus, SystemClock(), ForwardConfig(host="127.0.0.1", **({"ports": (0,)} | settings)))


def open_gelf(bus: Bus, **settings: Any) -> Source:
    return GelfSource(bus, SystemClock(), GelfConfig(host="127.0.0.1", **({"ports": (0,)} | settings)))


ADAPTERS = [
    Adapter("gelf", open_gelf, lambda text: b'{"version":"1.1","host":"h","short_message":"%s"}\0' % text.encode()),
    Adapter("forward", open_forward, lambda text: msgpack.packb(["app", 1_795_343_400, {"message": text}])),
    Adapter("syslog", open_syslog, lambda text: f"<14>Nov 22 10:15:30 h app[1]: {text}\n".encode()),
]


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    found: Adapter = request.param
    return found


class FlakyBus(MemoryBus):
    """Refuses at random: full, or failing after it was handed the batch."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self.refusals = 0

    def append(self, batch: LogBatch, **_: Any) -> Future[int]:
        chance = self._random.random()
        if chance < 0.3:
            self.refusals += 1
            raise Overloaded("full", retry_after_s=0.01)
        if chance < 0.6:
            self.refusals += 1
            failed: Future[int] = Future()
            failure = BusUnavailable("the disk failed")
            failure.retry_after_s = 0.01
            failed.set_exception(failure)
            return failed
        return super().append(batch)


class StuckBus(MemoryBus):
    """Acknowledges nothing until `release_all`."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[tuple[LogBatch, Future[int]]] = []
        self._open = False

    def append(self, batch: LogBatch, **_: Any) -> Future[int]:
        if self._open:
            return super().append(batch)
        future: Future[int] = Future()
        self._held.append((batch, future))
        return future

    def release_all(self) -> None:
        self._open = True
        for batch, future in self._held:
            future.set_result(super().append(batch).result())


def stored(bus: Bus) -> list[str]:
    return [text for frame in bus.read(1, max_bytes=1 << 30) for text in frame.batch.table["message"].to_pylist()]


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def connect(source: Source) -> socket.socket:
    address = next(address for address in source.addresses if address.transport == "tcp")
    return socket.create_connection((address.host, address.port), timeout=WAIT_S)


@pytest.fixture
def running(adapter: Adapter) -> Iterator[Callable[..., Source]]:
    started: list[Source] = []

    def start(bus: Bus, **settings: Any) -> Source:
        source = adapter.open(bus, **settings)
        source.start()
        started.append(source)
        return source

    yield start
    for source in started:
        source.stop()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_every_record_arrives_once_while_the_bus_refuses_at_random(
    adapter: Adapter, running: Callable[..., Source]
) -> None:
    bus = FlakyBus(seed=7)
    source = running(bus)
    before = counted("heimdall_ingest_records_total", door=adapter.name, outcome="accepted")
    sent = [f"connection {c} record {n}" for c in range(8) for n in range(200)]
    connections = [connect(source) for _ in range(8)]
    for place in range(0, 200, 40):
        for number, connection in enumerate(connections):
            texts = sent[number * 200 + place : number * 200 + place + 40]
            connection.sendall(b"".join(map(adapter.encode, texts)))
        time.sleep(0.25)
    for connection in connections:
        connection.close()
    wait_until(lambda: len(stored(bus)) >= len(sent))
    assert sorted(stored(bus)) == sorted(sent)
    assert bus.refusals > 0
    wait_until(
        lambda: counted("heimdall_ingest_records_total", door=adapter.name, outcome="accepted") - before == len(sent)
    )


def test_records_of_one_connection_keep_their_order(adapter: Adapter, running: Callable[..., Source]) -> None:
    bus = MemoryBus()
    sent = [f"record {n}" for n in range(500)]
    with closing(connect(running(bus))) as connection:
        for text in sent:
            connection.sendall(adapter.encode(text))
    wait_until(lambda: len(stored(bus)) == len(sent))
    assert stored(bus) == sent


def test_stopping_hands_over_what_was_taken(adapter: Adapter) -> None:
    bus = MemoryBus()
    source = adapter.open(bus)
    source.start()
    with closing(connect(source)) as connection:
        connection.sendall(adapter.encode("the last one"))
        time.sleep(0.05)  # read, and still being gathered
        source.stop()
    assert stored(bus) == ["the last one"]


def test_a_sender_is_slowed_down_while_nothing_becomes_durable(
    adapter: Adapter, running: Callable[..., Source]
) -> None:
    bus = StuckBus()
    source = running(bus, max_in_flight_bytes=1 << 20)
    text = "x" * 10_000
    piece = adapter.encode(text)
    sent = 0
    with closing(connect(source)) as connection:
        connection.settimeout(2)
        while sent < 100 << 20:
            try:
                sent += connection.send(piece * 10)
            except TimeoutError:
                break
        assert sent < 40 << 20  # kernel buffers of both ends, and the megabyte
        bus.release_all()
        wait_until(lambda: len(stored(bus)) >= sent // len(piece) - 1)


def test_a_taken_port_is_named_and_skipped(
    adapter: Adapter, running: Callable[..., Source], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        taken = occupant.getsockname()[1]
        source = running(MemoryBus(), ports=(taken, 0))
        assert f"tcp port {taken} on 127.0.0.1 is skipped" in caplog.text
        assert taken not in {address.port for address in source.addresses if address.transport == "tcp"}
        connect(source).close()


def test_a_connection_that_never_ends_its_record_is_closed(adapter: Adapter, running: Callable[..., Source]) -> None:
    source = running(MemoryBus(), record_timeout_s=0.3)
    before = counted("heimdall_ingest_closed_connections_total", door=adapter.name, reason="slow")
    with closing(connect(source)) as connection:
        connection.sendall(adapter.encode("half of it")[:-4])
        connection.settimeout(WAIT_S)
        assert connection.recv(1) == b""
    assert counted("heimdall_ingest_closed_connections_total", door=adapter.name, reason="slow") == before + 1


def test_a_silent_connection_is_not(adapter: Adapter, running: Callable[..., Source]) -> None:
    bus = MemoryBus()
    with closing(connect(running(bus, record_timeout_s=0.3))) as connection:
        connection.sendall(adapter.encode("one"))
        time.sleep(2.5)
        connection.sendall(adapter.encode("two"))
        wait_until(lambda: stored(bus) == ["one", "two"])


def test_beyond_the_cap_a_newcomer_is_closed_while_the_others_are_busy(
    adapter: Adapter, running: Callable[..., Source]
) -> None:
    bus = MemoryBus()
    source = running(bus, max_connections=2)
    with closing(connect(source)) as first, closing(connect(source)) as second:
        for number, connection in enumerate((first, second)):
            connection.sendall(adapter.encode(f"open {number}"))
        wait_until(lambda: len(stored(bus)) == 2)
        with closing(connect(source)) as third:
            third.settimeout(WAIT_S)
            with suppress(ConnectionResetError):
                assert third.recv(1) == b""
        first.sendall(adapter.encode("still here"))
        wait_until(lambda: "still here" in stored(bus))


def test_a_peer_that_sends_rubbish_or_vanishes_disturbs_nobody(
    adapter: Adapter, running: Callable[..., Source]
) -> None:
    bus = MemoryBus()
    source = running(bus)
    rng = random.Random(3)
    with closing(connect(source)) as good:
        for number in range(20):
            good.sendall(adapter.encode(f"good {number}"))
            with closing(connect(source)) as bad:
                bad.sendall(rng.randbytes(rng.randrange(1, 3000)))
                if number % 2:
                    bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # reset, no goodbye
        wait_until(lambda: {f"good {n}" for n in range(20)} <= set(stored(bus)))
