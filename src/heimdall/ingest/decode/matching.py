"""Which lines have which format, a batch at a time.

A sample is asked first (one pass of an RE2 set per sampled line), so that a batch of one format costs one pattern
over its lines. Lines left over are held against all formats at once, until none is left that any format knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import polars as pl
import re2

from heimdall.ingest.decode.format import Format

SAMPLE_LINES = 96
"""Lines asked per round. Enough to see a format that has a few percent of a batch; a rarer one costs a round more."""

HEADER_CHARS = 256
"""Of a line in which its header is looked for first."""

SAMPLE_CHARS = 8192
"""Of a sampled line: a line may be a megabyte."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Lines of one format: their rows in the batch, and the groups of its pattern."""

    format: Format
    rows: pl.Series
    groups: pl.DataFrame


def match_formats(formats: tuple[Format, ...], lines: pl.Series) -> tuple[list[Matched], pl.Series]:
    """Each line goes to one format that matches it: the earliest of `formats` among those its sample saw.

    Returns what matched, and the rows (UInt32, rising) of lines no format knows. `lines`: String, no nulls.
    """
    matched: list[Matched] = []
    unknown: list[pl.Series] = []
    rows = pl.int_range(len(lines), dtype=pl.UInt32, eager=True).alias("row")
    all_known = False  # whether each of `rows` is sure to match some format
    while len(rows):
        before = len(rows)
        for place in _seen(formats, lines.gather(rows)):
            taken, rows = _take(formats[place], lines, rows)
            if taken is not None:
                matched.append(taken)
        if before <= SAMPLE_LINES or (all_known and len(rows) == before):
            break
        known = lines.gather(rows).str.contains(_any_of(formats))
        unknown.append(rows.filter(~known))
        rows = rows.filter(known)
        all_known = True
    return matched, pl.concat([*unknown, rows]).sort()


def _take(format_: Format, lines: pl.Series, rows: pl.Series) -> tuple[Matched | None, pl.Series]:
    """What of `rows` the format matches, and the rows it leaves."""
    if rows.is_empty():
        return None, rows
    texts = lines if len(rows) == len(lines) else lines.gather(rows)
    if format_.whole:
        groups = pl.DataFrame({"line": texts})
        hit = texts.str.contains(format_.pattern)
    else:
        groups = _groups(format_, texts).with_columns(texts.alias("line"))
        hit = groups[format_.anchor].is_not_null()
    if hit.all():
        return Matched(format_, rows, groups), rows.clear()
    if not hit.any():
        return None, rows
    return Matched(format_, rows.filter(hit), groups.filter(hit)), rows.filter(~hit)


def _groups(format_: Format, texts: pl.Series) -> pl.DataFrame:
    if format_.quick is None:
        return _by_pattern(format_, texts)
    groups = format_.quick(texts)
    missed = groups[format_.anchor].is_null()
    if not missed.any():
        return groups
    rows = missed.arg_true()
    return _with_rows(groups, rows, _by_pattern(format_, texts.gather(rows)))


def _with_rows(groups: pl.DataFrame, rows: pl.Series, again: pl.DataFrame) -> pl.DataFrame:
    return groups.with_columns(groups[name].scatter(rows, again[name]) for name in groups.columns)


def _by_pattern(format_: Format, texts: pl.Series) -> pl.DataFrame:
    if format_.suffix:
        return _with_suffix(format_, texts)
    if format_.groups[-1] == "message":
        return extract_with_rest(texts, format_.pattern, "message")
    return texts.str.extract_groups(format_.pattern).struct.unnest()


def extract_with_rest(texts: pl.Series, pattern: str, rest: str) -> pl.DataFrame:
    """`extract_groups` for a pattern whose last group, `rest`, takes everything up to the end.

    Captures cost time for every character that is walked over, a hundredfold once a line is too long for the engine's
    quick ways. So only the beginnings of long lines are matched, and the rest is cut off the line itself.
    """
    if not (texts.str.len_bytes() > HEADER_CHARS).any():
        return texts.str.extract_groups(pattern).struct.unnest()
    heads = texts.str.head(HEADER_CHARS)
    groups = heads.str.extract_groups(pattern).struct.unnest()
    begin = heads.str.len_chars() - groups[rest].str.len_chars()
    groups = groups.with_columns(
        pl.select(pl.when(pl.lit(begin).is_not_null()).then(pl.lit(texts).str.slice(pl.lit(begin))))
        .to_series()
        .alias(rest)
    )
    missed = groups[rest].is_null() & (texts.str.len_chars() > HEADER_CHARS)
    if not missed.any():
        return groups
    rows = missed.arg_true()  # a header longer than that, or no match at all
    return _with_rows(groups, rows, texts.gather(rows).str.extract_groups(pattern).struct.unnest())


def _with_suffix(format_: Format, texts: pl.Series) -> pl.DataFrame:
    prefix = format_.pattern[: format_.pattern.index("(?P<message>")] + "(?P<message>(?s:.*))$"
    before = extract_with_rest(texts, prefix, "message")
    tails = texts.str.tail(HEADER_CHARS)
    after = tails.str.extract_groups(format_.suffix).struct.unnest()
    size = tails.str.extract(f"({re.sub('[?]P<[a-z_]+>', '?:', format_.suffix)})").str.len_chars()
    length = before["message"].str.len_chars().cast(pl.Int64) - size
    message = pl.select(
        pl.when(pl.lit(length) >= 0).then(pl.lit(before["message"]).str.head(pl.lit(length)))
    ).to_series()
    return before.with_columns(message.alias("message")).hstack(after)


def _seen(formats: tuple[Format, ...], texts: pl.Series) -> list[int]:
    """Places of the formats that some sampled line matches, in order."""
    step = max(1, len(texts) // SAMPLE_LINES)
    matcher = _set_of(formats)
    places: set[int] = set()
    for line in texts.gather_every(step).head(SAMPLE_LINES * 2).to_list():
        places.update(matcher.Match(line if len(line) <= SAMPLE_CHARS else line[:SAMPLE_CHARS]) or ())
    return sorted(places)


@cache
def _set_of(formats: tuple[Format, ...]) -> re2.Set:
    options = re2.Options()
    options.log_errors = False
    matcher = re2.Set.SearchSet(options)
    for format_ in formats:
        matcher.Add(format_.pattern)
    matcher.Compile()
    return matcher


@cache
def _any_of(formats: tuple[Format, ...]) -> str:
    """One pattern that matches wherever one of the formats does; without groups, so that it runs as an automaton."""
    return "|".join(f"(?:{format_.ungrouped})" for format_ in formats)
