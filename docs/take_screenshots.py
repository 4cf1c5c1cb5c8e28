"""Takes the pictures of `docs/images/` anew, in Chromium, of a node with the demo's shop in it and of an empty one.

    .venv/bin/python docs/take_screenshots.py [--only NAME …]

Needs `make ui` and a Chromium (`CHROMIUM` names it where it is not on the path); takes two minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
HEIMDALL = Path(sys.executable).parent / "heimdall"
PHONE: dict[str, Any] = {"is_mobile": True, "has_touch": True}

RULES = [
    {
        "id": "declines",
        "name": "Many declined cards",
        "severity": "P1",
        "kind": "threshold",
        "condition": 'service:payment "declined"',
        "group_by": ["region"],
        "threshold": 3,
        "window": "10m",
    },
    {
        "id": "errors",
        "name": "Errors of a service",
        "severity": "P2",
        "kind": "threshold",
        "condition": "level:error",
        "group_by": ["service"],
        "threshold": 8,
        "window": "5m",
    },
    {
        "id": "auth-silent",
        "name": "Auth says nothing",
        "severity": "P1",
        "kind": "absence",
        "condition": "service:auth",
        "window": "10m",
    },
]


def _drawer(page: Page) -> None:
    page.locator(".row").nth(4).click()
    page.get_by_role("complementary", name="The focused line").wait_for()


def _editor(page: Page) -> None:
    page.get_by_role("button", name="Edit Errors of a service").click()
    page.get_by_role("button", name="Try it").click()
    page.locator(".firing-list").wait_for()


@dataclass(frozen=True, slots=True)
class Picture:
    path: str
    scheme: str
    width: int = 1280
    height: int = 800
    empty: bool = False
    """Of the node without logs."""
    ready: str = "h1"
    act: Callable[[Page], None] = lambda page: None
    more: dict[str, Any] = field(default_factory=dict)


PICTURES = {
    "explore-dark": Picture("/explore?from=-12h", "dark", ready=".row"),
    "drawer-light": Picture("/explore?from=-6h&q=level:error", "light", ready=".row", act=_drawer),
    "explore-phone-light": Picture("/explore?from=-12h", "light", 390, 844, ready=".row", more=PHONE),
    "start-light": Picture("/start", "light", 1280, 680, empty=True),
    "anomalies-dark": Picture("/anomalies", "dark", 1440, 900, ready=".finding"),
    "alerts-dark": Picture("/alerts?shown=all", "dark", ready=".incident"),
    "rule-light": Picture("/alerts?view=rules", "light", ready=".rule", act=_editor),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="+", choices=list(PICTURES), default=list(PICTURES))
    wanted = options.parse_args().only
    with tempfile.TemporaryDirectory(prefix="heimdall-pictures-") as folder, contextlib.ExitStack() as stack:
        shop = stack.enter_context(_node(Path(folder) / "shop", "demo"))
        empty = stack.enter_context(_node(Path(folder) / "empty", "up"))
        _post(f"{shop}/api/v1/rules", RULES)
        _wait(lambda: _count(shop) > 300_000 and _is_judged(shop))
        _wait(lambda: bool(_get(f"{shop}/api/v1/incidents")["data"]))
        _post(f"{empty}/api/v1/logs", {"level": "info", "service": "hello", "message": "the first line"})
        with sync_playwright() as playwright:
            program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            for name in wanted:
                picture = PICTURES[name]
                size = {"width": picture.width, "height": picture.height}
                context = browser.new_context(viewport=size, color_scheme=picture.scheme, **picture.more)
                page = context.new_page()
                page.goto((empty if picture.empty else shop) + picture.path)
                page.locator(picture.ready).first.wait_for()
                picture.act(page)
                page.wait_for_timeout(800)
                page.screenshot(path=IMAGES / f"{name}.png")
                context.close()
                sys.stdout.write(f"{name}.png\n")
            browser.close()


@contextlib.contextmanager
def _node(folder: Path, command: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sources = ("SYSLOG", "FORWARD", "GELF")
    environment = os.environ | {f"HEIMDALL_SOURCES__{name}__PORTS": "" for name in sources}
    environment |= {"HEIMDALL_SERVER__ALIAS_PORTS": ""}
    arguments = [HEIMDALL, command, "--data", folder, "--port", str(port)]
    node = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(lambda: _is_ready(url))
        yield url
    finally:
        node.terminate()
        node.wait(60)


def _wait(done: Callable[[], bool], patience_s: float = 240) -> None:
    deadline = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit("the node does not come that far")
        time.sleep(0.5)


def _is_ready(url: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(_get(f"{url}/api/v1/node"))
    return False


def _is_judged(url: str) -> bool:
    judged = _get(f"{url}/api/v1/findings")["judged_until"]
    return judged is not None and datetime.now(UTC) - datetime.fromisoformat(judged) < timedelta(minutes=5)


def _count(url: str) -> int:
    return int(_get(f"{url}/api/v1/search?q=*+%7C+stats+count()+as+n")["data"][0]["n"])


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _post(url: str, body: Any) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()


if __name__ == "__main__":
    main()
