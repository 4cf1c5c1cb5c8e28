"""Bodies that go together: what happens when decoding them does not go well."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Event, Timer

import pyarrow as pa
import pytest

from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import SystemClock
from heimdall.errors import Overloaded
from heimdall.ingest.decode.decoded import Decoded, Together, split
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.sources.http.coalesce import Coalescer, Joint
from heimdall.ingest.sources.intake import Intake, Taken

NOW_NS = 1_795_348_800_000_000_000


class Panic(BaseException):
    """As a library in Rust raises it."""


class Held:
    """A coalescer whose worker is held by a first body until `taken` is asked for."""

    def __init__(self) -> None:
        self.bus = MemoryBus(SystemClock())
        self.intake = Intake(self.bus, SystemClock(), max_body_bytes=1 << 20, max_in_flight_bytes=1 << 20)
        self.coalescer = Coalescer(self.intake)
        self.started, self.go = Event(), Event()

    def slow(self, body: bytes) -> Decoded:
        self.started.set()
        self.go.wait(5)
        return alone(body)

    def taken(self, bodies: list[bytes], joint: Joint[Decoded]) -> list[Future[Taken[Decoded]]]:
        with self.intake.budget.lease() as lease:
            first = self.coalescer.submit(b'{"msg":"first"}', "", self.slow, joint, lease)
            self.started.wait(5)
            others = [self.coalescer.submit(body, "", alone, joint, lease) for body in bodies]
            self.go.set()
            first.exception(5)
            for each in others:
                each.exception(5)
        return others


def alone(body: bytes) -> Decoded:
    if body == b"panic":
        raise Panic
    return decode_json(body, now_ns=NOW_NS)


def together(bodies: list[bytes]) -> Together[Decoded]:
    if b"panic" in bodies:
        raise Panic
    table = decode_json(b"\n".join(bodies), now_ns=NOW_NS).table
    return split(table, [1] * len(bodies))


@pytest.fixture
def held() -> Held:
    return Held()


def test_a_panic_is_told_to_its_sender_and_the_others_are_kept(held: Held) -> None:
    one, bad, other = held.taken([b'{"msg":"a"}', b"panic", b'{"msg":"b"}'], Joint("k", together))
    assert [one.result().decoded.num_rows, other.result().decoded.num_rows] == [1, 1]
    assert isinstance(bad.exception(), Panic)
    again = held.taken([b'{"msg":"c"}'], Joint("k", together))
    assert again[0].result().decoded.num_rows == 1
    held.coalescer.close()


def test_one_bad_body_among_many_leaves_the_others_together(held: Held) -> None:
    bodies = [b'{"msg":"a"}'] * 31
    others = held.taken([*bodies, b"panic"], Joint("k", together))
    assert [each.result().decoded.num_rows for each in others[:-1]] == [1] * 31
    batches = [frame.count for frame in held.bus.read(1, max_bytes=1 << 20)]
    assert batches == [1, 16, 8, 4, 2, 1]
    held.coalescer.close()


def test_a_bus_that_is_full_is_asked_once(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def full(table: pa.Table, producer: object = None) -> None:
        asked.append(table.num_rows)
        raise Overloaded("no room", retry_after_s=1)

    monkeypatch.setattr(held.intake, "append", full)
    others = held.taken([b'{"msg":"a"}'] * 5, Joint("k", together))
    assert all(isinstance(each.exception(), Overloaded) for each in others)
    assert asked == [1, 5]
    held.coalescer.close()


def test_a_decoder_that_forgets_a_body_loses_none(held: Held) -> None:
    def forgetful(bodies: list[bytes]) -> Together[Decoded]:
        return Together(together(bodies).table, [])

    others = held.taken([b'{"msg":"a"}', b'{"msg":"b"}'], Joint("k", forgetful))
    assert [each.result().decoded.num_rows for each in others] == [1, 1]
    assert sum(frame.count for frame in held.bus.read(1, max_bytes=1 << 20)) == 3
    held.coalescer.close()


def test_what_waits_is_taken_before_it_closes(held: Held) -> None:
    lease = held.intake.budget.lease()
    futures = [held.coalescer.submit(b'{"msg":"a"}', "", held.slow, Joint("k", together), lease) for _ in range(5)]
    Timer(0.2, held.go.set).start()
    held.coalescer.close()
    assert [each.result(0).decoded.num_rows for each in futures] == [1] * 5
