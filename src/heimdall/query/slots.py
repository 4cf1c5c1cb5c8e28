"""The parameters of a template as its messages fill them: what kind of value each holds, how many, which most often.

A template's text is laid over messages as one regular expression, so all of its parameters are cut out of a column of
messages in one pass; everything else is counted over the distinct values of each. Where the messages are a sample,
every number says how far it may be off.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from heimdall.model.template import MINED_PREFIX_CHARS, PARAMETER
from heimdall.query.slottypes import KINDS, NUMERIC, kinds_of, numbers_of, type_of, unit_of

MOST_PARAMETERS: Final = 50
"""Parameters of a template that are cut out; those behind them are passed over."""

VALUE_CHARS: Final = 200
"""Characters of a value that are shown."""

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)

_PROBE: Final = 500
"""Messages that say whether the quick pattern is worth trying on all."""

_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Sampled:
    """Messages of a template: all that there are, or each with the same chance."""

    messages: pl.Series
    of: int
    """How many there are."""

    @property
    def complete(self) -> bool:
        return len(self.messages) >= self.of

    @property
    def error(self) -> float:
        """By how much a share of the records, or the rank of a quantile, may be off, with a probability of 0.95; all
        quantiles at once (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant, Annals of Probability 18, 1990)."""
        if self.complete:
            return 0.0
        return min(1.0, math.sqrt(math.log(2 / (1 - _CONFIDENCE)) / (2 * max(len(self.messages), 1))))


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many different values; `low` to `high` holds for certain in the mean over samples."""

    estimate: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `<*>` of a template."""

    place: int
    """From 1, as they stand in the text."""
    type: str
    kinds: dict[str, float]
    """Share of the messages whose value is of each kind, largest first."""
    unit: str
    """UCUM; empty where none is known."""
    distinct: Distinct
    values: list[dict[str, object]]
    """The most frequent: `value`, `count` in the sample, `share`."""
    numbers: dict[str, float] | None
    """`min`, `max`, `mean` and quantiles of a numeric parameter, in `unit`."""


def parameters_of(text: str, sampled: Sampled, most: int) -> tuple[list[Parameter], int]:
    """(the parameters of a template, with at most `most` values each; messages the template's text does not fit:
    those written before it was widened otherwise than by a parameter)."""
    constants = text.split(PARAMETER)
    size = min(len(constants) - 1, MOST_PARAMETERS)
    messages = sampled.messages.str.head(MINED_PREFIX_CHARS)
    if size < 1:
        fits = messages.str.strip_chars_end().str.contains(_pattern(constants, size))
        return [], int((~fits).sum())
    cut = _cut(messages, constants, size)
    fitting = cut.filter(pl.any_horizontal(pl.all().is_not_null()))
    unmatched = len(messages) - fitting.height
    found = [_parameter(place, fitting[f"p{place}"], constants[place], sampled, most) for place in range(1, size + 1)]
    return found, unmatched


def _cut(messages: pl.Series, constants: list[str], size: int) -> pl.DataFrame:
    """Values by message, in no order, columns `p1` …; all null where the text does not fit."""
    left, parts = messages.str.strip_chars_end(), []
    patterns = [_pattern(constants, size), _pattern(constants, size, optional=True)]
    quick = _pattern(constants, size, quick=True)
    probe = left.head(_PROBE)
    if 2 * int(probe.str.contains(quick).sum()) >= len(probe):
        patterns.insert(0, quick)
    for pattern in patterns:
        found = _extracted(left, pattern, size)
        fits = found.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
        parts.append(found.filter(fits))
        left = left.filter(~fits)
    parts.append(_nothing(len(left), size))
    return pl.concat(parts)


def _extracted(messages: pl.Series, pattern: str, size: int) -> pl.DataFrame:
    if not len(messages):
        return _nothing(0, size)
    fields = messages.to_frame("m").select(pl.col("m").str.extract_groups(pattern).alias("g")).unnest("g")
    fields.columns = [f"p{place}" for place in range(1, size + 1)]
    return fields


def _nothing(rows: int, size: int) -> pl.DataFrame:
    return pl.DataFrame({f"p{place}": pl.Series([None] * rows, dtype=pl.String) for place in range(1, size + 1)})


def _pattern(constants: list[str], size: int, *, quick: bool = False, optional: bool = False) -> str:
    """RE2 for the whole message; what a parameter holds is as short as the constants behind it allow.

    `quick`: it holds nothing of what begins the constant behind it. Such a pattern is matched in one pass, in a
    fifth of the time. `optional`: a parameter behind a space may be missing, as remarks of some messages are.
    """
    parts = [r"(?s)^\s*", _constant(constants[0].lstrip())]
    for place, constant in enumerate(constants[1:], 1):
        value = _value(constant, last=place == len(constants) - 1) if quick else ".*?"
        if place <= size:
            value = f"({value})"
        before = constants[place - 1]
        if optional and before[-1:].isspace():
            parts[-1] = _constant(before.rstrip() if place > 1 else before.strip())
            value = rf"(?:\s+{value})?"
        parts += [value, _constant(constant)]
    return "".join(parts) + "$"


def _value(behind: str, *, last: bool) -> str:
    if not behind:
        return ".*" if last else ".*?"
    return r"\S*" if behind[0].isspace() else f"[^{re.escape(behind[0])}]*"


def _constant(text: str) -> str:
    return "".join(r"\s+" if part.isspace() else re.escape(part) for part in re.split(r"(\s+)", text) if part)


def _parameter(place: int, values: pl.Series, behind: str, sampled: Sampled, most: int) -> Parameter:
    counted = values.fill_null("").alias("value").value_counts(sort=False, name="count")
    counted = counted.with_columns(kinds_of(pl.col("value")).alias("kind"), pl.col("count").cast(pl.Int64))
    total = max(int(counted["count"].sum()), 1)
    by_kind = dict(counted.group_by("kind").agg(pl.col("count").sum()).iter_rows())
    shares = {kind: by_kind[kind] / total for kind in KINDS if kind in by_kind}
    kind = type_of(shares)
    top = counted.sort(["count", "value"], descending=[True, False]).head(most)
    shown = [
        {"value": value[:VALUE_CHARS], "count": count, "share": round(count / total, 6)}
        for value, count in top.select("value", "count").iter_rows()
    ]
    ordered = dict(sorted(shares.items(), key=lambda one: -one[1]))
    unit = unit_of(kind, behind) if kind in NUMERIC else ""
    return Parameter(
        place, kind, {name: round(share, 4) for name, share in ordered.items()}, unit,
        distinct_of(counted["count"], sampled), shown, _numbers(counted, kind) if kind in NUMERIC else None,
    )  # fmt: skip


def distinct_of(counts: pl.Series, sampled: Sampled) -> Distinct:
    """How many values there are, from how often each was seen: the estimate with the smallest possible guaranteed error
    of its ratio, √(records / sample) (GEE; Charikar, Chaudhuri, Motwani and Narasayya, PODS 2000), and its bounds."""
    seen = len(counts)
    if sampled.complete or not seen:
        return Distinct(seen, seen, seen)
    once = int((counts == 1).sum())
    scale = sampled.of / max(len(sampled.messages), 1)
    return Distinct(seen - once + round(math.sqrt(scale) * once), seen, seen - once + math.ceil(scale * once))


def _numbers(counted: pl.DataFrame, kind: str) -> dict[str, float] | None:
    frame = counted.select(numbers_of(pl.col("value"), kind).alias("number"), "count").drop_nulls()
    frame = frame.filter(pl.col("number").is_finite()).sort("number")
    if frame.is_empty():
        return None
    numbers, total = frame["number"], int(frame["count"].sum())
    reached = frame["count"].cum_sum()
    found = {"min": float(numbers[0]), "max": float(numbers[-1])}
    found["mean"] = float((numbers * frame["count"]).sum()) / total
    for quantile in QUANTILES:
        at = reached.search_sorted(math.ceil(quantile * total), side="left")
        found[f"p{round(quantile * 100)}"] = float(numbers[int(at)])
    return found
