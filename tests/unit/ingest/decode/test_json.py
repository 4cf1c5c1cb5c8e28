from typing import Any

import orjson
import pytest

from heimdall.errors import TooLarge
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import MAX_RECORD_BYTES, decode_json
from heimdall.model.batch import LOG_SCHEMA

NOW_NS = 1_795_348_800_000_000_000  # 2026-11-22T12:00:00Z
TEN_NS = 1_795_341_600_000_000_000  # 2026-11-22T10:00:00Z
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def decode(body: bytes | str, hints: Hints | None = None) -> Decoded:
    return decode_json(body.encode() if isinstance(body, str) else body, now_ns=NOW_NS, hints=hints or Hints())


def rows(body: bytes | str, hints: Hints | None = None) -> list[dict[str, Any]]:
    """Records without what is null or says only when they came; times as ns, attributes parsed."""
    table = decode(body, hints).table
    for name in ("timestamp", "observed_timestamp"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast("int64"))
    found = []
    for row in table.to_pylist():
        kept = {name: value for name, value in row.items() if value is not None and name != "observed_timestamp"}
        if kept["timestamp"] == NOW_NS:
            del kept["timestamp"]
        if kept["severity_number"] == 0:
            del kept["severity_number"]
        if "attributes" in kept:
            kept["attributes"] = orjson.loads(kept["attributes"])
        found.append(kept)
    return found


def attributes(body: bytes | str) -> list[dict[str, Any] | None]:
    return [row.get("attributes") for row in rows(body)]


def test_usual_fields_find_their_columns_and_the_rest_stays_typed() -> None:
    line = {
        "time": "2026-11-22T10:00:00Z",
        "level": "warn",
        "service": "cart",
        "region": "eu-west-1",
        "env": "prod",
        "message": "slow",
        "trace_id": TRACE,
        "span_id": "00f067aa0ba902b7",
        "user_id": "u1",
        "duration_ms": 12.5,
        "seq": 7,
        "http": {"status_code": 500, "ok": False},
        "tags": ["a", None, 1.5],
    }
    assert rows(orjson.dumps(line) + b"\n" + orjson.dumps({**line, "tags": [], "seq": 8}))[0] == {
        "timestamp": TEN_NS,
        "severity_number": 13,
        "service": "cart",
        "region": "eu-west-1",
        "environment": "prod",
        "message": "slow",
        "trace_id": bytes.fromhex(TRACE),
        "span_id": bytes.fromhex("00f067aa0ba902b7"),
        "user_id": "u1",
        "duration_ms": 12.5,
        "attributes": {"seq": 7, "http": {"status_code": 500, "ok": False}, "tags": ["a", None, 1.5]},
    }


def test_columns_have_the_schema_types_and_order() -> None:
    table = decode(f'{{"time":1795341600,"level":"info","service":"a","trace_id":"{TRACE}","user_id":7,"x":1}}').table
    assert table.schema.names == [name for name in LOG_SCHEMA.names if name in table.schema.names]
    assert [table.schema.field(name) for name in table.schema.names] == [
        LOG_SCHEMA.field(name) for name in table.schema.names
    ]


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1,"msg":"x"}\n{"a":2,"msg":"y"}\n',
        '{"a":1,"msg":"x"}\r\n\r\n{"a":2,"msg":"y"}',
        '[{"a":1,"msg":"x"},{"a":2,"msg":"y"}]',
        '\ufeff[\n {"a": 1, "msg": "x"},\n {"a": 2, "msg": "y"}\n]\n',
        '{\n  "a": 1,\n  "msg": "x"\n}\n{\n  "a": 2,\n  "msg": "y"\n}',
        '{"a":1,"msg":"x"}{"a":2,"msg":"y"}',
    ],
)
def test_lines_arrays_and_objects_one_after_the_other_are_the_same(body: str) -> None:
    assert rows(body) == [{"message": "x", "attributes": {"a": 1}}, {"message": "y", "attributes": {"a": 2}}]


