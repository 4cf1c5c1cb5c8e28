"""Expressions of `eval` and `where`: or, xor · and · not · comparison, `like`, `in` · `+ - .` · `* / %` · atoms.

Texts stand in double quotes, odd field names in single ones, and a dot joins texts. `not` is pushed down, since Splunk
keeps no row whose condition is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from heimdall.query.ast import (
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Field,
    Literal,
    Minus,
    Negate,
    Operator,
    Within,
)
from heimdall.query.languages.calls import EVAL, Unfit, like
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.logic import all_of, any_of, settled
from heimdall.query.languages.spl.names import field_name
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_number

_NAME = re.compile(r"[^\W\d][\w:]*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+(?!\s*\()")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])")
_SIGN = re.compile(r"==|!=|<=|>=|<|>|=")
_SUM = re.compile(r"[+.-]")
_PRODUCT = re.compile(r"[*/%]")
_WORDS = ("and", "or", "not", "xor", "like", "in", "as", "by")
_LARGEST_INTEGER = (1 << 63) - 1


def parse_expression(cursor: Cursor, gaps: Gaps) -> Expression:
    return settled(_any(cursor, gaps))


def _any(cursor: Cursor, gaps: Gaps) -> Expression:
    with cursor.nested():
        start = cursor.position
        items = [_all(cursor, gaps)]
        while cursor.take_word("or") or _xor(cursor, gaps):
            items.append(_all(cursor, gaps))
        return items[0] if len(items) == 1 else _spanned(any_of(items), cursor, start)


def _spanned(expression: Expression, cursor: Cursor, start: int) -> Expression:
    return replace(expression, span=cursor.span(start))


def _xor(cursor: Cursor, gaps: Gaps) -> bool:
    if not cursor.take_word("xor"):
        return False
    gaps.add(cursor.position - 3, cursor.position, "there is no exclusive or", "(a and not b) or (b and not a)")
    return True


def _all(cursor: Cursor, gaps: Gaps) -> Expression:
    items = [_not(cursor, gaps)]
    while cursor.take_word("and"):
        items.append(_not(cursor, gaps))
    return items[0] if len(items) == 1 else all_of(items)


def _not(cursor: Cursor, gaps: Gaps) -> Expression:
    if not cursor.take_word("not"):
        return _compared(cursor, gaps)
    with cursor.nested():
        return Negate(_not(cursor, gaps))


def _compared(cursor: Cursor, gaps: Gaps) -> Expression:
    cursor.skip()
    start = cursor.position
    left = _sum(cursor, gaps)
    cursor.skip()
    sign = cursor.take_match(_SIGN)
    if sign is not None:
        operator = Operator.EQ if sign[0] in ("=", "==") else Operator(sign[0])
        return Comparison(operator, left, _sum(cursor, gaps), span=cursor.span(start))
    if cursor.take_word("like"):
        pattern = _sum(cursor, gaps)
        return _meant(cursor, gaps, start, "like", lambda: like([left, pattern]))
    if cursor.take_word("in"):
        cursor.expect("(", 'a list is written field IN ("a", "b")')
        return Within(left, tuple(_list(cursor, gaps)), span=cursor.span(start))
    return left


def _list(cursor: Cursor, gaps: Gaps) -> list[Expression]:
    items: list[Expression] = []
    if cursor.take(")"):
        return items
    while True:
        items.append(_any(cursor, gaps))
        if cursor.take(")"):
            return items
        cursor.expect(",", "separate with commas and end with )")


def _sum(cursor: Cursor, gaps: Gaps) -> Expression:
    cursor.skip()
    start = cursor.position
    left = _product(cursor, gaps)
    while True:
        cursor.skip()
        sign = cursor.take_match(_SUM)
        if sign is None:
            return left
        right = _product(cursor, gaps)
        if sign[0] == ".":
            before = left.arguments if isinstance(left, Call) and left.name == "concat" else (left,)
            left = Call("concat", (*before, right), span=cursor.span(start))
        else:
            left = Arithmetic(sign[0], left, right, span=cursor.span(start))


def _product(cursor: Cursor, gaps: Gaps) -> Expression:
    cursor.skip()
    start = cursor.position
    left = _unary(cursor, gaps)
    while True:
        cursor.skip()
        sign = cursor.take_match(_PRODUCT)
        if sign is None:
            return left
        left = Arithmetic(sign[0], left, _unary(cursor, gaps), span=cursor.span(start))


def _unary(cursor: Cursor, gaps: Gaps) -> Expression:
    cursor.skip()
    start = cursor.position
    if not cursor.take("-"):
        return _atom(cursor, gaps)
    with cursor.nested():
        item = _unary(cursor, gaps)
    if isinstance(item, Literal) and type(item.value) in (int, float):
        return Literal(-item.value, span=cursor.span(start))  # type: ignore[operator]  # numbers, as just seen
    return Minus(item, span=cursor.span(start))


def _atom(cursor: Cursor, gaps: Gaps) -> Expression:
    cursor.skip()
    cursor.count()
    start = cursor.position
    if cursor.peek() == '"':
        return Literal(cursor.quoted(), span=cursor.span(start))
    if cursor.peek() == "'":
        name = cursor.quoted("'")
        if not name:
            raise cursor.error("a field name is empty", start, 2)
        return Field(field_name(name), span=cursor.span(start))
    if cursor.take("("):
        inner = _any(cursor, gaps)
        cursor.expect(")", "a parenthesis is not closed")
        return inner
    if (match := cursor.take_match(_NUMBER)) is not None:
        return _number(cursor, match[0], start)
    if (dotted := cursor.matches(_DOTTED)) is not None:
        gaps.add(
            start, dotted.end(), "a dot joins texts in eval", f"for the field write '{dotted[0]}' in single quotes"
        )
        cursor.position = dotted.end()
        return Literal(None)
    word = cursor.matches(_NAME)
    if word is None or (word[0].lower() in _WORDS and cursor.text[word.end() : word.end() + 1] != "("):
        raise cursor.unexpected("expected a value", "texts go in double quotes, odd field names in single ones")
    cursor.position = word.end()
    if cursor.peek() != "(":
        return Field(field_name(word[0]), span=cursor.span(start))
    cursor.position += 1
    arguments = _list(cursor, gaps)
    return called(cursor, gaps, word[0].lower(), arguments, start)


def _number(cursor: Cursor, text: str, start: int) -> Expression:
    value = parse_number(text)
    if value is None:
        raise cursor.error("the number is too large", start, len(text), "64-bit floats end at 1.8e308")
    whole = text.isdigit() and len(text) < 20 and int(text) <= _LARGEST_INTEGER
    return Literal(int(text) if whole else value, span=cursor.span(start))


def called(cursor: Cursor, gaps: Gaps, name: str, arguments: list[Expression], start: int) -> Expression:
    meaning = EVAL.get(name)
    if meaning is None:
        nearest = NEAREST_FUNCTION.get(name) or did_you_mean(name, list(EVAL))
        gaps.add(start, start + len(name), "there is no such function", nearest)
        return Literal(None)
    return _meant(cursor, gaps, start, name, lambda: meaning(arguments))


def _meant(cursor: Cursor, gaps: Gaps, start: int, name: str, make: Callable[[], Expression]) -> Expression:
    try:
        made = make()
    except Unfit as unfit:
        gaps.add(start, cursor.position, f"{name}: {unfit.why}", unfit.nearest)
        return Literal(None)
    return _spanned(made, cursor, start) if made.span is None else made


NEAREST_FUNCTION: dict[str, str] = {
    "strftime": "bin(timestamp, 1h), hour(timestamp), tostring(timestamp)",
    "strptime": "times are read when a record comes in; compare with a quoted time",
    "relative_time": "timestamp - 1h",
    "time": "now()",
    "mvcount": "lists are JSON text",
    "mvindex": "split(text, separator, place)",
    "mvjoin": "values(field)",
    "spath": "the fields of JSON are fields already: a.b.c",
}
