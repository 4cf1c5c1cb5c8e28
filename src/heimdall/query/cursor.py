"""Where the next page begins: behind a record, or behind so many rows."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from heimdall.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Behind:
    """Records older than this one, in the order (timestamp, position)."""

    timestamp_ns: int
    position: int


@dataclass(frozen=True, slots=True)
class Skip:
    """For answers that have an order of their own: the rows after the first `rows`."""

    rows: int


Cursor = Behind | Skip


def write_cursor(cursor: Cursor) -> str:
    match cursor:
        case Behind(timestamp_ns, position):
            text = f"b{timestamp_ns}.{position}"
        case Skip(rows):
            text = f"s{rows}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """
    Raises:
        InvalidInput: not a cursor of this API.
    """
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        if plain.startswith("b"):
            timestamp, _, position = plain[1:].partition(".")
            behind = Behind(int(timestamp), int(position))
            if abs(behind.timestamp_ns) < 2**63 and 0 <= behind.position < 2**64:
                return behind
        elif plain.startswith("s") and 0 <= int(plain[1:]) < 2**31:
            return Skip(int(plain[1:]))
    except (ValueError, binascii.Error):
        pass
    raise InvalidInput(f"{text[:60]!r} is not a cursor; pass on `next` of an earlier answer as it is")
