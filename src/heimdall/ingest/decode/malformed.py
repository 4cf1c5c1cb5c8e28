"""Records of what nobody could read, for protocols that have no way to refuse it: kept as bytes, and marked."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.fields import finished
from heimdall.ingest.decode.json_text import json_objects
from heimdall.ingest.decode.oddity import ODDITY_FIELD, RAW_MESSAGE_FIELD, Oddity

MAX_RAW_BYTES = 64 << 10
"""Of one of them."""


def malformed(raw: Sequence[bytes], *, now_ns: int) -> pa.Table:
    """One record for each, with columns of `LOG_SCHEMA`."""
    kept = [each[:MAX_RAW_BYTES] for each in raw]
    attributes = json_objects(
        [
            pl.Series(RAW_MESSAGE_FIELD, kept, dtype=pl.Binary).bin.encode("base64"),
            pl.Series(ODDITY_FIELD, [[str(Oddity.MALFORMED)]] * len(kept), dtype=pl.List(pl.String)),
        ]
    )
    columns = {
        "message": pa.array([each.decode("utf-8", "replace") for each in kept], pa.large_string()),
        "attributes": attributes.to_arrow().cast(pa.large_string()),
    }
    return finished(pa.table(columns), now_ns=now_ns)
