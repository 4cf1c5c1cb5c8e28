"""The search in front of the first bar, and behind `| search`.

`not` binds tighter than `or`, and `or` tighter than `and` and than terms side by side, as Splunk has it.
"""

from __future__ import annotations

import re

from heimdall.query.ast import (
    And,
    Compare,
    Exists,
    Glob,
    MatchAll,
    Not,
    Operator,
    Or,
    Phrase,
    Predicate,
    Word,
)
from heimdall.query.fields import InvalidValue, check_value
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.spl.names import field_name
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_instant, parse_milliseconds
from heimdall.query.words import tokens

_FIELD = re.compile(r"(\"(?:[^\"\\]|\\.)+\"|[^\W\d][\w.:@/{}-]*?)\s*(!=|<=|>=|==|=|<|>)")
_IN = re.compile(r"([^\W\d][\w.:@/{}-]*)\s+IN\s*\(")
_VALUE = re.compile(r"now\(\)|[^\s()|\"\[\],]+")
_LIST_VALUE = re.compile(r"[^\s(),|\"\[\]]+")
_BARE = re.compile(r"[^\s()|\"\[\]]+")
_KEYWORD = re.compile(r"(AND|OR|NOT)(?![^\s()|\"])")
_MACRO = re.compile(r"`[^`]*`?")
_CALL = re.compile(r"(TERM|CASE)\(([^()|]*)\)")
_TIMES = {"earliest": Operator.GE, "latest": Operator.LT}
_SNAPPED = re.compile(r"[+-]?\d*[a-z]*@[a-z]+\d?.*", re.IGNORECASE)


def parse_search(cursor: Cursor, gaps: Gaps) -> Predicate:
    """Up to the next bar or the end; nothing at all is every record."""
    if cursor.at_pipe_end:
        return MatchAll()
    found = _all(cursor, gaps)
    cursor.skip()
    if cursor.peek() == ")":
        raise cursor.error("a closing parenthesis without an opening one", hint='quote it to search for it: ")"')
    return found


def _all(cursor: Cursor, gaps: Gaps) -> Predicate:
    start = cursor.position
    items = [_any(cursor, gaps)]
    while True:
        if cursor.take_keyword(_KEYWORD, "and"):
            items.append(_any(cursor, gaps))
        elif cursor.at_pipe_end or cursor.peek() in ")]":
            narrowing = [item for item in items if not isinstance(item, MatchAll)] or items[:1]
            return narrowing[0] if len(narrowing) == 1 else And(tuple(narrowing), span=cursor.span(start))
        else:
            items.append(_any(cursor, gaps))


def _any(cursor: Cursor, gaps: Gaps) -> Predicate:
    start = cursor.position
    items = [_negated(cursor, gaps)]
    while cursor.take_keyword(_KEYWORD, "or"):
        items.append(_negated(cursor, gaps))
    return items[0] if len(items) == 1 else Or(tuple(items), span=cursor.span(start))


def _negated(cursor: Cursor, gaps: Gaps) -> Predicate:
    cursor.skip()
    start = cursor.position
    if not cursor.take_keyword(_KEYWORD, "not"):
        return _primary(cursor, gaps)
    with cursor.nested():
        return Not(_negated(cursor, gaps), span=cursor.span(start))


def _primary(cursor: Cursor, gaps: Gaps) -> Predicate:
    cursor.skip()
    cursor.count()
    start = cursor.position
    if cursor.peek() in ("", "|", ")"):
        raise cursor.unexpected("expected a search term")
    if (keyword := cursor.keyword(_KEYWORD)) is not None:
        word = keyword.upper()  # as it has to be written to be one
        raise cursor.error(f"'{word}' needs a term before it", length=len(word), hint=f'quote it: "{word}"')
    if cursor.peek() == "(":
        return _group(cursor, gaps)
    if cursor.peek() == "[":
        return _subsearch(cursor, gaps)
    if (macro := cursor.take_match(_MACRO)) is not None:
        gaps.add(start, macro.end(), "macros live in Splunk", "write what it stands for")
        return MatchAll()
    if (call := cursor.take_match(_CALL)) is not None:
        gaps.add(start, call.end(), f"{call[1]}() looks into Splunk's index", f'"{call[2]}"')
        return MatchAll()
    if (listed := cursor.matches(_IN)) is not None:
        return _list(cursor, gaps, listed)
    if (relation := cursor.matches(_FIELD)) is not None:
        return _filter(cursor, gaps, relation)
    return _text(cursor)


def _group(cursor: Cursor, gaps: Gaps) -> Predicate:
    start = cursor.position
    cursor.position += 1
    if cursor.take(")"):
        return MatchAll(span=cursor.span(start))
    with cursor.nested():
        found = _all(cursor, gaps)
    if not cursor.take(")"):
        raise cursor.error("a parenthesis is not closed", start, hint="add ) at the end of the group")
    return found


