"""The built UI as a browser gets it."""

import gzip
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount

from heimdall.api.static_files import CLIENT_ROUTES, StaticUi
from heimdall.errors import NotFound

PAGE = "<!doctype html><title>Heimdall</title>"
SCRIPT = "console.log('hello')\n" * 50
WANTS_PAGE = {"accept": "text/html,*/*"}


async def _not_found(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": {"code": "not_found", "message": str(error)}}, status_code=404)


def _client(directory: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/", app=StaticUi(directory))], exception_handlers={NotFound: _not_found})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://node")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "assets" / "main-abc123.js").write_text(SCRIPT)
    (tmp_path / "assets" / "main-abc123.js.gz").write_bytes(gzip.compress(SCRIPT.encode(), mtime=0))
    return tmp_path


@pytest.mark.parametrize("path", ["/", "/explore?q=a", "/start", "/settings"])
async def test_every_page_of_the_client_is_the_same_document(built: Path, path: str) -> None:
    async with _client(built) as client:
        answer = await client.get(path, headers=WANTS_PAGE)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["cache-control"] == "no-cache"


async def test_an_unknown_page_says_so_in_its_status_and_still_loads_the_client(built: Path) -> None:
    async with _client(built) as client:
        answer = await client.get("/nonsense", headers=WANTS_PAGE)
    assert (answer.status_code, answer.text) == (404, PAGE)


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/v1/traces", "/assets/old-1.js", "/favicon.ico", "/../pyproject.toml"]
)
async def test_what_is_no_page_is_an_error_not_a_page(built: Path, path: str) -> None:
    async with _client(built) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_hashed_files_are_kept_for_good_and_sent_compressed(built: Path) -> None:
    async with _client(built) as client:
        packed = await client.get("/assets/main-abc123.js", headers={"accept-encoding": "br, gzip;q=0.8"})
        plain = await client.get("/assets/main-abc123.js", headers={"accept-encoding": "gzip;q=0, identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "immutable" in packed.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == SCRIPT
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_a_browser_that_has_the_page_is_told_so(built: Path) -> None:
    async with _client(built) as client:
        first = await client.get("/explore", headers=WANTS_PAGE)
        again = await client.get("/explore", headers=WANTS_PAGE | {"if-none-match": f'W/{first.headers["etag"]}, "x"'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_nothing_from_elsewhere_may_run(built: Path) -> None:
    async with _client(built) as client:
        answer = await client.get("/explore", headers=WANTS_PAGE)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_rebuild_is_served_without_a_restart(built: Path) -> None:
    async with _client(built) as client:
        await client.get("/")
        (built / "index.html").write_text("<p>new")
        answer = await client.get("/", headers=WANTS_PAGE)
    assert answer.text == "<p>new"


async def test_without_a_build_the_page_says_how_to_build(tmp_path: Path) -> None:
    async with _client(tmp_path) as client:
        answer = await client.get("/explore", headers=WANTS_PAGE)
    assert answer.status_code == 503
    assert "make ui" in answer.text


async def test_only_reading_is_possible(built: Path) -> None:
    async with _client(built) as client:
        assert (await client.post("/explore")).status_code == 404
        assert (await client.head("/explore", headers=WANTS_PAGE)).status_code == 200


def test_the_pages_are_those_of_the_client() -> None:
    source = (Path(__file__).parents[3] / "web" / "src" / "app" / "routes.ts").read_text()
    listed = re.search(r"ROUTES = \[(.*?)\]", source)
    assert listed is not None
    assert set(re.findall(r"'(.*?)'", listed[1])) == CLIENT_ROUTES


async def test_a_route_that_does_not_exist_is_answered_with_where_they_stand(built: Path) -> None:
    async with _client(built) as client:
        told = (await client.get("/api/v1/nope")).text, (await client.post("/api/v1/nope")).text
    assert "nothing at /api/v1/nope; /openapi.json names the routes" in told[0]
    assert "nothing to POST at /api/v1/nope; /openapi.json" in told[1]
