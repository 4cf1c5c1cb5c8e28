"""VictoriaLogs' own form, which vlagent writes unless told otherwise: rows, each with the labels of its stream.

A row: account and project, 4 bytes each; its labels; its time in ns, 8 bytes, big-endian; its fields. Labels are a text
that holds pairs, fields are pairs: their number, then name and value of each. A number is a varint, a text its length
and its bytes. The field without a name is the message. Read one by one, for what `victorialogs_columns` leaves to it.
Source: github.com/VictoriaMetrics/VictoriaLogs, `lib/logstorage` (`InsertRow`, `StreamTags`), protocol "v1".
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.json import MAX_RECORDS
from heimdall.ingest.decode.protobuf import varint

VERSION = "v1"
_TENANT_BYTES = _TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Rows:
    """Of streams whose labels have these names, as JSON objects."""

    labels: tuple[str, ...]
    texts: list[bytes]
    numbers: list[int]
    """Place of each row in the body, from 1."""


def read_rows(body: bytes) -> list[Rows]:
    """The rows of a body, those with the same names of labels together.

    Raises:
        InvalidInput: a row that cannot be read: nobody knows where the next one begins.
        TooLarge: more than `MAX_RECORDS`.
    """
    found: dict[bytes, Rows] = {}  # by the labels as they came
    kinds: dict[tuple[str, ...], Rows] = {}
    place = number = 0
    while place < len(body):
        number += 1
        if number > MAX_RECORDS:
            raise TooLarge(f"more than {MAX_RECORDS} rows in one body; send smaller batches")
        try:
            labels, place = _bytes(body, place + _TENANT_BYTES)
            if labels not in found:
                names = tuple(name for name, _ in _pairs(labels, 0)[0])
                found[labels] = kinds.setdefault(names, Rows(names, [], []))
            time_ns = int.from_bytes(body[place : place + _TIME_BYTES], "big", signed=True)
            fields, place = _pairs(body, place + _TIME_BYTES)
        except IndexError:
            raise InvalidInput(f"row {number} is cut off or no row of protocol {VERSION}") from None
        rows = found[labels]
        members: dict[str, str | int] = {"_time": time_ns}
        members.update((name or "_msg", value) for name, value in fields if value)
        rows.texts.append(orjson.dumps(members))
        rows.numbers.append(number)
    return list(kinds.values())


def _pairs(data: bytes, place: int) -> tuple[list[tuple[str, str]], int]:
    """Names and values from `place` on, and the place behind them."""
    count, place = varint(data, place)
    found: list[tuple[str, str]] = []
    for _ in range(count):
        name, place = _bytes(data, place)
        value, place = _bytes(data, place)
        found.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))
    return found, place


def _bytes(data: bytes, place: int) -> tuple[bytes, int]:
    if (size := data[place]) < 0x80:
        place += 1
    else:
        size, place = varint(data, place)
    end = place + size
    if end > len(data):
        raise IndexError
    return data[place:end], end
