"""Lucene's regular expressions as RE2's: what differs between the two."""

from __future__ import annotations

from heimdall.query.languages.esdsl.faults import unsupported

_LITERAL = frozenset("^$")
"""Characters without a meaning in Lucene, whose patterns fit the whole value anyway."""


_WORD = r"[0-9A-Za-z\x{80}-\x{10FFFF}]"
_BETWEEN_WORDS = r"\x00-\x2F\x3A-\x40\x5B-\x60\x7B-\x7F"
_NOTHING = r"[^\s\S]"
_CLASSES_IN_WORD = {"s": _NOTHING, "W": _NOTHING, "S": _WORD, "D": rf"[^0-9{_BETWEEN_WORDS}]", "w": "[0-9A-Za-z]"}


def of_lucene(pattern: str, *, in_word: bool = False) -> str:
    """The same language of texts as RE2 writes it, without anchors. `in_word`: what a word of a message cannot hold is
    not fit by `.` and its like either.

    Raises:
        Fault: complement, intersection and numeric intervals, which RE2 has not.
    """
    out = []
    place, in_class = 0, False
    while place < len(pattern):
        char = pattern[place]
        if char == "\\" and place + 1 < len(pattern):
            following = pattern[place + 1]
            if in_word and not in_class and following in _CLASSES_IN_WORD:
                out.append(_CLASSES_IN_WORD[following])
            else:
                out.append(f"\\{following}" if following in "dDsSwW" or not following.isalnum() else following)
            place += 2
            continue
        if char == '"' and not in_class:
            end = pattern.find('"', place + 1)
            text = pattern[place + 1 : end if end > 0 else len(pattern)]
            out.append("".join(f"\\{item}" if not item.isalnum() else item for item in text))
            place = end + 1 if end > 0 else len(pattern)
            continue
        if in_class:
            in_class = char != "]"
            out.append(char)
        elif char == "[":
            in_class = True
            is_negated = pattern[place + 1 : place + 2] == "^"
            out.append(f"[^{_BETWEEN_WORDS}" if is_negated and in_word else char)
            place += is_negated and in_word
        elif char in "~<&":
            raise unsupported(f"the operator [{char}] of regular expressions")
        elif char == "@":
            out.append(f"{_WORD}*" if in_word else ".*")
        elif char == "#":
            out.append(_NOTHING)
        elif char == "." and in_word:
            out.append(_WORD)
        else:
            out.append(f"\\{char}" if char in _LITERAL else char)
        place += 1
    return "".join(out)
