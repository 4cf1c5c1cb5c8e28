"""What could stand at a place of a query: fields, values, pipes, functions, keywords.

This module knows the language; which values a field has, and which fields senders use, it is told through `Known`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from heimdall.errors import QuerySyntaxError
from heimdall.model.severity import LEVELS
from heimdall.query.ast import Query
from heimdall.query.fields import CANONICAL
from heimdall.query.functions import functions
from heimdall.query.languages.hql.parser import parse
from heimdall.query.languages.hql.printer import SEARCH_FIELD, field_text, quote
from heimdall.query.pipes import pipes
from heimdall.query.shape import Shape, shape_of


class Place(StrEnum):
    """What is being written."""

    SEARCH = "search"
    """A word, or the name of a field to filter by."""
    VALUE = "value"
    """The value of a filter."""
    PIPE = "pipe"
    FIELD = "field"
    """A column, as `sort` and `by` want one."""
    AGGREGATE = "aggregate"
    EXPRESSION = "expression"
    NOTHING = "nothing"
    """A name being made up, a number, a quoted text: nothing to offer."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Text from `replace_from` to `replace_to` (code points from 0) is what a suggestion takes the place of."""

    place: Place
    prefix: str
    replace_from: int
    replace_to: int
    field: str | None = None
    """For VALUE: the field."""
    shape: Shape = Shape()
    """Columns there are at this place."""
    keywords: tuple[str, ...] = ()
    piped: bool = False
    """Behind a bar, where text has to stand in quotes."""


class Kind(StrEnum):
    FIELD = "field"
    VALUE = "value"
    PIPE = "pipe"
    FUNCTION = "function"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class Suggestion:
    label: str
    kind: Kind
    insert: str
    detail: str = ""


class Known(Protocol):
    """What the data holds. Both answer within a keystroke or with nothing, most frequent first."""

    def field_names(self) -> Iterable[tuple[str, str]]:
        """(name, detail) of senders' fields."""

    def field_values(self, field: str, prefix: str) -> Iterable[tuple[str, str]]:
        """(value, detail) of one field; those that begin with `prefix` are enough."""


_IN_SEARCH = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|\\.|[^\s()"\\])*$""", re.DOTALL)
_FILTER = re.compile(r"(?P<field>[^\W\d][\w.@/-]*|@[\w.@/-]*)(?P<relation>:(?:!=|>=|<=|=|>|<)?|!=|>=|<=|==?|>|<)")
_NAME = re.compile(r"[\w.@]*$")
_WORD = re.compile(r"[^\W\d]\w*")
_WORD_END = re.compile(r"[^\s()|\",]*")
_COMPARED = re.compile(r"(?P<field>[^\W\d][\w.@]*)\s*(?:==?|!=)\s*\"(?P<prefix>[^\"\\]*)$")
_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`", re.DOTALL)
_DOUBLE_QUOTED = re.compile(r"\\.|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_OPEN_QUOTE = re.compile(r"(?:(?P<field>[^\W\d][\w.@/-]*)(?::|!?=|[<>]=?))?\"(?P<prefix>[^\"]*)$")
_AFTER_VALUE = re.compile(r"(?:[\w.@)`\"]|\")\s+$")

_BOOLEAN = ("and", "or", "not")
_LONGEST_SEGMENT = 2_000
"""Code points of a search or pipe up to the cursor. The patterns above look for their match from every place, which
grows with the square of the length; 2,000 stay within a keystroke, and nobody completes by hand behind more."""
_FIELD_PIPES = frozenset({"fields", "top", "rare", "dedup"})
_AGGREGATE_PIPES = frozenset({"stats", "timechart"})


def situation(text: str, cursor: int) -> Situation:
    """What is being written at `cursor` (code points from 0)."""
    cursor = max(0, min(cursor, len(text)))
    starts = _segments(text[:cursor])
    if cursor - starts[-1] > _LONGEST_SEGMENT:
        return Situation(Place.NOTHING, "", cursor, cursor)
    if len(starts) == 1:
        return _in_search(text, cursor)
    return _in_pipe(text, cursor, starts)


