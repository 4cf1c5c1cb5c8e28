"""The built web UI: files under `static/`, served with the headers a browser needs to be safe and quick.

- Files below `assets/` carry a content hash in their name: cached for a year, never asked for again.
- Everything else (`index.html`, icons) is revalidated by `ETag`; a revalidation costs one small 304.
- `.gz` siblings are written at build time (`web/build_ui.py`), so nothing is compressed while serving.
- Pages of the UI are routes of the client: each gets `index.html`. An unknown path gets it too, with status 404, and
  the client says that there is no such page.

Mount it last, at the root: `Mount("/", app=StaticUi())`.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from heimdall.errors import NotFound

STATIC_DIRECTORY = Path(__file__).parent / "static"

CLIENT_ROUTES = frozenset({"", "start", "explore", "anomalies", "alerts", "settings", "graphql-explorer"})
"""First path segments that are pages. `web/src/app/routes.ts` has the same list; a test compares them."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types push-worker",
    )
)
"""No inline script or style, no other host, no string ever turned into markup: log text cannot run. The one policy of
trusted types makes the address of `/push-worker.js`, whatever it is given (`web/src/alerts/push.ts`)."""

_SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"

_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Stated here because the system's MIME table differs between machines."""

_NOT_BUILT = """<!doctype html>
<html lang="en">
<title>Heimdall: the web UI is not built</title>
<h1>The web UI is not built</h1>
<p>This checkout has the source of the web UI, not the built files. The API works without it.</p>
<p>To build it, run this in the checkout and load the page again:</p>
<pre>make ui</pre>
<p>It uses the system's Node.js 20 or later, or installs one from PyPI into <code>.venv</code>.
An installed wheel carries the built files, so <code>pip install .</code> works as well.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    compressed: bytes | None
    etag: str
    content_type: str
    cache_control: str


class StaticUi:
    """ASGI application that serves one built UI.

    The whole build (about 1 MB) is kept in memory and read again when `index.html` changes, so a rebuild shows up
    without a restart. Only `GET` and `HEAD` are answered.

    Raises:
        NotFound: a path that is no file, asked for by something that does not want a page.
    """

    def __init__(self, directory: Path = STATIC_DIRECTORY) -> None:
        self._directory = directory
        self._assets: dict[str, _Asset] = {}
        self._built_at_ns = -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._answer(Request(scope, receive))
        await response(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise NotFound(f"there is nothing to {request.method} at {request.url.path}{_hint(request.url.path)}")
        self._reload_if_rebuilt()
        path = request.url.path.lstrip("/")
        asset = self._assets.get(path)
        if asset is not None:
            return _respond(request, asset, status=200)
        if not _wants_page(request):
            raise NotFound(f"there is nothing at {request.url.path}{_hint(request.url.path)}")
        known = path.split("/", 1)[0] in CLIENT_ROUTES
        page = self._assets.get("index.html")
        if page is None:
            return HTMLResponse(_NOT_BUILT, status_code=503, headers=_SECURITY_HEADERS)
        return _respond(request, page, status=200 if known else 404)

    def _reload_if_rebuilt(self) -> None:
        try:
            built_at_ns = (self._directory / "index.html").stat().st_mtime_ns
        except FileNotFoundError:
            self._assets, self._built_at_ns = {}, -1
            return
        if built_at_ns != self._built_at_ns:
            self._assets, self._built_at_ns = _read_assets(self._directory), built_at_ns


def _read_assets(directory: Path) -> dict[str, _Asset]:
    assets: dict[str, _Asset] = {}
    for file in sorted(directory.rglob("*")):
        name = file.relative_to(directory).as_posix()
        if not file.is_file() or file.suffix == ".gz" or name.startswith("."):
            continue
        compressed = file.with_name(file.name + ".gz")
        body = file.read_bytes()
        assets[name] = _Asset(
            body=body,
            compressed=compressed.read_bytes() if compressed.is_file() else None,
            etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
            content_type=_content_type(file),
            cache_control=_IMMUTABLE if name.startswith("assets/") else _REVALIDATE,
        )
    return assets


def _content_type(file: Path) -> str:
    known = _CONTENT_TYPES.get(file.suffix)
    return known or mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def _hint(path: str) -> str:
    return "; /openapi.json names the routes there are" if path.startswith("/api/") else ""


def _wants_page(request: Request) -> bool:
    path = request.url.path
    if path.startswith(("/api/", "/v1/", "/assets/")):
        return False
    return "text/html" in request.headers.get("accept", "") or path.lstrip("/").split("/", 1)[0] in CLIENT_ROUTES


def _respond(request: Request, asset: _Asset, *, status: int) -> Response:
    headers = {
        **_SECURITY_HEADERS,
        "Cache-Control": asset.cache_control,
        "ETag": asset.etag,
        "Vary": "Accept-Encoding",
    }
    if status == 200 and asset.etag in _etags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if asset.compressed is not None and _accepts_gzip(request.headers.get("accept-encoding", "")):
        body = asset.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, headers=headers, media_type=asset.content_type)


def _etags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _accepts_gzip(header: str) -> bool:
    for offer in header.split(","):
        name, _, parameters = offer.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
