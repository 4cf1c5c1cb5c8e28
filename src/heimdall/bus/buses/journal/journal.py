"""`Journal`: the `Bus` on local files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.disk import Disk, PosixDisk
from heimdall.bus.buses.journal.log import JournalLog
from heimdall.bus.buses.journal.quarantine import Damage
from heimdall.bus.buses.journal.recent import Recent
from heimdall.bus.buses.journal.recovery import RecoveryReport
from heimdall.bus.codec import Codec
from heimdall.bus.port import Frame, ProducerKey
from heimdall.bus.producers import ProducerMemory
from heimdall.clock import Clock, SystemClock
from heimdall.model.batch import LogBatch, Origin, TenantId

_LOG = logging.getLogger(__name__)
_PRODUCERS_FILE = "producers.json"


class Journal:
    """Satisfies `heimdall.bus.port.Bus`. One per folder and process; opening it recovers what a crash left.

    `append` encodes in the calling thread (about 0.25 µs per record), so several senders use several cores.
    """

    def __init__(self, config: JournalConfig, clock: Clock | None = None, *, disk: Disk | None = None) -> None:
        """
        Raises:
            Misconfigured: the folder cannot be used, or another process has it.
            BusUnavailable: the disk could not be read; trying again is safe.
        """
        self._codec = Codec(config.compression, config.max_batch_bytes)
        clock = clock or SystemClock()
        self._recent = Recent(config.recent_bytes)
        self._log = JournalLog(config, clock, disk or PosixDisk(config.directory))
        self._producers = ProducerMemory(self._log.producers, now_s=lambda: clock.time_ns() / 1e9)
        self._producers_file = config.directory / _PRODUCERS_FILE
        self._producers.load(self._producers_file)

    @property
    def recovery(self) -> RecoveryReport:
        """What opening found: segments, records, a cut tail, damage."""
        return self._log.recovery

    @property
    def damages(self) -> tuple[Damage, ...]:
        """Acknowledged records that the disk has lost, by position; for the ledger. Grows when a reader finds more."""
        return self._log.damages

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        if producer is None:
            return self._submit(batch, None)
        return self._producers.once(producer, lambda: self._submit(batch, producer))

    def _submit(self, batch: LogBatch, producer: ProducerKey | None) -> Future[int]:
        payload = self._codec.encode(batch)

        def keep(first: int, accepted_at_ns: int) -> None:
            self._recent.add(_frame(first, batch.num_rows, accepted_at_ns, batch))

        return self._log.committer.submit(
            payload, count=batch.num_rows, decoded_bytes=batch.table.nbytes, tenant=batch.tenant.encode(),
            producer=producer, on_durable=keep,
        )  # fmt: skip

    def kept(self, producer_id: bytes) -> tuple[int, int] | None:
        return self._producers.kept(producer_id)

    def read(self, position: int, *, max_bytes: int) -> Iterator[Frame]:
        taken = 0
        while taken < max_bytes and (recent := self._recent.following(position)):
            for frame in recent:
                yield frame
                position = frame.first + frame.count
                taken += frame.batch.table.nbytes
                if taken >= max_bytes:
                    return
        for header, payload in self._log.entries(position, max_bytes - taken):
            batch = LogBatch(TenantId(header.tenant), self._codec.decode(payload))
            yield _frame(header.first, header.records, header.accepted_at_ns, batch)

    def wait_for(self, position: int, timeout_s: float) -> bool:
        return self._log.wait_for(position, timeout_s)

    def release(self, position: int) -> None:
        self._recent.drop_below(position)
        if not self._log.would_release(position):
            return
        try:
            self._producers.save(self._producers_file)  # first: what goes is where their last batches are noted
        except OSError as exc:
            _LOG.warning("journal: segments stay, what producers sent could not be saved: %s", exc)
            return
        self._log.release(position)

    @property
    def end(self) -> int:
        return self._log.end

    def close(self) -> None:
        self._log.close()


def _frame(first: int, count: int, accepted_at_ns: int, batch: LogBatch) -> Frame:
    return Frame(first, count, batch.tenant, accepted_at_ns, replace(batch, origin=Origin(first, first + count - 1)))
