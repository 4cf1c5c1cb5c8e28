"""The one application: which route takes a request, what its answers carry, and what a wrong parameter is told."""

from __future__ import annotations

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from heimdall.api.asgi import build_asgi
from heimdall.api.bounded_body import MAX_QUESTION_BYTES
from heimdall.api.static_files import StaticUi


class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: str = "*"
    start: Annotated[str, Field(alias="from")] = ""


class Nested(BaseModel):
    inner: Parameters


async def size_of(request: Request) -> Response:
    return PlainTextResponse(f"{request.method} {len(await request.body())}")


@pytest.fixture
def http() -> httpx.AsyncClient:
    router = APIRouter()

    @router.get("/search")
    async def search(parameters: Annotated[Parameters, Query()]) -> dict[str, str]:
        return {"q": parameters.q}

    @router.post("/search")
    async def search_by_post(parameters: Parameters) -> dict[str, str]:
        return {"q": parameters.q}

    @router.post("/nested")
    async def nested(parameters: Nested) -> dict[str, str]:
        return {"q": parameters.inner.q}

    doors = [
        Route("/logs", size_of, methods=["POST"]),
        Route("/logs/{index}", size_of, methods=["POST"]),
        Route("/search", size_of, methods=["POST"]),
    ]
    app = build_asgi([router], doors, [], StaticUi(None))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node")


async def test_a_door_takes_bodies_of_any_size_at_its_path_and_below(http: httpx.AsyncClient) -> None:
    large = b"x" * (MAX_QUESTION_BYTES + 1)
    assert (await http.post("/logs", content=large)).text == f"POST {len(large)}"
    assert (await http.post("/logs/web", content=large)).text == f"POST {len(large)}"


async def test_a_question_comes_before_a_door_of_the_same_path(http: httpx.AsyncClient) -> None:
    assert (await http.post("/search", json={"q": "a"})).json() == {"q": "a"}


async def test_every_request_has_an_id_of_its_own(http: httpx.AsyncClient) -> None:
    ids = {(await http.get("/search")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert {len(each) for each in ids} == {32}


async def test_a_parameter_that_is_not_there_is_named_with_those_that_are(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get("/search?query=a&size=3"),
        await http.post("/search", json={"query": "a", "size": 3}),
    ):
        assert answer.status_code == 400
        assert "no parameter is called query or size; there are q, from;" in answer.json()["error"]["message"]


async def test_a_value_that_does_not_fit_says_why(http: httpx.AsyncClient) -> None:
    answer = await http.post("/search", json={"q": 3, "x": 1})
    assert "q: Input should be a valid string; no parameter is called x" in answer.json()["error"]["message"]


async def test_what_is_wrong_inside_of_a_parameter_is_told_with_its_place(http: httpx.AsyncClient) -> None:
    answer = await http.post("/nested", json={"inner": {"nope": 1}})
    assert "inner.nope: Extra inputs are not permitted" in answer.json()["error"]["message"]
