"""Expressions of `where`, `extend`, `stats` …: text → `Expression`.

or · and · not · = == != < <= > >= =~ !~ in · + - · * / % · unary - · literal, field, function(…), (…)
"""

from __future__ import annotations

import re

from heimdall.query.ast import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Duration,
    Expression,
    Field,
    Literal,
    Minus,
    Negate,
    Operator,
    Pattern,
    Within,
    depth,
)
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.printer import EXPRESSION_FIELD, RESERVED
from heimdall.query.literals import parse_duration, parse_number

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h|d|w))+(?![\w.])")
_BAD_NUMBER = re.compile(r"[0-9][\w.]*")
_COMPARISON = re.compile(r"==|=~|!~|!=|<=|>=|=(?!=)|<|>")
_SUM = re.compile(r"[+-]")
_PRODUCT = re.compile(r"[*/%]")
_NUMBER_START = frozenset("0123456789.")
_LARGEST_INTEGER = (1 << 63) - 1


def parse_expression(cursor: Cursor) -> Expression:
    start = cursor.position
    expression = _any(cursor)
    if depth(expression) > MAX_DEPTH:
        raise cursor.error_at(
            cursor.span(start), f"nested deeper than {MAX_DEPTH} levels", "compute it in several steps with extend"
        )
    return expression


def _any(cursor: Cursor) -> Expression:
    with cursor.nested():
        start = cursor.position
        items = [_all(cursor)]
        while cursor.take_word("or"):
            items.append(_all(cursor))
        return items[0] if len(items) == 1 else AnyOf(tuple(items), span=cursor.span(start))


def _all(cursor: Cursor) -> Expression:
    start = cursor.position
    items = [_negated(cursor)]
    while cursor.take_word("and"):
        items.append(_negated(cursor))
    return items[0] if len(items) == 1 else AllOf(tuple(items), span=cursor.span(start))


def _negated(cursor: Cursor) -> Expression:
    cursor.skip()
    start = cursor.position
    if not cursor.take_word("not"):
        return _compared(cursor)
    with cursor.nested():
        return Negate(_negated(cursor), span=cursor.span(start))


def _compared(cursor: Cursor) -> Expression:
    cursor.skip()
    start = cursor.position
    left = _sum(cursor)
    cursor.skip()
    sign = cursor.take_match(_COMPARISON)
    if sign is not None:
        right = _sum(cursor)
        span = cursor.span(start)
        if sign[0] in ("=~", "!~"):
            found = Call("matches", (left, right), span=span)
            return found if sign[0] == "=~" else Negate(found, span=span)
        operator = Operator.EQ if sign[0] == "==" else Operator(sign[0])
        return Comparison(operator, left, right, span=span)
    if cursor.peek() == ":" and isinstance(left, Field):
        hint = f'in an expression write {left.name} == "value"; field:value belongs before the first bar'
        raise cursor.error("field:value is search syntax", hint=hint)
    if cursor.take_word("in"):
        cursor.expect("(", 'a list is written field in ("a", "b")')
        return Within(left, _list(cursor, ")"), span=cursor.span(start))
    return left


def _list(cursor: Cursor, end: str) -> tuple[Expression, ...]:
    items = [_any(cursor)]
    while not cursor.take(end):
        cursor.expect(",", f"separate with commas and end with {end}")
        items.append(_any(cursor))
    return tuple(items)


def _sum(cursor: Cursor) -> Expression:
    cursor.skip()
    start = cursor.position
    left = _product(cursor)
    while True:
        cursor.skip()
        sign = cursor.take_match(_SUM)
        if sign is None:
            return left
        left = Arithmetic(sign[0], left, _product(cursor), span=cursor.span(start))


def _product(cursor: Cursor) -> Expression:
    start = cursor.position
    left = _unary(cursor)
    while True:
        cursor.skip()
        sign = cursor.take_match(_PRODUCT)
        if sign is None:
            return left
        left = Arithmetic(sign[0], left, _unary(cursor), span=cursor.span(start))


