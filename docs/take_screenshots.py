"""Takes docs/images/*.png: a node with the demo's shop, two rules, and a browser that looks at every page.

    .venv/bin/python docs/take_screenshots.py [name …]

Needs the built UI (`make ui`) and Chromium (`apt-get install chromium`, or its path in CHROMIUM). The demo's
records are the same each time; their times end now. Look at what was taken before it is committed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "e2e"))

import httpx  # noqa: E402  (after the path of the node's starter)
from node_process import NodeProcess  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

BACKFILL_S = 300
"""Longest wait for the demo's day; a slow machine needs a minute or two."""
JUDGING_S = 1_800
"""Longest wait until detection has judged the day, which takes longer than storing it."""
SETTLE_MS = 1_200
"""For fonts, charts and the first answers of panels beside the main one."""
WIDE = {"viewport": {"width": 1440, "height": 900}, "device_scale_factor": 1}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}

BUDGET = {"HEIMDALL_DETECT__WATCH__BUDGET__ALERTS_PER_SERVICE_DAY": "5"}
"""As docs/guides/detection.md says of its picture."""

RULES = [
    {"id": "errors", "name": "Many errors of a service", "kind": "threshold", "severity": "P1", "threshold": 20,
     "condition": "level>=error", "window": "5m", "group_by": ["service"], "description": "Look at the newest deploy"},
    {"id": "silent-payment", "name": "Payment says nothing", "kind": "absence", "severity": "P1",
     "condition": "service:payment", "window": "10m"},
    {"id": "new-error", "name": "An error never seen before", "kind": "new_template", "severity": "P3",
     "condition": "level>=error", "learn": "6h"},
]  # fmt: skip

EXPLORE = "/explore?from=-12h&to=-15m"
"""Half a day; its end is before the demo's live feed, which begins with trouble."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: where, how wide, in which theme, and what is done before it is taken."""

    path: str
    there: str
    """What has to be visible first, a CSS selector."""
    theme: str = "dark"
    phone: bool = False
    prepare: Callable[[Page], None] | None = None


def _open_line(page: Page) -> None:
    page.keyboard.press("e")
    page.locator(".row[aria-selected=true] .line-level.level-error").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("complementary", name="The focused line").get_by_role("tab", name="Fields").wait_for()


def _open_template(page: Page) -> None:
    pattern = page.locator(".pattern", has_text="Pause Young").first
    pattern.get_by_role("button", name="Details").click()
    pattern.locator(".template-parameter").first.wait_for()
    pattern.scroll_into_view_if_needed()


def _try_rule(page: Page) -> None:
    page.get_by_role("button", name="Try it on").click()
    page.locator(".back-test").wait_for()


def _first_incident(page: Page) -> None:
    page.locator(".incident h2 a").first.click()
    page.locator(".timeline").wait_for()


SHOTS = {
    "start-light": Shot("/start", "main h1", "light"),
    "explore-dark": Shot(EXPLORE, ".row"),
    "explore-phone-light": Shot(EXPLORE, ".row", "light", phone=True),
    "drawer-light": Shot(EXPLORE, ".row", "light", prepare=_open_line),
    "patterns-dark": Shot(f"{EXPLORE}&view=patterns", ".pattern"),
    "template-light": Shot(f"{EXPLORE}&view=patterns", ".pattern", "light", prepare=_open_template),
    "alerts-dark": Shot("/alerts?all=1", ".incident-actions"),
    "alerts-phone-light": Shot("/alerts?all=1", ".incident-actions", "light", phone=True),
    "incident-light": Shot("/alerts?all=1", ".incident-actions", "light", prepare=_first_incident),
    "rule-light": Shot("/alerts?edit=errors&view=rules", ".rule-editor", "light", prepare=_try_rule),
    "anomalies-dark": Shot("/anomalies", ".finding"),  # last, as detection takes its time
}


@contextmanager
def demo_node() -> Iterator[NodeProcess]:
    """A node whose demo has its whole day and whose rules have seen it."""
    with tempfile.TemporaryDirectory(prefix="heimdall-screenshots-") as folder:
        node = NodeProcess(Path(folder) / "data", environment=BUDGET)
        node.start()
        try:
            httpx.post(f"{node.url}/api/v1/rules", json=RULES).raise_for_status()
            httpx.post(f"{node.url}/api/v1/demo").raise_for_status()
            _wait(lambda: _demo_phase(node) == "live", "the demo's day")
            _wait(lambda: _has(node, "incidents"), "an incident")
            yield node
        finally:
            node.stop()


def _demo_phase(node: NodeProcess) -> str:
    return str(httpx.get(f"{node.url}/api/v1/node", timeout=30).json()["demo"].get("phase"))


def _has(node: NodeProcess, what: str) -> bool:
    return bool(httpx.get(f"{node.url}/api/v1/{what}", timeout=30).json()["data"])


def _is_judged(node: NodeProcess) -> bool:
    """Detection has caught up with the day, to half an hour."""
    until = httpx.get(f"{node.url}/api/v1/findings", timeout=30).json()["judged_until"]
    return until is not None and datetime.fromisoformat(until) > datetime.now(UTC) - timedelta(minutes=30)


def _wait(done: Callable[[], bool], what: str, within_s: int = BACKFILL_S) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {within_s} s")
        time.sleep(1)


def take(browser: Browser, origin: str, name: str, shot: Shot) -> None:
    context = browser.new_context(
        **(PHONE if shot.phone else WIDE), color_scheme=shot.theme, timezone_id="UTC", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(origin + shot.path)
    page.locator(shot.there).first.wait_for()
    page.get_by_text("Counting…").wait_for(state="detached")
    page.wait_for_timeout(SETTLE_MS)
    if shot.prepare is not None:
        shot.prepare(page)
        page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=DOCS / "images" / f"{name}.png")
    context.close()


def main(names: list[str]) -> None:
    unknown = set(names) - set(SHOTS)
    if unknown:
        raise SystemExit(f"there is no picture {', '.join(sorted(unknown))}; there are {', '.join(SHOTS)}")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        raise SystemExit("no chromium on this machine; install one or set CHROMIUM")
    with demo_node() as node, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for name in names or SHOTS:
            if name.startswith("anomalies"):
                _wait(lambda: _is_judged(node), "the judgement of the day", JUDGING_S)
            take(browser, node.url, name, SHOTS[name])
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
