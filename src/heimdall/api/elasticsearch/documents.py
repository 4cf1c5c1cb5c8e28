"""Records as documents: `_source` under the names of Elastic Common Schema, `fields`, highlights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from heimdall.api.elasticsearch.wire import fits
from heimdall.query.ast import And, Compare, Glob, Operator, Or, Phrase, Predicate, Regex, Word
from heimdall.query.fields import ATTRIBUTES, BY_NAME, POSITION_COLUMN, TIME_COLUMN
from heimdall.query.languages.esdsl.datemath import MS_NS, format_ms
from heimdall.query.languages.esdsl.faults import parsing
from heimdall.query.languages.esdsl.names import DEFAULT_INDEX, OWN, name_of
from heimdall.query.languages.esdsl.values import optional_text, text
from heimdall.query.regex import compile_pattern
from heimdall.query.rows import attribute_object, flat_attributes
from heimdall.query.words import lower_ascii, tokens

_HIDDEN = frozenset({"id", ATTRIBUTES, TIME_COLUMN, POSITION_COLUMN})
_TIMES = ("timestamp", "observed_timestamp")


@dataclass(frozen=True, slots=True)
class Document:
    index: str
    id: str
    source: dict[str, Any]
    time_ns: int
    position: int
    others: Mapping[str, Any] = field(default_factory=dict)
    """Columns that are no fields of records: keys of buckets, sort values."""

    @property
    def leaves(self) -> dict[str, list[Any]]:
        """Dotted name → its values."""
        return {name: value if isinstance(value, list) else [value] for name, value in flat_attributes(self.source)}


def documents_of(rows: pa.Table) -> Iterator[Document]:
    """One document a row; for pages, not for whole results."""
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  # a table gives no series
    changed = [pl.col(name).cast(pl.Int64) for name in (*_TIMES, TIME_COLUMN) if name in frame.columns]
    hexed = [pl.col(name).bin.encode("hex") for name, dtype in frame.schema.items() if dtype == pl.Binary]
    for row in frame.with_columns(*changed, *hexed).iter_rows(named=True):
        yield _document(row)


def _document(row: dict[str, Any]) -> Document:
    source = attribute_object(row[ATTRIBUTES]) if row.get(ATTRIBUTES) else {}
    index, id_ = source.pop("_index", None), source.pop("_id", None)
    others = {}
    for name, value in row.items():
        if name in _HIDDEN:
            continue
        if name not in BY_NAME:
            others[name] = value
        elif value is not None and (name, value) not in (("level", "unset"), ("severity_number", 0)):
            put(source, OWN.get(name, name), time_text(value) if name in _TIMES else value)
    return Document(
        index=str(index or DEFAULT_INDEX),
        id=str(id_ if id_ is not None else row.get("id", "")),
        source=source,
        time_ns=int(row[TIME_COLUMN]),
        position=int(row[POSITION_COLUMN]),
        others=others,
    )


def time_text(time_ns: int) -> str:
    """To the millisecond, or to the nanosecond where there are any."""
    shown = format_ms(time_ns // MS_NS, None)
    rest_ns = time_ns % MS_NS
    return f"{shown[:-1]}{rest_ns:06d}Z" if rest_ns else shown


def put(source: dict[str, Any], name: str, value: Any) -> None:
    """Set `a.b` inside nested objects; beside them where something else has the name `a`."""
    place = source
    *outer, last = name.split(".")
    for part in outer:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            source[name] = value
            return
        place = inner
    if isinstance(place.get(last), dict):
        source[name] = value
    else:
        place[last] = value


# ---- _source ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceFilter:
    is_wanted: bool = True
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    def apply(self, source: dict[str, Any]) -> dict[str, Any]:
        if not self.includes and not self.excludes:
            return source
        return self._within(source, "")

    def _within(self, place: dict[str, Any], prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in place.items():
            path = prefix + name
            if _named(path, self.excludes):
                continue
            if isinstance(value, dict) and not (_named(path, self.includes) and not self.excludes):
                if inner := self._within(value, f"{path}."):
                    found[name] = inner
            elif not self.includes or _named(path, self.includes):
                found[name] = value
        return found


def source_filter(given: Any, parameters: Mapping[str, str]) -> SourceFilter:
    """`_source` of a body, and the parameters of the same name."""
    includes, excludes = _listed(parameters.get("_source_includes")), _listed(parameters.get("_source_excludes"))
    if given is None and (named := parameters.get("_source")) is not None:
        given = {"true": True, "false": False}.get(named.lower(), named)
    if isinstance(given, bool):
        return SourceFilter(given, includes, excludes)
    if isinstance(given, dict):
        includes = _listed(given.get("includes", given.get("include"))) or includes
        excludes = _listed(given.get("excludes", given.get("exclude"))) or excludes
        return SourceFilter(True, includes, excludes)
    return SourceFilter(True, _listed(given) or includes, excludes)


def _listed(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    items = given.split(",") if isinstance(given, str) else given
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise parsing("Expected one of [VALUE_BOOLEAN, START_OBJECT, VALUE_STRING, START_ARRAY] for [_source]")
    return tuple(item.strip() for item in items)


def _named(path: str, patterns: Iterable[str]) -> bool:
    """A pattern names a path and everything below it."""
    return any(fits(pattern, path) or path.startswith(f"{pattern}.") for pattern in patterns)


# ---- fields -------------------------------------------------------------------------------------------------------


def field_values(document: Document, wanted: Sequence[Any]) -> dict[str, list[Any]]:
    """`fields` and `docvalue_fields`: patterns, or objects with a `field` and a `format`."""
    leaves = document.leaves
    found: dict[str, list[Any]] = {}
    for item in wanted:
        asked = item if isinstance(item, dict) else {"field": item}
        pattern, shape = text("field", asked.get("field")), optional_text("format", asked.get("format"))
        for name, values in leaves.items():
            if fits(pattern, name):
                found[name] = [_formatted(document, name, value, shape) for value in values]
        plain = pattern.removesuffix(".keyword")
        if plain != pattern and plain in leaves:
            found[pattern] = leaves[plain]
        own = OWN.get(name_of(plain).fields[0])
        if own is not None and own != plain and own in leaves and "*" not in pattern:
            found[pattern] = leaves[own]
    return found


def _formatted(document: Document, name: str, value: Any, shape: str | None) -> Any:
    if name != "@timestamp":
        return value
    if shape is None or shape.endswith("_nanos"):
        return time_text(document.time_ns)
    return format_ms(document.time_ns // MS_NS, shape)


# ---- highlights ---------------------------------------------------------------------------------------------------


class Highlighter:
    """Marks what a search looked for in the fields of a document."""

    def __init__(self, search: Predicate, given: Mapping[str, Any]) -> None:
        self._before = _first(given.get("pre_tags"), "<em>")
        self._after = _first(given.get("post_tags"), "</em>")
        self._fields = _field_names(given.get("fields"))
        self._words: set[str] = set()
        self._patterns: list[Any] = []
        self._values: dict[str, set[str]] = {}
        for node in _wanted_nodes(search):
            self._add(node)

    def _add(self, node: Predicate) -> None:
        match node:
            case Word(text=looked_for) | Phrase(text=looked_for):
                self._words.update(tokens(looked_for))
            case Regex(pattern=pattern, field=None):
                self._patterns.append(compile_pattern(pattern))
            case Compare(field=name, operator=Operator.EQ, value=value):
                self._values.setdefault(OWN.get(name, name), set()).add(value)
            case Glob(field=str(name)) | Regex(field=str(name)):
                self._values.setdefault(OWN.get(name, name), set())

    def marked(self, document: Document) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        message = document.source.get("message")
        if isinstance(message, str) and self._is_wanted("message"):
            marked = self._message(message)
            if marked != message:
                found["message"] = [marked]
        leaves = document.leaves if self._values else {}
        for name, values in self._values.items():
            texts = [str(value) for value in leaves.get(name, ()) if not values or str(value) in values]
            if texts and name != "message" and self._is_wanted(name):
                found[name] = [f"{self._before}{shown}{self._after}" for shown in texts]
        return found

    def _is_wanted(self, name: str) -> bool:
        return any(fits(pattern.removesuffix(".keyword"), name) for pattern in self._fields)

    def _message(self, message: str) -> str:
        out, place = [], 0
        for start, end in _token_places(message):
            token = message[start:end]
            if lower_ascii(token) in self._words or any(pattern.search(token) for pattern in self._patterns):
                out += [message[place:start], self._before, token, self._after]
                place = end
        return "".join([*out, message[place:]])


def _token_places(message: str) -> Iterator[tuple[int, int]]:
    start = None
    for place, char in enumerate(message):
        if (char.isascii() and char.isalnum()) or char >= "\x80":
            start = place if start is None else start
        elif start is not None:
            yield start, place
            start = None
    if start is not None:
        yield start, len(message)


def _wanted_nodes(search: Predicate) -> Iterator[Predicate]:
    """Leaves that a record was found by; what it must not be marks nothing."""
    if isinstance(search, And | Or):
        for item in search.items:
            yield from _wanted_nodes(item)
    else:
        yield search


def _first(given: Any, usual: str) -> str:
    return str(given[0]) if isinstance(given, list) and given else usual


def _field_names(given: Any) -> tuple[str, ...]:
    if isinstance(given, dict):
        return tuple(given)
    if isinstance(given, list):
        return tuple(name for item in given if isinstance(item, dict) for name in item)
    return ()
