"""Bytes → a column of lines."""

from __future__ import annotations

import codecs

import polars as pl

_MARK = codecs.BOM_UTF8


def lines_of(data: bytes) -> pl.Series:
    """The lines of `data` without their newlines: String, or Binary when some byte is no UTF-8.

    A last line without a newline counts; what follows a final newline does not. Byte order marks at the beginning of a
    line, where files were put one after the other, are no part of it.
    """
    whole = data.removesuffix(b"\n").removeprefix(_MARK)
    if _MARK in whole:
        whole = whole.replace(b"\n" + _MARK, b"\n")
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        return pl.Series("line", whole.split(b"\n"), dtype=pl.Binary)
    return pl.Series("line", [text]).str.split("\n").explode()
