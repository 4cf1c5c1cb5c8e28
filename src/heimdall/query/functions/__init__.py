"""Functions of the query language: one module a word, listed here in the order the reference prints them.

Further ones register under the entry-point group `heimdall.functions` (an object of type `Function`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from heimdall.query.functions import (
    abs,
    avg,
    bin,
    byte_length,
    calendar,
    ceil,
    cidr_match,
    coalesce,
    concat,
    contains,
    count,
    count_distinct,
    count_if,
    dateparts,
    ends_with,
    exists,
    extract,
    first,
    floor,
    if_,
    last,
    length,
    level_name,
    log,
    lower,
    matches,
    max,
    median,
    min,
    now,
    percentile,
    rate,
    replace,
    round,
    severity,
    split,
    sqrt,
    starts_with,
    stdev,
    substring,
    sum,
    tonumber,
    tostring,
    trim,
    upper,
    values,
)
from heimdall.query.functions.definition import Function

_BUILT_IN: tuple[Function, ...] = (
    *(module.FUNCTION for module in (count, count_if, count_distinct, sum, avg, min, max, median, stdev)),
    *percentile.FUNCTIONS,
    *(module.FUNCTION for module in (rate, first, last, values, bin, now, calendar)),
    *dateparts.FUNCTIONS,
    *(module.FUNCTION for module in (if_, coalesce, exists, lower, upper, trim, length, substring, concat, replace)),
    byte_length.FUNCTION,
    *(module.FUNCTION for module in (contains, starts_with, ends_with, matches, extract, split, cidr_match)),
    *(module.FUNCTION for module in (tonumber, tostring, round, floor, ceil, abs, sqrt, log, level_name, severity)),
)


@cache
def functions() -> Mapping[str, Function]:
    """Every function by name, percentiles by their usual ones."""
    known = {function.name: function for function in _BUILT_IN}
    for entry in entry_points(group="heimdall.functions"):
        function = entry.load()
        known.setdefault(function.name, function)
    return known


def function_named(name: str) -> Function | None:
    return functions().get(name) or percentile.percentile_named(name)
