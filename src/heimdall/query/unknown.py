"""Fields that no record has: why an answer may be empty."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice

import pyarrow as pa

from heimdall.query.ast import Query, search_fields
from heimdall.query.fields import BY_NAME, RECORD_FIELDS, attribute_path
from heimdall.query.shape import Shape

ALIKE = 0.75
"""Ratio of two names from which on one may be the other mistyped."""

MOST_NAMES, MOST_KNOWN, LONGEST = 3, 200, 50
"""Unknown names, and known ones, that are held against each other, and characters of one: 0.1 s at the worst, whatever
a query names and senders have."""


def says_nothing(rows: pa.Table) -> bool:
    """No row, or one of a table in which nothing was found: missing everywhere, or counted as 0."""
    return not rows.num_rows or (rows.num_rows == 1 and not any(rows.to_pylist()[0].values()))


def own_fields(query: Query) -> dict[str, bool]:
    """Names of senders' own fields that a query reads of records, not of what its pipes made → whether its search does,
    where a name cannot be a text without quotes."""
    found: dict[str, bool] = {}
    for name, in_search in _read(query):
        if name not in RECORD_FIELDS and "[" not in name:
            found.setdefault(name, in_search)
    return found


def hint(names: Mapping[str, bool], known: Collection[str]) -> str | None:
    """What to say of a query's `own_fields` that the newest records lack; None when they have all of them.

    `known`: the senders' own fields they have, the most frequent first.
    """
    paths = {attribute_path(name) for name in known}
    short = [name for name in names if len(name) <= LONGEST]
    unknown = list(islice((name for name in short if not _is_there(attribute_path(name), paths)), MOST_NAMES))
    candidates = [*BY_NAME, *islice((name for name in known if len(name) <= LONGEST), MOST_KNOWN)]
    for name in unknown:
        for meant in get_close_matches(name, candidates, n=1, cutoff=ALIKE):
            return f"The newest records have no field '{name}'. Did you mean '{meant}'?"
    for name in unknown:
        quotes = "" if names[name] else " Text to compare with stands in quotes."
        return f"The newest records have no field '{name}'.{quotes}"
    return None


def _is_there(path: str, paths: Collection[str]) -> bool:
    return path in paths or any(one.startswith(f"{path}.") for one in paths)


def _read(query: Query) -> Iterator[tuple[str, bool]]:
    for name in search_fields(query.search):
        yield name, True
    shape = Shape()
    for pipe in query.pipes:
        if not shape.whole:
            return
        for name in pipe.reads():
            if name not in shape.columns:
                yield name, False
        shape = pipe.shape(shape)
