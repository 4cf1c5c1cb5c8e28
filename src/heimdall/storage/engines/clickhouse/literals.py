"""Text that every match of a regular expression contains, read off the pattern."""

from __future__ import annotations

from itertools import takewhile

_QUANTIFIERS = "*+?{"
_SPECIAL = ".[(|)^$"


def required_stretches(pattern: str) -> list[str]:
    """Literal stretches of an RE2 pattern that occur in every text it matches, case aside.

    Cautious: what is not plainly a literal at the top level (groups, classes, anything before a quantifier) ends a
    stretch, and a pattern with a top-level alternative or an inline flag such as `(?x)` has none.
    """
    stretches: list[str] = []
    current: list[str] = []

    def end() -> None:
        if current:
            stretches.append("".join(current))
            current.clear()

    place = 0
    while place < len(pattern):
        char = pattern[place]
        literal: str | None = None
        width = 1
        if char == "\\":
            following = pattern[place + 1 : place + 2]
            width = 2
            if following and not following.isalnum():
                literal = following
            elif following in ("t", "n", "r", "f", "v"):
                literal = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}[following]
            elif following in ("b", "B", "d", "D", "s", "S", "w", "W", "A", "z"):
                literal = None
            else:
                return []  # \Q…\E, \x41, \p{…}: not worth reading
        elif char == "|":
            return []
        elif char in "([":
            if pattern.startswith("(?", place) and not pattern.startswith("(?:", place):
                return []
            closed = _closing(pattern, place)
            if closed is None:
                return []
            width = closed - place
        elif char not in _SPECIAL:
            literal = char
        place += width
        quantifier = _quantifier(pattern, place)
        if literal is None:
            end()
        elif quantifier:
            end()
            if quantifier[0] == "+":  # at least once, but what follows it may be another repetition
                current.append(literal)
                end()
        else:
            current.append(literal)
        place += len(quantifier)
    end()
    return stretches


def _quantifier(pattern: str, place: int) -> str:
    if pattern[place : place + 1] == "{":
        closed = pattern.find("}", place)
        inside = pattern[place + 1 : closed] if closed > 0 else ""
        if not inside or not all(char.isdigit() or char == "," for char in inside):
            return ""
        return pattern[place : closed + 1] + ("?" if pattern[closed + 1 : closed + 2] == "?" else "")
    return "".join(takewhile(lambda char: char in "*+?", pattern[place:]))


def _closing(pattern: str, place: int) -> int | None:
    """Place after the group or class that opens at `place`; None when it does not close."""
    if pattern[place] == "[":
        end = place + 1
        if pattern[end : end + 1] == "^":
            end += 1
        if pattern[end : end + 1] == "]":
            end += 1
        while end < len(pattern):
            if pattern[end] == "\\":
                end += 2
                continue
            if pattern.startswith("[:", end):
                closed = pattern.find(":]", end)
                if closed < 0:
                    return None
                end = closed + 2
                continue
            if pattern[end] == "]":
                return end + 1
            end += 1
        return None
    depth = 0
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            place += 2
            continue
        if char == "[":
            closed_class = _closing(pattern, place)
            if closed_class is None:
                return None
            place = closed_class
            continue
        depth += {"(": 1, ")": -1}.get(char, 0)
        place += 1
        if depth == 0:
            return place
    return None