def _unary(cursor: Cursor) -> Expression:
    cursor.skip()
    start = cursor.position
    if not cursor.take("-"):
        return _atom(cursor)
    cursor.skip()
    directly = cursor.peek() in _NUMBER_START
    with cursor.nested():
        item = _unary(cursor)
    if directly and isinstance(item, Literal) and isinstance(item.value, int | float):
        return Literal(-item.value, span=cursor.span(start))
    return Minus(item, span=cursor.span(start))


def _atom(cursor: Cursor) -> Expression:
    cursor.skip()
    cursor.count()
    start = cursor.position
    char = cursor.peek()
    if char in ('"', "'"):
        return Literal(cursor.quoted(char), span=cursor.span(start))
    if char == "/":
        pattern = cursor.regex(free=False)
        if pattern is None:
            raise cursor.error("expected a value", hint="a regular expression is written /pattern/")
        return Pattern(pattern, span=cursor.span(start))
    if cursor.take("("):
        inner = _any(cursor)
        if not cursor.take(")"):
            raise cursor.unexpected("expected ')'", "a parenthesis is not closed")
        return inner
    if char in _NUMBER_START:
        return _number(cursor)
    if char == "`":
        return Field(quoted_field(cursor), span=cursor.span(start))
    word = cursor.take_match(EXPRESSION_FIELD)
    if word is None:
        raise cursor.unexpected("expected a value", "text goes in quotes, odd field names in backquotes: `http-status`")
    return _word(cursor, word[0], start)


def _word(cursor: Cursor, word: str, start: int) -> Expression:
    if cursor.peek() == "(" and word.lower() not in RESERVED:
        cursor.position += 1
        arguments = () if cursor.take(")") else _list(cursor, ")")
        return Call(word.lower(), arguments, span=cursor.span(start))
    match word.lower():
        case "true" | "false" as truth:
            return Literal(truth == "true", span=cursor.span(start))
        case "null":
            return Literal(None, span=cursor.span(start))
        case reserved if reserved in RESERVED:
            cursor.position = start
            hint = f"a field of that name is written `{word}`"
            raise cursor.error(f"expected a value, found '{word}'", length=len(word), hint=hint)
    return Field(word, span=cursor.span(start))


def _number(cursor: Cursor) -> Expression:
    start = cursor.position
    if (match := cursor.take_match(_NUMBER)) is not None:
        value = parse_number(match[0])
        if value is None:
            raise cursor.error("the number is too large", start, len(match[0]), "64-bit floats end at 1.8e308")
        whole = match[0].isdigit() and len(match[0]) < 20 and int(match[0]) <= _LARGEST_INTEGER
        return Literal(int(match[0]) if whole else value, span=cursor.span(start))
    if (match := cursor.take_match(_DURATION)) is not None and (length := parse_duration(match[0])) is not None:
        return Duration(length, span=cursor.span(start))
    bad = _BAD_NUMBER.match(cursor.text, start)
    text = bad[0] if bad else "."
    raise cursor.error(
        f"'{text[:40]}' is neither a number nor a duration", start, len(text), "durations: 250ms, 5m, 1h30m"
    )


def quoted_field(cursor: Cursor) -> str:
    start = cursor.position
    name = cursor.quoted("`")
    if not name:
        raise cursor.error("a field name is empty", start, 2)
    return name


def parse_field(cursor: Cursor) -> str:
    """A field name, in backquotes or double quotes when it is an odd one."""
    cursor.skip()
    start = cursor.position
    if cursor.peek() == "`":
        return quoted_field(cursor)
    if cursor.peek() == '"':
        name = cursor.quoted()
        if not name:
            raise cursor.error("a field name is empty", start, 2)
        return name
    word = cursor.take_match(EXPRESSION_FIELD)
    if word is None or word[0].lower() in RESERVED:
        cursor.position = start
        raise cursor.unexpected("expected a field name", "odd names go in backquotes: `http-status`")
    return word[0]


def parse_fields(cursor: Cursor) -> tuple[str, ...]:
    """Field names, separated by commas."""
    names = [parse_field(cursor)]
    while cursor.take(","):
        names.append(parse_field(cursor))
    return tuple(names)
