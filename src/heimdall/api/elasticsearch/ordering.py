"""`sort`, `search_after` and what scrolls and points in time remember.

Records have a place of their own: time, then position. Sorted by `@timestamp` downwards, or not at all, they come in
that order and a page continues behind a place without reading what came before. `_doc` and `_shard_doc` are that place.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from heimdall.model.severity import LEVELS
from heimdall.model.timerange import format_time
from heimdall.query.ast import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Duration,
    Expression,
    Field,
    Literal,
    Negate,
    Operator,
)
from heimdall.query.cursor import Behind
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN, parse_level
from heimdall.query.languages.esdsl.datemath import MS_NS, format_ms, parse_ms
from heimdall.query.languages.esdsl.faults import Fault, illegal, parsing, unsupported
from heimdall.query.languages.esdsl.names import Name, name_of
from heimdall.query.languages.esdsl.values import optional_text
from heimdall.query.literals import parse_number
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.where import Where
from heimdall.query.types import NUMERIC, Type

_PLACES = ("_doc", "_shard_doc")
_PLACE = re.compile(r"(-?\d{1,19})-(\d{1,20})")
MAX_KEYS = 16


@dataclass(frozen=True, slots=True)
class SortKey:
    text: str
    is_descending: bool
    missing: str = "_last"
    format: str | None = None

    @property
    def is_place(self) -> bool:
        return self.text in _PLACES

    @property
    def name(self) -> Name:
        return name_of(self.text)

    @property
    def is_time(self) -> bool:
        return not self.is_place and self.text != "_score" and self.name.type is Type.TIME

    @property
    def is_level(self) -> bool:
        return not self.is_place and self.text != "_score" and self.name.type is Type.LEVEL

    @property
    def expression(self) -> Expression:
        if self.is_time:  # dates count in whole milliseconds
            return Call("bin", (self.name.expression, Duration(MS_NS)))
        if self.is_level:  # its rank, and nothing where none was said: 0 / 0 is missing
            said = Arithmetic("/", Field("severity_number"), Field("severity_number"))
            return Arithmetic("*", Call("tonumber", (Field("level"),)), said)
        return self.name.expression

    def shown(self, value: Any) -> Any:
        if self.is_time and value is not None:
            return int(value) if self.format is None else format_ms(int(value), self.format)
        if self.is_level and value is not None:
            return LEVELS[int(value)].value
        return value


def sort_keys(given: Any) -> tuple[SortKey, ...]:
    """
    Raises:
        Fault: a key that has no order.
    """
    if given is None:
        return ()
    listed: list[Any] = []
    for item in given if isinstance(given, list) else [given]:
        listed += [{name: body} for name, body in item.items()] if isinstance(item, dict) else [item]
    keys = [_key(item) for item in listed]
    if len(keys) > MAX_KEYS:
        raise illegal(f"more than [{MAX_KEYS}] sort keys")
    for key in keys:
        if key.text not in ("_score", *_PLACES) and key.name.is_analysed:
            raise illegal(
                "Fielddata is disabled on [message] in [logs]. Text fields are not optimised for operations that"
                " require per-document field data like aggregations and sorting. Please use [message.keyword] instead."
            )
    return tuple(keys)


def sort_parameter(text: str | None) -> list[Any] | None:
    """`field:desc,other` of an address."""
    if not text:
        return None
    found = []
    for item in text.split(","):
        name, _, way = item.rpartition(":") if item.endswith((":asc", ":desc")) else (item, "", "")
        found.append({name: way} if way else name)
    return found


def _key(item: Any) -> SortKey:
    if isinstance(item, str):
        return SortKey(item, item == "_score")
    if not isinstance(item, dict) or len(item) != 1:
        raise parsing("malformed sort format, within the sort array, an object, or an actual string are allowed")
    ((name, body),) = item.items()
    if name in ("_script", "_geo_distance"):
        raise unsupported(f"sorting by [{name}]")
    if isinstance(body, str):
        body = {"order": body}
    if not isinstance(body, dict):
        raise parsing(f"malformed sort of [{name}]")
    way = str(body.get("order", "desc" if name == "_score" else "asc")).lower()
    if way not in ("asc", "desc"):
        raise illegal(f"Unknown SortOrder [{way}]")
    missing = str(body.get("missing", "_last"))
    if missing not in ("_last", "_first"):
        raise unsupported("a value for [missing] in a sort")
    return SortKey(name, way == "desc", missing, optional_text("format", body.get("format")))


# ---- plans --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """How a page's records are ordered, and where it begins."""

    keys: tuple[SortKey, ...]
    after: tuple[Any, ...] | None = None

    @property
    def is_newest_first(self) -> bool:
        """The records' own order."""
        keys = [key for key in self.keys if key.text != "_score"]
        if not all(key.is_place or (key.is_time and key.name.fields == ("timestamp",)) for key in keys):
            return False
        if keys and keys[0].is_time:
            return keys[0].is_descending and all(key.is_place for key in keys[1:2])
        return True

    @property
    def behind(self) -> Behind | None:
        """The place a page in the records' own order continues behind."""
        if self.after is None:
            return None
        for key, value in zip(self.keys, self.after, strict=True):
            if key.is_place:
                return place_of(value)
        return None

    @property
    def before_ms(self) -> int | None:
        """For a page behind a moment without a place: records of that millisecond are skipped, as ties are."""
        if self.after is None or self.behind is not None:
            return None
        return next((_ms_of(key, value) for key, value in zip(self.keys, self.after, strict=True) if key.is_time), None)

    @property
    def pipes(self) -> tuple[Where | Sort | Extend, ...]:
        """For every other order: a condition, then a sort. Values of keys leave as columns `sort0`, …"""
        found: list[Where | Sort | Extend] = []
        named = tuple((f"sort{place}", key.expression) for place, key in self._ordered())
        if named:
            found.append(Extend(named))
        if (after := self._after()) is not None:
            found.append(Where(after))
        keys: list[tuple[Expression, bool]] = []
        for place, key in enumerate(self.keys):
            if key.text == "_score":
                continue
            if key.is_place:
                keys += [(Field(TIME_COLUMN), key.is_descending), (Field(POSITION_COLUMN), key.is_descending)]
                continue
            if key.missing == "_first":
                keys.append((Call("if", (Call("exists", (Field(f"sort{place}"),)), Literal(1), Literal(0))), False))
            keys.append((Field(f"sort{place}"), key.is_descending))
        return (*found, Sort(tuple(keys)))

    def _ordered(self) -> list[tuple[int, SortKey]]:
        return [(place, key) for place, key in enumerate(self.keys) if not key.is_place and key.text != "_score"]

    def _after(self) -> Expression | None:
        if self.after is None:
            return None
        equal: list[Expression] = []
        choices: list[Expression] = []
        for place, (key, value) in enumerate(zip(self.keys, self.after, strict=True)):
            if key.text == "_score":
                continue
            behind, same = _place_tests(key, value) if key.is_place else _tests(key, Field(f"sort{place}"), value)
            if behind is not None:
                choices.append(AllOf((*equal, behind)) if equal else behind)
            equal.append(same)
        nothing = Comparison(Operator.EQ, Literal(1), Literal(0))
        return AnyOf(tuple(choices)) if len(choices) > 1 else choices[0] if choices else nothing


