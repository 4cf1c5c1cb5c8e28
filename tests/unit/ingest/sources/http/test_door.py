import asyncio
import gzip
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

import orjson
import pyarrow as pa
import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

from doors import Doors
from heimdall.bus.buses.memory import MemoryBus
from heimdall.bus.port import ProducerKey
from heimdall.errors import BusUnavailable, Overloaded
from heimdall.model.batch import LogBatch

LINES = b'{"level":"info","msg":"one","seq":1}\n{"level":"warn","msg":"two","seq":2}\n'
NDJSON = {"content-type": "application/x-ndjson"}
PROTOBUF = {"content-type": "application/x-protobuf"}


async def test_lines_are_on_the_bus_before_the_answer(door: Doors) -> None:
    answer = await door.post(LINES, **NDJSON)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "rejected": 0, "errors": []})
    assert door.messages == ["one", "two"]
    assert door.accepted == [("default", 2, len(LINES))]
    assert door.source.bytes_in_flight == 0


@pytest.mark.parametrize(
    ("content_type", "body", "messages"),
    [
        ("application/json", b'[{"msg":"a"},{"msg":"b"}]', ["a", "b"]),
        ("application/json; charset=utf-8", b'{\n"msg":"a"\n}', ["a"]),
        ("application/vnd.acme+json", b'{"msg":"a"}', ["a"]),
        ("text/plain", b"plain one\r\nplain two\n", ["plain one", "plain two"]),
        ("text/plain", b'[\n {"msg": "one"},\n {"msg": "two"}\n]\n', ["one", "two"]),
        (
            "text/csv",
            b"time,level,message\n2026-11-22T10:00:00Z,info,one\n2026-11-22T10:00:01Z,warn,two",
            ["one", "two"],
        ),
        ("", "\ufeffplain one\r\nplain two\r\n".encode("utf-16-le"), ["plain one", "plain two"]),
        ("", b'{"msg":"a"}', ["a"]),
        ("application/x-www-form-urlencoded", b"just words", ["just words"]),
        ("application/octet-stream", b"[a bracket] is no array", ["[a bracket] is no array"]),
    ],
)
async def test_forms_are_told_apart_by_type_else_by_the_first_byte(
    door: Doors, content_type: str, body: bytes, messages: list[str]
) -> None:
    answer = await door.post(body, content_type=content_type)
    assert answer.status_code == 200, answer.text
    assert door.messages == messages


