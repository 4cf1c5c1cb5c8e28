"""Lucene's regular expressions as RE2's: what differs between the two."""

from __future__ import annotations

from heimdall.query.languages.esdsl.faults import unsupported

_LITERAL = frozenset("^$")
"""Characters without a meaning in Lucene, whose patterns fit the whole value anyway."""


def of_lucene(pattern: str) -> str:
    """The same language of texts as RE2 writes it, without anchors.

    Raises:
        Fault: complement, intersection and numeric intervals, which RE2 has not.
    """
    out = []
    place, in_class = 0, False
    while place < len(pattern):
        char = pattern[place]
        if char == "\\" and place + 1 < len(pattern):
            following = pattern[place + 1]
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
            out.append(char)
        elif char in "~<&":
            raise unsupported(f"the operator [{char}] of regular expressions")
        elif char == "@":
            out.append(".*")
        elif char == "#":
            out.append(r"[^\s\S]")
        else:
            out.append(f"\\{char}" if char in _LITERAL else char)
        place += 1
    return "".join(out)