def test_one_broken_line_is_named_and_its_neighbours_are_kept() -> None:
    decoded = decode('{"msg":"x"}\n{"msg":\n{"msg":"y"}\n5\n')
    assert decoded.table["message"].to_pylist() == ["x", "y"]
    assert [(each.line, each.excerpt) for each in decoded.rejected] == [(2, '{"msg":'), (4, "5")]
    assert decoded.rejected[1].reason == "not a JSON object"


def test_objects_over_several_lines_keep_their_own_text() -> None:
    decoded = decode_json(b'{"a":"x","b":\n"y"}\n{"message":"z"}', now_ns=NOW_NS)
    assert decoded.table["message"].to_pylist() == ['{"a":"x","b":\n"y"}', "z"]


def test_of_many_broken_lines_the_first_are_listed_and_all_are_counted() -> None:
    decoded = decode('{"ok":1}\n' + "{\n" * 1000)
    assert decoded.rejected_count == 1000
    assert len(decoded.rejected) == 100


def test_types_that_differ_from_line_to_line_are_kept_as_sent() -> None:
    values = [1, "1", 1.5, True, {"b": []}, [1, "x"], 2**63, 2**53 + 1]
    body = b"\n".join(orjson.dumps({"msg": "m", "a": value}) for value in values)
    assert attributes(body) == [{"a": value} for value in values]


def test_a_large_integer_among_fractions_is_not_rounded() -> None:
    assert attributes('{"a":9007199254740993}\n{"a":1.5}') == [{"a": 9007199254740993}, {"a": 1.5}]


def test_a_field_only_a_late_line_has_is_kept() -> None:
    body = '{"msg":"m"}\n' * 500 + '{"msg":"m","late":{"x":1}}\n'
    assert attributes(body)[-2:] == [None, {"late": {"x": 1}}]


@pytest.mark.parametrize(
    ("body", "expected", "mark"),
    [
        ('{"a":1,"a":2}', {"a": 2}, "duplicate_key"),
        ('{"a":123456789012345678901234567890}', {"a": "123456789012345678901234567890"}, "number_out_of_range"),
        ('{"a":1e400}', {"a": "1e400"}, "number_out_of_range"),
        ('{"a":NaN}', {"a": "NaN"}, "number_out_of_range"),
        ('{"a":"\t"}', {"a": "\t"}, "control_character"),
        ('{"ts":"9999-01-01T00:00:00Z"}', {"ts": "9999-01-01T00:00:00Z"}, "time_not_understood"),
        ('{"ts":"0000-01-01T00:00:00Z"}', {"ts": "0000-01-01T00:00:00Z"}, "time_not_understood"),
        ('{"ts":"2026-11-25T00:00:00Z"}', {"ts": "2026-11-25T00:00:00Z"}, "time_out_of_range"),
        ('{"ts":"1970-01-01T00:00:01Z"}', {"ts": "1970-01-01T00:00:01Z"}, "time_out_of_range"),
        ('{"ts":-1}', {"ts": -1}, "time_not_understood"),
    ],
)
def test_an_oddity_is_kept_and_marked(body: str, expected: dict[str, Any], mark: str) -> None:
    assert rows(body) == [{"message": body, "attributes": {**expected, "heimdall.oddity": [mark]}}]


def test_an_oddity_marks_only_its_own_record() -> None:
    body = '{"ts":"2026-11-22T10:00:00Z","msg":"x"}\n{"ts":"soon","msg":"y"}'
    assert attributes(body) == [None, {"ts": "soon", "heimdall.oddity": ["time_not_understood"]}]


def test_bytes_that_are_no_utf8_are_kept_beside_the_readable_text() -> None:
    (row,) = rows(b'{"msg":"caf\xe9","k":"\xff"}')
    assert row["message"] == "caf\ufffd"
    assert row["attributes"] == {
        "k": "\ufffd",
        "heimdall.message_base64": "Y2Fm6Q==",
        "heimdall.oddity": ["invalid_utf8"],
    }


def test_text_is_byte_exact() -> None:
    message = 'a\x00b\r\n\x1b[2J\u202e\u2028"\\ \ufeff=cmd|'
    body = orjson.dumps({"msg": message, "k": message})
    assert rows(body + b"\n" + body) == [{"message": message, "attributes": {"k": message}}] * 2