def suggest(text: str, cursor: int, known: Known, limit: int = 20) -> tuple[Situation, list[Suggestion]]:
    """At most `limit` suggestions, best first."""
    found = situation(text, cursor)
    offers: list[Suggestion] = []
    match found.place:
        case Place.SEARCH:
            keywords, fields = list(_keywords(found)), list(_search_fields(found, known))
            offers = [*keywords, *fields] if found.prefix else [*fields, *keywords]
        case Place.VALUE:
            offers = list(_values(found, known))
        case Place.PIPE:
            offers = [Suggestion(name, Kind.PIPE, f"{name} ", word.syntax) for name, word in pipes().items()]
        case Place.FIELD:
            offers = [*_keywords(found), *_columns(found, known)]
        case Place.AGGREGATE:
            offers = [*_keywords(found), *_functions(aggregates=True)]
        case Place.EXPRESSION:
            offers = [*_keywords(found), *_columns(found, known), *_functions(aggregates=False)]
    return found, _best(offers, found.prefix)[:limit]


# ---- where we are -------------------------------------------------------------------------------------------------


def _segments(before: str) -> list[int]:
    """Starts of the search and of every pipe up to the cursor; bars inside quotes and patterns are no borders."""
    starts = [0]
    quoted: str | None = None
    place = 0
    while place < len(before):
        char = before[place]
        if char == "\\":
            place += 2
            continue
        if quoted is not None:
            quoted = None if char == quoted else quoted
        elif char == '"' or (char in "'`" and len(starts) > 1):
            quoted = char
        elif char == "/" and place > 0 and before[place - 1] in ":~(" and _closes(before, place):
            place = _closes(before, place)
            continue
        elif char == "|":
            starts.append(place + 1)
        place += 1
    return starts


def _closes(before: str, place: int) -> int:
    """Place behind the pattern that begins at `place`; 0 when it is not closed."""
    match = re.compile(r"/(?:[^/\\]|\\.)+/", re.DOTALL).match(before, place)
    return match.end() if match else 0


def _end(text: str, cursor: int) -> int:
    match = _WORD_END.match(text, cursor)
    return match.end() if match else cursor


def _quoted_end(text: str, cursor: int) -> int:
    """Behind the closing quotation mark, when the text goes on with it."""
    end = _end(text, cursor)
    return end + 1 if text[end : end + 1] == '"' else end


def _blanked(text: str) -> str:
    """The text with closed quotations made blank, places kept."""
    return _DOUBLE_QUOTED.sub(lambda match: " " * len(match[0]), text)


def _in_search(text: str, cursor: int) -> Situation:
    opened = _OPEN_QUOTE.search(_blanked(text[:cursor]))
    if opened is not None:
        prefix = text[opened.start("prefix") : cursor]
        place = Place.VALUE if opened["field"] else Place.NOTHING
        start = opened.start("prefix") - 1
        return Situation(place, prefix, start, _quoted_end(text, cursor), opened["field"])
    match = _IN_SEARCH.search(text[:cursor])
    start = match.start() if match else cursor
    word = text[start:cursor]
    sign = len(word) - len(word.lstrip("-"))
    start, word = start + sign, word[sign:]
    group = _open_group(text[:start])
    if group is not None:
        return Situation(Place.VALUE, word, start, _end(text, cursor), group)
    relation = _FILTER.match(word)
    if relation is not None:
        value = word[relation.end() :]
        place = Place.NOTHING if value.startswith(("/", "[", "{")) else Place.VALUE
        return Situation(place, value, start + relation.end(), _end(text, cursor), relation["field"])
    return Situation(Place.SEARCH, word, start, _end(text, cursor), keywords=_BOOLEAN)


def _open_group(before: str) -> str | None:
    """The field whose parentheses are still open: `service:(cart or `."""
    opened: list[str | None] = []
    for match in re.finditer(r"\"(?:[^\"\\]|\\.)*\"|\\.|(?:([^\W\d][\w.@/-]*):)?\(|\)", before, re.DOTALL):
        if match[0].endswith("("):
            opened.append(match[1])
        elif match[0] == ")" and opened:
            opened.pop()
    return next((field for field in reversed(opened) if field), None)


def _in_pipe(text: str, cursor: int, starts: Sequence[int]) -> Situation:
    start = starts[-1]
    body = text[start:cursor]
    name = _WORD.match(body.lstrip())
    begin = start + len(body) - len(body.lstrip())
    if name is None or cursor <= begin + name.end():
        return Situation(Place.PIPE, body.strip(), begin, _end(text, cursor))
    shape = _shape_before(text[: start - 1])
    inside = body.lstrip()[name.end() :]
    compared = _COMPARED.search(inside)
    if compared is not None:
        prefix = compared["prefix"]
        return Situation(
            Place.VALUE,
            prefix,
            cursor - len(prefix) - 1,
            _quoted_end(text, cursor),
            compared["field"],
            shape,
            piped=True,
        )
    if _STRINGS.sub("", inside).count('"') % 2:
        return Situation(Place.NOTHING, "", cursor, cursor, shape=shape)
    match = _NAME.search(inside)
    prefix = match[0] if match else ""
    place, keywords = _pipe_place(name[0].lower(), _STRINGS.sub('""', inside[: len(inside) - len(prefix)]))
    return Situation(place, prefix, cursor - len(prefix), _end(text, cursor), shape=shape, keywords=keywords)


