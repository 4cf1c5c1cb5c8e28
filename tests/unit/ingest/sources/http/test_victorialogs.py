"""VictoriaLogs' door of JSON lines, and the addresses it has for other protocols."""

from __future__ import annotations

import orjson
import pytest

from doors import NOW_NS, Doors

TEN_NS = 1_795_341_600_000_000_000
LINE = {"date": "2026-11-22T10:00:00Z", "log": {"message": "oh no", "level": "error"}, "app": "cart", "pod": "c-1"}


def lines(*records: object) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


async def test_lines_are_kept_as_their_parameters_say(door: Doors) -> None:
    path = "/insert/jsonline?_time_field=date&_msg_field=text,log.message&_stream_fields=app,pod"
    path += "&extra_fields=env=prod,team=x"
    answer = await door.post(lines(LINE), path, content_type="application/stream+json")
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": 0, "errors": []})
    (row,) = door.rows
    assert (row["timestamp"], row["message"], row["severity_number"]) == (TEN_NS, "oh no", 17)
    assert (row["service"], row["environment"]) == ("cart", "prod")
    assert row["attributes"] == {"pod": "c-1", "app": "cart", "team": "x", "heimdall.labels": "app,pod;*"}


async def test_parameters_may_be_headers_and_the_query_string_wins(door: Doors) -> None:
    headers = {"VL_Msg_Field": "a", "VL_Time_Field": "t", "VL_Extra_Fields": "team=y", "AccountID": "7"}
    await door.post(lines({"a": "one", "b": "two", "t": 1_795_341_600}), "/insert/jsonline?_msg_field=b", **headers)
    (row,) = door.rows
    assert (row["message"], row["timestamp"]) == ("two", TEN_NS)
    assert row["attributes"] == {"a": "one", "team": "y"}


async def test_the_first_of_several_names_that_is_there_counts(door: Doors) -> None:
    await door.post(lines({"a": "one", "b": "two"}, {"b": "three"}, {"c": "four"}), "/insert/jsonline?_msg_field=a,b,c")
    assert door.messages == ["one", "three", "four"]


async def test_names_are_the_usual_ones_where_nothing_is_said(door: Doors) -> None:
    await door.post(lines({"_msg": "hello", "_time": "2026-11-22T10:00:00Z"}), "/insert/jsonline")
    (row,) = door.rows
    assert (row["message"], row["timestamp"]) == ("hello", TEN_NS)
    assert row["attributes"] == {}


@pytest.mark.parametrize(
    ("ignored", "left"),
    [
        ("a", {"b": {"c": 1, "d": 2}, "e.f": 3}),
        ("b.c", {"a": 0, "b": {"d": 2}, "e.f": 3}),
        ("b.*,e.f", {"a": 0}),
        ("b.c,b.d", {"a": 0, "e.f": 3}),
        ("nothing", {"a": 0, "b": {"c": 1, "d": 2}, "e.f": 3}),
    ],
)
async def test_ignored_fields_are_left_out(door: Doors, ignored: str, left: dict[str, object]) -> None:
    body = lines({"_msg": "x", "a": 0, "b": {"c": 1, "d": 2}, "e.f": 3})
    await door.post(body, f"/insert/jsonline?ignore_fields={ignored}")
    assert door.rows[0]["attributes"] == left


async def test_a_label_of_the_record_itself_is_not_written_over(door: Doors) -> None:
    await door.post(lines({"_msg": "x", "service": "pay", "app": "own"}), "/insert/jsonline?_stream_fields=app")
    assert door.rows[0]["attributes"]["app"] == "own"