def test_a_name_with_nul_stays_whole() -> None:
    record = {"a\x00b": 1, "c": {"\x00": 2, "": 3}}
    assert attributes(orjson.dumps(record)) == [record]


def test_a_raw_nul_byte_never_hides_the_lines_behind_it() -> None:
    decoded = decode(b'{"msg":"x"}\n\x00\n{"msg":"y"}\n')
    assert decoded.table["message"].to_pylist() == ["x", "y"]
    assert decoded.rejected_count == 1


def test_an_id_that_is_no_id_stays_an_attribute() -> None:
    body = f'{{"trace_id":"{TRACE.upper()}","msg":"x"}}\n{{"trace_id":"abc","msg":"y"}}\n{{"trace_id":5,"msg":"z"}}'
    first, second, third = rows(body)
    assert first["trace_id"] == bytes.fromhex(TRACE)
    assert second["attributes"] == {"trace_id": "abc"}
    assert third["attributes"] == {"trace_id": 5}


def test_without_a_message_the_record_itself_is_the_message() -> None:
    assert rows('{"a": 1}\n{"a": 2, "msg": "y"}') == [
        {"message": '{"a": 1}', "attributes": {"a": 1}},
        {"message": "y", "attributes": {"a": 2}},
    ]


def test_nested_names_of_ecs_are_found() -> None:
    body = orjson.dumps(
        {
            "@timestamp": "2026-11-22T10:00:00Z",
            "message": "m",
            "log": {"level": "error", "logger": "x"},
            "service": {"name": "pay", "version": "2"},
            "trace": {"id": TRACE},
            "http": {"request": {"id": "r1", "method": "GET"}},
        }
    )
    expected = {
        "timestamp": TEN_NS,
        "severity_number": 17,
        "service": "pay",
        "message": "m",
        "trace_id": bytes.fromhex(TRACE),
        "request_id": "r1",
        "attributes": {"log": {"logger": "x"}, "service": {"version": "2"}, "http": {"request": {"method": "GET"}}},
    }
    assert rows(body) == [expected]
    assert rows(body + b'\n{"message":7,"odd":1}')[0] == expected


def test_a_second_choice_stays_an_attribute_beside_the_first() -> None:
    (row,) = rows('{"timestamp":"2026-11-22T10:00:00Z","time":"later","level":"info","severity":"high"}')
    assert row["timestamp"] == TEN_NS
    assert row["attributes"] == {"time": "later", "severity": "high"}


def test_named_fields_are_taken_even_when_nested() -> None:
    body = '{"t":{"when":"2026-11-22T10:00:00Z"},"what":"hello","sev":"warn","who":"me","message":"other"}'
    assert rows(body, Hints("t.when", "what", "sev", "who")) == [
        {
            "timestamp": TEN_NS,
            "severity_number": 13,
            "service": "me",
            "message": "hello",
            "attributes": {"message": "other"},
        }
    ]


def test_json_in_a_container_wrapper_is_the_record() -> None:
    inner = orjson.dumps({"level": "warn", "msg": "hi", "x": {"y": 1}}).decode()
    lines = [
        {"log": inner + "\n", "stream": "stdout", "time": "2026-11-22T10:00:00Z"},
        {"log": "plain\n", "stream": "stderr", "time": "2026-11-22T10:00:00Z"},
    ]
    found = sorted(rows(b"\n".join(map(orjson.dumps, lines))), key=lambda row: row["message"])
    assert found == [
        {
            "timestamp": TEN_NS,
            "severity_number": 13,
            "message": "hi",
            "attributes": {"stream": "stdout", "x": {"y": 1}},
        },
        {"timestamp": TEN_NS, "message": "plain", "attributes": {"stream": "stderr"}},
    ]
    assert rows(orjson.dumps(lines[0])) == found[:1]


