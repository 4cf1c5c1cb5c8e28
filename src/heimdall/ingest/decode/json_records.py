"""JSON records read one by one: for batches whose records do not share columns, or hold something odd.

Exact where it matters: integers beyond 64 bits, NaN, duplicate keys, broken UTF-8 and half surrogates are seen,
kept in a form JSON can carry, and marked (`heimdall.ingest.decode.oddity`).
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl

from heimdall.ingest.decode.canonical import canonical_of, hinted, may_hold_canonical, names_message
from heimdall.ingest.decode.decoded import RejectedList
from heimdall.ingest.decode.fields import Fields
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.oddity import RAW_MESSAGE_FIELD, Oddity

MAX_DEPTH = 64
"""Objects and lists inside each other; what lies deeper is kept as JSON text."""

MAX_PARSED_DEPTH = 500
"""Deeper records are refused: every parser of JSON ends somewhere, and no log needs it."""

_LONG_INTEGER = re.compile(rb"\d{20}|-\d{19}")
_KEY_END = re.compile(rb'"\s*:')
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_MAX_PLANS = 4096


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to do with the fields of records that have the same names."""

    taken: tuple[str, ...]
    """Canonical candidates."""
    opened: tuple[str, ...]
    """May be objects that hold candidates."""


@dataclass(slots=True)
class _Gathered:
    """Grows record by record."""

    hints: frozenset[str]
    roots: frozenset[str]
    """Paths of objects that hold a field the sender named."""
    plans: dict[tuple[str, ...], _Plan] = field(default_factory=dict)
    columns: dict[str, list[Any]] = field(default_factory=dict)
    """Canonical candidates, as long as the last record that has them."""
    rest: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    odd: dict[Oddity, list[int]] = field(default_factory=dict)


Names = Callable[[Iterable[str]], dict[str, str]]
"""Of the fields of a record those that are called otherwise here, and how; never two the same."""


def records_of(
    lines: Iterable[tuple[int, bytes]], hints: Hints, rejected: RejectedList, names: Names | None = None
) -> Fields | None:
    """Records of numbered texts, each one JSON object; others go to `rejected`. None when no record is left."""
    named = frozenset(hinted(hints))
    roots = frozenset(name[:place] for name in named for place, char in enumerate(name) if char == ".")
    gathered = _Gathered(named, roots)
    for number, line in lines:
        try:
            record, odd = parse_record(line)
        except ValueError as exc:
            rejected.add(number, str(exc), line)
            continue
        if names is not None:
            called = names(record)
            record = {called.get(name, name): value for name, value in record.items()}
        gathered.numbers.append(number)
        _gather(gathered, record, line, odd)
    count = len(gathered.rest)
    if not count:
        return None
    frame, mixed = _columns(gathered.columns, count)
    return Fields(
        frame,
        count,
        raw=lambda: pl.Series(
            [line.decode("utf-8", "replace").strip("\r\n") for line in gathered.raw], dtype=pl.String
        ),
        rest=pl.Series(gathered.rest, dtype=pl.String),
        mixed=mixed,
        odd=tuple((mark, _at(rows, count)) for mark, rows in gathered.odd.items()),
        numbers=tuple(gathered.numbers),
    )


