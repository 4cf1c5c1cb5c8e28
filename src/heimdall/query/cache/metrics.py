"""What the caches count."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

HITS = Counter("heimdall_query_cache_hits", "Entries found, by level.", ["level"])
MISSES = Counter("heimdall_query_cache_misses", "Entries looked for and not found, by level.", ["level"])
EVICTIONS = Counter("heimdall_query_cache_evictions", "Entries given up for the sake of others, by level.", ["level"])
SIZE = Gauge("heimdall_query_cache_size", "Bytes of the entries kept in this process.", unit="bytes")
ENTRIES = Gauge("heimdall_query_cache_entries", "Entries kept in this process.")
DROPPED = Counter(
    "heimdall_query_cache_dropped", "Entries not written to Redis because it was slow, away, or they were too large."
)
BROKEN = Gauge("heimdall_query_cache_broken", "1 while the circuit to Redis is open.")
