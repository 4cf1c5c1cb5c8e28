"""Asking HQL about a handful of records written down in the test."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pyarrow as pa

from heimdall.model.batch import LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD
from heimdall.query.context import Context
from heimdall.query.frame.evaluation import evaluate
from heimdall.query.languages.hql import parse
from heimdall.query.shape import shape_of
from heimdall.query.types import Type

START_NS = 1_700_000_000_000_000_000
"""2023-11-14T22:13:20Z, a Tuesday."""

SECOND_NS = 10**9
_SCHEMA = pa.schema([*LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD])
_CONTEXT = Context(now_ns=START_NS + 600 * SECOND_NS, start_ns=START_NS, end_ns=START_NS + 600 * SECOND_NS)

Record = dict[str, Any]


def ask(text: str, *records: Record) -> list[Record]:
    """Rows of the answer, without missing values and hidden columns. The first record is the oldest, at START_NS; each
    next one a second later. Keys that no column has go into `attributes`."""
    query = parse(text)
    frame = pl.from_arrow(pa.Table.from_pylist([_row(place, record) for place, record in enumerate(records)], _SCHEMA))
    assert isinstance(frame, pl.DataFrame)
    types = dict(shape_of(query).answer())
    answer = evaluate(query, frame.lazy(), context=_CONTEXT).collect()
    return [
        {name: _plain(value, types[name]) for name, value in row.items() if value is not None and name in types}
        for row in answer.to_dicts()
    ]


def value(expression: str, record: Record | None = None) -> Any:
    """What an expression makes of one record; None when it is missing."""
    return ask(f"* | extend value = {expression} | fields value", record or {})[0].get("value")


def aggregate(expression: str, *records: Record) -> Any:
    """What an aggregate makes of records; None when it is missing."""
    return ask(f"* | stats {expression} as value", *records)[0].get("value")


def _row(place: int, record: Record) -> Record:
    row: Record = {
        "timestamp": START_NS + place * SECOND_NS,
        "observed_timestamp": START_NS,
        "severity_number": 9,
        "message": "",
        "position": place + 1,
        "template_id": 1,
    }
    row.update({name: given for name, given in record.items() if name in _SCHEMA.names})
    own = {name: given for name, given in record.items() if name not in _SCHEMA.names}
    return {**row, "attributes": json.dumps(own) if own else None}


def _plain(found: Any, kind: Type) -> Any:
    if kind in (Type.ANY, Type.LIST):
        return json.loads(found)
    return found.isoformat() if kind is Type.TIME else found