def _subsearch(cursor: Cursor, gaps: Gaps) -> Predicate:
    end = _end_of_subsearch(cursor)
    gaps.add(cursor.position, end, "a search inside a search", "run it first, then write its values: field:in(a, b)")
    cursor.position = end
    return MatchAll()


def _end_of_subsearch(cursor: Cursor) -> int:
    depth = 0
    for place in range(cursor.position, len(cursor.text)):
        depth += {"[": 1, "]": -1}.get(cursor.text[place], 0)
        if depth == 0:
            return place + 1
    raise cursor.error("a bracket is not closed", hint="add ] at the end of the search inside")


def _text(cursor: Cursor) -> Predicate:
    start = cursor.position
    if cursor.peek() == '"':
        text = cursor.quoted()
        cursor.count(max(0, len(tokens(text)) - 1))
        return Phrase(text, span=cursor.span(start))
    match = cursor.take_match(_BARE)
    if match is None:
        raise cursor.unexpected("expected a search term")
    if match[0] == "*":
        return MatchAll(span=cursor.span(start))
    cursor.count(max(0, len(tokens(match[0])) - 1))
    if "*" in match[0]:
        return Glob(_glob(match[0]), span=cursor.span(start))
    return Word(match[0], span=cursor.span(start))


def _glob(text: str) -> str:
    """Only the star is wild in Splunk."""
    return re.sub(r"[\\?]", lambda m: f"\\{m[0]}", text)


# ---- filters on one field -----------------------------------------------------------------------------------------


def _filter(cursor: Cursor, gaps: Gaps, relation: re.Match[str]) -> Predicate:
    start = cursor.position
    written = relation[1][1:-1] if relation[1].startswith('"') else relation[1]
    cursor.position = relation.end()
    cursor.skip()
    at = cursor.position
    if cursor.peek() == "[":
        return _subsearch(cursor, gaps)
    if cursor.peek() == '"':
        value = cursor.quoted()
    else:
        match = cursor.take_match(_VALUE)
        if match is None:
            raise cursor.unexpected("expected a value")
        value = match[0]
    if written in _TIMES and relation[2] in ("=", "=="):
        return _time(cursor, gaps, _TIMES[written], value, start)
    operator = Operator.EQ if relation[2] == "==" else Operator(relation[2])
    return _compared(cursor, gaps, field_name(written), operator, value, start, at)


def _compared(cursor: Cursor, gaps: Gaps, field: str, operator: Operator, value: str, start: int, at: int) -> Predicate:
    span = cursor.span(start)
    equality = operator in (Operator.EQ, Operator.NE)
    if equality and value == "*":
        there = Exists(field, span=span)
        return there if operator is Operator.EQ else Not(there, span=span)
    if equality and "*" in value:
        glob = Glob(_glob(value), field, span=span)
        return glob if operator is Operator.EQ else And((Exists(field, span=span), Not(glob, span=span)), span=span)
    try:
        check_value(field, value)
    except InvalidValue as exc:
        raise cursor.error(str(exc), at, cursor.position - at, exc.hint) from None
    if not equality and parse_milliseconds(value) is None and field not in ("level", "timestamp"):
        gaps.add(at, cursor.position, "texts are compared by their characters here", f'{field} {operator} "{value}"')
    return Compare(field, operator, value, span=span)


def _time(cursor: Cursor, gaps: Gaps, operator: Operator, value: str, start: int) -> Predicate:
    span = cursor.span(start)
    if value == "0" and operator is Operator.GE:
        return MatchAll(span=span)
    spelt = re.sub(r"(?<=\d)(mon|mins?|minutes?|hrs?|hours?|days?|secs?|seconds?)\b", _unit, value)
    spelt = "now" if spelt == "now()" else spelt
    if _SNAPPED.fullmatch(value) or parse_instant(spelt, 0) is None:
        sign = "timestamp>=" if operator is Operator.GE else "timestamp<"
        gaps.add(
            start, cursor.position, "times snap to no unit here", f"{sign}-1h, or a time such as 2026-11-22T10:15:00Z"
        )
        return MatchAll()
    return Compare("timestamp", operator, spelt, span=span)


def _unit(match: re.Match[str]) -> str:
    return "mo" if match[1] == "mon" else match[1][0]


def _list(cursor: Cursor, gaps: Gaps, listed: re.Match[str]) -> Predicate:
    start = cursor.position
    cursor.position = listed.end()
    field = field_name(listed[1])
    items: list[Predicate] = []
    while True:
        cursor.skip()
        cursor.count()
        at = cursor.position
        if cursor.peek() == '"':
            value = cursor.quoted()
        else:
            match = cursor.take_match(_LIST_VALUE)
            if match is None:
                raise cursor.unexpected("expected a value", "a list is written field IN (a, b)")
            value = match[0]
        items.append(_compared(cursor, gaps, field, Operator.EQ, value, at, at))
        if cursor.take(")"):
            return items[0] if len(items) == 1 else Or(tuple(items), span=cursor.span(start))
        cursor.take(",")