def _pipe_place(name: str, before: str) -> tuple[Place, tuple[str, ...]]:
    """What a pipe wants behind the text it has so far."""
    last = re.search(r"(\w+|\S)\s*$", before)
    previous = last[1].lower() if last else ""
    if previous == "as":
        return Place.NOTHING, ()
    by = re.search(r"\bby\b", before, re.IGNORECASE) is not None
    complete = bool(_AFTER_VALUE.search(before)) and previous not in ("by", "and", "or", "not", "in", "from", "")
    if name in _FIELD_PIPES:
        return Place.FIELD, ()
    if name in _AGGREGATE_PIPES:
        if complete:
            return Place.NOTHING if by else Place.AGGREGATE, ("as",) if by else ("by", "as")
        inside = before.count("(") > before.count(")")
        return (Place.EXPRESSION if by or inside else Place.AGGREGATE), ()
    if name == "sort":
        return Place.FIELD, ("asc", "desc") if complete else ()
    if name == "parse":
        return (Place.FIELD, ()) if previous == "from" else (Place.NOTHING, ())
    if name == "where":
        return Place.EXPRESSION, ("and", "or", "in") if complete else ()
    if name == "extend":
        return (Place.EXPRESSION, ()) if "=" in before.rsplit(",", 1)[-1] else (Place.NOTHING, ())
    return Place.NOTHING, ()


def _shape_before(text: str) -> Shape:
    """Columns behind the pipes before this one, as far as they can be understood."""
    try:
        return shape_of(parse(text))
    except QuerySyntaxError:
        return shape_of(Query())


# ---- what to offer ------------------------------------------------------------------------------------------------


def _search_fields(found: Situation, known: Known) -> Iterable[Suggestion]:
    for name, detail in _known_fields(known):
        shown = name if SEARCH_FIELD.fullmatch(name) else quote(name)
        yield Suggestion(name, Kind.FIELD, f"{shown}:", detail)


def _known_fields(known: Known) -> Iterable[tuple[str, str]]:
    yield from ((field.name, field.doc) for field in CANONICAL)
    yield from known.field_names()


def _columns(found: Situation, known: Known) -> Iterable[Suggestion]:
    for name, kind in found.shape.columns.items():
        yield Suggestion(name, Kind.FIELD, field_text(name), kind.value)
    if found.shape.whole:
        for name, detail in _known_fields(known):
            if name not in found.shape.dropped:
                yield Suggestion(name, Kind.FIELD, field_text(name), detail)


def _functions(*, aggregates: bool) -> Iterable[Suggestion]:
    for name, function in functions().items():
        if function.aggregate == aggregates:
            close = "" if function.takes else ")"
            yield Suggestion(name, Kind.FUNCTION, f"{name}({close}", function.signature)


def _keywords(found: Situation) -> Iterable[Suggestion]:
    return (Suggestion(word, Kind.KEYWORD, f"{word} ") for word in found.keywords)


def _values(found: Situation, known: Known) -> Iterable[Suggestion]:
    if found.field is None:
        return
    if found.field == "level":
        yield from (
            Suggestion(name, Kind.VALUE, _value_text(name, found), "level") for name in map(str, reversed(LEVELS))
        )
        return
    for value, detail in known.field_values(found.field, found.prefix):
        yield Suggestion(value, Kind.VALUE, _value_text(value, found), detail)


def _value_text(value: str, found: Situation) -> str:
    """As it has to be written: bare in a search where that is enough, else in quotes."""
    return value if not found.piped and re.fullmatch(r"[\w@+.-]+", value) else quote(value)


def _best(offers: Iterable[Suggestion], prefix: str) -> list[Suggestion]:
    """Those that begin with the prefix, then those that hold it; each label once."""
    wanted = prefix.lower()
    begins: dict[str, Suggestion] = {}
    holds: dict[str, Suggestion] = {}
    for offer in offers:
        label = offer.label.lower()
        if label.startswith(wanted):
            begins.setdefault(offer.label, offer)
        elif wanted in label:
            holds.setdefault(offer.label, offer)
    return [*begins.values(), *(offer for name, offer in holds.items() if name not in begins)]
