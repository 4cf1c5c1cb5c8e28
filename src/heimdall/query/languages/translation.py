"""What a text in another language becomes: the tree it shares with HQL, and the words that have no place in it.

A reader of a language keeps on after a word it cannot express, so that a person sees all of them at once. What is no
sentence of its own language at all ends the reading with `QuerySyntaxError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import And, MatchAll, Pipe, Predicate, Query, Span
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.languages.hql.parser import MAX_TEXT_BYTES
from heimdall.query.shape import shape_of

MAX_GAPS = 50
"""Most untranslatable words that are named; what follows is no longer read."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A word that HQL has no place for: where it stood (as `Span` counts), why, and what comes nearest."""

    word: str
    column: int
    length: int
    why: str
    nearest: str | None = None

    def __str__(self) -> str:
        text = f"column {self.column}: '{self.word}' cannot be translated: {self.why}"
        return f"{text} (nearest in HQL: {self.nearest})" if self.nearest else text


@dataclass(frozen=True, slots=True)
class Translation:
    """`query` and `hql` say the same; both are None where gaps leave nothing that could run.

    With gaps they are what is left without those words: something to show, never to run unasked.
    """

    language: str
    query: Query | None
    hql: str | None
    gaps: tuple[Gap, ...] = ()

    def complete(self) -> Query:
        """The tree, when every word of the text is in it.

        Raises:
            QuerySyntaxError: at the first word that is not, naming all of them.
        """
        if self.gaps or self.query is None:
            first = self.gaps[0]
            more = "".join(f"; {gap}" for gap in self.gaps[1:])
            message = f"'{first.word}' cannot be translated from {self.language}: {first.why}{more}"
            hint = f"nearest in HQL: {first.nearest}" if first.nearest else None
            raise QuerySyntaxError(message, column=first.column, length=first.length, hint=hint)
        return self.query


class Gaps:
    """Gathers what cannot be translated while a text is read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[Gap] = []

    def add(self, start: int, end: int, why: str, nearest: str | None = None) -> None:
        """The text from `start` to `end` (code points from 0) has no place in HQL."""
        word = self._text[start:end].strip()[:80] or self._text[start : start + 1]
        self._found.append(Gap(word, start + 1, max(1, end - start), why, nearest))
        if len(self._found) > MAX_GAPS:
            raise QuerySyntaxError(
                f"more than {MAX_GAPS} words cannot be translated", column=start + 1, hint=str(self._found[0])
            )

    def at(self, span: Span | None, why: str, nearest: str | None = None) -> None:
        start = span.column - 1 if span else 0
        self.add(start, start + span.length if span else len(self._text), why, nearest)

    @property
    def found(self) -> tuple[Gap, ...]:
        return tuple(sorted(dict.fromkeys(self._found), key=lambda gap: gap.column))


def check_size(text: str) -> None:
    """Refuse text no reader should begin with."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as exc:
        raise QuerySyntaxError("not Unicode text", column=exc.start + 1, hint="send UTF-8") from None
    if size > MAX_TEXT_BYTES:
        raise QuerySyntaxError(f"longer than {MAX_TEXT_BYTES} bytes", column=1, hint="ask several smaller queries")


def translation(language: str, text: str, search: Predicate, pipes: list[Pipe], gaps: Gaps) -> Translation:
    """The tree put together and held to all of HQL's own limits.

    Raises:
        QuerySyntaxError: it asks for something that cannot be, at its place in `text`.
    """
    query = Query(search, tuple(pipes))
    try:
        shape_of(query)
        hql = to_text(query)
        query = _reread(hql, len(text))
    except QuerySyntaxError:
        if not gaps.found:
            raise
        return Translation(language, None, None, gaps.found)
    return Translation(language, query, hql, gaps.found)


def _reread(hql: str, length: int) -> Query:
    """What would run is the printed text, so that what is shown is what runs."""
    try:
        return parse(hql)
    except QuerySyntaxError as exc:
        raise QuerySyntaxError(f"as HQL: {exc.message}", column=1, length=max(1, length), hint=exc.hint) from None


def both(left: Predicate, right: Predicate) -> Predicate:
    """One search of two, flat."""
    if isinstance(left, MatchAll):
        return right
    if isinstance(right, MatchAll):
        return left
    lefts = left.items if isinstance(left, And) else (left,)
    rights = right.items if isinstance(right, And) else (right,)
    return And((*lefts, *rights))


def renamed(name: str, names: Mapping[str, str]) -> str:
    """A field's name in HQL; names a language does not lend a meaning are the sender's own."""
    return names.get(name, name)
