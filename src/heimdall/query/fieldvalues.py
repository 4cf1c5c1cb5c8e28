"""How often each value of some fields occurs: one statement for all of them, and what its rows say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

COUNT_COLUMN, VALUE_COLUMN = "_counted_records", "_counted_value"
"""Names no field of a sender can hide."""

_OTHERS, _DISTINCT, _PRESENT, _TOTAL = "_counted_others", "distinct_values", "present", "total"
"""The first stands beside fields of a sender, so it is such a name, too."""


@dataclass(frozen=True, slots=True)
class FieldValues:
    """The values of one field over the records of a question."""

    top: pa.Table
    """`VALUE_COLUMN`, `COUNT_COLUMN`: the most frequent first, absent ones left out."""
    distinct: int
    present: int
    """Records that have a value."""
    total: int
    """Records."""


def frequencies(inner: exp.Subquery, values: Sequence[exp.Expr], records: str, limit: int) -> exp.Select:
    """The `limit` most frequent of each of the `values`, which are expressions over the rows of `inner`; `records`
    aggregates how many records a group of those rows stands for. `values_of` reads the answer.
    """
    keys, several = _keys(len(values)), len(values) > 1
    groups = exp.select(
        *(exp.alias_(value, key) for value, key in zip(values, keys, strict=True)),
        f"{records} AS {COUNT_COLUMN}",
        f"grouping({', '.join(keys)}) AS {_OTHERS}",
        dialect="clickhouse",
    ).from_(inner, copy=False)
    # One alone is a plain grouping with a plain limit: of 200,000 values that is a quarter faster.
    sets = [f"GROUPING SETS ({', '.join(f'({key})' for key in keys)})"] if several else keys
    groups = groups.group_by(*sets, dialect="clickhouse", copy=False)
    own = f"PARTITION BY {_OTHERS}" if several else ""
    cases = [f"{_OTHERS} = {others}, isNotNull({key})" for key, others in zip(keys, _others(len(keys)), strict=True)]
    present = f"multiIf({', '.join(cases)}, 0)"
    totals = exp.select(
        *keys,
        COUNT_COLUMN,
        _OTHERS,
        f"countIf({present}) OVER ({own}) AS {_DISTINCT}",
        f"sumIf({COUNT_COLUMN}, {present}) OVER ({own}) AS {_PRESENT}",
        f"sum({COUNT_COLUMN}) OVER ({own}) AS {_TOTAL}",
        dialect="clickhouse",
    ).from_(groups.subquery("groups", copy=False), copy=False)
    order = (_OTHERS, f"{present} DESC", f"{COUNT_COLUMN} DESC", *keys)
    statement = totals.order_by(*order, dialect="clickhouse", copy=False).limit(limit, copy=False)
    if several:
        statement.args["limit"].set("expressions", [exp.column(_OTHERS)])
    return statement


def values_of(rows: pa.Table, fields: Sequence[str]) -> dict[str, FieldValues]:
    """By field what the rows of `frequencies` say, whose values are those of `fields` in their order."""
    found = {}
    for field, key, others in zip(fields, _keys(len(fields)), _others(len(fields)), strict=True):
        own = rows.filter(pc.equal(rows.column(_OTHERS), others))
        top = own.select([key, COUNT_COLUMN]).rename_columns([VALUE_COLUMN, COUNT_COLUMN])
        sums = own.select([_DISTINCT, _PRESENT, _TOTAL]).slice(0, 1).to_pylist()
        distinct, present, total = map(int, sums[0].values()) if sums else (0, 0, 0)
        found[field] = FieldValues(top.filter(top.column(VALUE_COLUMN).is_valid()), distinct, present, total)
    return found


def _keys(count: int) -> list[str]:
    return [f"{VALUE_COLUMN}{place}" for place in range(count)]


def _others(count: int) -> list[int]:
    """What `grouping` says of a row of each key: a bit for each key, the last one lowest, set for all the others."""
    return [((1 << count) - 1) ^ (1 << place) for place in reversed(range(count))]
