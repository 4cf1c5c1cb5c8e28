"""What the journal counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

APPENDED_RECORDS = Counter("heimdall_journal_appended_records", "Records acknowledged after reaching the disk.")
APPENDED_FRAMES = Counter("heimdall_journal_appended_frames", "Batches acknowledged after reaching the disk.")
APPENDED_BYTES = Counter("heimdall_journal_appended_bytes", "Bytes of acknowledged frames on disk, headers included.")
SYNC_SECONDS = Histogram(
    "heimdall_journal_sync_seconds",
    "Time one group commit spent writing and syncing.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
WAITING_BYTES = Gauge("heimdall_journal_waiting_bytes", "Encoded batches that wait for the disk.")
SEGMENTS = Gauge("heimdall_journal_segments", "Segment files on disk, the spare one not counted.")
REFUSED_BATCHES = Counter("heimdall_journal_refused_batches", "Batches not taken, by reason.", ["reason"])
POISONED_SEGMENTS = Counter(
    "heimdall_journal_poisoned_segments", "Segments given up because a write or sync failed. Look at the disk."
)
QUARANTINED_FRAMES = Counter(
    "heimdall_journal_quarantined_frames", "Damaged places found in acknowledged data and copied to quarantine."
)
HEALED_HEADERS = Counter(
    "heimdall_journal_healed_headers", "Damaged copies of frame or segment headers whose twin was whole, at start-up."
)
LOST_RECORDS = Counter(
    "heimdall_journal_lost_records", "Acknowledged records that damage of the disk has made unreadable."
)
