"""Senders' levels → OTel severity numbers (0 = not stated), a column at a time.

Text: the spellings of `heimdall.model.severity`, in any case, in brackets or quotes. Numbers (as numbers or as text):

- 10, 20, … 60: bunyan and pino (trace … fatal), and Python's logging, which has 30 for warning and 50 for critical;
  the two agree but for one step, and pino's own scale is taken: it is the one that is *sent* as a number
- 100, 200 … 800: Google Cloud `LogSeverity` (Monolog shares 100 to 250 and counts one step differently above)
- 0 … 7: syslog (RFC 5424); a field named `severity_number` is OTel's own 1 … 24 (`otel=True`)
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import polars as pl
import pyarrow as pa

from heimdall.model.severity import SEVERITY_BY_NAME, SYSLOG_SEVERITY

_BY_NUMBER: dict[int, int] = {
    **dict(enumerate(SYSLOG_SEVERITY)),
    10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21,
    100: 5, 200: 9, 250: 10, 300: 10, 400: 13, 500: 17, 550: 19, 600: 18, 700: 19, 800: 21,
}  # fmt: skip
"""Sources: RFC 5424 §6.2.1; bunyan and pino level constants; Google Cloud `LogSeverity`."""


_FEW = 32
"""Spellings of a body that are looked up one by one: what most bodies have was read before."""


def parse_levels(values: pl.Series, *, otel: bool = False) -> pl.Series:
    """UInt8 series of OTel severity numbers; null where the value is null or says nothing known.

    `values`: text or numbers. `otel`: numbers are OTel severity numbers already.
    """
    dtype = values.dtype
    if dtype == pl.Categorical or isinstance(dtype, pl.Enum):
        values = values.cast(pl.String)
    elif dtype.is_numeric():
        return _known_number(values, otel=otel).alias(values.name)
    elif dtype != pl.String:
        return pl.Series(values.name, [None], dtype=pl.UInt8).new_from_index(0, len(values))
    encoded = values.to_arrow().dictionary_encode()
    if len(encoded.dictionary) <= _FEW:
        found = pa.array([_said_by(text, otel) for text in encoded.dictionary.to_pylist()], pa.uint8())
    else:
        found = _said(cast(pl.Series, pl.from_arrow(encoded.dictionary)), otel=otel).to_arrow()
    return cast(pl.Series, pl.from_arrow(found.take(encoded.indices))).alias(values.name)


@lru_cache(maxsize=1024)
def _said_by(text: str, otel: bool) -> int | None:
    return cast("int | None", _said(pl.Series([text]), otel=otel).item())


def _said(distinct: pl.Series, *, otel: bool) -> pl.Series:
    text = distinct.str.strip_chars(" \t[]<>()\"':").str.to_lowercase()
    named = text.replace_strict(SEVERITY_BY_NAME, default=None, return_dtype=pl.UInt8)
    numbered = _known_number(text.str.extract(r"^(\d{1,3}|-0)(?:\.0+)?$").cast(pl.Int64), otel=otel)
    return pl.select(pl.coalesce(pl.lit(named), pl.lit(numbered))).to_series()


def _known_number(values: pl.Series, *, otel: bool) -> pl.Series:
    number = values.cast(pl.Int64, strict=False)
    if values.dtype.is_float():
        number = pl.select(pl.when(pl.lit(values == number)).then(pl.lit(number))).to_series()  # 3.5 is none
    if otel:
        return pl.select(pl.when(pl.lit(number).is_between(1, 24)).then(pl.lit(number))).to_series().cast(pl.UInt8)
    return number.replace_strict(_BY_NUMBER, default=None, return_dtype=pl.UInt8)
