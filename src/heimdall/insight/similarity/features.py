"""What of a message tells it from others: its words, and the dotted names of code in it.

Words are what identifiers are made of (`NoSuchElementException` is four, and itself), so that a question in plain words
meets them. A frame of a stack trace counts by what it names, `com.shop.Cart.add`, which is the same in every release:
numbers are no features, and so no line number, no address and no id is.
"""

from __future__ import annotations

import polars as pl

MAX_CHARS = 16_384
"""Of a text that count: the first hundred frames of a trace."""

_WITH_DIGITS = r"[\p{L}_$-]*[0-9][\p{L}0-9_$-]*"
_NAME = r"[\p{L}_$][\p{L}_$<>]*(?:(?:\.|::)[\p{L}_$<>]+)+"
_IDENTIFIER = r"\p{L}{2,}"


def features(texts: pl.Series) -> pl.LazyFrame:
    """Columns `text` (UInt32, its place), `line` (UInt32, where in the text) and `feature`, as often as they occur."""
    lines = (
        pl.LazyFrame({"text": pl.arange(len(texts), dtype=pl.UInt32, eager=True), "part": texts.cast(pl.String)})
        .with_columns(pl.col("part").str.head(MAX_CHARS).str.split("\n"))
        .with_columns(pl.int_ranges(0, pl.col("part").list.len(), dtype=pl.UInt32).alias("line"))
        .explode("part", "line")
        .drop_nulls()
    )
    plain = without_numbers(pl.col("part"))
    whole = plain.str.extract_all(_IDENTIFIER)
    words = (
        plain.str.replace_all(r"(\p{Ll})(\p{Lu})", "$1 $2")
        .str.replace_all(r"(\p{Lu})(\p{Lu}\p{Ll})", "$1 $2")
        .str.extract_all(_IDENTIFIER)
    )
    found = lines.select(
        "text",
        "line",
        pl.concat_list(words, whole.list.set_difference(words), plain.str.extract_all(_NAME)).alias("feature"),
    )
    return found.explode("feature").drop_nulls().with_columns(pl.col("feature").str.to_lowercase())


def without_numbers(text: pl.Expr) -> pl.Expr:
    """Texts that have the same features, for the most part, are the same without numbers, ids and addresses."""
    return text.str.replace_all(_WITH_DIGITS, " ")
