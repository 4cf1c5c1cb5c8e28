"""Sigma's condition: `selection and not 1 of filter_*`, over predicates that have names."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from heimdall.insight.rules.sigma.unsupported import Unsupported
from heimdall.query.ast import And, Not, Or, Predicate

_TOKEN = re.compile(r"\(|\)|[^\s()]+")
_MAX_TOKENS = 2_000


def combined(text: str, named: Mapping[str, Predicate]) -> Predicate:
    """The condition's predicate. Raises Unsupported."""
    if "|" in text:
        raise Unsupported("an aggregation behind the condition, which Sigma has replaced by correlation rules")
    tokens = _TOKEN.findall(text)
    if len(tokens) > _MAX_TOKENS:
        raise Unsupported("its condition is too long")
    reading = _Reading(tokens, named)
    found = reading.any()
    if reading.place < len(tokens):
        raise Unsupported(f"its condition goes on with {tokens[reading.place][:40]!r} where it should end")
    return found


class _Reading:
    """`or` binds loosest, then `and`, then `not`."""

    def __init__(self, tokens: list[str], named: Mapping[str, Predicate]) -> None:
        self._tokens = tokens
        self._named = named
        self.place = 0

    def any(self) -> Predicate:
        items = [self._all()]
        while self._taken("or"):
            items.append(self._all())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _all(self) -> Predicate:
        items = [self._negated()]
        while self._taken("and"):
            items.append(self._negated())
        return items[0] if len(items) == 1 else And(tuple(items))

    def _negated(self) -> Predicate:
        negations = 0
        while self._taken("not"):
            negations += 1
        found = self._primary()
        return Not(found) if negations % 2 else found

    def _primary(self) -> Predicate:
        token = self._next()
        if token == "(":
            found = self.any()
            if self._next() != ")":
                raise Unsupported("a parenthesis of its condition is not closed")
            return found
        if token.lower() in ("1", "any", "all") and self._taken("of"):
            return self._quantified(token.lower() == "all", self._next())
        if token not in self._named:
            raise Unsupported(f"its condition names {token[:60]!r}, which it does not define")
        return self._named[token]

    def _quantified(self, every: bool, pattern: str) -> Predicate:
        if pattern.lower() == "them":
            names = [name for name in self._named if not name.startswith("_")]
        else:
            names = [name for name in self._named if fnmatch.fnmatchcase(name, pattern)]
        if not names:
            raise Unsupported(f"its condition asks for {pattern[:60]!r}, and nothing has such a name")
        items = tuple(self._named[name] for name in names)
        return items[0] if len(items) == 1 else And(items) if every else Or(items)

    def _next(self) -> str:
        if self.place >= len(self._tokens):
            raise Unsupported("its condition ends too soon")
        self.place += 1
        return self._tokens[self.place - 1]

    def _taken(self, word: str) -> bool:
        if self.place < len(self._tokens) and self._tokens[self.place].lower() == word:
            self.place += 1
            return True
        return False