def test_text_in_a_container_wrapper_is_read_like_any_text() -> None:
    access = '1.2.3.4 - - [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 503 5'
    logs = [access + "\n", "java.lang.X: boom\n", "\tat a.b.C(D.java:1)\n", "the long ", "line\n"]
    found = rows(
        b"\n".join(orjson.dumps({"log": log, "stream": "stdout", "time": "2026-11-22T10:00:00Z"}) for log in logs)
    )
    assert [row["message"] for row in found] == [access, "java.lang.X: boom\n\tat a.b.C(D.java:1)", "the long line"]
    assert {row["timestamp"] for row in found} == {TEN_NS}
    assert {row["attributes"]["stream"] for row in found} == {"stdout"}
    assert found[0]["attributes"]["http.response.status_code"] == 503


def test_fields_that_clash_with_those_inside_the_message_are_both_kept() -> None:
    assert attributes('{"message":"{\\"a\\":1}","a":2}') == [{"a": 1, "outer.a": 2}]


def test_an_object_as_message_is_text_and_stays_an_object() -> None:
    assert rows('{"message":{"a":1}}') == [{"message": '{"a":1}', "attributes": {"message": {"a": 1}}}]


def test_a_hundred_levels_are_kept_and_a_hundred_thousand_refused() -> None:
    (row,) = rows('{"a":' * 100 + "1" + "}" * 100)
    assert row["attributes"]["heimdall.oddity"] == ["nested_too_deeply"]
    for body in ("[" * 100_000, '{"a":' * 100_000):
        decoded = decode(body)
        assert (decoded.num_rows, decoded.rejected_count) == (0, 1)
        assert "nested deeper" in decoded.rejected[0].reason


def test_ten_thousand_fields_are_kept() -> None:
    record = {f"f{place}": place for place in range(10_000)}
    assert attributes(orjson.dumps(record)) == [record]


def test_a_record_over_the_limit_is_refused_alone() -> None:
    decoded = decode(b'{"x":"' + b"y" * MAX_RECORD_BYTES + b'"}\n{"msg":"ok"}')
    assert decoded.table["message"].to_pylist() == ["ok"]
    assert [each.line for each in decoded.rejected] == [1]


@pytest.mark.parametrize("body", [b"{}\n" * 500_001, b"[" + b"{}," * 500_001 + b"{}]"])
def test_more_records_than_a_body_may_hold_are_refused(body: bytes) -> None:
    with pytest.raises(TooLarge, match="500000 records"):
        decode(body)


@pytest.mark.parametrize("body", ["", "\n\n", "[]", " "])
def test_nothing_is_no_records(body: str) -> None:
    decoded = decode(body)
    assert (decoded.num_rows, decoded.rejected_count) == (0, 0)
    assert set(decoded.table.schema.names) <= set(LOG_SCHEMA.names)


@pytest.mark.parametrize("form", [b"%s\n%s", b"[%s,%s]"])
def test_a_number_that_is_text_here_reads_as_it_was_written_whatever_stands_beside_it(form: bytes) -> None:
    body = form % (b'{"user_id":7,"message":1,"x":2}', b'{"user_id":7.5,"message":0.5,"x":2.5}')
    first, second = rows(body)
    assert (first["user_id"], first["message"], first["attributes"]) == ("7", "1", {"x": 2})
    assert (second["message"], second["attributes"]) == ("0.5", {"x": 2.5, "user_id": 7.5})


def test_a_null_inside_an_object_is_absent_however_the_record_is_read() -> None:
    alike = rows(b'{"a":{"b":null,"c":1}}\n{"a":{"c":2}}')
    differing = rows(b'[{"a":{"b":null,"c":1}},{"a":[]}]')
    assert alike[0]["attributes"] == differing[0]["attributes"] == {"a": {"c": 1}}


@pytest.mark.parametrize("value", ['"\\u001f"', "1.5", '{"b":1}', "[1]", '[{"^b$":1}]'])
@pytest.mark.parametrize("name", ["^$", "^a.*$", "*"])
def test_a_field_may_be_named_as_polars_writes_a_pattern_of_names(name: str, value: str) -> None:
    record = f'{{"ab":1,"{name}":{value}}}'
    expected = {"ab": 1, name: orjson.loads(value)}
    assert attributes(f"{record}\n{record}") == attributes(f"[{record},{record}]") == [expected, expected]
    assert attributes(f'{{"ab":1,"{name}":null}}') == [{"ab": 1}]
