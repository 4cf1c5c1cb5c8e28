"""Marks on a record that was kept although something about it was odd.

They stand in the record's attributes as a list under `heimdall.oddity`, so that `heimdall.oddity:*` finds them all.
"""

from __future__ import annotations

from enum import StrEnum

ODDITY_FIELD = "heimdall.oddity"
RAW_MESSAGE_FIELD = "heimdall.message_base64"
"""The message's own bytes, where they are no UTF-8 and the message shows U+FFFD."""


class Oddity(StrEnum):
    TIME_NOT_UNDERSTOOD = "time_not_understood"
    """The time field holds no time; the observed time stands in, the field stays an attribute."""
    TIME_OUT_OF_RANGE = "time_out_of_range"
    """Before 1971 or more than a day ahead; treated like one not understood."""
    INVALID_UTF8 = "invalid_utf8"
    """Bytes that are no UTF-8, or half of a surrogate pair; shown as U+FFFD."""
    DUPLICATE_KEY = "duplicate_key"
    """A JSON object had a key twice; the last value was kept."""
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    """A number beyond 64 bits, or none at all (NaN); kept as text."""
    CONTROL_CHARACTER = "control_character"
    """An unescaped control character inside a JSON string; kept."""
    NESTED_TOO_DEEPLY = "nested_too_deeply"
    """Deeper than the limit; what lies below is kept as JSON text."""
    TRUNCATED = "truncated"
    """Longer than a record may be; the rest was cut, `heimdall.original_bytes` says how long it was."""
    NUL_BYTE = "nul_byte"
    """Text with NUL characters; kept."""
    MALFORMED = "malformed"
    """Not what its protocol says; the bytes are the message, and in `heimdall.message_base64`."""
