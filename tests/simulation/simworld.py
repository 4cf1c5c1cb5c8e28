"""One life of a journal on a breaking disk, and the laws it must keep. Everything follows from the seed.

The laws, checked after every crash and every read:

1. An acknowledged record is there, once, whole, at its position, in order.
2. An unacknowledged batch is there once and whole, or not at all, and stays what it first turned out to be.
3. A record that a flipped bit or a misdirected write has hit is never given out changed; its loss is reported, and no
   other loss is.
4. Every flipped bit in an acknowledged frame is found.
5. Nothing but Heimdall's own errors comes out; once the disk works again, so does the journal.
"""

from __future__ import annotations

import random
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from simdisk import SECTOR, Crash, Inode, SimulatedDisk, Tally

from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.layout import FrameHeader
from heimdall.bus.buses.journal.log import JournalLog
from heimdall.bus.buses.journal.quarantine import Damage
from heimdall.bus.buses.journal.segments import file_name
from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError

_CONFIG = {
    size: JournalConfig(
        directory=Path("simulated"), segment_bytes=size, max_group_bytes=6 * 1024, min_free_bytes=16 * 1024,
        max_used_share=1.0, max_waiting_bytes=24 * 1024,
    )
    for size in (8 * 1024, 16 * 1024, 32 * 1024)
}  # fmt: skip


class LawBroken(AssertionError):
    pass


class Unknowable(Exception):
    """A misdirected write and what could tell of it are both gone: no disk of its own can know. The life ends here."""


@dataclass(slots=True)
class Sent:
    payload: bytes
    records: int
    future: Future[int] | None
    first: int = 0
    """0 while not known to be kept."""
    place: tuple[Inode, int, int] | None = None
    """File and byte range of its frame, once read."""
    hits: int = 0
    """Flips that have struck those bytes since, each for 2; one in a header copy for 1, since its twin is whole."""


