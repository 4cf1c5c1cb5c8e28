"""Expressions of SPL's and PPL's `eval` and `where`: or, xor · and · not · comparison · `+ -` · `* / %` · atoms.

What tells the two apart is their `Dialect`. `not` is pushed down, since neither keeps a row whose condition is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

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
from heimdall.query.languages.calls import Meaning, Unfit, like
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.logic import all_of, any_of, settled
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_number

_NAME = re.compile(r"[^\W\d][\w:]*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+(?!\s*\()")
_AT_NAME = re.compile(r"@[^\W\d]\w*")
_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])")
_SIGN = re.compile(r"==|!=|<>|<=|>=|<|>|=")
_PRODUCT = re.compile(r"[*/%]")
_WORDS = ("and", "or", "not", "xor", "like", "in", "as", "by")
_LARGEST_INTEGER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one language writes otherwise than the other."""

    functions: Mapping[str, Meaning]
    nearest: Mapping[str, str]
    """Function that HQL has no place for → what comes closest."""
    field_name: Callable[[str], str]
    text_marks: str
    """Quotation marks of texts."""
    name_mark: str
    """Quotation mark of odd field names."""
    dot_joins: bool
    """A dot joins texts; else it stands in field names."""
    sql_tests: bool
    """`between … and …`, `is [not] null`, `not in`, `not like` and `case(…, … else …)` are known."""


