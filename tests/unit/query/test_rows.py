import json

import polars as pl
import pyarrow as pa

from heimdall.model.batch import TIMESTAMP
from heimdall.model.identity import record_id
from heimdall.query.rows import flat_attributes, flat_table, json_rows, record_table

STORED = pa.table(
    {
        "timestamp": pa.array([1_795_342_530_123_456_789, -1], TIMESTAMP),
        "severity_number": pa.array([17, 0], pa.uint8()),
        "message": ["no", "yes"],
        "attributes": ['{"http":{"status":500,"tags":["a"]},"seq":1}', None],
        "trace_id": pa.array([bytes(range(16)), None], pa.binary(16)),
        "position": pa.array([7, 2**40], pa.uint64()),
    }
)


def test_a_stored_record_is_shown_with_names_people_know():
    first, second = json.loads(json_rows(record_table(STORED)))
    assert first == {
        "id": str(record_id(1_795_342_530_123_456_789, 7)),
        "timestamp": "2026-11-22T10:15:30.123456789Z",
        "level": "error",
        "severity_number": 17,
        "message": "no",
        "trace_id": "000102030405060708090a0b0c0d0e0f",
        "http.status": 500,
        "http.tags": ["a"],
        "seq": 1,
    }
    assert second == {
        "id": str(record_id(-1, 2**40)),
        "timestamp": "1969-12-31T23:59:59.999999999Z",
        "level": "unset",
        "severity_number": 0,
        "message": "yes",
    }


def test_lines_are_one_object_each():
    lines = json_rows(record_table(STORED), lines=True).splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["no", "yes"]


def test_a_flat_table_has_a_column_for_every_attribute():
    frame = pl.from_arrow(flat_table(record_table(STORED)))
    assert frame.select("message", "http.status", "seq").rows() == [("no", 500, 1), ("yes", None, None)]


def test_values_of_several_types_become_text_in_a_flat_table():
    table = pa.table({"attributes": ['{"a":1}', '{"a":"x"}', '{"a":{"b":true}}']})
    assert flat_table(table).to_pylist() == [
        {"a": "1", "a.b": None},
        {"a": "x", "a.b": None},
        {"a": None, "a.b": True},
    ]


def test_attributes_of_any_depth_are_flattened_in_order() -> None:
    deep: dict[str, object] = {"end": 1}
    for _ in range(900):
        deep = {"a": deep}
    found = list(flat_attributes({"first": 1, "deep": deep, "none": None, "list": [{"x": 1}], "last": {"b": 2}}))
    assert [name for name, _ in found] == ["first", f"deep.{'a.' * 900}end", "list", "last.b"]