class World:
    def __init__(self, seed: int, tally: Tally) -> None:
        self.random = rng = random.Random(seed)
        self.tally = tally
        capacity = rng.choice((1 << 30, 1 << 30, 1 << 30, 160 * 1024))
        self.disk = SimulatedDisk(rng, tally, capacity=capacity)
        self.config = _CONFIG[rng.choice(tuple(_CONFIG))]
        self.clock = ManualClock()
        self.log: JournalLog | None = None
        self.kept: list[Sent] = []
        """Acknowledged or served, by position."""
        self.open: list[Sent] = []
        """Sent, and nobody knows."""
        self.released = 1
        self.serial = 0
        self.rot = rng.random() < 0.35
        self.misdirects = not self.rot and rng.random() < 0.1
        self.errors = not self.misdirects and rng.random() < 0.5
        self.rotten: set[tuple[int, int]] = set()
        self.reported: set[tuple[int, int]] = set()
        """Positions said to be lost, by this process or one before; a ledger keeps them."""
        self.flipped: list[tuple[Sent, str]] = []

    # --- a life

    def run(self) -> None:
        self.tally.seeds += 1
        try:
            self._live()
        except Unknowable:
            self.tally.fault("misdirect without a trace")

    def _live(self) -> None:
        for _ in range(self.random.randrange(2, 5)):
            self._cycle()
        self.disk.arm({})
        self.disk.capacity = 1 << 30
        self._recover()
        self._check_it_works_again()

    def _cycle(self) -> None:
        rng = self.random
        try:
            self.disk.arm(self._plan(8))
            self._recover()
            self.disk.arm(self._plan(40))
            self.disk.misdirect_share = 0.2 if self.misdirects else 0.0
            for _ in range(rng.randrange(1, 25)):
                self._act()
            if rng.random() < 0.2:
                self._log().close()
                self._note_acknowledged()
        except Crash:
            self.tally.crashes += 1
        self._note_acknowledged()
        self.log = None
        self.disk.arm({})
        self.disk.misdirect_share = 0.0
        if rng.random() < 0.7:
            self.disk.power_cut()
            self.tally.power_cuts += 1
        else:
            self.disk.kill()
        if self.rot and rng.random() < 0.6:
            for _ in range(rng.randrange(1, 4)):
                self._flip()

    def _plan(self, horizon: int) -> dict[int, str]:
        """Faults for the next `horizon` calls that change something, and now and then for one that reads."""
        rng = self.random
        plan = {}
        if self.errors:
            for _ in range(rng.choice((0, 0, 1, 1, 2, 6))):
                plan[rng.randrange(1, horizon)] = "error"
            if rng.random() < 0.2:
                plan[-rng.randrange(1, 30)] = "error"
        if rng.random() < 0.7:
            plan[rng.randrange(1, horizon)] = "crash"
        elif rng.random() < 0.2:
            plan[-rng.randrange(1, 30)] = "crash"
        return plan

    def _log(self) -> JournalLog:
        assert self.log is not None
        return self.log

    def _act(self) -> None:
        choice = self.random.random()
        log = self._log()
        if choice < 0.5:
            self._send()
        elif choice < 0.8:
            log.committer.commit_pending()
            self._note_acknowledged()
        elif choice < 0.87:
            log.committer.prepare_spare()
        elif choice < 0.93:
            self.released = max(self.released, self.random.randrange(1, log.end + 1))
            log.release(self.released)
        elif choice < 0.96:
            self.clock.advance(2)
        elif self.rot and choice < 0.98:
            self._flip()
        else:
            self._check(self._read(), may_fail=True)

    def _send(self) -> None:
        rng = self.random
        self.serial += 1
        if self.disk.space().free_bytes < self.config.min_free_bytes:
            self.clock.advance(1)
        body = rng.randbytes(rng.choice((0, 3, 40, 300, 600, 1500)))
        if rng.random() < 0.2:
            body += bytes(rng.choice((512, 1024))) + rng.randbytes(5) * rng.randrange(2)
        payload = self.serial.to_bytes(4, "little") + body
        records = rng.randrange(1, 6)
        try:
            future = self._log().committer.submit(
                payload, count=records, decoded_bytes=len(payload), tenant=b"t%d" % (self.serial % 3)
            )
        except HeimdallError:
            return
        room = self.disk.space().free_bytes >= self.config.min_free_bytes
        self._require(room, "a batch was taken although the disk is above its high-water mark")
        self.open.append(Sent(payload, records, future))

    def _note_acknowledged(self) -> None:
        still: list[Sent] = []
        for sent in self.open:
            if sent.future is not None and sent.future.done() and sent.future.exception() is None:
                sent.first = sent.future.result()
                self._keep(sent)
            else:
                still.append(sent)
        self.open = still

    def _keep(self, sent: Sent) -> None:
        self.kept.append(sent)
        self.kept.sort(key=lambda kept: kept.first)
        self.tally.acknowledged += 1

    # --- looking

    def _recover(self) -> None:
        self.log = None
        for _ in range(100):
            try:
                self.tally.opens += 1
                self.disk.trust_again()
                self.log = JournalLog(self.config, self.clock, self.disk, threads=False)
                break
            except HeimdallError:
                pass  # each fault strikes once, so the next try meets fewer
        if self.log is None and self.disk.misdirected:
            raise Unknowable  # it refuses to open rather than to guess the next position
        self._require(self.log is not None, "the disk works again, the journal cannot be opened")
        got = self._read()
        if got is None:
            self.disk.arm({})
            got = self._read()
        self._check(got, may_fail=False)
        self.open = []

    def _read(self) -> list[tuple[FrameHeader, bytes]] | None:
        """Everything from the released position on; None when the disk could not be read."""
        try:
            return list(self._log().entries(self.released, 1 << 30))
        except HeimdallError:
            return None

    def _check(self, got: list[tuple[FrameHeader, bytes]] | None, *, may_fail: bool) -> None:
        if got is None:
            self._require(may_fail, "the journal could not be read although the disk can")
            return
        log = self._log()
        self.reported.update((damage.first, damage.stop) for damage in log.damages)
        served = {header.first: (header, payload) for header, payload in got}
        self._require(len(served) == len(got), "a position was given twice")
        for damage in log.damages:
            # After a misdirected write, batches that were never acknowledged may be called lost as well.
            excused = self.disk.misdirected or (self.rotten if not damage.exact else self._excused(damage))
            self._require(excused, f"{damage} is reported and nothing was wrong")
        position = 0
        for header, _ in got:
            self._require(header.first >= position, "frames overlap or are out of order")
            position = header.stop
        self._require(position <= log.end, "a frame lies beyond the end")
        for sent in self.kept:
            found = served.pop(sent.first, None)
            stop = sent.first + sent.records
            reported = self._covered(max(sent.first, self.released), stop)
            if found is not None:
                self._require(found[1] == sent.payload, f"record {sent.first} came back changed")
                self._require(found[0].records == sent.records, f"record {sent.first} came back with another count")
                self._require(not reported or self._struck(sent), f"record {sent.first} is there and reported as lost")
                sent.place = (self._inode(found[0].segment), found[0].offset, found[0].end)
            elif stop > self.released:
                self._require(self._struck(sent), f"acknowledged record {sent.first} is lost")
                if not reported and self.disk.evidence_gone:
                    raise Unknowable
                self._require(reported, f"record {sent.first} was damaged and nobody says so")
            if stop > log.end and self.disk.evidence_gone:
                raise Unknowable
            self._require(stop <= log.end, f"position {sent.first} would be used again")
        by_payload = {sent.payload: sent for sent in self.open}
        for first, (header, payload) in sorted(served.items()):
            sent = by_payload.get(payload)
            self._require(sent is not None, f"record {first} is doubled, or came back from the dead")
            assert sent is not None
            self._require(header.records == sent.records, "a batch came back in part")
            sent.first = first
            sent.place = (self._inode(header.segment), header.offset, header.end)
            self._keep(sent)
            self.open.remove(sent)
        if not may_fail:
            self._check_flips({header.first for header, _ in got}, log.recovery.healed)

    def _excused(self, damage: Damage) -> bool:
        """Whether a fault has struck any acknowledged record among those reported lost."""
        among = [sent for sent in self.kept if sent.first < damage.stop and damage.first < sent.first + sent.records]
        return any(self._struck(sent) for sent in among)

    def _covered(self, first: int, stop: int) -> bool:
        """Whether the reports together name all positions [first, stop) as lost."""
        for begin, end in sorted(self.reported):
            if begin <= first:
                first = max(first, end)
        return first >= stop

    def _inode(self, segment: int) -> Inode:
        return self.disk.files[file_name(segment)]

    def _struck(self, sent: Sent) -> bool:
        if sent.hits > 1 or sent.place is None:
            return sent.hits > 1 or bool(self.disk.misdirected)
        inode, begin, end = sent.place
        return any(inode is other and start < end and begin < stop for other, start, stop in self.disk.misdirected)

    # --- bit rot

    def _flip(self) -> None:
        alive = [
            sent
            for sent in self.kept
            if sent.place is not None and sent.first >= self.released and sent.place[0] in self.disk.files.values()
        ]
        if not alive:
            return
        sent = alive[-1] if self.random.random() < 0.3 else self.random.choice(alive)
        assert sent.place is not None
        inode, begin, end = sent.place
        choice = self.random.random()
        in_header = choice < 0.5
        byte = self.random.randrange(begin + SECTOR, end)
        if in_header:
            byte = begin + self.random.randrange(SECTOR)
        self._flip_at(sent, inode, byte, in_header)
        if choice < 0.2:  # the twin as well
            self._flip_at(sent, inode, begin + (byte - begin + SECTOR // 2) % SECTOR, in_header)

    def _flip_at(self, sent: Sent, inode: Inode, byte: int, in_header: bool) -> None:
        if (id(inode), byte) in self.rotten or not self.disk.flip(inode, byte, self.random.randrange(8)):
            return
        self.rotten.add((id(inode), byte))
        self.tally.flips += 1
        sent.hits += 1 if in_header else 2
        self.flipped.append((sent, "header" if in_header else "payload"))

    def _check_flips(self, served: set[int], healed: int) -> None:
        """After a recovery: each flip has cost its record, which `_check` saw reported, or was healed and said so."""
        hit_twice = {id(sent) for sent, _ in self.flipped if sum(other is sent for other, _ in self.flipped) > 1}
        in_headers = 0
        for sent, part in self.flipped:
            if sent.first not in served or sent.first < self.released or id(sent) in hit_twice:
                continue
            self._require(part == "header", f"a flipped bit in the payload of record {sent.first} was not found")
            in_headers += 1
        self._require(healed >= in_headers, "a flipped bit in a header was not found")
        self.tally.flips_found += len(self.flipped)
        self.flipped = []

    # --- the end

    def _check_it_works_again(self) -> None:
        self.clock.advance(5)
        self.disk.capacity = 1 << 40
        payload = b"at last" + self.random.randbytes(20)
        log = self._log()
        future = log.committer.submit(payload, count=2, decoded_bytes=27, tenant=b"t")
        for _ in range(30):
            log.committer.commit_pending()
        self._require(future.done() and future.exception() is None, "the disk works again, the journal does not")
        first = future.result()
        got = [entry for _, entry in log.entries(first, 1 << 20)]
        self._require(got == [payload], "what was acknowledged last cannot be read")
        log.close()

    @staticmethod
    def _require(holds: object, law: str) -> None:
        if not holds:
            raise LawBroken(law)


def run_seed(seed: int, tally: Tally) -> None:
    """
    Raises:
        LawBroken: with what went wrong; the same seed shows it again.
    """
    World(seed, tally).run()
