"""What a value in a query can be. Types are known before a query runs; a missing value has every type."""

from __future__ import annotations

from enum import StrEnum


class Type(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    """64-bit float. Never NaN or infinite: what would be is missing."""
    INTEGER = "integer"
    """64-bit integer: counts, lengths, numbered columns."""
    BOOLEAN = "boolean"
    TIME = "time"
    """Nanoseconds since 1970 UTC."""
    DURATION = "duration"
    """A literal such as `5m`; counts as milliseconds where a number is asked for."""
    LEVEL = "level"
    """Severity: compares by rank with the names of levels, prints as its name."""
    ANY = "any"
    """A sender's field: text, number, boolean or list, told apart per record; in results it is JSON text."""
    LIST = "list"
    """A list of distinct values, as `values()` gives: in results it is JSON text."""
    PATTERN = "pattern"
    """A regular expression literal."""


NUMERIC = frozenset({Type.NUMBER, Type.INTEGER, Type.DURATION})
