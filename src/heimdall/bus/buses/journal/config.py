"""What an operator may set about the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from heimdall.bus.buses.journal.layout import FIRST_FRAME, SECTOR
from heimdall.errors import Misconfigured

_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalConfig:
    directory: Path = field(default=Path("journal"), metadata={"set_by": "bus.url"})
    """Where acknowledged batches are kept, for the pipeline and for replay. Put it on the most durable disk."""
    segment_bytes: int = 64 * _MIB
    """Size of one file, bytes; a multiple of 512. Files are deleted whole, so a larger one keeps stored data longer;
    a smaller one means more files made per second (64 MiB is about 7 s at 100,000 records/s of 90 B)."""
    group_commit_ms: float = 5.0
    """Least time between two commits while less than `group_bytes` waits, ms. A device that was idle for longer is
    used at once. Larger: fewer syncs, slower acknowledgements."""
    group_bytes: int = 1 * _MIB
    """A commit does not wait any longer once this much is waiting, bytes. Larger: fewer syncs under load."""
    max_group_bytes: int = 8 * _MIB
    """Most that one commit writes, bytes: bounds how long one sync takes, and what recovery has to write again."""
    max_waiting_bytes: int = 64 * _MIB
    """Encoded batches that may wait for the disk, bytes. Beyond it appends raise `Overloaded`. Bounds memory."""
    max_batch_bytes: int = 64 * _MIB
    """Largest batch taken, bytes as Arrow columns in memory. Larger ones raise `TooLarge`."""
    min_free_bytes: int = 1024 * _MIB
    """Free space under which appends are refused, bytes: the engine beside us needs room to merge and to drain us."""
    max_used_share: float = 0.97
    """Share of the file system above which appends are refused, 0..1."""
    recent_bytes: int = 32 * _MIB
    """Newest batches that stay in memory until the pipeline has them, bytes as Arrow columns: a pipeline that keeps up
    is spared reading, checking and decompressing them (0.5 µs a record). 0: it always reads the disk."""
    compression: Literal["lz4", "zstd", "none"] = "lz4"
    """Of the columns on disk. Per record of 230 B: lz4 0.22 µs and 99 B, zstd 0.38 µs and 69 B, none 0.12 µs and
    231 B (benchmarks/journal.py). A record stays here for seconds, so time is worth more than space."""

    def __post_init__(self) -> None:
        if self.segment_bytes % SECTOR or self.segment_bytes < FIRST_FRAME + 4 * SECTOR:
            raise Misconfigured(
                f"bus.journal.segment_bytes is {self.segment_bytes}; it must be a multiple of {SECTOR} "
                f"and at least {FIRST_FRAME + 4 * SECTOR}"
            )
        if not 0 < self.max_used_share <= 1:
            raise Misconfigured(f"bus.journal.max_used_share is {self.max_used_share}; it must lie in (0, 1]")
        for name in ("group_bytes", "max_group_bytes", "max_waiting_bytes", "max_batch_bytes"):
            if getattr(self, name) <= 0:
                raise Misconfigured(f"bus.journal.{name} must be above 0")
