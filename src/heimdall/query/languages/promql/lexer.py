"""PromQL text → tokens, each with its place."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from heimdall.errors import QuerySyntaxError

MAX_QUERY_CHARACTERS = 64 * 1024
"""Longer text is refused before anything looks at it."""
MAX_TOKENS = 10_000
"""Twenty for each expression a query may have; a token costs 20 µs."""


class PromqlError(QuerySyntaxError):
    """What is wrong, in Prometheus' words: `1:5: parse error: …`."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message, column=column)
        self.line = line

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: parse error: {self.message}"


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """`NAME`, `STRING`, `NUMBER`, `DURATION`, `end`, or the very symbol."""
    text: str
    line: int
    column: int
    amount: float = 0.0
    """The number; seconds of a duration."""


_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+(?![A-Za-z0-9_.])")
_PIECE = re.compile(r"(\d+)(ms|[smhdwy])")
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![A-Za-z0-9_])")
_SYMBOLS = ("=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<", "{", "}", "(", ")", "[", "]", ",", "+", "-", "*", "/",
            "%", "^", "@", ":")  # fmt: skip
_SECONDS = {"ms": 1e-3, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_UNITS = list(reversed(_SECONDS))
_ESCAPES = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|.)", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


def tokens(text: str) -> list[Token]:
    """
    Raises:
        PromqlError: a text that does not end, a symbol PromQL does not know.
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        raise PromqlError(f"query is longer than {MAX_QUERY_CHARACTERS} characters")
    found: list[Token] = []
    place = 0
    brackets = 0
    while True:
        if space := _SPACE.match(text, place):
            place = space.end()
        line = text.count("\n", 0, place) + 1
        column = place - (text.rfind("\n", 0, place) + 1) + 1
        if place >= len(text):
            found.append(Token("end", "", line, column))
            return found
        token, place = _token(text, place, line, column, in_brackets=brackets > 0)
        brackets += {"[": 1, "]": -1}.get(token.kind, 0)
        found.append(token)
        if len(found) > MAX_TOKENS:
            raise PromqlError(f"query has more than {MAX_TOKENS} words and symbols", line, column)


def _token(text: str, place: int, line: int, column: int, *, in_brackets: bool) -> tuple[Token, int]:
    char = text[place]
    if char in "\"'`":
        value, end = _string(text, place, line, column)
        return Token("STRING", value, line, column), end
    if char == ":" and in_brackets:
        return Token(":", ":", line, column), place + 1
    if match := _DURATION.match(text, place):
        return Token("DURATION", match[0], line, column, _seconds(match[0], line, column)), match.end()
    if match := _NUMBER.match(text, place):
        return Token("NUMBER", match[0], line, column, _amount(match[0])), match.end()
    if match := _NAME.match(text, place):
        return Token("NAME", match[0], line, column), match.end()
    if char.isdigit():
        word = re.split(r"[^\w.]", text[place : place + 50], maxsplit=1)[0]
        raise PromqlError(f'bad number or duration syntax: "{word}"', line, column)
    for symbol in _SYMBOLS:
        if text.startswith(symbol, place):
            return Token(symbol, symbol, line, column), place + len(symbol)
    raise PromqlError(f"unexpected character: {char!r}", line, column)


def _amount(text: str) -> float:
    try:
        return float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text)
    except OverflowError:
        return math.inf


def _seconds(text: str, line: int, column: int) -> float:
    pieces = _PIECE.findall(text)
    order = [_UNITS.index(unit) for _, unit in pieces]
    if order != sorted(set(order)) or len(text) > 40:
        raise PromqlError(f'not a valid duration string: "{text}"', line, column)
    total = sum(int(amount) * _SECONDS[unit] for amount, unit in pieces)
    if total >= 2**63 / 1e9:
        raise PromqlError("duration out of range", line, column)
    return float(total)


def duration_ns(text: str) -> int | None:
    """ns of `1h30m`; None where it is no duration."""
    if not _DURATION.fullmatch(text):
        return None
    try:
        return round(_seconds(text, 1, 1) * 1e3) * 10**6
    except PromqlError:
        return None


def _string(text: str, place: int, line: int, column: int) -> tuple[str, int]:
    quote = text[place]
    end = place + 1
    while end < len(text) and text[end] != quote:
        if quote != "`" and text[end] == "\n":
            break
        end += 2 if text[end] == "\\" and quote != "`" else 1
    if end >= len(text) or text[end] != quote:
        raise PromqlError("unterminated quoted string" if quote != "`" else "unterminated raw string", line, column)
    inner = text[place + 1 : end]
    if quote == "`":
        return inner, end + 1

    def spoken(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "xuU" and len(code) > 1:
            number = int(code[1:], 16)
        elif len(code) == 3:
            number = int(code, 8)
        elif code in _SIMPLE:
            return _SIMPLE[code]
        else:
            raise PromqlError(f"unknown escape sequence U+{ord(code):04X}", line, column)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise PromqlError("escape sequence is an invalid Unicode code point", line, column)
        return chr(number)

    return _ESCAPES.sub(spoken, inner), end + 1
