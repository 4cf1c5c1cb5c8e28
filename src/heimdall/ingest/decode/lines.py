"""Bytes → a column of lines."""

from __future__ import annotations

import polars as pl


def lines_of(data: bytes) -> pl.Series:
    """The lines of `data` without their newlines: String, or Binary when some byte is no UTF-8.

    A last line without a newline counts; what follows a final newline does not.
    """
    whole = data.removesuffix(b"\n")
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        return pl.Series("line", whole.split(b"\n"), dtype=pl.Binary)
    return pl.Series("line", [text]).str.split("\n").explode()
