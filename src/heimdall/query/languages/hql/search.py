"""Text before the first bar → `Predicate`.

Anything a person pastes should find something: where text could be a filter but is not complete (`refused:` at the
end of a word, `http://…`, `->`) it is taken as words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

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
    Range,
    Regex,
    Word,
)
from heimdall.query.fields import InvalidValue, check_value
from heimdall.query.languages.cursor import Cursor
from heimdall.query.words import tokens

_FIELD_RELATION = re.compile(r"([^\W\d][\w.@/-]*|@[\w.@/-]*)(:(?!//)(?=\S)|\s*(?:!=|>=|<=|==?|>|<)\s*)")
_QUOTED_RELATION = re.compile(r":(?=\S)|\s*(?:!=|>=|<=|==?|>|<)\s*")
_INNER_RELATION = re.compile(r"(?:!=|>=|<=|==?|>|<)\s*")
_KEYWORD = re.compile(r"(and|or|not)(?![^\s()|\"])", re.IGNORECASE)
_BARE = re.compile(r"(?:[^\s()|\"\\]|\\.|\\\Z)+", re.DOTALL)
_BOUND = r"(?:\"(?:[^\"\\]|\\.)*\"|[^\s\"\]}|]+)"
_RANGE = re.compile(rf"([\[{{])\s*({_BOUND})\s+to\s+({_BOUND})\s*([\]}}])", re.IGNORECASE | re.DOTALL)
_LIST = re.compile(r"in\(", re.IGNORECASE)
_EMPTY_GROUP = re.compile(r"\(\s*\)")
_NOT_A_MINUS = frozenset(["", "-", ">", ")", "|"])
_OPERATORS = {
    ":": Operator.EQ,
    "==": Operator.EQ,
    **{operator.value: operator for operator in Operator},
}

Element = Callable[[Cursor], Predicate]


def parse_search(cursor: Cursor) -> Predicate:
    """The search up to the first bar or the end; nothing at all is every record."""
    if cursor.at_pipe_end:
        return MatchAll()
    predicate = _any(cursor, _term)
    cursor.skip()
    if cursor.peek() == ")":
        raise cursor.error("a closing parenthesis without an opening one", hint='quote it to search for it: ")"')
    return predicate


def _any(cursor: Cursor, element: Element) -> Predicate:
    start = cursor.position
    items = [_all(cursor, element)]
    while cursor.take_keyword(_KEYWORD, "or"):
        items.append(_all(cursor, element))
    return items[0] if len(items) == 1 else Or(tuple(items), span=cursor.span(start))


def _all(cursor: Cursor, element: Element) -> Predicate:
    start = cursor.position
    items = [_negated(cursor, element)]
    while True:
        if cursor.take_keyword(_KEYWORD, "and"):
            items.append(_negated(cursor, element))
        elif cursor.at_end or cursor.peek() in "|)" or cursor.keyword(_KEYWORD) == "or":
            return items[0] if len(items) == 1 else And(tuple(items), span=cursor.span(start))
        else:
            items.append(_negated(cursor, element))


def _negated(cursor: Cursor, element: Element) -> Predicate:
    cursor.skip()
    start = cursor.position
    keyword = cursor.keyword(_KEYWORD)
    if keyword == "not":
        cursor.position += 3
    elif cursor.peek() == "-" and cursor.peek(1) not in _NOT_A_MINUS and not cursor.peek(1).isspace():
        cursor.position += 1
    else:
        return _primary(cursor, element)
    with cursor.nested():
        return Not(_negated(cursor, element), span=cursor.span(start))


def _primary(cursor: Cursor, element: Element) -> Predicate:
    cursor.skip()
    start = cursor.position
    cursor.count()
    if cursor.peek() in ("", "|", ")"):
        raise cursor.unexpected("expected a search term")
    if (keyword := cursor.keyword(_KEYWORD)) is not None:
        raise cursor.error(f"'{keyword}' needs a term before it", length=len(keyword), hint=f'quote it: "{keyword}"')
    if cursor.take_match(_EMPTY_GROUP):
        return MatchAll(span=cursor.span(start))
    if not cursor.take("("):
        return element(cursor)
    with cursor.nested():
        predicate = _any(cursor, element)
    if not cursor.take(")"):
        raise cursor.error("a parenthesis is not closed", start, hint="add ) at the end of the group")
    return predicate


def _term(cursor: Cursor) -> Predicate:
    start = cursor.position
    if cursor.peek() == '"':
        text = cursor.quoted()
        relation = cursor.matches(_QUOTED_RELATION)
        if relation is None or not text or not _value_follows(cursor, relation.end()):
            cursor.count(max(0, len(tokens(text)) - 1))
            return Phrase(text, span=cursor.span(start))
        return _filter(cursor, text, relation[0].strip(), relation.end(), start)
    if cursor.peek() == "/" and (pattern := cursor.regex(free=True)) is not None:
        return Regex(pattern, span=cursor.span(start))
    relation = cursor.matches(_FIELD_RELATION)
    if relation is not None and _value_follows(cursor, relation.end()):
        return _filter(cursor, relation[1], relation[2].strip(), relation.end(), start)
    text, pattern = _bare(cursor)
    if pattern is None:
        cursor.count(max(0, len(tokens(text)) - 1))
        return Word(text, span=cursor.span(start))
    return MatchAll(span=cursor.span(start)) if pattern == "*" else Glob(pattern, span=cursor.span(start))


def _value_follows(cursor: Cursor, position: int) -> bool:
    return cursor.text[position : position + 1] not in ("", "|", ")")


# ---- filters on one field -----------------------------------------------------------------------------------------


def _filter(cursor: Cursor, field: str, relation: str, position: int, start: int) -> Predicate:
    cursor.position = position
    if relation != ":":
        return _compared(cursor, field, _OPERATORS[relation], start)
    if cursor.peek() == "(":
        with cursor.nested():
            return _primary(cursor, lambda inner: _value(inner, field))
    if cursor.matches(_LIST):
        return _list(cursor, field, start)
    return _value(cursor, field, start)


def _value(cursor: Cursor, field: str, start: int | None = None) -> Predicate:
    """What may stand after `field:`, or inside its parentheses."""
    start = cursor.position if start is None else start
    if (inner := cursor.matches(_INNER_RELATION)) is not None and _value_follows(cursor, inner.end()):
        cursor.position = inner.end()
        return _compared(cursor, field, _OPERATORS[inner[0].strip()], start)
    if (bounds := cursor.matches(_RANGE)) is not None:
        return _range(cursor, field, bounds, start)
    if cursor.peek() == "/" and (pattern := cursor.regex(free=True)) is not None:
        return Regex(pattern, None if field == "message" else field, span=cursor.span(start))
    in_message = field == "message"
    if cursor.peek() == '"':
        at = cursor.position
        text = cursor.quoted()
        return (
            Phrase(text, span=cursor.span(start))
            if in_message
            else _compare(cursor, field, Operator.EQ, text, start, at)
        )
    at = cursor.position
    text, pattern = _bare(cursor)
    if pattern == "*":
        return Exists(field, span=cursor.span(start))
    if pattern is not None:
        return Glob(pattern, None if in_message else field, span=cursor.span(start))
    return Word(text, span=cursor.span(start)) if in_message else _compare(cursor, field, Operator.EQ, text, start, at)


def _compared(cursor: Cursor, field: str, operator: Operator, start: int) -> Predicate:
    """After `=`, `!=`, `<` …: the value as a whole, also of `message`."""
    at = cursor.position
    if cursor.peek() == '"':
        return _compare(cursor, field, operator, cursor.quoted(), start, at)
    if operator in (Operator.EQ, Operator.NE) and cursor.peek() == "/":
        pattern = cursor.regex(free=True)
        if pattern is not None:
            return _present(Regex(pattern, field, span=cursor.span(start)), field, operator)
    text, pattern = _bare(cursor)
    if pattern is None or operator not in (Operator.EQ, Operator.NE):
        return _compare(cursor, field, operator, text, start, at)
    if pattern == "*":
        exists = Exists(field, span=cursor.span(start))
        return exists if operator is Operator.EQ else Not(exists, span=cursor.span(start))
    return _present(Glob(pattern, field, span=cursor.span(start)), field, operator)


def _present(predicate: Predicate, field: str, operator: Operator) -> Predicate:
    """`!=` asks for a value that is there and differs."""
    if operator is Operator.EQ:
        return predicate
    return And((Exists(field, span=predicate.span), Not(predicate, span=predicate.span)), span=predicate.span)


def _compare(cursor: Cursor, field: str, operator: Operator, value: str, start: int, at: int) -> Compare:
    _check(cursor, field, value, at)
    return Compare(field, operator, value, span=cursor.span(start))


def _range(cursor: Cursor, field: str, bounds: re.Match[str], start: int) -> Range:
    ends: list[str | None] = []
    for group in (2, 3):
        cursor.position = bounds.start(group)
        raw = bounds[group]
        value = None if raw == "*" else cursor.quoted() if raw.startswith('"') else raw
        if value is not None:
            _check(cursor, field, value, bounds.start(group), len(raw))
        ends.append(value)
    cursor.position = bounds.end()
    return Range(field, ends[0], ends[1], bounds[1] == "[", bounds[4] == "]", span=cursor.span(start))


def _list(cursor: Cursor, field: str, start: int) -> Predicate:
    """`field:in(a, b, "c d")`, as other languages write it."""
    cursor.position += 3
    items: list[Predicate] = []
    while True:
        cursor.skip()
        cursor.count()
        at = cursor.position
        if cursor.peek() == '"':
            value = cursor.quoted()
        else:
            item = re.compile(r"[^\s,()|\"]+").match(cursor.text, at)
            if item is None:
                raise cursor.unexpected("expected a value", "a list is written field:in(a, b)")
            cursor.position = item.end()
            value = item[0]
        items.append(_compare(cursor, field, Operator.EQ, value, at, at))
        if cursor.take(")"):
            return items[0] if len(items) == 1 else Or(tuple(items), span=cursor.span(start))
        cursor.expect(",", "a list is written field:in(a, b)")


def _check(cursor: Cursor, field: str, value: str, at: int, length: int | None = None) -> None:
    try:
        check_value(field, value)
    except InvalidValue as exc:
        raise cursor.error(str(exc), at, length or cursor.position - at, exc.hint) from None


# ---- words --------------------------------------------------------------------------------------------------------


def _bare(cursor: Cursor) -> tuple[str, str | None]:
    """An unquoted value: its text, and its pattern when it has wildcards."""
    match = cursor.take_match(_BARE)
    if match is None:
        raise cursor.unexpected("expected a value")
    raw = match[0]
    if "\\" not in raw and "*" not in raw and "?" not in raw:
        return raw, None
    text: list[str] = []
    pattern: list[str] = []
    wild = False
    escaped = False
    for char in raw:
        if escaped or char not in "\\*?":
            text.append(char)
            pattern.append(f"\\{char}" if char in "\\*?" else char)
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            wild = True
            text.append(char)
            pattern.append(char)
    if escaped:  # a lone backslash at the very end stands for itself
        text.append("\\")
        pattern.append("\\\\")
    return "".join(text), "".join(pattern) if wild else None
