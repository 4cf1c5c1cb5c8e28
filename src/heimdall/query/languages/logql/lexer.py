"""LogQL text → tokens, each with its place; what cannot be one is reported as Loki reports it."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from dataclasses import dataclass

import orjson

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.logql.amounts import parse_bytes, parse_duration, parse_number

MAX_QUERY_CHARACTERS = 128 * 1024
"""As Loki's `max query size`: longer text is refused before anything looks at it."""

MAX_TOKENS = 10_000
"""Twenty for each of the conditions and operations a query may have; a token costs 6 µs."""


class LogqlError(QuerySyntaxError):
    """What is wrong, in Loki's words: `parse error at line 1, col 5: …`. Line 0: it concerns the query as a whole."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message, column=column)
        self.line = line

    def __str__(self) -> str:
        where = f" at line {self.line}, col {self.column}" if self.line or self.column else " "
        return f"parse error{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """`IDENTIFIER`, `STRING`, `NUMBER`, `DURATION`, `BYTES`, `RANGE`, `PARSER_FLAG`, `$end`, or the very symbol."""
    text: str
    line: int
    column: int
    amount: float = 0.0
    """Number, nanoseconds or bytes."""


_SYMBOL = re.compile(r"[|!][=~>]|=[=~]|[<>]=|[=><|{}(),+*/%^-]")
_LINE_END = re.compile(r"\n")
_SPACE = re.compile(r"[ \t\r\n]+|#[^\n]*")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_:]*")
_AMOUNT = re.compile(r"(?:0[xX][0-9a-fA-F]+|\d[\w.µμ]*(?:(?<=[eE])[+-]\d+)?|\.\d[\w.µμ]*)")
_FLAG = re.compile(r"--[a-z-]+")
_GO_ESCAPES = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


def tokens(text: str) -> list[Token]:
    """
    Raises:
        LogqlError: a text that does not end, a symbol LogQL does not know.
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        raise LogqlError(f"input size too long ({len(text)} > {MAX_QUERY_CHARACTERS})")
    scan = _Scan(text)
    found: list[Token] = []
    while (token := scan.next()) is not None:
        found.append(token)
        if len(found) > MAX_TOKENS:
            raise LogqlError(f"more than {MAX_TOKENS} words and symbols", token.line, token.column)
    found.append(Token("$end", "", *scan.where(len(text))))
    return found


class _Scan:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line_starts = [0, *(end.end() for end in _LINE_END.finditer(text))]

    def where(self, place: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, place)
        return line, place - self._line_starts[line - 1] + 1

    def next(self) -> Token | None:
        while (space := _SPACE.match(self._text, self._place)) is not None:
            self._place = space.end()
        if self._place >= len(self._text):
            return None
        start = self._place
        first = self._text[start]
        if first in '"`':
            return self._string(start)
        if first == "[":
            return self._range(start)
        for pattern, make in ((_AMOUNT, self._amount), (_IDENTIFIER, self._word), (_FLAG, self._flag)):
            if (found := pattern.match(self._text, start)) is not None:
                self._place = found.end()
                return make(found[0], start)
        symbol = _SYMBOL.match(self._text, start)
        if symbol is None:
            raise LogqlError(f"syntax error: unexpected {first!r}", *self.where(start))
        self._place = symbol.end()
        return Token(symbol[0], symbol[0], *self.where(start))

    def _word(self, text: str, start: int) -> Token:
        return Token("IDENTIFIER", text, *self.where(start))

    def _flag(self, text: str, start: int) -> Token:
        if text not in ("--strict", "--keep-empty"):
            raise LogqlError(f"syntax error: unexpected parser flag {text[:50]}", *self.where(start))
        return Token("PARSER_FLAG", text, *self.where(start))

    def _amount(self, text: str, start: int) -> Token:
        for kind, parse in (("NUMBER", parse_number), ("DURATION", parse_duration), ("BYTES", parse_bytes)):
            amount = parse(text)
            if amount is not None:
                return Token(kind, text, *self.where(start), amount)
        shown = repr(text[:50])
        raise LogqlError(f"syntax error: unexpected {shown}, expecting a number, duration or size", *self.where(start))

    def _string(self, start: int) -> Token:
        quote = self._text[start]
        end = start + 1
        while end < len(self._text) and self._text[end] != quote:
            if quote == '"' and self._text[end] == "\n":
                break
            end += 2 if quote == '"' and self._text[end] == "\\" else 1
        if end >= len(self._text) or self._text[end] != quote:
            raise LogqlError("literal not terminated", *self.where(start))
        self._place = end + 1
        inner = self._text[start + 1 : end]
        return Token("STRING", inner if quote == "`" else self._unescaped(inner, start), *self.where(start))

    def _unescaped(self, inner: str, start: int) -> str:
        def one(found: re.Match[str]) -> str:
            body = found[1]
            if body in _SIMPLE:
                return _SIMPLE[body]
            code = int(body[1:], 16) if body[0] in "xuU" and len(body) > 1 else -1
            code = int(body, 8) & 0xFF if body[0].isdigit() and len(body) == 3 else code
            if not 0 <= code <= sys.maxunicode or 0xD800 <= code < 0xE000:
                raise LogqlError("invalid char escape", *self.where(start))
            return chr(code)

        return _GO_ESCAPES.sub(one, inner) if "\\" in inner else inner

    def _range(self, start: int) -> Token:
        end = self._text.find("]", start)
        if end < 0:
            raise LogqlError("missing closing ']' in duration", *self.where(start))
        inner = self._text[start + 1 : end].strip()
        nanoseconds = parse_duration(inner)
        if nanoseconds is None or nanoseconds <= 0:
            raise LogqlError(f'not a valid duration string: "{inner[:50]}"', *self.where(start))
        self._place = end + 1
        return Token("RANGE", inner, *self.where(start), nanoseconds)


def quoted(text: str) -> str:
    """A string literal that means `text`."""
    return orjson.dumps(text.encode("utf-8", "replace").decode()).decode().replace("\x7f", "\\x7f")
