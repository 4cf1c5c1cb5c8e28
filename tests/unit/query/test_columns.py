"""Answers as typed columns."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from heimdall.query.columns import MAX_ATTRIBUTE_COLUMNS, text_columns, typed_columns
from heimdall.query.rows import JSON_TEXT


def rows(attributes: list[dict[str, Any] | None]) -> pa.Table:
    texts = [None if value is None else json.dumps(value) for value in attributes]
    return pa.table({"message": [str(n) for n in range(len(texts))], "attributes": pa.array(texts, pa.large_string())})


def test_every_field_of_the_sender_is_a_column_of_its_type() -> None:
    table = typed_columns(rows([{"n": 1, "http": {"status": 200}}, None, {"n": 2, "ok": True, "tags": ["a"]}]))
    assert table.column_names == ["message", "http.status", "n", "ok", "tags"]
    assert table.drop_columns(["message"]).to_pydict() == {
        "http.status": [200, None, None],
        "n": [1, None, 2],
        "ok": [None, None, True],
        "tags": [None, None, ["a"]],
    }
    assert table.schema.field("n").type == pa.int64()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5], [1.0, 2.5]),
        ([1, "x"], ["1", "x"]),
        ([True, 1], ["true", "1"]),
        (["x", [1, None]], ["x", "[1,null]"]),
    ],
)
def test_a_field_of_several_types_loses_no_value(values: list[Any], expected: list[Any]) -> None:
    assert typed_columns(rows([{"f": value} for value in values])).column("f").to_pylist() == expected


def test_a_sender_s_field_named_like_a_column_stands_beside_it() -> None:
    table = typed_columns(rows([{"message": "mine"}]))
    assert table.to_pydict() == {"message": ["0"], "attributes.message": ["mine"]}


def test_beyond_the_bound_the_rest_stays_one_text() -> None:
    fields = {f"f{n:04d}": n for n in range(MAX_ATTRIBUTE_COLUMNS)}
    table = typed_columns(rows([fields, {"common": 1}, {"common": 2}]))
    assert table.num_columns == 2 + MAX_ATTRIBUTE_COLUMNS
    assert table.column("common").to_pylist() == [None, 1, 2]
    assert json.loads(table.column("attributes")[0].as_py()) == fields


def test_a_stream_s_columns_have_one_type_whatever_they_hold() -> None:
    field = pa.field("status", pa.large_string(), metadata=JSON_TEXT)
    for values in (["200", '"up"', None], ["[1]", "2.5", "true"]):
        table = text_columns(pa.table([pa.array(values, pa.large_string())], schema=pa.schema([field])))
        assert table.schema == pa.schema([("status", pa.large_string())])
    assert table.column("status").to_pylist() == ["[1]", "2.5", "true"]
