"""Variables that any reader would see as one, replaced in a whole column by one pass of one regular expression.

The mask is deliberately shallow. It replaces what has too many values to think about each (numbers, ids, addresses,
absolute paths) and leaves the rest of the word in place, so that `tokens` can still tell `node-7` from `7` on the few
shapes that are left. Rust and RE2 syntax without look-around: it stays on their linear-time automaton (no captures:
with them the same pattern costs three times as much).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from heimdall.model.template import MINED_PREFIX_CHARS

WILD: Final = "\x01"
"""Stands for one variable inside a masked message; shown as `<*>`. A control byte, because messages hold `<*>` too."""

_START: Final = r"(?-u:\b{start-half})"  # no word character before
_EDGE: Final = r"(?-u:\b)"
_WORD: Final = r"[0-9A-Za-z_]"

_VARIABLES: Final = (
    rf"{_EDGE}[a-z][a-z0-9+.-]*://[^\s\"'<>,;)\]}}]+",  # URL
    rf"{_EDGE}[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}{_EDGE}",  # UUID
    rf"{_EDGE}(?:[0-9a-fA-F]{{1,4}}:){{3,}}[0-9a-fA-F:.]*[0-9a-fA-F]{_EDGE}",  # MAC, IPv6
    rf"{_EDGE}[0-9a-fA-F]{{1,4}}(?::[0-9a-fA-F]{{1,4}})*::(?:[0-9a-fA-F]{{1,4}}:)*[0-9a-fA-F]{{0,3}}[0-9]{_WORD}*",
    rf"{_START}/[0-9A-Za-z_.+%@~*-]+(?:/[0-9A-Za-z_.+%@~*-]*)*(?:\?[^\s\"'<>]*)?",  # absolute path
    rf"{_EDGE}[A-Za-z]:\\[^\s\"'<>|,;()\[\]]*",  # Windows path
    # 2026-11-22, 2026-11-22 10:20:30,123, 2026-11-22T10:20:30.5+01:00
    rf"{_EDGE}[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?(?-u:\b)",
    # a number and what is glued to it: 0x1f, 10ms, 1.5, 10:20:30, 10.0.0.1:80, 2026/11/22, 3f2a77
    rf"(?:{_START}[-+])?{_EDGE}[0-9]{_WORD}*(?:[.:/][0-9]{_WORD}*)*",
    rf"{_EDGE}[A-Za-z_]+[0-9]+[A-Za-z_]+[0-9]{_WORD}*",  # letters and digits in turn: an id
    rf"{_EDGE}[A-Za-z_]+[0-9]{{3,}}{_WORD}*",  # blk_38865049064139660, u20417
    rf"{_EDGE}[a-fA-F]+[0-9][0-9a-fA-F]{{2,}}{_EDGE}",  # hexadecimal that starts with a letter
)
MASK: Final = "|".join(_VARIABLES)


def mask(messages: pl.Series) -> pl.Series:
    """The first `MINED_PREFIX_CHARS` of each message with its obvious variables replaced by `WILD`."""
    return messages.str.head(MINED_PREFIX_CHARS).str.replace_all(MASK, WILD)
