"""Fail the first call to the disk, then the second, … until a whole life goes by without meeting the fault."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from simdisk import SimulatedDisk, Tally

from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.log import JournalLog
from heimdall.clock import ManualClock
from heimdall.errors import BusUnavailable, HeimdallError

CONFIG = JournalConfig(
    directory=Path("swept"), segment_bytes=8 * 1024, max_group_bytes=4 * 1024, min_free_bytes=0, max_used_share=1.0
)
T = TypeVar("T")
PAYLOADS = [b"batch %d " % number + bytes([number]) * 900 for number in range(8)]


def one_life(disk: SimulatedDisk, clock: ManualClock) -> dict[int, bytes]:
    """Open, append everything (what is refused is sent again), release a part, close, open again, read, close.

    Returns acknowledged payloads by position.
    """
    log = patiently(lambda: JournalLog(CONFIG, clock, disk, threads=False))
    acknowledged: dict[int, bytes] = {}
    for payload in PAYLOADS:
        for _ in range(4):
            try:
                future = log.committer.submit(payload, count=1, decoded_bytes=len(payload), tenant=b"t")
                log.committer.commit_pending()
                acknowledged[future.result(0)] = payload
                break
            except HeimdallError:
                clock.advance(5)
        log.committer.prepare_spare()
    log.release(4)
    log.close()
    log = patiently(lambda: JournalLog(CONFIG, clock, disk, threads=False))
    patiently(lambda: list(log.entries(1, 1 << 30)))
    log.close()
    return acknowledged


def patiently(call: Callable[[], T]) -> T:
    try:
        return call()
    except BusUnavailable:
        return call()


def everything(disk: SimulatedDisk, clock: ManualClock) -> dict[int, bytes]:
    log = JournalLog(CONFIG, clock, disk, threads=False)
    assert log.damages == ()
    got = [(header.first, payload) for header, payload in log.entries(1, 1 << 30)]
    assert len(dict(got)) == len(got)
    return dict(got)


def lives(sign: int) -> Iterator[tuple[int, SimulatedDisk, dict[int, bytes], ManualClock]]:
    for call in range(1, 1_000):
        tally = Tally()
        disk, clock = SimulatedDisk(random.Random(call), tally), ManualClock()
        disk.arm({sign * call: "error"})
        yield call, disk, one_life(disk, clock), clock
        if not tally.faults:
            return
    raise AssertionError("the life never ends")


@pytest.mark.parametrize("sign", [1, -1], ids=["calls that change something", "calls that read"])
@pytest.mark.parametrize("end", ["power cut", "kill"])
def test_no_single_failing_call_loses_or_doubles_a_record(sign: int, end: str) -> None:
    calls = 0
    for call, disk, acknowledged, clock in lives(sign):
        disk.arm({})
        disk.power_cut() if end == "power cut" else disk.kill()
        found = everything(disk, clock)

        assert sorted(acknowledged.values()) == PAYLOADS, f"call {call}: a batch was never taken"
        kept = {position: payload for position, payload in acknowledged.items() if position >= 4}
        assert {position: found.get(position) for position in kept} == kept, f"call {call}"
        assert len(set(found.values())) == len(found), f"call {call}: a batch is there twice"
        calls = call
    assert calls > (20 if sign > 0 else 15)


def test_a_disk_that_never_works_refuses_and_one_that_works_again_takes() -> None:
    disk, clock = SimulatedDisk(random.Random(1), Tally()), ManualClock()
    log = JournalLog(CONFIG, clock, disk, threads=False)
    disk.arm(dict.fromkeys(range(1, 1_000), "error"))
    future = log.committer.submit(b"first", count=1, decoded_bytes=5, tenant=b"t")
    log.committer.commit_pending()
    with pytest.raises(BusUnavailable):
        future.result(0)
    with pytest.raises(BusUnavailable):  # at once, without waiting for the disk
        log.committer.submit(b"second", count=1, decoded_bytes=6, tenant=b"t")

    disk.arm({})
    clock.advance(2)
    future = log.committer.submit(b"third", count=1, decoded_bytes=5, tenant=b"t")
    log.committer.commit_pending()

    assert future.result(0) == 1
    assert [payload for _, payload in log.entries(1, 1 << 20)] == [b"third"]
    assert everything(disk, clock) == {1: b"third"}
