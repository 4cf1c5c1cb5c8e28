"""Leaves of a search: one field and what it is compared with. Shared by the query DSL and the Lucene syntax.

Values of keywords compare as a whole; `message` is looked for by its words: runs of letters and digits, lower-cased.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from itertools import combinations
from math import comb

from heimdall.model.timerange import format_time
from heimdall.query.ast import Compare, Exists, Glob, MatchAll, Not, Operator, Phrase, Predicate, Range, Regex
from heimdall.query.fields import canonical, parse_level
from heimdall.query.languages.esdsl.datemath import MS_NS, parse_ms
from heimdall.query.languages.esdsl.faults import Fault, illegal, unsupported
from heimdall.query.languages.esdsl.names import NOTHING, Name, both, chosen, either, name_of, present
from heimdall.query.languages.esdsl.patterns import of_lucene
from heimdall.query.literals import parse_number
from heimdall.query.regex import compile_pattern
from heimdall.query.types import NUMERIC, Type
from heimdall.query.words import glob_parts, literal_pattern, phrase_pattern, tokens

_SEPARATOR = r"[^0-9A-Za-z\x{80}-\x{10FFFF}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Ends of a range as they were sent; None is open."""

    low: object = None
    high: object = None
    include_low: bool = True
    include_high: bool = True
    formats: str | None = None
    zone: tzinfo = UTC


