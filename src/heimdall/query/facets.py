"""The most frequent values of fields over the whole result."""

from __future__ import annotations

import orjson
import polars as pl
import pyarrow as pa

from heimdall.errors import InvalidInput
from heimdall.model.severity import LEVELS
from heimdall.query.executor import Job
from heimdall.query.fields import field_type
from heimdall.query.fieldvalues import COUNT_COLUMN, VALUE_COLUMN, FieldValues
from heimdall.query.source import Question, Source, check_field
from heimdall.query.types import Type

USUAL_FIELDS: tuple[str, ...] = ("level", "service", "environment", "region", "instance")
MAX_FIELDS = 50
"""Fields of one request; each is a grouping over the whole result."""

_SEVERITIES = 25


def facets(job: Job, source: Source, question: Question, names: tuple[str, ...], limit: int) -> list[dict[str, object]]:
    """One entry a field; of the usual ones only those that occur."""
    if question.query.aggregates:
        raise InvalidInput("facets count records: leave out pipes that group")
    if len(names) > MAX_FIELDS:
        raise InvalidInput(f"{len(names)} fields are too many for one request; ask for at most {MAX_FIELDS}")
    for name in names:
        check_field(name)
    question = question.counted()
    wanted = names or USUAL_FIELDS
    most = max(limit, _SEVERITIES) if "level" in wanted else limit
    values = source.values(job, question, list(dict.fromkeys(map(_column, wanted))), most)
    found = [_facet(name, values[_column(name)], limit) for name in wanted]
    return found if names else [facet for facet in found if facet["distinct"]]


def facet_rows(found: list[dict[str, object]]) -> pa.Table:
    """The same as one row a value, for CSV and Arrow."""
    rows = []
    for facet in found:
        values = facet["values"]
        assert isinstance(values, list)
        about = {name: facet[name] for name in ("field", "type", "distinct", "coverage")}
        rows += [{**about, "value": str(value["value"]), "count": value["count"]} for value in values]
    return pa.Table.from_pylist(rows)


def _column(name: str) -> str:
    """What is counted of a field: a level is several numbers."""
    return "severity_number" if name == "level" else name


def _facet(name: str, counted: FieldValues, limit: int) -> dict[str, object]:
    frame = pl.from_arrow(counted.top)
    assert isinstance(frame, pl.DataFrame)
    count, distinct = pl.col(COUNT_COLUMN).cast(pl.Int64), counted.distinct
    if name == "level":
        grouped = frame.group_by(level_counts(VALUE_COLUMN).alias("value")).agg(count.sum().alias("count"))
        distinct = grouped.height
        grouped = grouped.sort(["count", "value"], descending=[True, False]).head(limit)
        values = grouped["value"].to_list()
        counts = grouped["count"].to_list()
    else:
        kind = field_type(name)
        frame = frame.head(limit)
        values = [_plain(value, kind) for value in shown_values(frame[VALUE_COLUMN])]
        counts = frame.select(count).to_series().to_list()
    return {
        "field": name,
        "type": _type_name(name, values),
        "distinct": distinct,
        "coverage": round(counted.present / counted.total, 4) if counted.total else 0.0,
        "values": [{"value": value, "count": number} for value, number in zip(values, counts, strict=True)],
    }


def level_counts(column: str) -> pl.Expr:
    """Name of the level of a column of severity numbers."""
    names = pl.Series([level.value for level in LEVELS])
    rank = ((pl.col(column).cast(pl.Int32) + 3) // 4).clip(0, len(LEVELS) - 1)
    return rank.replace_strict(list(range(len(LEVELS))), names, return_dtype=pl.String)


def shown(values: pl.Series) -> pl.Series:
    """Values as text; times as RFC 3339, text that is JSON as what it says."""
    texts = [None if value is None else _text(_plain(value, Type.ANY)) for value in shown_values(values)]
    return pl.Series(values.name, texts, pl.String)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def shown_values(values: pl.Series) -> list[object]:
    if isinstance(values.dtype, pl.Datetime):
        values = values.dt.replace_time_zone(None).dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
    return list(values.to_list())


def _plain(value: object, kind: Type) -> object:
    """A sender's field leaves the engine as JSON text."""
    if kind in (Type.ANY, Type.LIST) and isinstance(value, str):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _type_name(name: str, values: list[object]) -> str:
    kind = field_type(name)
    if kind in (Type.NUMBER, Type.INTEGER, Type.DURATION):
        return "number"
    if kind is Type.TIME:
        return "time"
    if kind is not Type.ANY:
        return "string"
    return type_of(values[0]) if values else "string"


def type_of(value: object) -> str:
    """JSON's name of a value's type."""
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "string"
