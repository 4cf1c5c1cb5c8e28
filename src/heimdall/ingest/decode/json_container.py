"""Docker's json-file wrapper, `{"log":"…\\n","stream":"stdout","time":"…"}`, around lines of text.

Such a body is rewritten as lines of the CRI wrapper, which says the same: the text decoders then find the format
inside, join stack traces, and put together the pieces Docker makes of long lines. Source: Docker json-file driver.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.fields import Fields

_FIELDS = frozenset({"log", "stream", "time"})


def as_cri_lines(fields: Fields) -> pl.Series | None:
    """The records as CRI lines; None when they are no such wrapper, or all of them wrap JSON."""
    frame = fields.frame
    if (
        set(frame.columns) != _FIELDS
        or any(dtype != pl.String for dtype in frame.dtypes)
        or frame.null_count().sum_horizontal().item()
    ):
        return None
    if frame["log"].str.starts_with("{").all() or not frame["stream"].is_in(["stdout", "stderr"]).all():
        return None
    whole = pl.col("log").str.ends_with("\n")
    tag = pl.when(whole).then(pl.lit(" F ")).otherwise(pl.lit(" P "))
    content = pl.col("log").str.strip_suffix("\n")
    return frame.select(pl.concat_str("time", pl.lit(" "), "stream", tag, content)).to_series()


def with_docker_names(table: pa.Table) -> pa.Table:
    """The stream under Docker's name for it, as in records that wrap JSON."""
    if "attributes" not in table.column_names:
        return table
    text = pl.Series(table["attributes"]).str.replace('"log.iostream":"std', '"stream":"std', literal=True)
    place = table.schema.get_field_index("attributes")
    return table.set_column(place, table.schema.field(place), text.to_arrow().cast(pa.large_string()))
