"""User patterns: RE2 only, so that no pattern can take more than linear time or unbounded memory.

`.` matches line breaks too (records can hold whole stack traces); `(?-s)` at the start turns that off.
"""

from __future__ import annotations

from functools import lru_cache

import re2

MAX_PROGRAM_BYTES = 1 << 20
"""Memory one compiled pattern may take; a pattern that needs more is refused."""

_LONGEST_REASON = 100
"""RE2 repeats the pattern in its complaint; enough of it to recognise the place."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re2._Regexp[str]:
    """The compiled pattern.

    Raises:
        ValueError: it is not RE2, or too large; the message says why.
    """
    options = re2.Options()
    options.max_mem = MAX_PROGRAM_BYTES
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(pattern, options)
    except re2.error as exc:
        reason = exc.args[0] if exc.args else "not a regular expression"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(text[:_LONGEST_REASON]) from exc


@lru_cache(maxsize=4096)
def plain_pattern(pattern: str) -> re2._Regexp[str]:
    """A pattern of our own making, with `.` as it says itself: what `heimdall.query.words` writes, for one text."""
    options = re2.Options()
    options.max_mem = MAX_PROGRAM_BYTES
    options.log_errors = False
    return re2.compile(pattern, options)
