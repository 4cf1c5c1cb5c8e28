"""`LogBatch`: the unit that travels between components, and the Arrow schema of its columns.

Names follow OpenTelemetry's log data model where it has one. The record a person sees and the columns a batch
carries differ in three places, each for a measured reason:

- `id` (UUIDv7) is not carried: it is a function of `timestamp` and `position` (`heimdall.model.identity`), so it
  costs next to nothing on disk instead of ten random bytes a record.
- `level` is not carried: it is the name of `severity_number` (`heimdall.model.severity`).
- the schema version is per batch (`SCHEMA_VERSION`), not per record: a sender's own `version` field keeps its name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NewType

import pyarrow as pa

TenantId = NewType("TenantId", str)
DEFAULT_TENANT = TenantId("default")

SCHEMA_VERSION = 1

TIMESTAMP = pa.timestamp("ns", tz="UTC")
_LOW_CARDINALITY = pa.dictionary(pa.int32(), pa.string())

LOG_SCHEMA = pa.schema(
    [
        pa.field("timestamp", TIMESTAMP, nullable=False),  # when it happened, by the sender's clock
        pa.field("observed_timestamp", TIMESTAMP, nullable=False),  # when Heimdall first saw it
        pa.field("severity_number", pa.uint8(), nullable=False),  # OTel 1..24; 0 = not stated
        pa.field("service", _LOW_CARDINALITY),
        pa.field("instance", _LOW_CARDINALITY),
        pa.field("region", _LOW_CARDINALITY),
        pa.field("environment", _LOW_CARDINALITY),
        pa.field("message", pa.large_string(), nullable=False),
        pa.field("attributes", pa.large_string()),  # one JSON object a record, nested and typed; null = none
        pa.field("trace_id", pa.binary(16)),  # W3C trace context, bytes
        pa.field("span_id", pa.binary(8)),
        pa.field("parent_span_id", pa.binary(8)),
        pa.field("trace_flags", pa.uint8()),
        pa.field("user_id", pa.large_string()),
        pa.field("session_id", pa.large_string()),
        pa.field("request_id", pa.large_string()),
        pa.field("customer_id", pa.large_string()),
        pa.field("duration_ms", pa.float64()),
        pa.field("cpu_usage", pa.float64()),
        pa.field("memory_usage", pa.float64()),
        pa.field("error_rate", pa.float64()),
        pa.field("retention_policy", _LOW_CARDINALITY),  # how long it is kept where; null = the tenant's own days
    ]
)
"""What a door hands to the bus. A column that is null in the whole batch may be left out; readers add it back."""

POSITION_FIELD = pa.field("position", pa.uint64(), nullable=False)
"""Bus position of the record; set by the pipeline's runner when it reads the span."""

TEMPLATE_FIELD = pa.field("template_id", pa.uint64(), nullable=False)
"""Template of the message; set by the template stage. Below 2**53, so JSON numbers hold it exactly."""

SCORE_FIELD = pa.field("anomaly_score", pa.float64())
"""0 (usual) to 1: how odd the record was when it came, by what its service usually logs; set by the detect stage."""

CATEGORY_FIELD = pa.field("predicted_category", _LOW_CARDINALITY)
"""State of the record's service when it came: normal, degraded or critical; set by the detect stage."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The span of the bus a batch was read from: positions [first, last], both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Records of one tenant, as columns.

    `table` has the columns of `LOG_SCHEMA` (those that are null throughout may be missing), and after the pipeline's
    first hops also `position` and `template_id`. Tables are immutable: whoever changes a batch makes a new one.
    """

    tenant: TenantId
    table: pa.Table
    origin: Origin | None = None
    """Set once the batch has been read back from the bus; engines deduplicate by it."""

    @property
    def num_rows(self) -> int:
        return int(self.table.num_rows)

    def with_table(self, table: pa.Table) -> LogBatch:
        return replace(self, table=table)