class ExpressionReader:
    """Reads expressions of `dialect` at the cursor."""

    def __init__(self, cursor: Cursor, gaps: Gaps, dialect: Dialect) -> None:
        self._cursor = cursor
        self._gaps = gaps
        self._dialect = dialect

    def read(self) -> Expression:
        return settled(self._any())

    def _any(self) -> Expression:
        cursor = self._cursor
        with cursor.nested():
            start = cursor.position
            items = [self._all()]
            while cursor.take_word("or") or self._xor():
                items.append(self._all())
            return items[0] if len(items) == 1 else self._spanned(any_of(items), start)

    def _spanned(self, expression: Expression, start: int) -> Expression:
        return replace(expression, span=self._cursor.span(start))

    def _xor(self) -> bool:
        cursor = self._cursor
        if not cursor.take_word("xor"):
            return False
        self._gaps.add(
            cursor.position - 3, cursor.position, "there is no exclusive or", "(a and not b) or (b and not a)"
        )
        return True

    def _all(self) -> Expression:
        items = [self._not()]
        while self._cursor.take_word("and"):
            items.append(self._not())
        return items[0] if len(items) == 1 else all_of(items)

    def _not(self) -> Expression:
        if not self._cursor.take_word("not"):
            return self._compared()
        with self._cursor.nested():
            return Negate(self._not())

    def _compared(self) -> Expression:
        cursor = self._cursor
        cursor.skip()
        start = cursor.position
        left = self._sum()
        cursor.skip()
        sign = cursor.take_match(_SIGN)
        if sign is not None:
            return Comparison(_operator(sign[0]), left, self._sum(), span=cursor.span(start))
        if self._dialect.sql_tests:
            if cursor.take_word("is"):
                absent = not cursor.take_word("not")
                if not cursor.take_word("null"):
                    raise cursor.unexpected("expected 'null'")
                present = Call("exists", (left,), span=cursor.span(start))
                return Negate(present) if absent else present
            if cursor.take_word("not"):
                found = self._tested(left, start)
                if found is None:
                    raise cursor.unexpected("expected 'in', 'like' or 'between'")
                return Negate(found)
        return self._tested(left, start) or left

    def _tested(self, left: Expression, start: int) -> Expression | None:
        cursor = self._cursor
        if cursor.take_word("like"):
            pattern = self._sum()
            return self._meant(start, "like", lambda: like([left, pattern]))
        if cursor.take_word("in"):
            cursor.expect("(", 'a list is written field IN ("a", "b")')
            return Within(left, tuple(self._list()), span=cursor.span(start))
        if self._dialect.sql_tests and cursor.take_word("between"):
            return self._between(left, start)
        return None

    def _between(self, left: Expression, start: int) -> Expression:
        low = self._sum()
        if not self._cursor.take_word("and"):
            raise self._cursor.unexpected("expected 'and'", "field between 1 and 5")
        high = self._sum()
        bounds: list[Expression] = [Comparison(Operator.GE, left, low), Comparison(Operator.LE, left, high)]
        return self._spanned(all_of(bounds), start)

    def _list(self) -> list[Expression]:
        items: list[Expression] = []
        if self._cursor.take(")"):
            return items
        while True:
            items.append(self._any())
            if self._cursor.take(")"):
                return items
            if self._dialect.sql_tests and self._cursor.take_word("else"):
                items += [Literal(value=True), self._any()]
                self._cursor.expect(")", "a parenthesis is not closed")
                return items
            self._cursor.expect(",", "separate with commas and end with )")

    def _sum(self) -> Expression:
        cursor = self._cursor
        cursor.skip()
        start = cursor.position
        left = self._product()
        while True:
            cursor.skip()
            sign = cursor.peek()
            if sign not in ("+", "-", ".") or (sign == "." and not self._dialect.dot_joins):
                return left
            cursor.position += 1
            right = self._product()
            if sign == ".":
                before = left.arguments if isinstance(left, Call) and left.name == "concat" else (left,)
                left = Call("concat", (*before, right), span=cursor.span(start))
            else:
                left = Arithmetic(sign, left, right, span=cursor.span(start))

    def _product(self) -> Expression:
        cursor = self._cursor
        cursor.skip()
        start = cursor.position
        left = self._unary()
        while True:
            cursor.skip()
            sign = cursor.take_match(_PRODUCT)
            if sign is None:
                return left
            left = Arithmetic(sign[0], left, self._unary(), span=cursor.span(start))

    def _unary(self) -> Expression:
        cursor = self._cursor
        cursor.skip()
        start = cursor.position
        if not cursor.take("-"):
            return self._atom()
        with cursor.nested():
            item = self._unary()
        if isinstance(item, Literal) and type(item.value) in (int, float):
            return Literal(-item.value, span=cursor.span(start))  # type: ignore[operator]  # numbers, as just seen
        return Minus(item, span=cursor.span(start))

    def _atom(self) -> Expression:
        cursor, dialect = self._cursor, self._dialect
        cursor.skip()
        cursor.count()
        start = cursor.position
        mark = cursor.peek()
        if mark and mark in dialect.text_marks:
            return Literal(cursor.quoted(mark), span=cursor.span(start))
        if mark == dialect.name_mark:
            name = cursor.quoted(mark)
            if not name:
                raise cursor.error("a field name is empty", start, 2)
            return Field(dialect.field_name(name), span=cursor.span(start))
        if cursor.take("("):
            inner = self._any()
            cursor.expect(")", "a parenthesis is not closed")
            return inner
        if (match := cursor.take_match(_NUMBER)) is not None:
            return self._number(match[0], start)
        if (dotted := cursor.matches(_DOTTED)) is not None:
            cursor.position = dotted.end()
            return self._dotted(dotted[0], start)
        if not dialect.dot_joins and (special := cursor.take_match(_AT_NAME)) is not None:
            return Field(dialect.field_name(special[0]), span=cursor.span(start))
        word = cursor.matches(_NAME)
        if word is None or (word[0].lower() in _WORDS and cursor.text[word.end() : word.end() + 1] != "("):
            raise cursor.unexpected(
                "expected a value", f"texts go in double quotes, odd field names between {dialect.name_mark}"
            )
        cursor.position = word.end()
        if cursor.peek() == "(":
            cursor.position += 1
            arguments = self._list()
            return self._called(word[0].lower(), arguments, start)
        if dialect.sql_tests and word[0].lower() in ("true", "false", "null"):
            value = {"true": True, "false": False}.get(word[0].lower())
            return Literal(value, span=cursor.span(start))
        return Field(dialect.field_name(word[0]), span=cursor.span(start))

    def _dotted(self, name: str, start: int) -> Expression:
        if not self._dialect.dot_joins:
            return Field(self._dialect.field_name(name), span=self._cursor.span(start))
        self._gaps.add(
            start,
            self._cursor.position,
            "a dot joins texts in eval",
            f"for the field write '{name}' in single quotes",
        )
        return Literal(None)

    def _number(self, text: str, start: int) -> Expression:
        value = parse_number(text)
        if value is None:
            raise self._cursor.error("the number is too large", start, len(text), "64-bit floats end at 1.8e308")
        whole = text.isdigit() and len(text) < 20 and int(text) <= _LARGEST_INTEGER
        return Literal(int(text) if whole else value, span=self._cursor.span(start))

    def _called(self, name: str, arguments: list[Expression], start: int) -> Expression:
        meaning = self._dialect.functions.get(name)
        if meaning is None:
            nearest = self._dialect.nearest.get(name) or did_you_mean(name, list(self._dialect.functions))
            self._gaps.add(start, start + len(name), "there is no such function", nearest)
            return Literal(None)
        return self._meant(start, name, lambda: meaning(arguments))

    def _meant(self, start: int, name: str, make: Callable[[], Expression]) -> Expression:
        try:
            made = make()
        except Unfit as unfit:
            self._gaps.add(start, self._cursor.position, f"{name}: {unfit.why}", unfit.nearest)
            return Literal(None)
        return self._spanned(made, start) if made.span is None else made


def _operator(sign: str) -> Operator:
    return Operator({"==": "=", "<>": "!="}.get(sign, sign))
