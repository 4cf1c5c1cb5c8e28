import gzip
from concurrent.futures import Future
from typing import Any

import pytest

from doors import NOW_NS, Doors
from heimdall.errors import Overloaded

KEY = {"dd-api-key": "k"}
ONE = b'[{"ddsource":"nginx","ddtags":"env:prod","hostname":"web-1","message":"slow","service":"pay","status":"warn"}]'


@pytest.mark.parametrize(("path", "status"), [("/api/v2/logs", 202), ("/v1/input", 200)])
async def test_an_array_of_logs_is_taken(door: Doors, path: str, status: int) -> None:
    answer = await door.post(gzip.compress(ONE), path, **KEY, content_type="application/json", content_encoding="gzip")
    assert (answer.status_code, answer.json()) == (status, {})
    (row,) = door.rows
    assert (row["message"], row["service"], row["severity_number"], row["timestamp"]) == ("slow", "pay", 13, NOW_NS)
    assert row["attributes"] == {"ddsource": "nginx", "ddtags": "env:prod", "hostname": "web-1"}


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
async def test_nothing_is_a_question_whether_anybody_is_there(door: Doors, body: bytes) -> None:
    assert (await door.post(body, "/api/v2/logs", **KEY)).status_code == 202
    assert door.rows == []


async def test_text_and_single_objects_are_taken(door: Doors) -> None:
    assert (await door.post(b"one\ntwo\n", "/v1/input/k", content_type="text/plain")).status_code == 200
    assert (await door.post(b'{"message":"three"}', "/api/v2/logs?dd-api-key=k")).status_code == 202
    assert door.messages == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("headers", "body", "status"), [({}, ONE, 401), (KEY, b"nope", 400), (KEY, b"[" + b"1" * 2000 + b"]", 413)]
)
async def test_errors_are_told_in_datadog_s_form(headers: dict[str, str], body: bytes, status: int) -> None:
    answer = await Doors(max_body_bytes=1000).http.post("/api/v2/logs", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (status, str(status))


class FailingBus:
    def append(self, batch: Any, *, producer: Any = None) -> Future[int]:
        raise Overloaded("slow", retry_after_s=7)


async def test_a_busy_node_says_when() -> None:
    answer = await Doors(FailingBus()).post(ONE, "/api/v2/logs", **KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


async def test_keys_are_valid_when_there_is_one(door: Doors) -> None:
    assert (await door.http.get("/api/v1/validate", headers=KEY)).json() == {"valid": True}
    assert (await door.http.get("/api/v1/validate")).status_code == 401
