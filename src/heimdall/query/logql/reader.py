"""Records → lines with labels: a frame with the time, the line and a column for every label.

t         ns since 1970
line      the line as it was sent
marker    names of the labels the stream was pushed with
b:NAME    a label the record came with; null = absent
h:NAME    a field that can be asked for and is not shown (`heimdall.query.logql.labels`)
p:NAME    a label a stage has made; it hides the others
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson
import polars as pl
import pyarrow as pa

from heimdall.errors import InvalidInput
from heimdall.model.stream import LABELS_FIELD, LINE_FIELD
from heimdall.query.ast import Predicate, Query
from heimdall.query.languages.hql import to_text
from heimdall.query.languages.logql.amounts import format_number
from heimdall.query.logql.labels import (
    CANONICAL_LABELS,
    ERROR,
    ERROR_DETAILS,
    INNER_FIELDS,
    LEVEL,
    SERVICE,
    UNKNOWN_LEVEL,
    UNKNOWN_SERVICE,
    fields_of,
    sanitized,
    shown_by,
)
from heimdall.query.pipes.fields import Fields
from heimdall.query.request import Answer, SearchRequest
from heimdall.query.rows import JSON_TEXT, attribute_object, flat_attributes

BASE, HIDDEN, PARSED = "b:", "h:", "p:"
PAGE_ROWS = 10_000
"""Records read at once."""

MAX_LABELS = 2_000
"""Different labels in one batch of lines; a batch of columns has to fit in memory."""

_NAMED = frozenset({SERVICE, LEVEL, "service", "level"})

Search = Callable[[SearchRequest], Answer]


@dataclass(slots=True)
class Cost:
    """What a question has read so far."""

    rows: int = 0
    bytes: int = 0
    scanned_rows: int = 0


def pages(
    search: Search, predicate: Predicate, request: SearchRequest, names: frozenset[str] | None, cost: Cost
) -> Iterator[pl.DataFrame]:
    """Lines that fulfil the predicate, newest first, as long as the caller wants more. `names`: labels that will be
    looked at; None = every one."""
    pipes = () if names is None else (Fields(columns_of(names)),)
    wanted = replace(request, q=to_text(Query(predicate, pipes)))
    while True:
        answer = search(wanted)
        cost.scanned_rows += answer.scanned_rows
        frame = lines_of(answer.rows, names)
        cost.rows += frame.height
        cost.bytes += int(frame["line"].str.len_bytes().sum() or 0)
        yield frame
        if answer.next is None:
            return
        wanted = replace(wanted, cursor=answer.next, limit=PAGE_ROWS)


def columns_of(names: frozenset[str]) -> tuple[str, ...]:
    """Fields that have to be read to know these labels."""
    found = ["timestamp", "message", LINE_FIELD, LABELS_FIELD]
    for name in sorted(names):
        found += fields_of(name)
    return tuple(dict.fromkeys(found))


def lines_of(table: pa.Table, names: frozenset[str] | None) -> pl.DataFrame:
    """The frame of records as the query service answers them."""
    json_text = {field.name for field in table.schema if (field.metadata or {}).items() >= JSON_TEXT.items()}
    rows = pl.from_arrow(table)
    assert isinstance(rows, pl.DataFrame)
    if not rows.width or "message" not in rows.columns:
        return empty_lines()
    columns = {name: as_text(rows[name], name in json_text) for name in rows.columns
               if name not in ("timestamp", "observed_timestamp", "attributes")}  # fmt: skip
    members = _members(rows["attributes"]) if names is None and "attributes" in rows.columns else {}
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
    original = columns.get(LINE_FIELD, members.get(LINE_FIELD, nothing))
    marker = columns.get(LABELS_FIELD, members.get(LABELS_FIELD, nothing))
    frame = pl.DataFrame(
        {
            "t": rows["timestamp"].dt.epoch("ns"),
            "line": pl.select(pl.coalesce(pl.lit(original), pl.lit(columns["message"]), pl.lit(""))).to_series(),
            "marker": marker,
        }
    )
    found = _stored(columns, members, marker, names)
    return _shown(frame, found)


def _shown(frame: pl.DataFrame, found: dict[str, pl.Series]) -> pl.DataFrame:
    """Labels as columns, what is not shown of them apart from what is."""
    markers = frame["marker"].unique().to_list()
    columns: list[pl.Series] = []
    for name, values in found.items():
        hiding = [marker or "" for marker in markers if not shown_by(marker).shows(name)]
        if not hiding:
            columns.append(values.alias(BASE + name))
            continue
        if len(hiding) == len(markers):
            columns.append(values.alias(HIDDEN + name))
            continue
        hidden = frame["marker"].fill_null("").is_in(hiding)
        parts = pl.select(
            pl.when(~pl.lit(hidden)).then(pl.lit(values)).alias(BASE + name),
            pl.when(pl.lit(hidden)).then(pl.lit(values)).alias(HIDDEN + name),
        )
        columns += parts.get_columns()
    return frame.with_columns(columns)


def empty_lines() -> pl.DataFrame:
    return pl.DataFrame(schema={"t": pl.Int64, "line": pl.String, "marker": pl.String})


def _stored(
    columns: dict[str, pl.Series], members: dict[str, pl.Series], marker: pl.Series, names: frozenset[str] | None
) -> dict[str, pl.Series]:
    found: dict[str, pl.Series] = {}
    service, level = columns.get("service"), columns.get("level")
    if service is not None and (names is None or SERVICE in names):
        found[SERVICE] = service.fill_null(UNKNOWN_SERVICE)
    if level is not None and (names is None or LEVEL in names):
        found[LEVEL] = level.replace("unset", UNKNOWN_LEVEL).fill_null(UNKNOWN_LEVEL)
    if service is not None and (names is None or "service" in names):
        found["service"] = service
    if level is not None and (names is None or "level" in names):
        found["level"] = level.replace("unset", None)
    for name in CANONICAL_LABELS if names is None else names & set(CANONICAL_LABELS):
        if name in columns:
            found[name] = columns[name]
    if names is None:
        plain = [name for name in members if name not in INNER_FIELDS and sanitized(name) not in _NAMED]
        for name in sorted(plain, key=lambda name: sanitized(name) != name):  # its own spelling comes first
            known = found.get(sanitized(name))
            found[sanitized(name)] = members[name] if known is None else _first(known, members[name])
    else:
        for name in names - found.keys() - _NAMED - set(CANONICAL_LABELS):
            spellings = [columns[field] for field in fields_of(name) if field in columns]
            if spellings:
                found[name] = pl.select(pl.coalesce(*(pl.lit(values) for values in spellings))).to_series()
    kept = {name: values for name, values in found.items() if values.null_count() < len(values)}
    if len(kept) > MAX_LABELS:
        raise InvalidInput(f"the lines have more than {MAX_LABELS} different labels; select fewer of them")
    return {name: _said(values) for name, values in kept.items()}


def _said(values: pl.Series) -> pl.Series:
    """An empty value is none."""
    return pl.select(pl.when(pl.lit(values) != "").then(pl.lit(values))).to_series()


def _first(one: pl.Series, other: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(pl.lit(one), pl.lit(other))).to_series()


def as_text(values: pl.Series, is_json: bool) -> pl.Series:
    """A column as labels have it."""
    if values.dtype == pl.String and not is_json:
        return values
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    if values.dtype.is_numeric():
        return mapped(values.cast(pl.Float64), format_number)
    values = values.cast(pl.String)
    return mapped(values, _plain) if is_json else values


def mapped(values: pl.Series, change: Callable[[str], str | None] | Callable[[float], str | None]) -> pl.Series:
    """Text made of each distinct value once."""
    distinct = values.drop_nulls().unique()
    if not len(distinct):
        return pl.Series(values.name, [None], dtype=pl.String).new_from_index(0, len(values))
    made = pl.Series([change(value) for value in distinct.to_list()], dtype=pl.String)
    return values.replace_strict(distinct, made, default=None, return_dtype=pl.String)


def _plain(text: str) -> str:
    """JSON text as a label: a string is itself, everything else its JSON."""
    return str(orjson.loads(text)) if text.startswith('"') else text


def _members(attributes: pl.Series) -> dict[str, pl.Series]:
    """A column for each field of the senders; each distinct object is taken apart once."""
    distinct = attributes.unique(maintain_order=True)
    columns: dict[str, list[str | None]] = {}
    for place, text in enumerate(distinct.to_list()):
        for name, value in flat_attributes(attribute_object(text)) if text else ():
            column = columns.get(name)
            if column is None:
                if len(columns) >= MAX_LABELS:
                    raise InvalidInput(f"the lines have more than {MAX_LABELS} different labels; select fewer of them")
                column = columns[name] = [None] * len(distinct)
            column[place] = member_text(value)
    if not columns:
        return {}
    where = attributes.replace_strict(
        distinct, pl.int_range(len(distinct), dtype=pl.UInt32, eager=True), return_dtype=pl.UInt32
    )
    return {name: pl.Series(values, dtype=pl.String).gather(where) for name, values in columns.items()}


def member_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return format_number(value) if isinstance(value, float) else orjson.dumps(value).decode()


# ---- labels of a frame ---------------------------------------------------------------------------------------------


def names_in(frame: pl.DataFrame) -> list[str]:
    """Every label some line shows."""
    return sorted({name[2:] for name in frame.columns if name[:2] in (BASE, PARSED)})


def label(frame: pl.DataFrame, name: str, *, hidden: bool = True) -> pl.Expr:
    """A label's value; null where it is absent, or without `hidden` where it is not shown."""
    prefixes = (PARSED, BASE, HIDDEN) if hidden else (PARSED, BASE)
    found = [pl.col(prefix + name) for prefix in prefixes if prefix + name in frame.columns]
    return pl.coalesce(*found) if found else pl.lit(None, pl.String)


