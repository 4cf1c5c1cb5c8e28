"""`service.name: (cart or payment) and not message: "card declined" and http.status_code >= 500`.

`or` binds loosest, then `and`, then `not`. Words side by side without quotes are one value: in the message any of them,
in other fields all of the text. Source: Kibana's guide to KQL, and the match query it is turned into.
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
    Word,
)
from heimdall.query.fields import InvalidValue, check_value, field_type
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.esdsl.names import name_of
from heimdall.query.languages.translation import Gaps, Translation, check_size, translation
from heimdall.query.literals import parse_instant
from heimdall.query.types import Type
from heimdall.query.words import tokens

_LITERAL = re.compile(r"(?:[^\s()\"\\:<>{}]|\\.)+", re.DOTALL)
_VALUE = re.compile(r"(?:[^\s()\"\\<>{}]|\\.)+", re.DOTALL)
_KEYWORD = re.compile(r"(and|or|not)(?=[\s()\"]|\Z)", re.IGNORECASE)
_RELATION = re.compile(r"\s*(:|<=|>=|<|>)")
_NOW = re.compile(r"now(?:([+-]\d{1,9}[smhdw]))?")

Element = Callable[[], Predicate]


def parse(text: str) -> Translation:
    """KQL → tree.

    Raises:
        QuerySyntaxError: the text is no KQL, or asks for something that cannot be.
    """
    check_size(text)
    reader = _Reader(text)
    search: Predicate = MatchAll()
    if not reader.cursor.at_end:
        search = reader.any_of(reader.clause)
        if not reader.cursor.at_end:
            raise reader.cursor.unexpected("expected 'and', 'or' or the end of the query")
    return translation("kql", text, search, [], reader.gaps)


class _Reader:
    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.gaps = Gaps(text)

    # ---- how clauses, and values in parentheses, are joined ----

    def any_of(self, element: Element) -> Predicate:
        start = self.cursor.position
        items = [self._all_of(element)]
        while self.cursor.take_keyword(_KEYWORD, "or"):
            items.append(self._all_of(element))
        return items[0] if len(items) == 1 else Or(tuple(items), span=self.cursor.span(start))

    def _all_of(self, element: Element) -> Predicate:
        start = self.cursor.position
        items = [self._negated(element)]
        while self.cursor.take_keyword(_KEYWORD, "and"):
            items.append(self._negated(element))
        return items[0] if len(items) == 1 else And(tuple(items), span=self.cursor.span(start))

    def _negated(self, element: Element) -> Predicate:
        self.cursor.skip()
        start = self.cursor.position
        if not self.cursor.take_keyword(_KEYWORD, "not"):
            return self._primary(element)
        with self.cursor.nested():
            return Not(self._negated(element), span=self.cursor.span(start))

    def _primary(self, element: Element) -> Predicate:
        self.cursor.skip()
        self.cursor.count()
        start = self.cursor.position
        if self.cursor.keyword(_KEYWORD) is not None or self.cursor.peek() in ("", ")"):
            raise self.cursor.unexpected("expected a filter")
        if not self.cursor.take("("):
            return element()
        with self.cursor.nested():
            found = self.any_of(element)
        if not self.cursor.take(")"):
            raise self.cursor.error("a parenthesis is not closed", start, hint="add ) at the end of the group")
        return found

    # ---- one filter ----

    def clause(self) -> Predicate:
        start = self.cursor.position
        if self.cursor.peek() == '"':
            name = self.cursor.quoted()
        else:
            match = self.cursor.take_match(_LITERAL)
            if match is None:
                raise self.cursor.unexpected("expected a field or a word")
            name = match[0]
        relation = self.cursor.take_match(_RELATION)
        if relation is None:
            self.cursor.position = start
            return self._value("message", ("message",), start)
        if "*" in name:
            self.gaps.add(start, start + len(name), "fields are named in full", "a:x or b:x")
        fields = name_of(_plain(name)).fields
        self.cursor.skip()
        if relation[1] != ":":
            return self._bound(fields, Operator(relation[1]), start)
        if self.cursor.peek() == "{":
            return self._nested(start)
        if self.cursor.peek() == "(":
            return self._primary(lambda: self._value(name, fields, self.cursor.position))
        return self._value(name, fields, start)

    def _nested(self, start: int) -> Predicate:
        end = self.cursor.text.rfind("}") + 1 or len(self.cursor.text)
        end = max(end, self.cursor.position + 1)
        self.gaps.add(start, end, "no two parts of a list are asked for together", "field.part:value")
        self.cursor.position = end
        return MatchAll()

    def _value(self, name: str, fields: tuple[str, ...], start: int) -> Predicate:
        if self.cursor.peek() == '"':
            text = self.cursor.quoted()
            return self._each(fields, lambda field: self._exactly(field, text, start))
        words: list[str] = []
        while self.cursor.keyword(_KEYWORD) is None and (match := self.cursor.take_match(_VALUE)) is not None:
            words.append(match[0])
        if not words:
            raise self.cursor.unexpected(f"expected a value of {name[:40]}")
        self.cursor.count(len(words))
        if words == ["*"]:
            return self._each(fields, lambda field: self._present(name, field, start))
        if any(re.search(r"(?<!\\)\*", word) for word in words):
            return self._wild(fields, words, start)
        plain = [_plain(word) for word in words]
        return self._each(fields, lambda field: self._words(field, plain, start))

    def _present(self, name: str, field: str, start: int) -> Predicate:
        everything = field == "message" and name == "message"
        return MatchAll() if everything else Exists(field, span=self.cursor.span(start))

    def _each(self, fields: tuple[str, ...], test: Callable[[str], Predicate]) -> Predicate:
        found = [test(field) for field in fields]
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _exactly(self, field: str, text: str, start: int) -> Predicate:
        if field == "message":
            self.cursor.count(max(0, len(tokens(text)) - 1))
            return Phrase(text, span=self.cursor.span(start))
        return self._compare(field, Operator.EQ, text, start)

    def _words(self, field: str, words: list[str], start: int) -> Predicate:
        if field != "message":
            return self._compare(field, Operator.EQ, " ".join(words), start)
        found = [Word(word, span=self.cursor.span(start)) for word in words]
        return found[0] if len(found) == 1 else Or(tuple(found), span=self.cursor.span(start))

    def _wild(self, fields: tuple[str, ...], words: list[str], start: int) -> Predicate:
        if len(words) > 1:
            end = self.cursor.position
            self.gaps.add(start, end, "a star among several words", '"the words" and other*')
            return MatchAll()
        pattern = _glob(words[0])
        span = self.cursor.span(start)
        return self._each(fields, lambda field: Glob(pattern, None if field == "message" else field, span=span))

    def _bound(self, fields: tuple[str, ...], operator: Operator, start: int) -> Predicate:
        if self.cursor.peek() == '"':
            text = self.cursor.quoted()
        else:
            match = self.cursor.take_match(_VALUE)
            if match is None:
                raise self.cursor.unexpected("expected a value")
            text = _plain(match[0])
        return self._each(fields, lambda field: self._compare(field, operator, text, start))

    def _compare(self, field: str, operator: Operator, text: str, start: int) -> Predicate:
        span = self.cursor.span(start)
        if field_type(field) is Type.TIME:
            moment = _NOW.fullmatch(text)
            if moment is not None:
                text = moment[1] or "now"
            elif parse_instant(text, 0) is None:
                self.gaps.at(span, "times are not rounded here", f"{field}{operator}-1h, or a time")
                return MatchAll()
        try:
            check_value(field, text)
        except InvalidValue as exc:
            raise self.cursor.error_at(span, str(exc), exc.hint) from None
        return Compare(field, operator, text, span=span)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _glob(text: str) -> str:
    """Only the star is wild; whatever a backslash stands before is itself."""
    parts = re.findall(r"\\(.)|(\*)|(.)", text, flags=re.DOTALL)
    return "".join("*" if star else re.sub(r"([\\*?])", r"\\\1", escaped or char) for escaped, star, char in parts)