def text_of(value: object) -> str:
    """A JSON value as the text its field compares with."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return str(value)


# ---- equality -----------------------------------------------------------------------------------------------------


def equals(name: Name, value: object, now_ns: int, *, ignore_case: bool = False) -> Predicate:
    """`term`: the value itself; of `message`, one word of it."""
    text = text_of(value)
    if name.is_analysed:
        if ignore_case:
            text = text.lower()
        return Phrase(text) if tokens(text) == [text] else NOTHING
    if ignore_case and name.type in (Type.ANY, Type.TEXT):
        return _matching(name, f"(?i)^{_quoted(text)}$")
    return _each(name, lambda field: _equal(field, value, text, now_ns), text)


def _each(name: Name, test: Callable[[str], Predicate], default_text: str | None = None) -> Predicate:
    found = [chosen(name, test(field), field) for field in name.fields]
    if name.default is not None and default_text == name.default:
        found.append(both([_missing(field) for field in name.fields]))
    return either(found)


def _missing(field: str) -> Predicate:
    return Not(Exists(field))


def _equal(field: str, value: object, text: str, now_ns: int) -> Predicate:
    own = canonical(field)
    if own is None:
        return Compare(field, Operator.EQ, text)
    match own.type:
        case Type.LEVEL:
            rank = parse_level(text)
            return Compare(field, Operator.EQ, text) if rank else NOTHING
        case Type.TIME:
            return between(name_of(field), Bounds(low=value, high=value), now_ns)
        case kind if kind in NUMERIC:
            return Compare(field, Operator.EQ, _number(text))
    return Compare(field, Operator.EQ, text) if text or field == "message" else NOTHING


def _number(text: str) -> str:
    if parse_number(text) is None:
        raise Fault("number_format_exception", f'For input string: "{text[:60]}"', of_shards=True)
    return text


# ---- words --------------------------------------------------------------------------------------------------------


def words(name: Name, value: object, now_ns: int, combine: Callable[[list[Predicate]], Predicate]) -> Predicate | None:
    """`match`: its words, combined; None when there is none. A keyword is one word."""
    if not name.is_analysed:
        return equals(name, value, now_ns)
    found = tokens(text_of(value))
    return combine([Phrase(word) for word in dict.fromkeys(found)]) if found else None


def phrase(name: Name, value: object, now_ns: int) -> Predicate:
    """`match_phrase`: its words in a row."""
    if not name.is_analysed:
        return equals(name, value, now_ns)
    text = text_of(value)
    return Phrase(text) if tokens(text) else NOTHING


def phrase_prefix(name: Name, value: object) -> Predicate:
    """`match_phrase_prefix`: words in a row, the last of which may go on."""
    text = text_of(value)
    if not name.is_analysed:
        return prefix(name, text)
    found = tokens(text)
    if not found:
        return NOTHING
    if len(found) == 1:
        return Regex(_token_pattern(literal_pattern(found[0]) + r"[0-9A-Za-z\x{80}-\x{10FFFF}]*"))
    row = phrase_pattern(text) or ""
    return both([Phrase(" ".join(found[:-1])), Regex(row.removesuffix(f"(?:{_SEPARATOR}|$)"))])


# ---- patterns -----------------------------------------------------------------------------------------------------


def prefix(name: Name, text: str, *, ignore_case: bool = False) -> Predicate:
    return wildcard(name, _escaped(text) + "*", ignore_case=ignore_case)


def wildcard(name: Name, pattern: str, *, ignore_case: bool = False) -> Predicate:
    """`*` any run, `?` one character; of `message`, one word has to fit."""
    if name.is_analysed:
        if pattern.strip("*") == "":
            return MatchAll() if pattern else NOTHING
        body = "".join(
            literal_pattern(part) if place % 2 == 0 else _IN_WORD[part]
            for place, part in enumerate(glob_parts(pattern if not ignore_case else pattern.lower()))
        )
        return Regex(_token_pattern(body))
    if ignore_case:
        parts = enumerate(glob_parts(pattern))
        body = "".join(_quoted(part) if place % 2 == 0 else (".*" if part == "*" else ".") for place, part in parts)
        return _matching(name, f"(?is)^{body}$")
    if name.fields == ("level",):
        pattern = pattern.lower()
    if glob_parts(pattern)[::2] == [""] * len(glob_parts(pattern)[::2]) and "?" not in pattern:
        return present(name)
    found = _each(name, lambda field: both([_there(field), Glob(pattern, field)]))
    return either([found, _of_default(name, compile_glob(pattern))])


_IN_WORD = {"*": r"[0-9A-Za-z\x{80}-\x{10FFFF}]*", "?": r"[0-9A-Za-z\x{80}-\x{10FFFF}]"}


def regexp(name: Name, pattern: str, *, ignore_case: bool = False) -> Predicate:
    """A Lucene regular expression, which fits the whole value; of `message`, one word."""
    plain = of_lucene(pattern, in_word=name.is_analysed)
    _checked_regex(plain, None)  # by itself: a bracket that is left open must not close with what stands around it
    flags = "(?is)" if ignore_case else "(?s)"
    if name.is_analysed:
        found = _checked_regex(_token_pattern(f"(?:{plain})", flags="(?i)"), None)
        if compile_pattern(f"^(?:{plain})$").search(""):  # every gap between two words would fit
            raise unsupported("a regular expression that fits the empty text, for the words of [message],")
        return found
    return _matching(name, f"{flags}^(?:{plain})$")


def _matching(name: Name, pattern: str) -> Predicate:
    found = _each(name, lambda field: both([_there(field), _checked_regex(pattern, field)]))
    return either([found, _of_default(name, pattern)])


def _checked_regex(pattern: str, field: str | None) -> Regex:
    try:
        compile_pattern(pattern)
    except ValueError as exc:
        raise illegal(f"the regular expression cannot be read: {exc}") from exc
    return Regex(pattern, field)


def compile_glob(pattern: str) -> str:
    parts = enumerate(glob_parts(pattern))
    return "(?s)^" + "".join(_quoted(p) if n % 2 == 0 else (".*" if p == "*" else ".") for n, p in parts) + "$"


def _of_default(name: Name, pattern: str) -> Predicate:
    if name.default is None or not compile_pattern(pattern).search(name.default):
        return NOTHING
    return both([_missing(field) for field in name.fields])


def _there(field: str) -> Predicate:
    return present(Name(field, (field,))) if field == "level" else MatchAll()


def _token_pattern(body: str, flags: str = "") -> str:
    """`body` as one whole word of the message."""
    return rf"{flags}(?:^|{_SEPARATOR})(?:{body})(?:{_SEPARATOR}|$)"


def _quoted(text: str) -> str:
    return literal_pattern(text, ignore_case=False)


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?\\" else char for char in text)


# ---- ranges -------------------------------------------------------------------------------------------------------


def between(name: Name, bounds: Bounds, now_ns: int) -> Predicate:
    if bounds.low is None and bounds.high is None:
        return present(name)
    if name.type is Type.TIME:
        return _of_time(name.fields[0], bounds, now_ns)
    return _each(name, lambda field: _of_values(field, bounds, now_ns))


def _of_time(field: str, bounds: Bounds, now_ns: int) -> Predicate:
    """A half-open range. What is said to the millisecond takes in the whole of it."""
    low = high = None
    if bounds.low is not None:
        up = not bounds.include_low
        ms = parse_ms(bounds.low, now_ns=now_ns, up=up, formats=bounds.formats, zone=bounds.zone)
        low = format_time((ms + up) * MS_NS)
    if bounds.high is not None:
        up = bounds.include_high
        ms = parse_ms(bounds.high, now_ns=now_ns, up=up, formats=bounds.formats, zone=bounds.zone)
        high = format_time((ms + up) * MS_NS)
    return Range(field, low, high, include_low=True, include_high=False)


def _of_values(field: str, bounds: Bounds, now_ns: int) -> Predicate:
    own = canonical(field)
    ends: list[str | None] = []
    for value in (bounds.low, bounds.high):
        if value is None:
            ends.append(None)
            continue
        text = text_of(value)
        if own is not None and own.type in NUMERIC:
            _number(text)
        if own is not None and own.type is Type.LEVEL and parse_level(text) is None:
            raise illegal(f"[{text[:40]}] is no level; log.level compares by severity")
        if isinstance(value, str) and (text.startswith("now") or "||" in text):
            up = value is bounds.high
            text = format_time(parse_ms(value, now_ns=now_ns, up=up, zone=bounds.zone) * MS_NS)[:23] + "Z"
        ends.append(text)
    found = Range(field, ends[0], ends[1], bounds.include_low, bounds.include_high)
    return both([_there(field), found])


def combine(items: Sequence[Predicate], least: int) -> Predicate:
    """At least so many of the items hold.

    Raises:
        Fault: there would be too many combinations.
    """
    if least <= 0:
        return MatchAll()
    if least > len(items):
        return NOTHING
    if least == 1:
        return either(list(items))
    if least == len(items):
        return both(list(items))
    if comb(len(items), least) > MOST_COMBINATIONS:
        raise illegal(f"minimum_should_match [{least}] of [{len(items)}] clauses has too many combinations")
    return either([both(list(some)) for some in combinations(items, least)])


MOST_COMBINATIONS = 256
"""Ways to choose the clauses of one `minimum_should_match`; each is a conjunction of its own."""


def lenient(test: Callable[[Name], Predicate], name: Name) -> Predicate:
    """Among several fields, one that cannot hold the text at all finds nothing."""
    try:
        return test(name)
    except Fault as exc:
        if exc.kind in ("number_format_exception", "parse_exception"):
            return NOTHING
        raise
