"""`date_histogram` and `histogram`: buckets of equal steps, with their gaps."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from heimdall.query.ast import (
    Arithmetic,
    Call,
    Comparison,
    Duration,
    Expression,
    Field,
    Literal,
    Operator,
    Pipe,
    Predicate,
)
from heimdall.query.languages.esdsl import terms
from heimdall.query.languages.esdsl.aggregations.grouping import (
    COUNT,
    DAY_NS,
    WEEK_NS,
    ColumnOf,
    Key,
    order_of,
    whole,
)
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.datemath import (
    MS_NS,
    floor,
    following,
    format_ms,
    is_fixed,
    offset_ns,
    parse_ms,
    zone_of,
)
from heimdall.query.languages.esdsl.faults import MAX_BUCKETS, illegal, too_many_buckets, unsupported
from heimdall.query.languages.esdsl.names import both, present
from heimdall.query.languages.esdsl.terms import Bounds
from heimdall.query.languages.esdsl.values import number
from heimdall.query.literals import NS_PER_UNIT
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.where import Where
from heimdall.query.types import Type


@dataclass(frozen=True, slots=True)
class _Ends:
    low: float | None = None
    high: float | None = None


class _Histogram(ABC):
    """What both kinds share: gaps, bounds and order. Keys are numbers that rise by steps."""

    def __init__(self, aggregation: Aggregation) -> None:
        self._aggregation = aggregation
        self._least = whole(aggregation, "min_doc_count", 0)

    def others(self, scope_keys: tuple[Column, ...], key: Column) -> tuple[Pipe, ...] | None:
        return None

    def pipes(self, key: str, parents: Sequence[str], column_of: ColumnOf) -> tuple[Pipe, ...]:
        least = self._least
        return (Where(Comparison(Operator.GE, Field(COUNT), Literal(least))),) if least > 1 else ()

    @property
    def most(self) -> int | None:
        return None

    @property
    def top_field(self) -> str | None:
        return None

    @property
    def has_all(self) -> bool:
        return False

    def restriction(self, kept: Sequence[Key]) -> Predicate | None:
        return None

    def filled(self, keys: list[Key]) -> list[Key]:
        if self._least > 0:
            return sorted(keys)
        ends = self._extended()
        low = min([*keys, *([] if ends.low is None else [ends.low])], default=None)
        high = max([*keys, *([] if ends.high is None else [ends.high])], default=None)
        if low is None or high is None:
            return []
        found = []
        for key in self._steps(low, high):
            found.append(key)
            if len(found) > MAX_BUCKETS:
                raise too_many_buckets()
        return found

    def _extended(self) -> _Ends:
        given = self._aggregation.body.get("extended_bounds")
        if not isinstance(given, dict):
            return _Ends()
        low, high = (
            None if given.get(end) is None else self._key_of(given[end], end == "max") for end in ("min", "max")
        )
        if low is not None and high is not None and low > high:
            raise illegal(
                f"[extended_bounds.min][{given['min']}] cannot be greater than [extended_bounds.max][{given['max']}]"
            )
        return _Ends(low, high)

    @abstractmethod
    def _key_of(self, bound: Any, up: bool) -> float:
        """Key of the bucket a bound lies in; `up`: it is the upper one."""

    @abstractmethod
    def _steps(self, low: float, high: float) -> Iterator[Key]:
        """Keys of the buckets from one to the other, empty ones too."""

    def head(self, key: Key) -> dict[str, Any]:
        return {"key": key}

    def told(self, buckets: list[dict[str, Any]], others: int) -> dict[str, Any]:
        for by, way in reversed(order_of(self._aggregation, ())):
            buckets = sorted(buckets, key=lambda bucket: _measure(bucket, by), reverse=way == "desc")
        if self._aggregation.body.get("keyed"):
            return {"buckets": {str(bucket.get("key_as_string", bucket["key"])): bucket for bucket in buckets}}
        return {"buckets": buckets}


def _measure(bucket: dict[str, Any], by: str) -> float:
    if by in ("_key", "_count"):
        return float(bucket["key" if by == "_key" else "doc_count"])
    name, _, part = by.partition(".")
    found = bucket.get(name)
    amount = found.get(part or "value") if isinstance(found, dict) else None
    return float(amount) if isinstance(amount, int | float) else -math.inf


class NumberHistogram(_Histogram):
    def __init__(self, aggregation: Aggregation, now_ns: int) -> None:
        super().__init__(aggregation)
        self._name = aggregation.field
        self._interval = _amount(aggregation, "interval")
        self._offset = number("offset", aggregation.body.get("offset", 0.0))
        if "hard_bounds" in aggregation.body:
            raise unsupported("[hard_bounds] of [histogram]")
        if not self._interval > 0:
            raise illegal(f"[interval] must be >0 for histogram aggregation [{aggregation.name}]")

    @property
    def expression(self) -> Expression:
        amount = self._number
        if not self._offset:
            return Call("bin", (amount, Literal(self._interval)))
        shifted = Arithmetic("-", amount, Literal(self._offset))
        return Arithmetic("+", Call("bin", (shifted, Literal(self._interval))), Literal(self._offset))

    @property
    def _number(self) -> Expression:
        missing = self._aggregation.body.get("missing")
        return (
            self._name.number
            if missing is None
            else Call("coalesce", (self._name.number, Literal(number("missing", missing))))
        )

    @property
    def search(self) -> Predicate:
        return both([] if self._aggregation.body.get("missing") is not None else [present(self._name)])

    def _key_of(self, bound: Any, up: bool) -> float:
        return math.floor((number("bounds", bound) - self._offset) / self._interval) * self._interval + self._offset

    def _steps(self, low: float, high: float) -> Iterator[float]:
        first = round((low - self._offset) / self._interval)
        last = round((high - self._offset) / self._interval)
        return (step * self._interval + self._offset for step in range(first, last + 1))


class DateHistogram(_Histogram):
    def __init__(self, aggregation: Aggregation, now_ns: int) -> None:
        super().__init__(aggregation)
        self._name = aggregation.field
        self._now_ns = now_ns
        if self._name.type is not Type.TIME:
            raise illegal(
                f"Field [{self._name.text}] of type [keyword] is not supported for aggregation [date_histogram]"
            )
        self._zone = zone_of(aggregation.body.get("time_zone"))
        self._step_ns, self._unit = _interval(aggregation)
        self._offset_ns = _offset(aggregation.body.get("offset", 0))

    @property
    def expression(self) -> Expression:
        field = Field(self._name.fields[0])
        if self._unit is None:
            return _bin(field, self._step_ns, self._start_ns)
        if self._offset_ns:
            raise unsupported("[offset] with this [calendar_interval]")
        return Call("calendar", (field, Literal(self._unit), Literal(self._zone_name)))

    @property
    def has_all(self) -> bool:
        is_bound = isinstance(self._aggregation.body.get("hard_bounds"), dict)
        return self._name.fields == ("timestamp",) and self._least <= 1 and not is_bound

    @property
    def _start_ns(self) -> int:
        """Where steps begin to count, from 1970."""
        monday_ns = 4 * DAY_NS if self._step_ns == WEEK_NS and self._aggregation.body.get("calendar_interval") else 0
        return monday_ns + self._offset_ns - offset_ns(self._zone, self._now_ns)

    @property
    def _zone_name(self) -> str:
        if not is_fixed(self._zone):
            return str(self._zone)
        hours, rest = divmod(offset_ns(self._zone, 0), NS_PER_UNIT["h"])
        if rest:
            raise unsupported("a [time_zone] of broken hours with this [calendar_interval]; name the zone instead")
        return "UTC" if not hours else f"Etc/GMT{-hours:+d}"

    @property
    def search(self) -> Predicate:
        bounds = self._aggregation.body.get("hard_bounds")
        if not isinstance(bounds, dict):
            return both([])
        ends = Bounds(low=bounds.get("min"), high=bounds.get("max"), formats=self._aggregation.body.get("format"))
        return terms.between(self._name, ends, self._now_ns)

    def _key_of(self, bound: Any, up: bool) -> float:
        formats = self._aggregation.body.get("format")
        if isinstance(bound, str) and re.fullmatch(r"-?\d{9,16}", bound):
            bound = int(bound)
        return self._floor(parse_ms(bound, now_ns=self._now_ns, up=up, formats=formats, zone=self._zone))

    def _floor(self, ms: int) -> int:
        if self._unit is not None:
            return _ms(floor(_local(ms, self._zone), self._unit))
        start_ms, step_ms = self._start_ns // MS_NS, self._step_ns // MS_NS
        return ms - (ms - start_ms) % step_ms

    def _steps(self, low: float, high: float) -> Iterator[int]:
        if self._unit is None:
            return iter(range(int(low), int(high) + 1, self._step_ns // MS_NS))
        return self._calendar_steps(int(low), int(high))

    def _calendar_steps(self, low: int, high: int) -> Iterator[int]:
        moment = _local(low, self._zone)
        while (ms := _ms(moment)) <= high:
            yield ms
            moment = following(moment, self._unit or "day")

    def head(self, key: Key) -> dict[str, Any]:
        return {"key_as_string": format_ms(key, self._aggregation.body.get("format"), self._zone), "key": key}


def _bin(field: Field, step_ns: int, start_ns: int) -> Expression:
    """Steps that begin at `start_ns`; `bin` begins whole weeks on Mondays and everything else in 1970."""
    own_ns = 4 * DAY_NS if step_ns % WEEK_NS == 0 else 0
    shift_ns = (start_ns - own_ns) % step_ns
    if not shift_ns:
        return Call("bin", (field, Duration(step_ns)))
    shifted = Arithmetic("-", field, Duration(shift_ns))
    return Arithmetic("+", Call("bin", (shifted, Duration(step_ns))), Duration(shift_ns))


_FIXED = {"ms": MS_NS, "s": 10**9, "m": NS_PER_UNIT["m"], "h": NS_PER_UNIT["h"], "d": DAY_NS}
_CALENDAR: dict[str, str] = {
    **{"1m": "minute", "1h": "hour", "1d": "day", "1w": "week", "1M": "month", "1q": "quarter", "1y": "year"},
    **{unit: unit for unit in ("second", "minute", "hour", "day", "week", "month", "quarter", "year")},
}


def _interval(aggregation: Aggregation) -> tuple[int, str | None]:
    """Length of a step, and the calendar's unit where its length varies."""
    body = aggregation.body
    calendar = body.get("calendar_interval")
    fixed = body.get("fixed_interval")
    if calendar is None and fixed is None:
        given = str(body.get("interval", ""))
        calendar, fixed = (given, None) if given in _CALENDAR else (None, given or None)
    if calendar is not None and fixed is not None:
        raise illegal("Cannot use [fixed_interval] with [calendar_interval] configuration option.")
    if calendar is not None:
        unit = _CALENDAR.get(str(calendar))
        if unit is None:
            raise illegal(f"The supplied interval [{calendar}] could not be parsed as a calendar interval.")
        lengths = {"second": 10**9, "minute": _FIXED["m"], "hour": _FIXED["h"]}
        if unit in lengths:
            return lengths[unit], None
        if unit in ("day", "week") and is_fixed(zone_of(body.get("time_zone"))):
            return (DAY_NS if unit == "day" else WEEK_NS), None
        return 0, unit
    match = re.fullmatch(r"(\d{1,9})(ms|s|m|h|d)", str(fixed or ""))
    if fixed is None or match is None or not int(match[1]):
        if fixed is None:
            raise illegal("Invalid interval specified, must be non-null and non-empty")
        raise illegal(
            f"failed to parse setting [date_histogram.fixedInterval] with value [{fixed}] as a time value:"
            " unit is missing or unrecognized"
        )
    return int(match[1]) * _FIXED[match[2]], None


def _offset(given: Any) -> int:
    if isinstance(given, int | float):
        return int(number("offset", given)) * MS_NS
    match = re.fullmatch(r"([+-]?)(\d{1,9})(ms|s|m|h|d)", str(given))
    if match is None:
        raise illegal(f"[offset] [{given}] cannot be read")
    return int(match[2]) * _FIXED[match[3]] * (-1 if match[1] == "-" else 1)


def _amount(aggregation: Aggregation, word: str) -> float:
    given = aggregation.body.get(word)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise illegal(f"[{word}] of [{aggregation.name}] must be a number")
    return number(word, given)


def _local(ms: int, zone: tzinfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(zone)


def _ms(moment: datetime) -> int:
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
