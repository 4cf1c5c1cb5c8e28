"""Words behind a bar: one module each, listed here in the order the reference prints them.

Further ones register under the entry-point group `heimdall.pipes` (an object of type `PipeWord`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from heimdall.query.pipes import (
    dedup,
    extend,
    fields,
    head,
    parse,
    patterns,
    rare,
    sort,
    stats,
    timechart,
    top,
    where,
)
from heimdall.query.pipes.word import PipeWord

_BUILT_IN = (where, fields, extend, parse, stats, timechart, sort, head, top, rare, dedup, patterns)


@cache
def pipes() -> Mapping[str, PipeWord]:
    """Every pipe by name."""
    known = {module.WORD.name: module.WORD for module in _BUILT_IN}
    for entry in entry_points(group="heimdall.pipes"):
        word = entry.load()
        known.setdefault(word.name, word)
    return known
