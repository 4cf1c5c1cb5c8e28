"""What a word is in free text, the same for the text index, for SQL and for columns in memory.

A token is a longest run of ASCII letters, digits and characters beyond ASCII (ClickHouse's `splitByNonAlpha`).
Upper and lower case of ASCII letters are the same.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_SEPARATOR = r"[^0-9A-Za-z\x{80}-\x{10FFFF}]"
_META = frozenset(r"\.+*?()|[]{}^$#&-~")


def lower_ascii(text: str) -> str:
    return text.encode().lower().decode()


def tokens(text: str) -> list[str]:
    """Lower-case tokens, in order."""
    return [lower_ascii(token) for token in _TOKEN.findall(text)]


def phrase_pattern(text: str) -> str | None:
    """A pattern (RE2 and Rust alike) that finds the tokens of `text` in a row; `None` when it has none."""
    found = tokens(text)
    if not found:
        return None
    return rf"(?:^|{_SEPARATOR}){f'{_SEPARATOR}+'.join(map(literal_pattern, found))}(?:{_SEPARATOR}|$)"


def literal_pattern(text: str, *, ignore_case: bool = True) -> str:
    """A pattern for exactly this text, ASCII case aside."""
    parts = []
    for char in text:
        if ignore_case and char.isascii() and char.isalpha():
            parts.append(f"[{char.lower()}{char.upper()}]")
        elif char in _META:
            parts.append(f"\\{char}")
        elif char < " ":
            parts.append(rf"\x{{{ord(char):x}}}")
        else:
            parts.append(char)
    return "".join(parts)


def glob_parts(pattern: str) -> list[str]:
    r"""Literal stretches and wildcards in turn: `a\**` → `["a*", "*", ""]`; even places are literal."""
    parts = [""]
    place = 0
    while place < len(pattern):
        char = pattern[place]
        if char in "*?":
            parts += [char, ""]
        elif char == "\\" and place + 1 < len(pattern):
            place += 1
            parts[-1] += pattern[place]
        else:
            parts[-1] += char
        place += 1
    return parts


def message_glob_pattern(pattern: str) -> str:
    """Pattern of a wildcard word in free text: between token borders, wildcards do not cross white space."""
    parts = glob_parts(pattern)
    body = "".join(
        literal_pattern(part) if place % 2 == 0 else (r"[^\t\n\f\r ]*" if part == "*" else r"[^\t\n\f\r ]")
        for place, part in enumerate(parts)
    )
    before = rf"(?:^|{_SEPARATOR})" if _TOKEN.match(parts[0][:1]) else ""
    after = rf"(?:{_SEPARATOR}|$)" if _TOKEN.match(parts[-1][-1:]) else ""
    return before + body + after


def value_glob_pattern(pattern: str) -> str:
    """Pattern of a wildcard value: the whole value, case-sensitive."""
    body = "".join(
        literal_pattern(part, ignore_case=False) if place % 2 == 0 else (".*" if part == "*" else ".")
        for place, part in enumerate(glob_parts(pattern))
    )
    return f"(?s)^{body}$"
