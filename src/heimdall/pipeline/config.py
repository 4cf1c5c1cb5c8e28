"""What can be set about the pipeline: how large spans are, how long they wait, how often state is saved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    max_records: int = 100_000
    """Records after which a span closes. Larger: fewer, larger inserts and fewer merges after them (half the CPU of
    storage at 100,000 in place of 13,000), and each span's memory is held twice."""
    max_bytes: int = 32 * 1024 * 1024
    """Bytes of decoded columns after which a span closes. Bounds memory when records are long."""
    max_wait_s: float = 0.2
    """Seconds from one span's closing to the next one's at least, where neither is full; a record that comes after a
    longer pause waits for no others. Larger: fewer inserts, later searchable, later alerts."""
    append_wait_s: float = 0.6
    """Seconds from one append to storage to the next at least, where it would be small, nobody has asked for 5 seconds
    and nobody watches a live tail; alerts do not wait for it. Larger: a quiet node costs less, and the first question
    after a pause sees records later. 0 = every span is appended by itself."""
    writers: int = 3
    """Appends to storage at the same time; they are committed in order. More use more cores and memory."""
    checkpoint_interval_s: float = 5.0
    """Seconds between saved stage states. Larger: less work while running, longer replay after a crash."""
    retry_interval_s: float = 0.5
    """Seconds before a span is tried again when storage is unavailable."""
    dead_letter_quota_bytes: int = 1024**3
    """Bytes of dead letters to keep. When they are full the pipeline waits, the bus fills, and doors answer 503:
    nothing that was accepted is thrown away. Replay or export dead letters to go on."""