@pytest.mark.parametrize(
    ("coding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.ZstdCompressor().compress)],
)
async def test_compressed_bodies_are_the_same(door: Doors, coding: str, compress: Any) -> None:
    answer = await door.post(compress(LINES), **NDJSON, content_encoding=coding)
    assert answer.json()["accepted"] == 2
    assert door.messages == ["one", "two"]


async def test_a_bad_line_is_named_and_its_neighbours_are_stored(door: Doors) -> None:
    answer = await door.post(b'{"msg":"a"}\n{"msg"\n{"msg":"b"}', **NDJSON)
    told = answer.json()
    assert (answer.status_code, told["accepted"], told["rejected"]) == (200, 2, 1)
    assert told["errors"][0]["line"] == 2
    assert told["errors"][0]["excerpt"] == '{"msg"'
    assert door.messages == ["a", "b"]


async def test_parameters_name_the_fields(door: Doors) -> None:
    path = "/api/v1/logs?time_field=when&message_field=what&level_field=how&service_field=who"
    body = b'{"when":1795341600,"what":"hi","how":"error","who":"me"}'
    assert (await door.post(body, path, **NDJSON)).status_code == 200
    (frame,) = door.bus.read(1, max_bytes=1 << 20)
    (row,) = frame.batch.table.to_pylist()
    assert (row["message"], row["severity_number"], row["service"]) == ("hi", 17, "me")
    assert row["timestamp"].timestamp() == 1795341600


async def test_parameters_hold_for_records_that_do_not_say_it_themselves(door: Doors) -> None:
    path = "/api/v1/logs?service=shop&instance=shop-1&region=eu-west-1&environment=prod"
    assert (
        await door.post(b"2026-11-22 10:00:00,123 - cart - INFO - hello", path, content_type="text/plain")
    ).is_success
    assert (await door.post(b'{"msg":"hi","service":"mine"}', path, **NDJSON)).is_success
    rows = [row for frame in door.bus.read(1, max_bytes=1 << 20) for row in frame.batch.table.to_pylist()]
    assert [(row["service"], row["instance"]) for row in rows] == [("shop", "shop-1"), ("mine", "shop-1")]
    assert {(row["region"], row["environment"]) for row in rows} == {("eu-west-1", "prod")}


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "words"),
    [
        ("?nope=1", NDJSON, LINES, 400, "time_field"),
        ("?time_field=", NDJSON, LINES, 400, "time_field"),
        ("?time_field=a&time_field=b", NDJSON, LINES, 400, "twice"),
        ("", NDJSON, b"broken", 400, "line 1"),
        ("", NDJSON, b"5\nnull", 400, "not a JSON object"),
        ("", {"content-type": "image/png"}, LINES, 415, "application/x-ndjson"),
        ("", PROTOBUF, LINES, 415, "/v1/logs"),
        ("", {**NDJSON, "content-encoding": "br"}, LINES, 415, "gzip"),
        ("", {**NDJSON, "content-encoding": "gzip, gzip"}, LINES, 415, "once"),
        ("", {**NDJSON, "content-encoding": "gzip"}, LINES, 400, "gzip"),
        ("", {**NDJSON, "content-encoding": "gzip"}, gzip.compress(LINES, mtime=0)[:-3], 400, "cut off"),
        ("", {**NDJSON, "content-encoding": "zstd"}, zstandard.compress(bytes(8 << 20)), 413, "100 times"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_the_way_out(
    door: Doors, path: str, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    answer = await door.http.post(f"/api/v1/logs{path}", content=body, headers=headers)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert door.messages == []
    assert door.source.bytes_in_flight == 0


async def test_an_empty_body_is_no_records(door: Doors) -> None:
    assert (await door.post(b"", **NDJSON)).json() == {"accepted": 0, "rejected": 0, "errors": []}


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused(declared: bool) -> None:
    door = Doors(max_body_bytes=1000)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    answer = await door.post(b"x" * 1001 if declared else chunks(), content_type="text/plain")
    assert answer.status_code == 413
    assert door.source.bytes_in_flight == 0


async def test_when_too_much_is_in_flight_senders_are_told_to_wait() -> None:
    door = Doors(max_in_flight_bytes=100)
    answer = await door.post(b'{"msg":"%s"}' % (b"x" * 200), **NDJSON)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert (await door.post(b'{"msg":"small"}', **NDJSON)).status_code == 200


async def test_a_silent_sender_is_given_up() -> None:
    door = Doors(chunk_timeout_s=0.05)

    async def silence() -> AsyncIterator[bytes]:
        yield b'{"msg":'
        await asyncio.sleep(30)

    answer = await door.post(silence(), **NDJSON)
    assert answer.status_code == 408
    assert door.source.bytes_in_flight == 0


async def test_a_trickling_sender_is_given_up(door: Doors) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(1000):
            door.clock.advance(1)
            yield b" "

    assert (await door.post(trickle(), **NDJSON)).status_code == 408


class RefusingBus:
    """Fails the way a bus may: at once, or when the disk does."""

    def __init__(self, error: Exception, *, at_once: bool) -> None:
        self._error = error
        self._at_once = at_once

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        if self._at_once:
            raise self._error
        future: Future[int] = Future()
        future.set_exception(self._error)
        return future


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("error", "status"), [(Overloaded("disk full", retry_after_s=7), 429), (BusUnavailable("sealed"), 503)]
)
async def test_what_is_not_durable_is_not_acknowledged(error: Exception, status: int, at_once: bool) -> None:
    door = Doors(RefusingBus(error, at_once=at_once))
    answer = await door.post(LINES, **NDJSON)
    assert answer.status_code == status
    assert answer.headers["retry-after"] == ("7" if status == 429 else "1")
    assert door.accepted == []
    otlp = await door.http.post("/v1/logs", content=one_otlp_record(), headers=PROTOBUF)
    assert otlp.status_code == status
    assert "retry-after" in otlp.headers


def one_otlp_record(body: str = "hello") -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add().body.string_value = body
    return bytes(request.SerializeToString())


async def test_otlp_protobuf_is_answered_in_protobuf(door: Doors) -> None:
    answer = await door.post(gzip.compress(one_otlp_record()), "/v1/logs", **PROTOBUF, content_encoding="gzip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportLogsServiceResponse.FromString(answer.content).HasField("partial_success")
    assert door.messages == ["hello"]


async def test_otlp_json_tells_what_was_rejected(door: Doors) -> None:
    records = [{"body": {"stringValue": "x"}}, {"traceId": "zz"}]
    body = orjson.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    answer = await door.post(body, "/v1/logs", content_type="application/json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "1"
    assert door.messages == ["x"]


async def test_an_empty_otlp_request_is_success(door: Doors) -> None:
    assert (await door.post(b"", "/v1/logs", **PROTOBUF)).status_code == 200
    assert (await door.post(b"{}", "/v1/logs", content_type="application/json")).json() == {}


async def test_otlp_errors_carry_a_status(door: Doors) -> None:
    broken = await door.post(b"\xff\xff", "/v1/logs", **PROTOBUF)
    assert (broken.status_code, broken.headers["content-type"]) == (400, "application/x-protobuf")
    assert broken.content.startswith(b"\x08\x03\x12")
    as_json = await door.post(b"nope", "/v1/logs", content_type="application/json")
    assert (as_json.status_code, as_json.json()["code"]) == (400, 3)
    assert (await door.post(LINES, "/v1/logs", **NDJSON)).status_code == 415


async def test_a_body_sent_again_under_its_idempotency_key_is_kept_once(door: Doors) -> None:
    key = {**NDJSON, "idempotency-key": f"{'ab' * 16}:0:117"}
    for _ in range(2):
        answer = await door.post(LINES, **key)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
    assert door.messages == ["one", "two"]


async def test_an_idempotency_key_of_another_shape_is_refused(door: Doors) -> None:
    answer = await door.post(LINES, **NDJSON, idempotency_key="42")
    assert answer.status_code == 400
    assert "32 hexadecimal digits" in answer.text


async def test_times_without_a_zone_are_in_the_zone_the_sender_gives(door: Doors) -> None:
    body = b'{"time":"2026-07-01 12:00:00","msg":"json"}\n2026-07-01 12:00:00 INFO text\n'
    for part, kind in zip(body.splitlines(keepends=True), ("application/x-ndjson", "text/plain"), strict=True):
        assert (await door.post(part, "/api/v1/logs?time_zone=Europe/Berlin", content_type=kind)).status_code == 200
    frames = list(door.bus.read(1, max_bytes=1 << 30))
    times = [str(time) for frame in frames for time in frame.batch.table["timestamp"].to_pylist()]
    assert times == ["2026-07-01 10:00:00+00:00"] * 2


async def test_a_zone_that_is_none_is_refused(door: Doors) -> None:
    answer = await door.post(LINES, "/api/v1/logs?time_zone=Mars/Olympus", **NDJSON)
    assert answer.status_code == 400
    assert "Europe/Berlin" in answer.text


class SlowBus(MemoryBus):
    """Holds its caller up for a while, or has no room."""

    batches = 0
    full = False

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        time.sleep(0.1)
        if self.full:
            raise Overloaded("no room", retry_after_s=1)
        self.batches += 1
        return super().append(batch, producer=producer)


class TestSmallBodiesThatWaitAtTheSameTime:
    """One worker, held up by the first body: the others go together."""

    @pytest.fixture
    async def slow(self) -> AsyncIterator[Doors]:
        doors = Doors(SlowBus(), decode_threads=1)
        yield doors
        doors.source.close()

    async def test_they_share_a_batch_and_each_gets_its_own_answer(self, slow: Doors) -> None:
        bodies = [b'{"msg":"%d"}\n' % number for number in range(20)]
        bodies[7] = b'{"msg":"7"}\n{"msg":'
        bodies[9] = b"{}{"
        answers = await asyncio.gather(*(slow.post(body, **NDJSON) for body in bodies))
        assert [answer.status_code for answer in answers] == [200] * 9 + [400] + [200] * 10
        assert answers[7].json()["rejected"] == 1
        assert [answer.json()["accepted"] for answer in answers if answer.status_code == 200] == [1] * 19
        assert sorted(slow.messages) == sorted(str(number) for number in range(20) if number != 9)
        assert slow.bus.batches <= 4
        assert slow.source.bytes_in_flight == 0

    async def test_what_the_address_says_is_that_of_each(self, slow: Doors) -> None:
        said = ["service=s0", "service=s1", "attribute.service=s1", "message_field=other"] * 3
        await asyncio.gather(
            *(slow.post(b'{"msg":"a","other":"b"}', f"/api/v1/logs?{each}", **NDJSON) for each in said)
        )
        kept = [(row.get("service"), row["message"], "service" in row["attributes"]) for row in slow.rows]
        assert Counter(kept) == {
            ("s0", "a", False): 3,
            ("s1", "a", False): 3,
            (None, "a", True): 3,
            (None, "b", False): 3,
        }

    async def test_a_full_bus_is_told_to_every_one(self, slow: Doors) -> None:
        slow.bus.full = True
        answers = await asyncio.gather(*(slow.post(b'{"msg":"a"}', **NDJSON) for _ in range(6)))
        assert [answer.status_code for answer in answers] == [429] * 6
        assert slow.rows == []

    async def test_one_who_hangs_up_takes_no_other_with_it(self, slow: Doors) -> None:
        requests = [asyncio.create_task(slow.post(b'{"msg":"%d"}' % number, **NDJSON)) for number in range(6)]
        await asyncio.sleep(0.03)
        requests[3].cancel()
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert [getattr(answer, "status_code", None) for answer in answers] == [200] * 3 + [None] + [200] * 2

    @pytest.mark.parametrize(
        ("path", "body", "headers"),
        [
            ("/services/collector/event", b'{"event":"a"}', {"authorization": "Splunk t"}),
            ("/api/v2/logs", b'[{"message":"a","service":"web"}]', {"dd_api_key": "k"}),
            ("/insert/jsonline?_stream_fields=app", b'{"_msg":"a","app":"web"}', {}),
            ("/_bulk", b'{"create":{"_index":"i"}}\n{"message":"a"}\n', {}),
            ("/i/_doc", b'{"message":"a"}', {}),
            ("/gcp/pubsub", b'{"message":{"data":"eyJtZXNzYWdlIjoiYSJ9","messageId":"7"}}', {}),
            ("/v1/logs", one_otlp_record("a"), PROTOBUF),
            (
                "/v1/logs",
                gzip.compress(one_otlp_record("a"), mtime=0),
                {**PROTOBUF, "content_encoding": "gzip"},
            ),
            (
                "/loki/api/v1/push",
                pa.Codec("snappy").compress(
                    b'\n\x16\n\x07{a="b"}\x12\x0b\n\x06\x08\x80\xbc\xa6\xc8\x06\x12\x01a', asbytes=True
                ),
                PROTOBUF,
            ),
        ],
    )
    async def test_at_other_doors(self, slow: Doors, path: str, body: bytes, headers: dict[str, str]) -> None:
        answers = await asyncio.gather(*(slow.post(body, path, **headers) for _ in range(20)))
        assert {answer.status_code for answer in answers} <= {200, 201, 202, 204}, answers[0].text
        assert slow.messages == ["a"] * 20
        assert len({str(row.get("attributes")) for row in slow.rows}) == 1
        assert slow.bus.batches <= 4
        assert slow.source.bytes_in_flight == 0
