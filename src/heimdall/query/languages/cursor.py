"""A place in the text of a query: what the parsers of HQL and of the languages that read like it share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import MAX_DEPTH, MAX_NODES, Span
from heimdall.query.regex import compile_pattern

_SPACE = re.compile(r"\s*")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)+)/", re.DOTALL)
_REGEX_END = re.compile(r"[\s()|,\]]|\Z")
_KEYWORD_END = re.compile(r"(?!\w)")
_NEXT_TOKEN = re.compile(r"\w+|\S")


class Cursor:
    """Reads `text` from `position` on. `position` counts code points from 0."""

    __slots__ = ("_depth", "_nodes", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._depth = 0
        self._nodes = 0

    # ---- looking ----

    def skip(self) -> None:
        """Over white space."""
        self.position = _SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]  # \s* always matches

    def peek(self, ahead: int = 0) -> str:
        """The character `ahead` of the position, `""` behind the end."""
        place = self.position + ahead
        return self.text[place : place + 1]

    @property
    def at_end(self) -> bool:
        """Nothing but white space follows."""
        self.skip()
        return self.position >= len(self.text)

    @property
    def at_pipe_end(self) -> bool:
        """The end of the text, or the bar before the next pipe."""
        return self.at_end or self.peek() == "|"

    def matches(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(self.text, self.position)

    def at_word(self, word: str) -> bool:
        """A keyword stands here, whatever its case."""
        end = self.position + len(word)
        return self.text[self.position : end].lower() == word and bool(_KEYWORD_END.match(self.text, end))

    # ---- taking ----

    def take(self, token: str) -> bool:
        """Past `token`, when it stands here after white space."""
        self.skip()
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def take_word(self, word: str) -> bool:
        """Past a keyword, when it stands here after white space."""
        self.skip()
        if not self.at_word(word):
            return False
        self.position += len(word)
        return True

    def keyword(self, pattern: re.Pattern[str]) -> str | None:
        """Which of a language's keywords stands here after white space, in lower case; its group 1 is the word."""
        self.skip()
        match = self.matches(pattern)
        return match[1].lower() if match else None

    def take_keyword(self, pattern: re.Pattern[str], word: str) -> bool:
        """Past `word` (lower case), when it is the keyword that stands here."""
        if self.keyword(pattern) != word:
            return False
        self.position += len(word)
        return True

    def take_match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = self.matches(pattern)
        if match is not None:
            self.position = match.end()
        return match

    def expect(self, token: str, hint: str | None = None) -> None:
        if not self.take(token):
            raise self.unexpected(f"expected '{token}'", hint)

    def quoted(self, mark: str = '"') -> str:
        r"""Text between quotation marks; `\"` and `\\` stand for `"` and `\`, every other character for itself."""
        start = self.position
        place = start + 1
        parts: list[str] = []
        while True:
            stop = place
            while stop < len(self.text) and self.text[stop] not in (mark, "\\"):
                stop += 1
            parts.append(self.text[place:stop])
            if stop >= len(self.text):
                raise self.error(
                    "a quotation mark is not closed", start, len(self.text) - start, f"add {mark} at its end"
                )
            if self.text[stop] == mark:
                self.position = stop + 1
                return "".join(parts)
            follower = self.text[stop + 1 : stop + 2]
            parts.append(follower if follower in (mark, "\\") and follower else "\\")
            place = stop + (2 if follower in (mark, "\\") and follower else 1)

    def regex(self, *, free: bool) -> str | None:
        r"""A pattern between slashes, checked; `None` when there is none.

        `free`: in a search, where `/api/v1` is a word; there the closing slash has to end a term.
        """
        match = self.matches(_REGEX)
        if match is None or (free and not _REGEX_END.match(self.text, match.end())):
            return None
        pattern = re.sub(r"\\(.)", lambda m: "/" if m[1] == "/" else m[0], match[1], flags=re.DOTALL)
        try:
            compile_pattern(pattern)
        except ValueError as exc:
            hint = "patterns are RE2: no look-around, no back-references"
            raise self.error(f"bad regular expression: {exc}", self.position, len(match[0]), hint) from exc
        self.position = match.end()
        return pattern

    # ---- limits and errors ----

    @contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper in the tree."""
        self._depth += 1
        if self._depth >= MAX_DEPTH - 2:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels", hint="flatten the parentheses")
        try:
            yield
        finally:
            self._depth -= 1

    def count(self, nodes: int = 1) -> None:
        """So many more nodes."""
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self.error(f"more than {MAX_NODES} terms", hint="ask several smaller queries")

    def span(self, start: int) -> Span:
        """What stands from `start` to here, without white space at its end."""
        return Span(start + 1, max(1, len(self.text[start : self.position].rstrip())))

    def error(
        self, message: str, start: int | None = None, length: int = 1, hint: str | None = None
    ) -> QuerySyntaxError:
        place = self.position if start is None else start
        return QuerySyntaxError(message, column=place + 1, length=max(1, length), hint=hint)

    def error_at(self, span: Span | None, message: str, hint: str | None = None) -> QuerySyntaxError:
        span = span or Span(1, max(1, len(self.text)))
        return QuerySyntaxError(message, column=span.column, length=span.length, hint=hint)

    def unexpected(self, expected: str, hint: str | None = None) -> QuerySyntaxError:
        """What was hoped for, and what stands here instead."""
        self.skip()
        found = self.matches(_NEXT_TOKEN)
        if found is None:
            return self.error(f"{expected}, but the query ends here", hint=hint)
        return self.error(f"{expected}, found '{found[0][:40]}'", length=len(found[0]), hint=hint)


def did_you_mean(word: str, known: list[str]) -> str | None:
    """A hint that names the closest known word."""
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else None
