"""A disk that breaks in every way a disk may, from one seed.

What the process sees (`cache`) and what would survive a power cut (`durable`) are two images of every file. A write
changes the first; a sync carries the dirty sectors over; a power cut carries over any subset of them, which covers
torn writes and reordering alike. A failed sync does what Linux does: it forgets that sectors are dirty, so the process
goes on seeing what the disk never got.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from heimdall.bus.buses.journal.disk import Space

SECTOR = 512


class Crash(BaseException):
    """The process is gone. Not an `Exception`: nothing may catch it and go on."""


class Inode:
    __slots__ = ("cache", "dirty", "durable", "failed")

    def __init__(self, size: int) -> None:
        self.cache = bytearray(size)
        self.durable = bytearray(size)
        self.dirty: set[int] = set()
        """Sectors to be written back."""
        self.failed = False
        """A sync has failed: later ones of the same process claim to work and may not."""

    def settle(self, sectors: Sequence[int]) -> None:
        for sector in sectors:
            begin = sector * SECTOR
            self.durable[begin : begin + SECTOR] = self.cache[begin : begin + SECTOR]


@dataclass(slots=True)
class Tally:
    """What was done to the journal, over all seeds."""

    seeds: int = 0
    crashes: int = 0
    power_cuts: int = 0
    opens: int = 0
    acknowledged: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    flips: int = 0
    flips_found: int = 0

    def fault(self, kind: str) -> None:
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def add(self, other: Tally) -> None:
        for name in ("seeds", "crashes", "power_cuts", "opens", "acknowledged", "flips", "flips_found"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for kind, count in other.faults.items():
            self.faults[kind] = self.faults.get(kind, 0) + count


class SimulatedFile:
    __slots__ = ("_disk", "inode", "size")

    def __init__(self, disk: SimulatedDisk, inode: Inode) -> None:
        self._disk = disk
        self.inode = inode
        self.size = len(inode.cache)

    def read(self, offset: int, size: int) -> bytes:
        self._disk.step("read")
        return bytes(self.inode.cache[offset : offset + size])

    def write(self, offset: int, parts: Sequence[bytes]) -> None:
        data = b"".join(bytes(part) for part in parts)
        disk = self._disk
        inode = self.inode
        fault = disk.step("write")
        if fault is None and disk.random.random() < disk.misdirect_share:
            fault = "misdirect"
            disk.tally.fault("misdirect in write")
        if any(inode is other and offset < stop and start < offset + len(data) for other, start, stop in disk.landings):
            disk.evidence_gone = True
        if fault == "misdirect":
            inode, offset = disk.elsewhere(inode, offset, len(data))
        sectors: Sequence[int] = range(offset // SECTOR, -(-(offset + len(data)) // SECTOR))
        if offset + len(data) > len(inode.cache) or offset % SECTOR:
            raise AssertionError("a write outside the file, or not on a sector border")
        if fault in ("error", "crash"):
            sectors = [sector for sector in sectors if disk.random.random() < 0.5]
            for sector in sectors:
                begin = sector * SECTOR
                piece = data[begin - offset : begin - offset + SECTOR]
                inode.cache[begin : begin + len(piece)] = piece
        else:
            inode.cache[offset : offset + len(data)] = data
        if fault == "misdirect":
            inode.settle(sectors)  # it is the device that errs: what lands elsewhere is on the medium
        else:
            inode.dirty.update(sectors)
        disk.interrupt(fault, errno.ENOSPC if disk.random.random() < 0.3 else errno.EIO)

    def sync(self) -> None:
        fault = self._disk.step("sync")
        dirty = sorted(self.inode.dirty)
        if fault in ("error", "crash") or self.inode.failed:
            dirty = self._disk.some(dirty)
        self.inode.failed = self.inode.failed or fault == "error"
        self.inode.settle(dirty)
        if fault != "crash":
            self.inode.dirty.clear()
        self._disk.interrupt(fault, errno.EIO)

    def close(self) -> None:
        pass


class SimulatedDisk:
    """Implements `Disk`. `plan` maps the number of a call since `arm` to the fault that strikes it; calls that only
    read are counted apart, as negative numbers, since there are many more of them."""

    def __init__(self, rng: random.Random, tally: Tally, *, capacity: int = 1 << 30) -> None:
        self.random = rng
        self.tally = tally
        self.capacity = capacity
        self.files: dict[str, Inode] = {}
        self._durable_names: dict[str, Inode] = {}
        self._pending_names: list[tuple[str, Inode | None]] = []
        self._kept: dict[str, bytes] = {}
        self.plan: dict[int, str] = {}
        self._calls = self._reads = 0
        self.misdirect_share = 0.0
        """Of the writes that land in another place, 0..1."""
        self.misdirected: list[tuple[Inode, int, int]] = []
        """Where writes landed that were meant for another place, and that place."""
        self.landings: list[tuple[Inode, int, int]] = []
        self.evidence_gone = False
        """A later write went over a misdirected one: nothing may be left that tells of it."""

    # --- faults

    def arm(self, plan: dict[int, str]) -> None:
        self._calls, self._reads, self.plan = 0, 0, plan

    def step(self, call: str) -> str | None:
        if call == "read":
            self._reads -= 1
            fault = self.plan.get(self._reads)
        else:
            self._calls += 1
            fault = self.plan.get(self._calls)
        if fault is None:
            return None
        self.tally.fault(f"{fault} in {call}")
        if call == "read":
            self.interrupt(fault, errno.EIO)
        return fault

    def interrupt(self, fault: str | None, number: int) -> None:
        if fault == "crash":
            raise Crash
        if fault == "error":
            raise OSError(number, "simulated")

    def some(self, sectors: Sequence[int]) -> list[int]:
        """All, none, a prefix, or any subset of them."""
        kind = self.random.random()
        if kind < 0.1:
            return list(sectors)
        if kind < 0.2:
            return []
        if kind < 0.4:
            return list(sectors[: self.random.randrange(len(sectors) + 1)])
        return [sector for sector in sectors if self.random.random() < 0.5]

    def elsewhere(self, inode: Inode, offset: int, size: int) -> tuple[Inode, int]:
        landing = self.random.randrange((len(inode.cache) - size) // SECTOR + 1) * SECTOR
        if landing != offset:
            self.misdirected.append((inode, landing, landing + size))
            self.landings.append((inode, landing, landing + size))
            self.misdirected.append((inode, offset, offset + size))
        return inode, landing

    def flip(self, inode: Inode, byte: int, bit: int) -> bool:
        """Rot: the medium holds another bit, and nobody was told. False where the system is about to overwrite it."""
        if byte // SECTOR in inode.dirty or inode.cache[byte] != inode.durable[byte]:
            return False
        inode.durable[byte] ^= 1 << bit
        inode.cache[byte] ^= 1 << bit
        return True

    # --- ends of a process

    def trust_again(self) -> None:
        """A new process with new descriptors."""
        for inode in self.files.values():
            inode.failed = False

    def power_cut(self) -> None:
        for inode in {id(inode): inode for inode in [*self.files.values(), *self._durable_names.values()]}.values():
            inode.settle(self.some(sorted(inode.dirty)))
            inode.dirty.clear()
            inode.cache = bytearray(inode.durable)
        for name, changed in self._pending_names:
            if self.random.random() < 0.5:
                self._set(self._durable_names, name, changed)
        self._pending_names.clear()
        self.files = dict(self._durable_names)

    def kill(self) -> None:
        """Only the process is gone; what it wrote stays in the cache. The system may drop clean pages from there."""
        for inode in self.files.values():
            if inode.cache == inode.durable:
                continue
            for sector in range(len(inode.cache) // SECTOR):
                if sector not in inode.dirty and self.random.random() < 0.2:
                    begin = sector * SECTOR
                    inode.cache[begin : begin + SECTOR] = inode.durable[begin : begin + SECTOR]

    # --- Disk

    def names(self) -> list[str]:
        self.step("read")
        return list(self.files)

    def create(self, name: str, size: int) -> SimulatedFile:
        fault = self.step("create")
        if fault == "error" or self.space().free_bytes < size:
            raise OSError(errno.ENOSPC, "simulated")
        assert name not in self.files, f"{name} made twice"
        inode = Inode(size)
        self.files[name] = inode
        self._pending_names.append((name, inode))
        self.interrupt(fault, errno.EIO)
        return SimulatedFile(self, inode)

    def open(self, name: str) -> SimulatedFile:
        self.step("read")
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "simulated", name)
        return SimulatedFile(self, self.files[name])

    def remove(self, name: str) -> None:
        fault = self.step("remove")
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, "simulated", name)
        if fault != "error":
            del self.files[name]
            self._pending_names.append((name, None))
        self.interrupt(fault, errno.EIO)

    def sync_names(self) -> None:
        fault = self.step("sync names")
        if fault is None or (fault == "crash" and self.random.random() < 0.5):
            self._durable_names = dict(self.files)
            self._pending_names.clear()
        self.interrupt(fault, errno.EIO)

    def space(self) -> Space:
        return Space(self.capacity - sum(len(inode.cache) for inode in self.files.values()), self.capacity)

    def keep(self, name: str, content: bytes) -> None:
        self.interrupt(self.step("keep"), errno.ENOSPC)
        self._kept.setdefault(name, content)

    def kept(self) -> list[str]:
        return list(self._kept)

    def close(self) -> None:
        pass

    @staticmethod
    def _set(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
        if inode is None:
            names.pop(name, None)
        else:
            names[name] = inode
