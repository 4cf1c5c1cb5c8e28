"""Senders' times → ns since 1970 UTC, a column at a time.

Understood:

- numbers, as numbers or text: epoch in s, ms, µs or ns, told apart by size; fractions of a second
- RFC 3339 and its relatives: `2026-11-22T10:15:30.123456789+01:00`, a space or `_` for the `T`, `/` or `.` in the
  date, `,` before the fraction, `+0100`, `+01`, zone names, no seconds, no time at all, `…[Europe/Berlin]` behind it
- compact: `20261122T101530Z`, `20261122 101530`, `261122 101530`
- RFC 2822, HTTP, `date` and `ctime` dates: `Sun, 22 Nov 2026 10:15:30 GMT`, `Sun Nov 22 10:15:30 CET 2026`
- common log format: `22/Nov/2026:10:15:30 +0000`; `22-Nov-2026 10:15:30`; `Nov 22, 2026 10:15:30 PM`
- US order `11/22/2026 10:15:30 AM`, and `22/11/2026` where the first number cannot be a month; `26/11/22 10:15:30`
- without a year (RFC 3164, klog): `Nov 22 10:15:30`, `1122 10:15:30.123456`: the latest such time that is not more
  than a day ahead of now

A time without a zone is in `zone`. A time outside 1677–2262 does not fit and is null, like one not understood.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

SECOND_NS = 1_000_000_000
DAY_S = 86_400

_UNITS: tuple[tuple[float, int], ...] = ((1e11, SECOND_NS), (1e14, 1_000_000), (1e17, 1_000), (2.0**63, 1))
"""Below this size a number counts in this many ns: 10¹¹ s is the year 5138, 10¹¹ ms is 1973, and so on."""

_SMALLEST_EPOCH_S = 100_000_000
"""March 1973. A smaller number is a duration, a counter or a clock that was never set."""

_MAX_S = (2**63 - 1) // SECOND_NS - 1
_MAX_US = _MAX_S * 1_000_000

_ZONES: dict[str, int] = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "wet": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6,
    "pst": -8, "pdt": -7, "cet": 1, "cest": 2, "met": 1, "mest": 2, "bst": 1, "west": 1, "eet": 2, "eest": 3,
    "msk": 3, "jst": 9, "kst": 9, "hkt": 8, "sgt": 8, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
"""Zone names → hours east. Those of RFC 2822 §4.3, and others that name one zone only in practice."""

_MONTHS: dict[str, int] = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}

_TIME = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9})\d*)?)?"
_HALF = r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE = r"(?:\s*(?P<zone>[+-]\d{2}:?(?:\d{2})?|[A-Za-z]{1,4})(?:\s*[\[(][^\])]*[\])]?)?)?"
_MONTH = r"(?P<month_name>[A-Z][a-z]{2})[a-z]{0,6}\.?"
_WEEKDAY = r"(?:[A-Z][a-z]{2,8},?\s+)?"

_PATTERNS: tuple[str, ...] = (
    rf"^(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})(?:(?:\s+|[Tt_:-]){_TIME}{_HALF}{_ZONE})?$",
    rf"^(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}})(?:[Tt _-]?(?P<hour>\d{{2}}):?(?P<minute>\d{{2}}):?"
    rf"(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}})\d*)?{_ZONE})$",
    rf"^(?P<short_year>\d{{2}})(?P<month>\d{{2}})(?P<day>\d{{2}})[ _T-](?P<hour>\d{{2}})(?P<minute>\d{{2}})"
    rf"(?P<second>\d{{2}})(?:[.,](?P<fraction>\d{{1,9}})\d*)?{_ZONE}$",
    rf"^(?P<day>\d{{1,2}})[/-]{_MONTH}[/-](?P<year>\d{{4}})(?:[: T]\s*{_TIME}{_HALF}{_ZONE})?$",
    rf"^{_WEEKDAY}(?P<day>\d{{1,2}})\s+{_MONTH},?\s+(?P<year>\d{{4}}),?\s+(?:at\s+)?{_TIME}{_HALF}{_ZONE}$",
    rf"^{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}),?\s+(?:at\s+)?{_TIME}{_HALF}{_ZONE}$",
    rf"^{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_TIME}{_HALF}{_ZONE}\s+(?P<year>\d{{4}})$",
    rf"^{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_TIME}{_HALF}{_ZONE}$",
    rf"^(?P<first>\d{{1,2}})[/-](?P<other>\d{{1,2}})[/-](?P<year>\d{{4}})(?:,?[ T:]\s*{_TIME}{_HALF}{_ZONE})?$",
    rf"^(?P<short_year>\d{{2}})/(?P<month>\d{{2}})/(?P<day>\d{{2}})\s+{_TIME}{_ZONE}$",
    rf"^(?P<month>\d{{2}})[.-]?(?P<day>\d{{2}})\s+{_TIME}$",
)
_NUMBER = r"^([+-]?\d{1,19})(?:\.(\d{1,9})\d*)?$"
_WITH_EXPONENT = r"^[+-]?\d{1,19}(?:\.\d+)?[eE][+-]?\d{1,3}$"


def parse_timestamps(values: pl.Series, *, now_ns: int, zone: str = "UTC") -> pl.Series:
    """Int64 series of ns since 1970 UTC; null where `values` is null, not understood, or out of range.

    `values`: integers, floats, text, `Date` or `Datetime`; any other type is all null. `zone`: IANA name for times
    that carry none. `now_ns` decides the year of forms that carry none.
    """
    dtype = values.dtype
    if dtype == pl.String:
        return _from_text(values, now_ns, zone)
    if dtype.is_integer():
        return _from_integers(values)
    if dtype.is_float():
        return _from_floats(values)
    if isinstance(dtype, pl.Datetime | pl.Date):
        return values.cast(pl.Datetime("ns"), strict=False).cast(pl.Int64)
    return pl.Series(values.name, [None], dtype=pl.Int64).new_from_index(0, len(values))


def _from_integers(values: pl.Series) -> pl.Series:
    lowest, highest = cast("int | None", values.min()), cast("int | None", values.max())
    if lowest is not None and highest is not None and lowest >= 10**17 and highest < 2**63:
        return values.cast(pl.Int64)  # ns throughout: nothing to do
    exact = values.cast(pl.Int64, strict=False)
    size = exact.abs()
    scaled = pl.select(
        _first_match(
            [(pl.lit(size) < bound, pl.lit(exact) * ns) for bound, ns in ((int(b), ns) for b, ns in _UNITS[:3])],
            pl.lit(exact),
        )
    ).to_series()
    known = size.is_not_null() & ((size >= _SMALLEST_EPOCH_S) & _fits(size))
    return _keep(scaled, known).alias(values.name)


def _fits(size: pl.Series) -> pl.Series:
    """Seconds and microseconds beyond 2262 do not fit 64 bits of ns; the other units always do within their bounds."""
    return (size <= _MAX_S) | ((size >= 10**11) & (size <= _MAX_US)) | (size >= 10**17)


def _from_floats(values: pl.Series) -> pl.Series:
    number = values.cast(pl.Float64)
    size = number.abs()
    # a double holds a present-day epoch second to about 0.2 µs: finer digits would be noise
    whole = pl.lit(number).floor()
    seconds = whole.cast(pl.Int64, strict=False) * SECOND_NS + (
        ((pl.lit(number) - whole) * 1e6).round().cast(pl.Int64, strict=False) * 1_000
    )
    scaled = pl.select(
        _first_match(
            [
                (pl.lit(size) < 1e11, seconds),
                (pl.lit(size) < 1e14, (pl.lit(number) * 1e3).round().cast(pl.Int64, strict=False) * 1_000),
                (pl.lit(size) < 1e17, pl.lit(number).round().cast(pl.Int64, strict=False) * 1_000),
            ],
            pl.lit(number).cast(pl.Int64, strict=False),
        )
    ).to_series()
    known = (size >= _SMALLEST_EPOCH_S) & _fits(size) & (size < 2.0**63)
    return _keep(scaled, known.fill_null(False)).alias(values.name)


def _from_text(values: pl.Series, now_ns: int, zone: str) -> pl.Series:
    by_arrow = _by_arrow(values, zone)
    if by_arrow is not None:
        return by_arrow
    # most forms end in seconds, so a batch holds few different ones: each is read once
    encoded = values.to_arrow().dictionary_encode()
    distinct = cast(pl.Series, pl.from_arrow(encoded.dictionary))
    parsed = _from_distinct(distinct, now_ns, zone)
    return cast(pl.Series, pl.from_arrow(parsed.to_arrow().take(encoded.indices))).alias(values.name)


def _from_distinct(values: pl.Series, now_ns: int, zone: str) -> pl.Series:
    text = values.str.strip_chars(" \t\r\n[]\"'")
    by_arrow = _by_arrow(text.str.replace(",", ".", literal=True), zone)
    if by_arrow is not None:
        return by_arrow
    result = _from_number_text(text)
    scientific = text.str.contains(_WITH_EXPONENT).fill_null(value=False).arg_true()
    if len(scientific):
        result = result.scatter(scientific, _from_floats(text.gather(scientific).cast(pl.Float64, strict=False)))
    for pattern in _PATTERNS:
        open_rows = (result.is_null() & text.is_not_null()).arg_true()
        if open_rows.is_empty():
            break
        found = _by_pattern(text.gather(open_rows), pattern, now_ns, zone)
        result = result.scatter(open_rows, found) if found.null_count() < len(found) else result
    return result


def _by_arrow(values: pl.Series, zone: str) -> pl.Series | None:
    """The usual case, all of a column RFC 3339, an order of magnitude faster; None when one value is not."""
    text = values.to_arrow()
    for target in (pa.timestamp("ns", "UTC"), pa.timestamp("ns") if zone == "UTC" else None):
        if target is None:
            continue
        try:
            pc.cast(text.slice(0, 8), target)  # a failing cast costs 2 µs a value: ask a few first
            parsed = pc.cast(text, target)
        except pa.ArrowInvalid:
            continue
        whole = cast(pl.Series, pl.from_arrow(pc.cast(parsed, pa.int64())))
        # Arrow takes the nanoseconds of a far year modulo 2**64: only trust years a log can come from
        years = values.str.head(4).drop_nulls()
        return whole.alias(values.name) if bool(years.is_between(pl.lit("1700"), pl.lit("2261")).all()) else None
    return None


def _from_number_text(text: pl.Series) -> pl.Series:
    rows = text.str.contains(_NUMBER).fill_null(False)
    empty = pl.Series(text.name, [None], dtype=pl.Int64).new_from_index(0, len(text))
    if not rows.any():
        return empty
    picked = rows.arg_true()
    parts = text.gather(picked).str.extract_groups(_NUMBER).struct.unnest()
    whole = parts.to_series(0).cast(pl.Int64, strict=False)
    fraction = parts.to_series(1).fill_null("").str.pad_end(9, "0").cast(pl.Int64)
    base = _from_integers(whole)
    per_unit = pl.select(
        _first_match([(pl.lit(whole.abs()) < int(bound), pl.lit(ns)) for bound, ns in _UNITS[:3]], pl.lit(1))
    ).to_series()
    sign = pl.select(pl.when(pl.lit(whole) < 0).then(-1).otherwise(1)).to_series()
    return empty.scatter(picked, base + sign * (fraction * per_unit // SECOND_NS))


def _by_pattern(text: pl.Series, pattern: str, now_ns: int, zone: str) -> pl.Series:
    parts = text.str.extract_groups(pattern).struct.unnest()
    if parts.to_series(0).null_count() == len(text):  # every form begins with something it cannot be without
        return pl.Series(text.name, [None], dtype=pl.Int64).new_from_index(0, len(text))
    names = set(parts.columns)

    def number(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Int64, strict=False) if name in names else pl.lit(0, pl.Int64)

    hour = number("hour").fill_null(0)
    if "half" in names:
        afternoon = pl.col("half").str.to_lowercase() == "p"
        hour = pl.when(pl.col("half").is_null()).then(hour).otherwise(hour % 12 + afternoon.cast(pl.Int64) * 12)
    fraction = pl.col("fraction").fill_null("").str.pad_end(9, "0").cast(pl.Int64) if "fraction" in names else pl.lit(0)
    fields = parts.select(
        month=_month(names, number),
        day=_day(names, number),
        hour=hour,
        minute=number("minute").fill_null(0),
        second=number("second").fill_null(0).clip(upper_bound=59) if "second" in names else pl.lit(0, pl.Int64),
        leap=number("second").fill_null(0) if "second" in names else pl.lit(0, pl.Int64),
        fraction=fraction,
        year=_year(names, number),
        offset_s=_offset_s() if "zone" in names else pl.lit(None, pl.Int64),
        stated=pl.col("zone").is_not_null() if "zone" in names else pl.lit(value=False),
    )
    if not {"year", "short_year"} & names:
        fields = _with_year(fields, now_ns)
    return _assemble(fields, zone).alias(text.name)


def _month(names: set[str], number: Callable[[str], pl.Expr]) -> pl.Expr:
    if "month_name" in names:
        return pl.col("month_name").str.to_lowercase().replace_strict(_MONTHS, default=None, return_dtype=pl.Int64)
    if "first" in names:
        return pl.when(number("first") <= 12).then(number("first")).otherwise(number("other"))
    return number("month")


def _day(names: set[str], number: Callable[[str], pl.Expr]) -> pl.Expr:
    if "first" in names:
        return pl.when(number("first") <= 12).then(number("other")).otherwise(number("first"))
    return number("day")


def _year(names: set[str], number: Callable[[str], pl.Expr]) -> pl.Expr:
    if "short_year" in names:
        return number("short_year") + pl.when(number("short_year") < 70).then(2000).otherwise(1900)
    return number("year") if "year" in names else pl.lit(None, pl.Int64)


def _offset_s() -> pl.Expr:
    zone = pl.col("zone")
    hours = zone.str.extract(r"^([+-]\d{2})").cast(pl.Int64, strict=False)
    minutes = zone.str.extract(r"^[+-]\d{2}:?(\d{2})$").cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    named = zone.str.to_lowercase().replace_strict(_ZONES, default=None, return_dtype=pl.Int64) * 3600
    return pl.when(hours.is_not_null()).then(hours * 3600 + sign * minutes * 60).otherwise(named)


def _with_year(fields: pl.DataFrame, now_ns: int) -> pl.DataFrame:
    """This year's, unless that lies more than a day ahead: then last year's."""
    this_year = datetime.fromtimestamp(now_ns / 1e9, tz=UTC).year
    dated = fields.with_columns(year=pl.lit(this_year, pl.Int64))
    ahead = dated.select(_days_since_1970() * DAY_S > now_ns // SECOND_NS + DAY_S).to_series()
    return dated.with_columns(year=pl.lit(this_year, pl.Int64) - pl.lit(ahead.cast(pl.Int64)))


def _days_since_1970() -> pl.Expr:
    """Days of the civil date in columns year, month, day; proleptic Gregorian.

    Source: the era arithmetic of H. Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
    """
    month = pl.col("month")
    year = pl.col("year") - (month <= 2).cast(pl.Int64)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + pl.col("day") - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _assemble(fields: pl.DataFrame, zone: str) -> pl.Series:
    year, month, day = pl.col("year"), pl.col("month"), pl.col("day")
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    length = pl.when(month.is_in([4, 6, 9, 11])).then(30).when(month == 2).then(28 + leap.cast(pl.Int64)).otherwise(31)
    valid = (
        month.is_between(1, 12)
        & day.is_between(1, length)
        & (pl.col("hour") < 24)
        & (pl.col("minute") < 60)
        & (pl.col("leap") <= 60)
        & (~pl.col("stated") | pl.col("offset_s").is_not_null())
    )
    local_s = _days_since_1970() * DAY_S + pl.col("hour") * 3600 + pl.col("minute") * 60 + pl.col("second")
    computed = fields.select(
        local_s=local_s, fraction=pl.col("fraction"), offset_s=pl.col("offset_s"), valid=valid.fill_null(value=False)
    )
    utc_s = pl.col("local_s") - pl.col("offset_s").fill_null(0)
    if zone != "UTC":
        fits = pl.col("local_s").is_between(-_MAX_S, _MAX_S)
        wall = pl.when(fits).then(pl.col("local_s") * SECOND_NS).cast(pl.Datetime("ns"))
        there = wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").cast(pl.Int64) // SECOND_NS
        utc_s = pl.when(pl.col("offset_s").is_null()).then(there).otherwise(utc_s)
    return computed.select(
        pl.when(pl.col("valid") & utc_s.is_between(-_MAX_S, _MAX_S)).then(utc_s * SECOND_NS + pl.col("fraction"))
    ).to_series()


def _first_match(cases: list[tuple[pl.Expr, pl.Expr]], otherwise: pl.Expr) -> pl.Expr:
    result = otherwise
    for condition, value in reversed(cases):
        result = pl.when(condition).then(value).otherwise(result)
    return result


def _keep(values: pl.Series, rows: pl.Series) -> pl.Series:
    return pl.select(pl.when(pl.lit(rows)).then(pl.lit(values))).to_series()