def with_error(frame: pl.DataFrame, error: pl.Series, details: pl.Series) -> pl.DataFrame:
    """Lines marked as failed where `error` is not null; an earlier error stays."""
    if error.null_count() == len(error):
        return frame
    first = label(frame, ERROR).is_not_null()
    return frame.with_columns(
        pl.when(first).then(label(frame, ERROR)).otherwise(pl.lit(error)).alias(PARSED + ERROR),
        pl.when(first).then(label(frame, ERROR_DETAILS)).otherwise(pl.lit(details)).alias(PARSED + ERROR_DETAILS),
    )


def label_sets(frame: pl.DataFrame, names: Sequence[str], *, hidden: bool = False) -> pl.DataFrame:
    """A column for each of these labels, "" where it is absent or, without `hidden`, not shown."""
    return _of_lines(frame, [label(frame, name, hidden=hidden).fill_null("").alias(name) for name in names])


def values_of(frame: pl.DataFrame, name: str) -> pl.Series:
    """A label's value for each line."""
    return _of_lines(frame, [label(frame, name).alias(name)]).to_series()


def _of_lines(frame: pl.DataFrame, columns: Sequence[pl.Expr]) -> pl.DataFrame:
    """As many rows as lines, also where all columns are constant."""
    return frame.select(pl.col("t").alias("\0t"), *columns).drop("\0t")
