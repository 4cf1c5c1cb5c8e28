"""logfmt: `time=2026-11-22T10:15:30Z level=info msg="listening" port=7373`.

Keys become fields as JSON's would (`heimdall.ingest.decode.canonical` says which are columns), values get types:
whole numbers, numbers, `true` and `false`; quoted values are text. A key with a duration (`took=1.5ms`) also fills
`duration_ms`. Sources: Heroku's router, Go's kr/logfmt, logrus and slog text handlers.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from heimdall.ingest.decode.fields import Fields, canonical
from heimdall.ingest.decode.format import Format
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json_text import json_members

_KEY = r"[A-Za-z_@][A-Za-z0-9_.@/-]*"
_PAIR = rf'{_KEY}=(?:"(?:[^"\\]|\\.)*"|[^ "]*)'

FORMAT = Format("logfmt", rf"^(?P<pairs>{_PAIR}(?: +{_PAIR})+) *$", joins=False, whole=True)

MAX_COLUMNS = 256
"""Keys of a batch that become typed columns, the most frequent first; rarer ones are kept as text."""

_DURATIONS = ("duration", "elapsed", "took", "latency", "response_time", "dur")
_UNIT_MS: dict[str, float] = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_DURATION = r"^(?P<amount>[0-9]+(?:\.[0-9]+)?)(?P<unit>ns|us|µs|ms|s|m|h)$"
_INTEGER = r"^-?(?:0|[1-9][0-9]{0,17})$"
_FLOAT = r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][+-]?[0-9]+)?$"


def decode_logfmt(lines: pl.Series, *, now_ns: int, hints: Hints) -> pa.Table:
    """One record a line, as columns of `LOG_SCHEMA`; required ones may have nulls."""
    pairs = _pairs(lines)
    by_count = pairs.group_by("key", maintain_order=True).len().sort("len", descending=True, maintain_order=True)
    common = by_count["key"].head(MAX_COLUMNS)
    rows = pl.DataFrame({"row": pl.int_range(len(lines), dtype=pl.UInt32, eager=True)})
    some = pairs if len(common) < MAX_COLUMNS else pairs.filter(pl.col("key").is_in(common.implode()))
    wide = some.pivot(on="key", index="row", values="value", aggregate_function="last")
    quoted = set(pairs.filter("quoted")["key"].unique())
    ordered = rows.join(wide, on="row", how="left", maintain_order="left").drop("row")
    typed = ordered.select(values if values.name in quoted else _typed(values) for values in ordered.get_columns())
    typed = _with_duration(typed)
    return canonical(
        Fields(typed, len(lines), raw=lambda: lines, rest=_rest(pairs, common, rows)), now_ns=now_ns, hints=hints
    ).table


def _pairs(lines: pl.Series) -> pl.DataFrame:
    """Row, key, value and whether it was quoted, in the order of the lines."""
    found = pl.DataFrame({"pair": lines.str.extract_all(_PAIR)}).with_row_index("row").explode("pair")
    frame = found.select("row", part=pl.col("pair").str.splitn("=", 2)).unnest("part")
    frame = frame.rename({"field_0": "key", "field_1": "value"}).with_columns(
        quoted=pl.col("value").str.starts_with('"')
    )
    if not frame["quoted"].any():
        return frame
    bare = frame.with_columns(value=pl.col("value").str.strip_prefix('"').str.strip_suffix('"'))
    if bool(bare["value"].str.contains("\\", literal=True).any()):
        text = pl.col("value")
        for escape, plain in (("\\n", "\n"), ("\\t", "\t"), ('\\"', '"'), ("\\\\", "\\")):
            text = text.str.replace_all(escape, plain, literal=True)
        bare = bare.with_columns(value=pl.when("quoted").then(text).otherwise("value"))
    return bare


def _typed(values: pl.Series) -> pl.Series:
    """Numbers and truth values where all of a column are; text otherwise."""
    for pattern, dtype in ((_INTEGER, pl.Int64), (f"(?:{_INTEGER})|(?:{_FLOAT})", pl.Float64)):
        if values.str.contains(pattern).all():
            return values.cast(dtype, strict=False)
    if values.is_in(["true", "false"]).all():
        return values == "true"
    return values


def _with_duration(frame: pl.DataFrame) -> pl.DataFrame:
    names = [name for name in _DURATIONS if name in frame.columns and frame[name].dtype == pl.String]
    if not names or "duration_ms" in frame.columns:
        return frame
    parts = frame[names[0]].str.extract_groups(_DURATION).struct
    unit = parts.field("unit").replace_strict(_UNIT_MS, default=None, return_dtype=pl.Float64)
    amount = parts.field("amount").cast(pl.Float64)
    return frame.with_columns((amount * unit).alias("duration_ms")) if unit.null_count() < len(unit) else frame


def _rest(pairs: pl.DataFrame, common: pl.Series, rows: pl.DataFrame) -> pl.Series | None:
    if len(common) < MAX_COLUMNS:
        return None
    rare = pairs.filter(~pl.col("key").is_in(common.implode())).unique(["row", "key"], keep="last", maintain_order=True)
    if rare.is_empty():
        return None
    values = json_members(rare["value"].alias("v")).str.strip_prefix(',"v"')
    keys = json_members(rare["key"].alias("k")).str.strip_prefix(',"k":')
    members = rare.select("row", member=pl.concat_str(pl.lit(keys), pl.lit(values)))
    joined = members.group_by("row").agg(pl.col("member").str.join(","))
    objects = rows.join(joined, on="row", how="left", maintain_order="left")["member"].fill_null("")
    return pl.select(pl.concat_str(pl.lit("{"), pl.lit(objects), pl.lit("}"))).to_series()
