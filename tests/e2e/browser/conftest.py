"""A real Chromium against a real node.

Every page fails its test on a script error, a request to an outside host or a broken asset.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from node_process import NodeProcess
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright
from shop_lines import LINES, shop_line

from heimdall.api.static_files import STATIC_DIRECTORY

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


PATIENCE_MS = 30_000
"""A slow shared machine may need it; what is timed is timed in test_browser_budgets.py."""

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    browser_tests = [item for item in items if "/e2e/browser/" in item.path.as_posix()]
    for item in browser_tests:
        item.add_marker(pytest.mark.browser)
    # Last: while Playwright runs, its event loop is this thread's, and no other test can have one.
    items.sort(key=lambda item: item in browser_tests)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on this machine; install one or set CHROMIUM")
    if not (STATIC_DIRECTORY / "index.html").is_file():
        pytest.skip("the web UI is not built; run: make ui")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


class Faults:
    """What went wrong on a page without anybody looking."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.seen: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.seen.append(f"script error: {error}"))
        page.on("console", self._console)
        page.on("response", self._response)
        page.on("dialog", lambda dialog: (self.seen.append(f"dialog: {dialog.message}"), dialog.dismiss())[0])
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        network = message.text.startswith("Failed to load resource") or "net::ERR_" in message.text
        if message.type == "error" and not network:
            self.seen.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and "/api/" not in response.url and response.request.resource_type != "document":
            self.seen.append(f"{response.status} {response.url}")

    def _request(self, url: str) -> None:
        if not url.startswith((self._origin, "blob:", "data:")):
            self.seen.append(f"outside host: {url}")


@pytest.fixture
def open_context(chromium: Browser) -> Iterator[object]:
    """`open_context(origin, **playwright_options)` → a fresh context; checked and closed at the end."""
    opened: list[tuple[BrowserContext, Faults]] = []

    def open_one(origin: str, **options: object) -> BrowserContext:
        options = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark", **options}
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        faults = Faults(origin)
        context.on("page", faults.watch)
        opened.append((context, faults))
        return context

    yield open_one
    found = []
    for context, faults in opened:
        context.close()
        found += faults.seen
    assert found == []


@pytest.fixture(scope="session")
def seeded(shared_node: NodeProcess) -> NodeProcess:
    """A node with the lines of `shop_lines`, two a second, the newest of them just now."""
    now = datetime.now(UTC)
    body = b"".join(shop_line(i, now - timedelta(seconds=i * 0.5)) for i in range(LINES))
    assert shared_node.send(body)["accepted"] == LINES
    shared_node.wait_for_count(LINES, "shop:demo")
    return shared_node


@pytest.fixture
def page(open_context, seeded: NodeProcess) -> Page:  # type: ignore[no-untyped-def]
    """A page of the seeded node; go to a path with `visit`."""
    return open_context(seeded.url).new_page()


@pytest.fixture
def visit(page: Page, seeded: NodeProcess):  # type: ignore[no-untyped-def]
    def go(path: str) -> Page:
        page.goto(seeded.url + path)
        return page

    return go
