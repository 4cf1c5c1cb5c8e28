"""Exception type and message out of stack traces of Java, Python, Go and Node, on distinct texts only."""

from __future__ import annotations

import polars as pl

_NAME = r"(?:[A-Za-z_$][A-Za-z0-9_$]*(?:\.|::))*[A-Za-z_$][A-Za-z0-9_$]*"

_WITH_FRAMES = (
    rf'(?m)^(?:Exception in thread "[^"]*" |Uncaught )?(?P<stack>(?P<type>{_NAME})(?: \[[A-Z_]+\])?'
    r"(?:: (?P<message>.*))?\n[ \t]+at (?s:.*))"
)
"""Java, Kotlin, Scala, Node, .NET: the name, then frames that begin with `at`."""
_PYTHON = (
    r"(?P<stack>Traceback \(most recent call last\):\n(?s:.*)\n"
    rf"(?P<type>{_NAME})(?:: (?P<message>[^\n]*))?)(?:\n|$)"
)
"""Python: the last line that is not indented; of chained exceptions the last one, which is the one that was raised."""
_GO = r"(?m)^(?P<stack>(?P<type>panic|fatal error): (?P<message>.*)\n(?s:.*)goroutine [0-9]+ (?s:.*))"

_MENTIONS = r"(?m)^[ \t]+at |Traceback \(most recent|^goroutine [0-9]+ "


def exceptions(texts: pl.Series) -> pl.DataFrame:
    """For each text: `exception.type`, `exception.message` and `exception.stacktrace`, null where there is none."""
    names = ("exception.type", "exception.message", "exception.stacktrace")
    rows = texts.str.contains(_MENTIONS).arg_true()
    if rows.is_empty():
        return pl.DataFrame({name: _nulls(len(texts)) for name in names})
    picked = texts.gather(rows)
    distinct = picked.unique()
    found = [distinct.str.extract_groups(pattern).struct.unnest() for pattern in (_WITH_FRAMES, _PYTHON, _GO)]
    table = _first_of(found)
    joined = (
        picked.alias("text")
        .to_frame()
        .join(table.with_columns(text=distinct), on="text", how="left", maintain_order="left")
    )
    return pl.DataFrame({name: _nulls(len(texts)).scatter(rows, joined[name]) for name in names})


def _first_of(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Of the languages' groups those of the first that matched."""
    result = found[-1]
    for part in reversed(found[:-1]):
        hit = part["type"].is_not_null()
        result = pl.DataFrame({name: part[name].zip_with(hit, result[name]) for name in ("type", "message", "stack")})
    return result.select(
        pl.col("type").alias("exception.type"),
        pl.col("message").alias("exception.message"),
        pl.col("stack").alias("exception.stacktrace"),
    )


def _nulls(size: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, size)
