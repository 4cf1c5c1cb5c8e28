"""What the Kafka bus counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

APPENDED_RECORDS = Counter("heimdall_kafka_appended_records", "Records the brokers acknowledged.")
APPENDED_BYTES = Counter("heimdall_kafka_appended_bytes", "Bytes of encoded batches the brokers acknowledged.")
APPEND_SECONDS = Histogram(
    "heimdall_kafka_append_seconds",
    "From handing a batch to the driver until the brokers acknowledged it.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
WAITING_BYTES = Gauge("heimdall_kafka_waiting_bytes", "Encoded batches that wait for the brokers.")
REFUSED_BATCHES = Counter("heimdall_kafka_refused_batches", "Batches not taken, by reason.", ["reason"])
REPEATED_BATCHES = Counter(
    "heimdall_kafka_repeated_batches",
    "Batches found in the partition a second time under the same key, and passed over.",
)
LOST_MESSAGES = Counter("heimdall_kafka_lost_messages", "Messages the topic deleted before their records were stored.")
