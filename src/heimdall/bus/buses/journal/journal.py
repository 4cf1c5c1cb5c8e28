"""`Journal`: the `Bus` on local files."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

from heimdall.bus.buses.journal.codec import Codec
from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.disk import Disk, PosixDisk
from heimdall.bus.buses.journal.log import JournalLog
from heimdall.bus.buses.journal.quarantine import Damage
from heimdall.bus.buses.journal.recovery import RecoveryReport
from heimdall.bus.port import Frame
from heimdall.clock import Clock, SystemClock
from heimdall.model.batch import LogBatch, Origin, TenantId


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
        self._log = JournalLog(config, clock or SystemClock(), disk or PosixDisk(config.directory))

    @property
    def recovery(self) -> RecoveryReport:
        """What opening found: segments, records, a cut tail, damage."""
        return self._log.recovery

    @property
    def damages(self) -> tuple[Damage, ...]:
        """Acknowledged records that the disk has lost, by position; for the ledger. Grows when a reader finds more."""
        return self._log.damages

    def append(self, batch: LogBatch) -> Future[int]:
        payload = self._codec.encode(batch)
        return self._log.committer.submit(
            payload, count=batch.num_rows, decoded_bytes=batch.table.nbytes, tenant=batch.tenant.encode()
        )

    def read(self, position: int, *, max_bytes: int) -> Iterator[Frame]:
        for header, payload in self._log.entries(position, max_bytes):
            tenant = TenantId(header.tenant)
            batch = LogBatch(tenant, self._codec.decode(payload), Origin(header.first, header.stop - 1))
            yield Frame(header.first, header.records, tenant, header.accepted_at_ns, batch)

    def wait_for(self, position: int, timeout_s: float) -> bool:
        return self._log.wait_for(position, timeout_s)

    def release(self, position: int) -> None:
        self._log.release(position)

    @property
    def end(self) -> int:
        return self._log.end

    def close(self) -> None:
        self._log.close()
