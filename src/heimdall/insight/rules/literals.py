"""Text that must occur wherever a condition holds: what lets thousands of conditions be looked for in one pass.

Every answer is a promise: where the literal is absent (ASCII case aside), the condition is false.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import orjson

from heimdall.query.ast import Compare, Glob, Operator, Phrase, Predicate, Regex, Word
from heimdall.query.fields import ATTRIBUTES, attribute_path
from heimdall.query.literals import parse_number
from heimdall.query.words import glob_parts, tokens

SHORTEST = 3
"""Shorter text is in almost every record: looking for it saves nothing."""
LONGEST = 48
"""Of longer text the start is enough, and keeps the automaton small."""
FOLDED = ("\u212a", "\u017f")
"""The two characters beyond ASCII that a pattern ignoring case takes for `k` and `s`."""

MOST = 3
"""Literals of one condition: a third tells three words in a row from three words anywhere well enough."""

_STRUCTURAL = ("[", "{", "")
_PRINTABLE = re.compile(rf"[ -~]{{{SHORTEST},}}")


def message_literals(predicate: Predicate) -> list[str]:
    """Of a condition on the message."""
    match predicate:
        case Word(text=text) | Phrase(text=text):
            return _longest(tokens(text) or [text])
        case Glob(pattern=pattern):
            return _longest(glob_parts(pattern)[::2])
        case Regex(pattern=pattern):
            return _longest(pattern_literals(pattern))
        case Compare(operator=Operator.EQ, value=value):
            return _longest([value])
        case _:
            return []


def attribute_literals(predicate: Predicate, field: str) -> list[str]:
    """Of a condition on a sender's field: text of the value, and of the key, as JSON writes them."""
    key = attribute_path(field).rsplit(".", 1)[-1]
    found = [] if field == ATTRIBUTES else [f'{_json(key)}"']
    written = str if field == ATTRIBUTES else _json  # all attributes together are read as the JSON they are
    match predicate:
        case Glob(pattern=pattern):
            found += map(written, _longest(glob_parts(pattern)[::2]))
        case Regex(pattern=pattern):
            found += map(written, _longest(pattern_literals(pattern)))
        case Compare(operator=Operator.EQ, value=text) if parse_number(text) is None and text[:1] not in _STRUCTURAL:
            found += map(written, _longest([text]))
        case _:
            pass
    return [text for text in found if text.isascii() and len(text) >= 2]


def _json(text: str) -> str:
    return orjson.dumps(text)[1:-1].decode()


def _longest(texts: Iterable[str]) -> list[str]:
    """The longest runs of printable ASCII in texts that all have to occur."""
    runs = {run[:LONGEST] for text in texts for run in _PRINTABLE.findall(text)}
    telling = {run for run in runs if not run.isdigit()} or runs  # digits stand in every other number
    return sorted(telling, key=lambda run: (-len(run), run))[:MOST]


def pattern_literals(pattern: str) -> list[str]:
    """Stretches of text an RE2 pattern cannot match without; none where that is not plain to see."""
    found: list[str] = []
    run = ""
    place = 0
    while place < len(pattern):
        char = pattern[place]
        piece, place = char, place + 1
        if char == "|":
            return []
        if char == "\\":
            if place >= len(pattern):
                return []
            escaped = pattern[place]
            place += 1
            if escaped.isalnum():
                if escaped in "QEpPxC01234567":
                    return []  # quoted runs, classes with arguments, numbered characters: not read here
                found, run = [*found, run], ""
                piece = ""
            else:
                piece = escaped
        elif char in "[(":
            behind = _end_of_group(pattern, place - 1)
            if behind is None:
                return []
            found, run, piece, place = [*found, run], "", "", behind
        elif char in ".^$":
            found, run, piece = [*found, run], "", ""
        elif char in "*+?{":
            return []
        optional, place = _quantifier(pattern, place)
        if optional is None:
            run += piece
        elif optional:
            found, run = [*found, run], ""
        else:
            found, run = [*found, run + piece], ""
    return [text for text in [*found, run] if text]


def _quantifier(pattern: str, place: int) -> tuple[bool | None, int]:
    """Whether what stands before may be missing (None: it stands once), and where the pattern goes on."""
    if place >= len(pattern) or pattern[place] not in "*+?{":
        return None, place
    char = pattern[place]
    if char == "{":
        end = pattern.find("}", place)
        body = pattern[place + 1 : end] if end > 0 else ""
        if not body or not body.replace(",", "").isdigit():
            return True, place + 1  # a plain brace: giving the run up is always safe
        optional, place = body.startswith(("0", ",")), end + 1
    else:
        optional, place = char in "*?", place + 1
    while place < len(pattern) and pattern[place] in "?+*":
        place += 1
        optional = True
    return optional, place


def _end_of_group(pattern: str, start: int) -> int | None:
    """Behind the bracket that closes the one at `start`."""
    if pattern[start] == "[":
        place = start + 1
        if pattern[place : place + 1] == "^":
            place += 1
        if pattern[place : place + 1] == "]":
            place += 1
        while place < len(pattern):
            if pattern[place] == "\\":
                place += 2
            elif pattern.startswith("[:", place):
                end = pattern.find(":]", place)
                place = end + 2 if end > 0 else place + 1
            elif pattern[place] == "]":
                return place + 1
            else:
                place += 1
        return None
    place = start + 1
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            if pattern[place + 1 : place + 2] == "Q":
                return None
            place += 2
        elif char in "[(":
            behind = _end_of_group(pattern, place)
            if behind is None:
                return None
            place = behind
        elif char == ")":
            return place + 1
        else:
            place += 1
    return None