def _tests(key: SortKey, column: Field, value: Any) -> tuple[Expression | None, Expression]:
    """(behind the value, equal to it). Missing values stand last, or first where the sort says so."""
    there: Expression = Call("exists", (column,))
    if value is None:
        return (there if key.missing == "_first" else None), Negate(there)
    if key.is_time:
        value = format_time(_ms_of(key, value) * MS_NS)
    way = Operator.LT if key.is_descending else Operator.GT
    if key.is_level:
        value = parse_level(str(value)) or 0
    kind = key.name.type
    late: list[Expression] = [] if key.missing == "_first" else [Negate(there)]
    if kind in NUMERIC or kind in (Type.TEXT, Type.LEVEL, Type.TIME):
        literal = Literal(value)
        return AnyOf((Comparison(way, column, literal), *late)), Comparison(Operator.EQ, column, literal)
    number = Call("tonumber", (column,))
    is_number: Expression = Call("exists", (number,))
    amount = parse_number(str(value)) if not isinstance(value, bool) else None
    if amount is not None:  # numbers stand before texts, whichever way they go
        texts = AllOf((Negate(is_number), there))
        bound = Literal(float(amount))
        return AnyOf((Comparison(way, number, bound), texts, *late)), Comparison(Operator.EQ, number, bound)
    text = Literal(str(value).lower() if isinstance(value, bool) else str(value))
    behind = AllOf((Negate(is_number), Comparison(way, column, text)))
    return AnyOf((behind, *late)), Comparison(Operator.EQ, column, text)


def _place_tests(key: SortKey, value: Any) -> tuple[Expression, Expression]:
    place = place_of(value)
    way = Operator.LT if key.is_descending else Operator.GT
    time, position = Field(TIME_COLUMN), Field(POSITION_COLUMN)
    moment = Literal(format_time(place.timestamp_ns))
    same_time = Comparison(Operator.EQ, time, moment)
    later = Comparison(way, position, Literal(place.position))
    same = AllOf((same_time, Comparison(Operator.EQ, position, Literal(place.position))))
    return AnyOf((Comparison(way, time, moment), AllOf((same_time, later)))), same


def _ms_of(key: SortKey, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,16}", value):
        return int(value)
    return parse_ms(value, now_ns=0, formats=key.format)


def place_text(time_ns: int, position: int) -> str:
    return f"{time_ns}-{position}"


def place_of(value: Any) -> Behind:
    match = _PLACE.fullmatch(str(value))
    if match is None:
        raise illegal(
            f"[search_after] value [{str(value)[:60]}] is no place; pass on the [sort] of the last hit as it is"
        )
    return Behind(int(match[1]), int(match[2]))


def order_of(keys: tuple[SortKey, ...], given: Any) -> Order:
    if given is None:
        return Order(keys)
    if not isinstance(given, list) or len(given) != len(keys):
        has = len(given) if isinstance(given, list) else 1
        raise Fault("illegal_argument_exception", f"search_after has {has} value(s) but sort has {len(keys)}.")
    return Order(keys, tuple(given))


# ---- tokens -------------------------------------------------------------------------------------------------------


def write_token(kind: str, told: dict[str, Any]) -> str:
    """A scroll's or a point in time's id: all it has to remember, so that the node keeps nothing for it."""
    return base64.urlsafe_b64encode(zlib.compress(orjson.dumps([kind, told]))).decode().rstrip("=")


def read_token(kind: str, text: Any) -> dict[str, Any]:
    try:
        packed = base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4))
        plain = zlib.decompressobj().decompress(packed, 1 << 20)
        found_kind, told = orjson.loads(plain)
        if found_kind == kind and isinstance(told, dict):
            return told
    except (ValueError, TypeError, binascii.Error, zlib.error):
        pass
    word = "scroll" if kind == "scroll" else "point in time"
    raise Fault("illegal_argument_exception", f"Cannot parse {word} id", {}, status=400)
