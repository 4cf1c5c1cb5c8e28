"""Stories too rare for the random simulation to tell often, told on purpose."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from simdisk import SECTOR, Crash, Inode, SimulatedDisk, Tally

from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.layout import FIRST_FRAME
from heimdall.bus.buses.journal.log import JournalLog
from heimdall.bus.codec import MAX_RECORDS
from heimdall.clock import ManualClock

CONFIG = JournalConfig(directory=Path("told"), segment_bytes=16 * 1024, min_free_bytes=0, max_used_share=1.0)


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk(random.Random(1), Tally())


def start(disk: SimulatedDisk) -> JournalLog:
    return JournalLog(CONFIG, ManualClock(), disk, threads=False)


def send(log: JournalLog, *payloads: bytes) -> None:
    for payload in payloads:
        log.committer.submit(payload, count=1, decoded_bytes=len(payload), tenant=b"t")


def got(log: JournalLog) -> list[tuple[int, bytes]]:
    return [(header.first, payload) for header, payload in log.entries(1, 1 << 30)]


def only_file(disk: SimulatedDisk) -> Inode:
    (inode,) = disk.files.values()
    return inode


def wipe(inode: Inode, sector: int) -> None:
    for image in (inode.cache, inode.durable):
        image[sector * SECTOR : (sector + 1) * SECTOR] = bytes(SECTOR)


def flip(inode: Inode, offset: int) -> None:
    for image in (inode.cache, inode.durable):
        image[offset] ^= 1


def torn_group(disk: SimulatedDisk) -> Inode:
    """Three frames of one commit, of which the middle one's header never arrived, and nobody was told of any."""
    log = start(disk)
    send(log, b"first", b"second", b"third")
    disk.arm({4: "crash"})  # create, sync names, write, and then: sync
    with pytest.raises(Crash):
        log.committer.commit_pending()
    inode = only_file(disk)
    inode.settle(sorted(inode.dirty))
    inode.dirty.clear()
    wipe(inode, FIRST_FRAME // SECTOR + 2)
    disk.arm({})
    return inode


def test_what_a_recovery_has_left_out_stays_out_when_the_frame_before_it_is_damaged_later(disk: SimulatedDisk) -> None:
    inode = torn_group(disk)
    assert got(start(disk)) == [(1, b"first")]
    flip(inode, FIRST_FRAME + 40)
    flip(inode, FIRST_FRAME + 256 + 40)

    log = start(disk)

    assert got(log) == []
    assert [damage.exact for damage in log.damages] == [False]


def test_when_damage_hides_a_count_no_position_is_given_twice(disk: SimulatedDisk) -> None:
    log = start(disk)
    send(log, b"first")
    log.committer.commit_pending()
    inode = only_file(disk)
    flip(inode, FIRST_FRAME + 40)
    flip(inode, FIRST_FRAME + 256 + 40)

    log = start(disk)
    send(log, b"second")
    log.committer.commit_pending()

    assert got(log) == [(1 + MAX_RECORDS, b"second")]
    assert [(damage.first, damage.stop, damage.exact) for damage in log.damages] == [(1, 1 + MAX_RECORDS, False)]
    log.close()
    assert [(damage.first, damage.stop, damage.exact) for damage in start(disk).damages] == [
        (1, 1 + MAX_RECORDS, False)
    ]


def test_a_frame_found_in_another_file_than_its_own_is_reported_and_its_position_not_given_again(
    disk: SimulatedDisk,
) -> None:
    log = start(disk)
    for number in range(12):
        send(log, b"%d" % number * 600)
        log.committer.commit_pending()
    first, second = (disk.files[name] for name in sorted(disk.files)[:2])
    header = list(log.entries(1, 1 << 30))[-1][0]
    misplaced = bytes(second.cache[header.offset : header.end])
    for image in (first.cache, first.durable):
        image[-len(misplaced) :] = misplaced
    for sector in range(header.offset // SECTOR, header.end // SECTOR):
        wipe(second, sector)

    again = start(disk)

    assert [position for position, _ in got(again)] == [1, 2, 3, 4, 5, 6, 9, 10, 11]  # it lies where 7 and 8 were
    assert again.end == 13
    assert [(damage.first, damage.stop) for damage in again.damages] == [(7, 8), (8, 9), (12, 13)]


def test_a_sender_cannot_move_the_positions_by_what_it_writes_into_a_message(disk: SimulatedDisk) -> None:
    """A frame inside a payload is only a payload, even when the payload's checksum is wrong."""
    other = SimulatedDisk(random.Random(2), Tally())
    log = start(other)
    send(log, b"x")
    log.committer.commit_pending()
    forged = bytearray(only_file(other).cache[FIRST_FRAME : FIRST_FRAME + 1024])

    log = start(disk)
    send(log, bytes(forged))
    log.committer.commit_pending()
    inode = only_file(disk)
    assert got(start(disk)) == [(1, bytes(forged))]
    flip(inode, FIRST_FRAME + SECTOR + 1_000)

    log = start(disk)

    assert got(log) == []
    assert [(damage.first, damage.stop) for damage in log.damages] == [(1, 2)]
    assert log.end == 2
