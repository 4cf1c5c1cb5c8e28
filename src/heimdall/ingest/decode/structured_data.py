"""RFC 5424 structured data → canonical columns and members of the attributes, many records at a time.

A parameter under a name that is a canonical column's (`trace_id`, `user_id`, `region`, …) fills it, whatever element it
stands in; the others are `syslog.structured_data.<id>.<name>`. What the header states (time, level, host, app name)
a parameter never replaces. Records of one batch mostly have the same parameters in the same order: those are taken
apart together, by their quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from heimdall.ingest.decode.canonical import KINDS, Kind, canonical_of
from heimdall.ingest.decode.json_text import json_members
from heimdall.ingest.decode.named_values import pair_members

ELEMENT = r'\[(?:[^"\]\\]|\\.|"(?:[^"\\]|\\.)*")*\]'
"""One element, its escapes and all."""

PLAIN_ELEMENTS = r'(?:\[(?:[^"\]\\]|"[^"\\]*")*\])+'
"""Elements without a backslash: a quote begins or ends a value."""

LIFTED: tuple[str, ...] = (
    "trace_id", "span_id", "parent_span_id", "user_id", "session_id", "request_id", "customer_id", "region",
    "environment", "duration_ms",
)  # fmt: skip
"""Canonical columns that a parameter may fill."""

_PREFIX = "syslog.structured_data."
_ELEMENTS = re.compile(rf"(?:{ELEMENT})+")
_PARAMETERS = re.compile(r'(?s)\[([^ \]="]+)|( [^ =\]"]+=)""|(\])|(.)')
_MAX_SHAPES = 32
"""Sets of parameters in a batch that are worth a pass each."""
_MAX_QUOTES = 512
"""In data that is taken apart by its quotes: each value is a column meanwhile."""


@dataclass(frozen=True, slots=True)
class StructuredData:
    """Of each record; a column that is null throughout may be missing."""

    columns: dict[str, pl.Series]
    """Some of `LIFTED`, as text (ids in hexadecimal); `duration_ms` as Float64."""
    members: pl.Series
    """`,"syslog.structured_data.<id>.<name>":"value"…`, null where there is none."""


def read_structured_data(data: pl.Series) -> StructuredData:
    """`data`: the elements of a record, null or `-` where it has none."""
    found = _Gathered(len(data))
    rows = (data.is_not_null() & (data != "-")).fill_null(value=False).arg_true()
    plain = ~data.gather(rows).str.contains("\\", literal=True)
    left, others = rows.filter(plain), [rows.filter(~plain)]
    for _ in range(_MAX_SHAPES):
        if left.is_empty():
            break
        fitting = _of_one_shape(data.gather(left))
        if fitting is None:
            others.append(left.head(1))
            left = left.slice(1)
            continue
        found.add(left.filter(fitting.rows), fitting.values, fitting.names)
        left = left.filter(~fitting.rows)
    odd = pl.concat([left, *others]).sort()
    if len(odd):
        _one_by_one(data, odd, found)
    return StructuredData(found.columns, found.members)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Rows whose data differs in nothing but its values."""

    rows: pl.Series
    names: Sequence[tuple[str, str]]
    """Element and name of each value; no pair twice."""
    values: list[pl.Series]


def _of_one_shape(texts: pl.Series) -> _Shape | None:
    """Those of the texts (no backslashes) with the parameters of the first; None = the first needs a closer look."""
    pieces = str(texts[0]).split('"')
    outside = pieces[::2]
    names = _names('""'.join(outside))
    if names is None or not 1 < len(pieces) <= _MAX_QUOTES:
        return None
    split = texts.str.splitn('"', len(pieces)).struct.unnest().get_columns()
    same = pl.select(
        pl.all_horizontal([pl.lit(column) == text for column, text in zip(split[::2], outside, strict=True)]).fill_null(
            value=False
        )
    ).to_series()
    values = split[1::2]
    return _Shape(same, names, values if same.all() else [value.filter(same) for value in values])


def _names(blank: str) -> list[tuple[str, str]] | None:
    """Element and name of each parameter of data whose values are empty; None where a name stands twice or is odd."""
    if not _ELEMENTS.fullmatch(blank):
        return None
    names: list[tuple[str, str]] = []
    element = ""
    for opened, name, closed, odd in _PARAMETERS.findall(blank):
        if odd or bool(element) == bool(opened):
            return None
        element = "" if closed else opened or element
        if name:
            names.append((element, name[1:-1]))
    return names if names and len(set(names)) == len(names) else None


