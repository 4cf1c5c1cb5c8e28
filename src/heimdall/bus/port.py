"""The `Bus` port: a durable, replayable log of batches between the doors and the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from heimdall.model.batch import LogBatch, TenantId


@dataclass(frozen=True, slots=True)
class Frame:
    """One appended batch as read back: its records have positions `first … first + count - 1`."""

    first: int
    count: int
    tenant: TenantId
    accepted_at_ns: int
    """When it was acknowledged, ns since 1970; the ledger's minute."""
    batch: LogBatch


class ProducerKey(NamedTuple):
    """Names one batch of one producer's life, so that a batch sent twice can be recognised."""

    producer_id: bytes
    """16 bytes."""
    epoch: int
    sequence: int
    """Rises from batch to batch of an epoch; need not be without gaps."""


class Bus(Protocol):
    """Positions count records from 1, rise without gaps in append order, and are never used twice.

    Only records that a damaged disk has lost leave a gap: a frame's `first` is then above the end of the one before.
    """

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        """Make `batch` durable. The future's result is the position of its first record.

        With a `producer`, a batch of which it or a later one (by epoch, then sequence) was acknowledged before, in this
        life or an earlier one, is not kept again: the future's result is then 0. A producer sends one batch at a time.

        The future resolves only after the data (and, for a new file, its directory) has reached the disk.
        Does not block on the disk; safe from several threads. `batch` is no longer the caller's afterwards.

        Raises (here or through the future):
            Overloaded: bytes waiting are at their bound, or the disk is above its high-water mark.
            BusUnavailable: not acknowledged; the batch may be sent again.
            TooLarge, InvalidInput: over a stated limit, or without records; nothing was kept.
        """

    def kept(self, producer_id: bytes) -> tuple[int, int] | None:
        """Epoch and sequence of the producer's last acknowledged batch, in this life or an earlier one: where one that
        reads from a place it can go back to goes on. None when it is not known."""

    def read(self, position: int, *, max_bytes: int) -> Iterator[Frame]:
        """Acknowledged frames from the one that holds `position` on, oldest first, about `max_bytes` of them.

        `max_bytes` counts batches as columns in memory; one frame is given however large it is. Ends (without waiting)
        where the acknowledged data ends. Batches carry their `origin`. Safe beside everything else, `release` included.

        Raises:
            BusUnavailable: could not be read now; nothing is known to be lost.
        """

    def wait_for(self, position: int, timeout_s: float) -> bool:
        """Block until a record at `position` or later is acknowledged; False after `timeout_s`."""

    def release(self, position: int) -> None:
        """Everything below `position` is stored elsewhere: its segments may be deleted. May block on the disk."""

    @property
    def end(self) -> int:
        """One past the last acknowledged record: what the next one gets when nothing is on its way."""

    def close(self) -> None:
        """Finish what was accepted, then release files and threads. Called once, last; later appends raise."""
