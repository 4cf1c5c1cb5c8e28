"""Bytes of a syslog connection → records: lines, or octet-counted (RFC 6587).

Which of the two a sender uses is told from its first bytes: a count and `<` is octet counting, anything else lines,
ended by LF or (Python's SysLogHandler, some appliances) NUL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from heimdall.ingest.decode.text import Cut

_MAX_COUNT_DIGITS = 9
_COUNT = re.compile(rb"([1-9][0-9]{0,8}) ")
_OCTET_COUNTED = re.compile(rb"[1-9][0-9]{0,8} <")
_TOO_SHORT_TO_TELL = re.compile(rb"[1-9][0-9]{0,8} ?\Z")


@dataclass(frozen=True, slots=True)
class Frames:
    """Records in the order they came, whole (or cut and said so)."""

    records: list[bytes] | bytes
    """As a list, or as lines ended by LF (the last one may not be): what costs nothing to take apart later."""
    cut: tuple[Cut, ...] = ()

    @property
    def count(self) -> int:
        if isinstance(self.records, list):
            return len(self.records)
        return self.records.count(b"\n") + (not self.records.endswith(b"\n"))

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.records)) if isinstance(self.records, list) else len(self.records)


class SyslogFraming:
    """Fed with what is read; keeps the beginning of the record that has not ended, at most `max_record_bytes` of it."""

    def __init__(self, max_record_bytes: int) -> None:
        self._max = max_record_bytes
        self._rest = b""
        self._octets: bool | None = None
        self._head: bytes | None = None
        """Of a record that is too long; what follows is passed over."""
        self._passed_bytes = 0
        self._left_bytes = 0
        """Still to be passed over, where the length is stated."""

    @property
    def pending_bytes(self) -> int:
        return len(self._rest) + len(self._head or b"")

    def feed(self, data: bytes) -> list[Frames]:
        """Records completed by `data`."""
        data = self._rest + data if self._rest else data
        self._rest = b""
        if self._octets is None:
            if _TOO_SHORT_TO_TELL.match(data):
                self._rest = data
                return []
            self._octets = _OCTET_COUNTED.match(data) is not None
        return self._counted(data) if self._octets else self._lines(data)

    def end(self) -> list[Frames]:
        """The connection closed: what has no end is a record all the same."""
        rest, self._rest = self._rest, b""
        if self._head is not None:
            return [self._too_long(len(rest))]
        if self._octets:
            # a count, and less than it says; or a line that had none
            counted = _COUNT.match(rest)
            stated = int(counted[1]) if counted else 0
            rest = rest[counted.end() :] if counted else rest
            return [Frames([rest], (Cut(0, stated),) if stated > len(rest) else ())] if rest else []
        return [Frames(rest)] if rest.strip(b"\r\n\0 ") else []

    def _lines(self, data: bytes) -> list[Frames]:
        if b"\0" in data:
            data = data.replace(b"\0", b"\n")
        found = []
        if self._head is not None:
            end = data.find(b"\n")
            if end < 0:
                self._passed_bytes += len(data)
                return []
            found.append(self._too_long(end))
            data = data[end + 1 :]
        end = data.rfind(b"\n") + 1
        if end:
            found.append(Frames(data[:end]))
        self._rest = data[end:]
        if len(self._rest) > self._max:
            self._head, self._passed_bytes = self._rest[: self._max], len(self._rest) - self._max
            self._rest = b""
        return found

    def _counted(self, data: bytes) -> list[Frames]:
        """One step a record: where it ends says only its own count."""
        found: list[Frames] = []
        records: list[bytes] = []
        place, size = 0, len(data)
        if self._left_bytes:
            place = min(self._left_bytes, size)
            self._left_bytes -= place
            self._passed_bytes += place
            if self._left_bytes:
                return []
            found.append(self._too_long(0))
        while place < size:
            space = data.find(b" ", place, place + _MAX_COUNT_DIGITS + 1)
            digits = data[place:space] if space > 0 else b""
            if not digits.isdigit() or digits[:1] == b"0":
                after = self._after_no_count(data, place, records)
                if after is None:
                    break
                place = after
                continue
            begin = space + 1
            end = begin + int(digits)
            if end - begin > self._max:
                kept = data[begin : min(end, begin + self._max)]
                available = min(size, end)
                if available == end:
                    found += [Frames(records)] if records else []
                    records = []
                    found.append(Frames([kept], (Cut(0, end - begin),)))
                    place = end
                    continue
                if available - begin >= self._max:
                    self._head, self._passed_bytes = kept, available - begin - self._max
                    self._left_bytes = end - available
                    place = size
                break
            if end > size:
                break
            records.append(data[begin:end])
            place = end
        self._rest = data[place:]
        return [*found, Frames(records)] if records else found

    def _after_no_count(self, data: bytes, place: int, records: list[bytes]) -> int | None:
        """What stands where a count should is passed as a line, and a count is looked for after it."""
        if data[place] in b"\r\n\0":
            return place + 1  # some senders end counted records by a newline too
        end = data.find(b"\n", place)
        if end < 0 and len(data) - place <= max(self._max, _MAX_COUNT_DIGITS + 1):
            return None
        end = place + self._max if end < 0 else end
        records.append(data[place:end])
        return end

    def _too_long(self, more_bytes: int) -> Frames:
        head, self._head = self._head or b"", None
        return Frames([head], (Cut(0, len(head) + self._passed_bytes + more_bytes),))