async def test_broken_lines_are_told_and_the_others_kept(door: Doors) -> None:
    answer = await door.post(lines({"_msg": "x"}) + b"{nonsense\n", "/insert/jsonline")
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (1, 1)
    nothing = await door.post(b"{nonsense\n", "/insert/jsonline")
    assert nothing.status_code == 400
    assert nothing.text.startswith("none of 1 lines is a log; line 1:")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ("debug=1", "debug=1 would throw the lines away"),
        ("extra_fields=a", "extra_fields are name=value pairs"),
        ("ignore_fields=" + ",".join("abcdefgh" * 10), "ignore_fields names more than 64 fields"),
        ("_msg_field=" + "x" * 5_000, "_msg_field is longer than 4096 characters"),
    ],
)
async def test_parameters_that_cannot_be_are_refused(door: Doors, parameters: str, told: str) -> None:
    answer = await door.post(lines({"_msg": "x"}), f"/insert/jsonline?{parameters}")
    assert answer.status_code == 400
    assert answer.text.startswith(told)
    assert door.rows == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/insert/elasticsearch/_bulk", b'{"create":{}}\n{"message":"x"}\n', 200),
        ("/insert/loki/api/v1/push", {"streams": [{"stream": {}, "values": [[str(NOW_NS), "x"]]}]}, 204),
        ("/insert/datadog/api/v2/logs", [{"message": "x"}], 202),
        ("/insert/splunk/services/collector/event", {"event": "x"}, 200),
        (
            "/insert/opentelemetry/v1/logs",
            {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "x"}}]}]}]},
            200,
        ),
    ],
)
async def test_other_protocols_have_addresses_here(door: Doors, path: str, body: object, status: int) -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    keys = {"authorization": "Splunk t", "dd_api_key": "k"}
    answer = await door.post(content, path, content_type="application/json", **keys)
    assert answer.status_code == status, answer.text
    assert door.messages == ["x"]


async def test_agents_find_it_ready(door: Doors) -> None:
    for path in ("/insert/ready", "/insert/loki/ready"):
        assert (await door.http.get(path)).status_code == 200
    assert (await door.http.get("/insert/elasticsearch/")).json()["version"]["number"]
    assert (await door.http.get("/insert/jsonline")).status_code == 405


def packed(text: bytes) -> bytes:
    """Of less than 128 bytes."""
    return bytes([len(text)]) + text


def pairs(members: dict[bytes, bytes]) -> bytes:
    return bytes([len(members)]) + b"".join(packed(text) for pair in members.items() for text in pair)


def row(labels: dict[bytes, bytes], fields: dict[bytes, bytes], time_ns: int = TEN_NS) -> bytes:
    """As `InsertRow.Marshal` of VictoriaLogs writes it."""
    return bytes(8) + packed(pairs(labels)) + time_ns.to_bytes(8, "big") + pairs(fields)


async def test_rows_are_kept_with_the_labels_of_their_streams(door: Doors) -> None:
    body = row({b"app": b"cart", b"pod": b"c-1"}, {b"": b"oh no", b"app": b"cart", b"pod": b"c-1", b"level": b"error"})
    body += row({}, {b"_msg": "ü".encode(), b"a.b": b"1", b"none": b""}, TEN_NS + 1)
    body += row({b"app": b"cart", b"pod": b"c-1"}, {b"": b"again", b"app": b"cart", b"pod": b"c-1"})
    answer = await door.post(body, "/insert/native?version=v1", content_type="application/octet-stream")
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3, "rejected": 0, "errors": []})
    rows = {found["message"]: found for found in door.rows}
    assert (rows["oh no"]["timestamp"], rows["oh no"]["service"]) == (TEN_NS, "cart")
    assert rows["oh no"]["severity_number"] == 17
    assert rows["oh no"]["attributes"] == {"pod": "c-1", "app": "cart", "heimdall.labels": "app,pod;*"}
    assert rows["again"]["attributes"]["heimdall.labels"] == "app,pod;*"
    assert (rows["ü"]["timestamp"], rows["ü"]["attributes"]) == (TEN_NS + 1, {"a.b": "1"})


async def test_broken_rows_are_refused_whole(door: Doors) -> None:
    good = row({b"app": b"cart"}, {b"": b"x"})
    for cut in range(1, len(good)):
        answer = await door.post(good + good[:cut], "/insert/native?version=v1")
        assert (answer.status_code, answer.text[:5]) == (400, "row 2")
    endless = bytes(8) + b"\xff" * 12
    assert (await door.post(endless, "/insert/native?version=v1")).status_code == 400
    unknown = await door.post(good, "/insert/native?version=v2")
    assert (unknown.status_code, "'v2'" in unknown.text) == (400, True)
    assert door.rows == []