class _Gathered:
    """Columns and members of `height` records, filled in some rows at a time."""

    def __init__(self, height: int) -> None:
        self._height = height
        self.columns: dict[str, pl.Series] = {}
        self.members = _nulls(pl.String, height)

    def add(self, rows: pl.Series, values: Sequence[pl.Series], names: Sequence[tuple[str, str]]) -> None:
        """`values`: a column for each of `names`, of `rows`."""
        left = {place: json_members(value.alias(_attribute(*names[place]))) for place, value in enumerate(values)}
        for column, places in _choices([name for _, name in names]).items():
            taken = pl.Series([False]).new_from_index(0, len(rows))
            filled = _nulls(_dtype(column), len(rows))
            for place in places:
                read = _READERS[KINDS[column]](values[place])
                takes = read.is_not_null() & ~taken
                if not takes.any():
                    continue
                filled = read if takes.all() else filled.zip_with(~takes, read)
                taken = taken | takes
                if takes.all():
                    del left[place]
                else:
                    left[place] = _nulls(pl.String, len(rows)).zip_with(takes, left[place])
            self.fill(column, rows, filled)
        if left:
            frame = pl.DataFrame([member.alias(str(place)) for place, member in left.items()])
            self.write(rows, frame.select(pl.concat_str(pl.all(), ignore_nulls=True)).to_series())

    def fill(self, column: str, rows: pl.Series, values: pl.Series) -> None:
        whole = len(rows) == self._height
        known = self.columns.get(column)
        if whole:
            self.columns[column] = values
        else:
            self.columns[column] = (_nulls(values.dtype, self._height) if known is None else known).scatter(
                rows, values
            )

    def write(self, rows: pl.Series, members: pl.Series) -> None:
        some = pl.select(pl.when(pl.lit(members) != "").then(pl.lit(members))).to_series()
        self.members = some if len(rows) == self._height else self.members.scatter(rows, some)


def _one_by_one(data: pl.Series, rows: pl.Series, found: _Gathered) -> None:
    """Any data: escapes, a name more than once, sets of parameters that few records share."""
    elements = (
        pl.DataFrame({"row": rows, "data": data.gather(rows)})
        .with_columns(pl.col("data").str.extract_all(ELEMENT)).explode("data")
        .with_columns(
            id=pl.col("data").str.extract(r"^\[([^ \]=]+)"),
            parameter=pl.col("data").str.extract_all(r' [^ =\]"]+="(?:[^"\\]|\\.)*"'),
        )
        .explode("parameter")
        .drop_nulls()
    )  # fmt: skip
    if elements.is_empty():
        return
    parts = elements["parameter"].str.extract_groups(r'^ (?P<name>[^=]+)="(?P<value>(?s:.*))"$').struct.unnest()
    pairs = elements.select("row", "id").with_columns(
        parts["name"], parts["value"].str.replace_all(r'\\(["\\\]])', "$1").alias("value")
    )
    gone = pl.Series([False]).new_from_index(0, len(pairs))
    distinct = pairs["name"].unique(maintain_order=True).to_list()
    for column, places in _choices(distinct).items():
        ranks = {distinct[place]: rank for rank, place in enumerate(places)}
        candidates = (
            pairs.with_row_index("pair").filter(pl.col("name").is_in(list(ranks)))
            .with_columns(rank=pl.col("name").replace_strict(ranks, return_dtype=pl.Int64))
        )  # fmt: skip
        read = candidates.with_columns(_READERS[KINDS[column]](candidates["value"]).alias("read")).drop_nulls("read")
        first = read.sort("row", "rank", "pair").unique("row", keep="first", maintain_order=True)
        if len(first):
            found.fill(column, first["row"], first["read"])
            gone = gone.scatter(first["pair"], True)
    left = pairs.filter(~gone).select(
        "row", pl.concat_str(pl.lit(_PREFIX), "id", pl.lit("."), "name").alias("name"), "value"
    )
    found.write(rows, pair_members(left.with_columns(pl.col("row").cast(pl.UInt32)), len(data)).gather(rows))


def _choices(names: Sequence[str]) -> dict[str, list[int]]:
    """Column of `LIFTED` → places of the names that may fill it, the most telling first."""
    found: dict[str, list[tuple[int, int]]] = {}
    for place, name in enumerate(names):
        known = canonical_of(name)
        if known is not None and known[0] in LIFTED:
            found.setdefault(known[0], []).append((known[1], place))
    return {column: [place for _, place in sorted(ranked)] for column, ranked in found.items()}


def _attribute(element: str, name: str) -> str:
    return f"{_PREFIX}{element}.{name}"


def _hexadecimal(digits: int) -> Callable[[pl.Series], pl.Series]:
    def read(values: pl.Series) -> pl.Series:
        return _where(values.str.contains(rf"^[0-9a-fA-F]{{{digits}}}$"), values)

    return read


def _text(values: pl.Series) -> pl.Series:
    return _where((values != "") & (values != "-"), values)


def _number(values: pl.Series) -> pl.Series:
    exact = values.cast(pl.Float64, strict=False)
    return _where(exact.is_finite(), exact)


def _where(rows: pl.Series, values: pl.Series) -> pl.Series:
    return values if rows.all() else pl.select(pl.when(pl.lit(rows)).then(pl.lit(values))).to_series()


_READERS: dict[Kind, Callable[[pl.Series], pl.Series]] = {
    Kind.WORD: _text,
    Kind.TEXT: _text,
    Kind.HEX_16: _hexadecimal(32),
    Kind.HEX_8: _hexadecimal(16),
    Kind.NUMBER: _number,
}
"""What of the values can stand in a column of the kind; null for the others."""


def _dtype(column: str) -> type[pl.DataType]:
    return pl.Float64 if KINDS[column] is Kind.NUMBER else pl.String


def _nulls(dtype: pl.DataType | type[pl.DataType], height: int) -> pl.Series:
    return pl.Series("nulls", [None], dtype=dtype).new_from_index(0, height)
