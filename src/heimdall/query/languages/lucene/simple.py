"""`simple_query_string`: `"card declined" + (pay* | refund) -debug`. No text is wrong in it.

Source: Elasticsearch reference, simple query string; Lucene's SimpleQueryParser.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from heimdall.query.ast import MatchAll, Predicate
from heimdall.query.languages.esdsl import terms
from heimdall.query.languages.esdsl.names import NOTHING, Name, both, either, negated

_TOKEN = re.compile(r"\s+|\"(?:[^\"\\]|\\.)*\"(?:~\d+)?|[+|()\-]|(?:[^\s+|()\"\\]|\\.)+|.", re.DOTALL)
MAX_TOKENS = 1_024
MAX_DEPTH = 50


def parse_simple(text: str, now_ns: int, names: list[Name], *, all_of: bool = False) -> Predicate:
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()][:MAX_TOKENS]
    if not tokens:
        return NOTHING
    found, _ = _Reader(tokens, now_ns, names, all_of).read(0, 0)
    return NOTHING if found is None else found


class _Reader:
    def __init__(self, tokens: list[str], now_ns: int, names: list[Name], all_of: bool) -> None:
        self._tokens = tokens
        self._now_ns = now_ns
        self._names = names
        self._usual = "+" if all_of else "|"

    def read(self, place: int, depth: int) -> tuple[Predicate | None, int]:
        """Operands from left to right; an operator joins what stands before it with what follows."""
        found: Predicate | None = None
        joined: str | None = None
        excluded = False
        while place < len(self._tokens):
            token = self._tokens[place]
            place += 1
            if token == ")":
                break
            if token in "+|":
                joined = token
                continue
            if token == "-":
                excluded = not excluded
                continue
            if token == "(":
                operand, place = self.read(place, depth + 1) if depth < MAX_DEPTH else (None, place)
            else:
                operand = self._leaf(token)
            if operand is None:
                continue
            operand = negated(operand) if excluded else operand
            found = operand if found is None else self._joined(joined or self._usual, found, operand)
            joined, excluded = None, False
        return found, place

    def _joined(self, operator: str, left: Predicate, right: Predicate) -> Predicate:
        return both([left, right]) if operator == "+" else either([left, right])

    def _leaf(self, token: str) -> Predicate | None:
        if token.startswith('"') and len(token) > 1:
            body = re.sub(r"\"(?:~\d+)?$", "", token[1:])
            return self._each(lambda name: terms.phrase(name, _plain(body), self._now_ns))
        if token == "*":
            return MatchAll()
        if token.endswith("*") and not token.endswith("\\*"):
            text = _plain(token[:-1])
            return self._each(lambda name: terms.prefix(name, text.lower() if name.is_analysed else text))
        text = _plain(re.sub(r"~\d*$", "", token))
        found = [self._word(name, text) for name in self._names]
        kept = [item for item in found if item is not None]
        return either(kept) if kept else None

    def _word(self, name: Name, text: str) -> Predicate | None:
        found: list[Predicate | None] = []

        def test(item: Name) -> Predicate:
            found.append(terms.words(item, text, self._now_ns, either))
            return found[0] or NOTHING

        tested = terms.lenient(test, name)
        return None if found == [None] else tested

    def _each(self, test: Callable[[Name], Predicate]) -> Predicate:
        return either([terms.lenient(test, name) for name in self._names])


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
