"""CSV whose first line names its columns, made into lines of JSON as it is read."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from heimdall.ingest.decode.canonical import NAMES
from heimdall.ingest.decode.json_text import json_members, json_objects

_SEPARATORS = (",", ";", "\t", "|")
_NAME = re.compile(r"[A-Za-z_@][\w@ ./()%-]{0,63}")
_NUMBER = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,14})?$"
"""What is written as a number again, digit for digit: no leading zeros, which ids have."""

_MOST_BYTES = 4 << 20
"""Of one row; a quotation mark that is never closed is no longer waited for, and the lines stay as they are."""


def columns_of(head: bytes) -> tuple[list[str], str] | None:
    """Names and separator where `head` begins with a line that names columns, one of them the time; else None."""
    line, newline, _ = head.partition(b"\n")
    if not newline:
        return None
    try:
        text = line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        return None
    for separator in _SEPARATORS:
        if text.count(separator) < 1:
            continue
        try:
            names = [name.strip() for name in next(csv.reader([text], delimiter=separator))]
        except csv.Error:  # a carriage return inside, as progress bars write it
            continue
        if all(_NAME.fullmatch(name) for name in names) and _is_log(names):
            return names, separator
    return None


def _is_log(names: Sequence[str]) -> bool:
    lower = {name.lower() for name in names}
    told = lower & {*NAMES["message"], *NAMES["severity_number"]}
    return len(lower) == len(names) and bool(lower & set(NAMES["timestamp"])) and (bool(told) or len(names) > 2)


class CsvTable:
    """Rows → one JSON object each, a value that is a number as one. Rows that are broken stay as they are.

    What a row becomes depends on that row alone: read again from anywhere, the same bytes come of it.
    """

    def __init__(self, names: Sequence[str], separator: str) -> None:
        self._names = list(names)
        self._separator = separator
        self._head = f"{separator.join(names)}\n".encode()
        self._rest = b""
        self._begun = False

    def feed(self, data: bytes, *, final: bool) -> bytes:
        self._rest += data
        if not self._begun:
            _, newline, self._rest = self._rest.partition(b"\n")
            self._begun = bool(newline)
        end = len(self._rest) if final or len(self._rest) > _MOST_BYTES else _rows_end(self._rest)
        rows, self._rest = self._rest[:end], self._rest[end:]
        return self._lines(rows) if rows.strip() else b""

    def _lines(self, rows: bytes) -> bytes:
        try:
            table = pl.read_csv(
                self._head + rows,  # rows that begin like gzip or zstd would be unfolded, however large they become
                separator=self._separator,
                infer_schema=False,
                schema=dict.fromkeys(self._names, pl.String),
            )
        except pl.exceptions.PolarsError:
            return self._one_by_one(rows)
        pieces = [_members(column) for column in table.get_columns()]
        objects = json_objects([], pieces).drop_nulls()
        return f"{objects.str.join(chr(10)).item()}\n".encode() if len(objects) else b""

    def _one_by_one(self, rows: bytes) -> bytes:
        """By halves, down to the rows that have other columns than the first line names."""
        ends = _row_ends(rows)
        if len(ends) <= 1:
            return rows if rows.endswith(b"\n") else rows + b"\n"
        half = int(ends[len(ends) // 2 - 1])
        return self._lines(rows[:half]) + self._lines(rows[half:])


def _members(column: pl.Series) -> pl.Series:
    numeric = column.str.contains(_NUMBER).fill_null(value=False)
    as_text = json_members(column)
    if not numeric.any():
        return as_text
    as_number = json_members(pl.Series(column.name, [0]))[0].removesuffix("0")
    return pl.select(
        pl.when(pl.lit(numeric)).then(pl.concat_str(pl.lit(as_number), pl.lit(column))).otherwise(pl.lit(as_text))
    ).to_series()


def _rows_end(data: bytes) -> int:
    """One past the last newline that stands outside quotation marks."""
    ends = _row_ends(data)
    return int(ends[-1]) if len(ends) else 0


def _row_ends(data: bytes) -> npt.NDArray[np.intp]:
    """One past each newline that stands outside quotation marks."""
    codes = np.frombuffer(data, np.uint8)
    outside = (np.cumsum(codes == ord('"')) & 1) == 0
    return np.flatnonzero(outside & (codes == ord("\n"))) + 1