def parse_record(line: bytes) -> tuple[dict[str, Any], tuple[Oddity, ...]]:
    """The JSON object in `line` and what is odd about it. Raises ValueError with the reason, for the sender."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _exactly(line)
    if type(record) is not dict:
        raise ValueError("not a JSON object")
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH or has_long_integer(line) or _may_repeat_a_key(line, record):
        return _exactly(line)
    return record, ()


def has_long_integer(text: bytes) -> bool:
    """Whether digits stand there that may be an integer beyond 64 bits."""
    digits = text.translate(_DIGITS)
    return (b"0" * 20 in digits or b"-" + b"0" * 19 in digits) and _LONG_INTEGER.search(text) is not None


def _may_repeat_a_key(line: bytes, record: dict[str, Any]) -> bool:
    """A key twice shows as more key ends than keys; text may hold `":` too, then the exact reading settles it."""
    keys = _keys(record)
    return line.count(b'":') != keys and len(_KEY_END.findall(line)) != keys


def _keys(value: Any) -> int:
    if type(value) is dict:
        count = len(value)
        for child in value.values():
            if type(child) is dict or type(child) is list:
                count += _keys(child)
        return count
    return sum(_keys(child) for child in value if type(child) in (dict, list))


def _exactly(line: bytes) -> tuple[dict[str, Any], tuple[Oddity, ...]]:
    odd: set[Oddity] = set()

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            odd.add(Oddity.DUPLICATE_KEY)
        return found

    def integer(digits: str) -> Any:
        if len(digits) < 19 or -(2**63) <= int(digits[:40]) < 2**64 and len(digits) <= 40:
            return int(digits)
        odd.add(Oddity.NUMBER_OUT_OF_RANGE)
        return digits

    def real(digits: str) -> Any:
        number = float(digits)
        if math.isfinite(number):
            return number
        odd.add(Oddity.NUMBER_OUT_OF_RANGE)
        return digits

    def constant(name: str) -> str:
        odd.add(Oddity.NUMBER_OUT_OF_RANGE)
        return name

    try:
        text = line.decode("utf-8", "surrogateescape").strip(" \t\r\n\ufeff")
        decoder = json.JSONDecoder(
            object_pairs_hook=pairs, parse_int=integer, parse_float=real, parse_constant=constant, strict=False
        )
        record = decoder.decode(text)
        if type(record) is not dict:
            raise ValueError("not a JSON object")
        cleaned = _cleaned(record, odd, 1)
    except json.JSONDecodeError as exc:
        raise ValueError(f"broken JSON: {exc.msg} at character {exc.pos + 1}") from None
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_PARSED_DEPTH} levels") from None
    if b"\x00" in line or any(char < " " for char in text if char not in "\r\n"):
        odd.add(Oddity.CONTROL_CHARACTER)
    return cleaned, tuple(sorted(odd))


def _cleaned(value: Any, odd: set[Oddity], depth: int) -> Any:
    """The same without what JSON text cannot carry."""
    kind = type(value)
    if kind is str:
        return _valid_text(value, odd)
    if kind is not dict and kind is not list:
        return value
    if depth > MAX_PARSED_DEPTH:
        raise RecursionError
    if depth > MAX_DEPTH:
        odd.add(Oddity.NESTED_TOO_DEEPLY)
        return _valid_text(json.dumps(value, ensure_ascii=False), odd)
    if kind is list:
        return [_cleaned(child, odd, depth + 1) for child in value]
    cleaned: dict[str, Any] = {}
    for name, child in value.items():
        cleaned[_valid_text(name, odd)] = _cleaned(child, odd, depth + 1)
        if depth == 1 and type(child) is str and not _is_valid(child) and (canonical_of(name) or ("",))[0] == "message":
            cleaned[RAW_MESSAGE_FIELD] = base64.b64encode(_raw_bytes(child)).decode()
    return cleaned


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _valid_text(text: str, odd: set[Oddity]) -> str:
    if _is_valid(text):
        return text
    odd.add(Oddity.INVALID_UTF8)
    return _raw_bytes(text).decode("utf-8", "replace")


def _raw_bytes(text: str) -> bytes:
    """The sender's bytes; half a surrogate pair as its three generalised UTF-8 bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _gather(gathered: _Gathered, record: dict[str, Any], line: bytes, odd: tuple[Oddity, ...]) -> None:
    place = len(gathered.rest)
    _take(gathered, record, "", place)
    if b"null" in line:
        record = _without_nulls(record)
    gathered.rest.append(orjson.dumps(record).decode())
    gathered.raw.append(line)
    for mark in odd:
        gathered.odd.setdefault(mark, []).append(place)


def _without_nulls(value: Any) -> Any:
    """Null members of objects at any depth are absent ones; null elements of lists stay."""
    kind = type(value)
    if kind is dict:
        return {name: _without_nulls(child) for name, child in value.items() if child is not None}
    return list(map(_without_nulls, value)) if kind is list else value


def _take(gathered: _Gathered, record: dict[str, Any], prefix: str, place: int) -> None:
    """Move canonical candidates out of `record`, nested ones under their path, and drop nulls."""
    if None in record.values():
        for name in [name for name, value in record.items() if value is None]:
            del record[name]
    names = (prefix, *record)
    plan = gathered.plans.get(names)
    if plan is None:
        plan = _plan(gathered, prefix, names[1:])
        if len(gathered.plans) < _MAX_PLANS:
            gathered.plans[names] = plan
    for name in plan.opened:
        value = record[name]
        if type(value) is dict:
            _take(gathered, value, f"{prefix}{name}.", place)
            if not value:
                del record[name]
    for name in plan.taken:
        value = record.get(name)
        if value is None:
            continue
        nested = type(value) is dict or type(value) is list
        path = prefix + name
        if nested and not names_message(path):
            continue
        column = gathered.columns.setdefault(path, [])
        if len(column) > place:
            continue  # the same path once flat and once nested: the first one counts
        if len(column) < place:
            column.extend([None] * (place - len(column)))
        column.append(value)
        if not nested:
            del record[name]  # an object as message stays an attribute as well


def _plan(gathered: _Gathered, prefix: str, names: tuple[str, ...]) -> _Plan:
    paths = [(name, prefix + name) for name in names]
    taken = tuple(name for name, path in paths if path in gathered.hints or canonical_of(path) is not None)
    opened = tuple(name for name, path in paths if may_hold_canonical(path) or path in gathered.roots)
    return _Plan(taken, opened)


def _columns(columns: dict[str, list[Any]], count: int) -> tuple[pl.DataFrame, frozenset[str]]:
    """Candidates as columns: typed where a field has one type throughout, else as JSON text (second result)."""
    mixed: set[str] = set()
    found: list[pl.Series] = []
    for name, values in columns.items():
        values.extend([None] * (count - len(values)))
        kinds = set(map(type, values)) - {type(None)}
        if kinds == {str}:
            found.append(pl.Series(name, values, dtype=pl.String))
        elif kinds == {float}:
            found.append(pl.Series(name, values, dtype=pl.Float64))
        elif kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
            found.append(pl.Series(name, values, dtype=pl.Int64))
        else:
            mixed.add(name)
            texts = [None if value is None else orjson.dumps(value).decode() for value in values]
            found.append(pl.Series(name, texts, dtype=pl.String))
    return pl.DataFrame(found), frozenset(mixed)


def _at(rows: list[int], count: int) -> pl.Series:
    mask = [False] * count
    for row in rows:
        mask[row] = True
    return pl.Series(mask, dtype=pl.Boolean)
