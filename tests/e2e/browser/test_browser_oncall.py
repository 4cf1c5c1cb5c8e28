"""Who is on call, and where an incident stands in its escalation, as the page shows them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import httpx
import pytest
from node_process import NodeProcess
from playwright.sync_api import Page, expect
from test_browser_accessibility import violations
from test_browser_phone import PHONE, SMALL_TARGETS

from recorder import recording

ALERTING = """
[[channel]]
name = "kim-hook"
kind = "webhook"
url = "{url}/kim"
allow_private = true

[[user]]
name = "kim"
channels = ["kim-hook"]
[[user]]
name = "lee"
channels = ["kim-hook"]

[[schedule]]
name = "platform"
timezone = "Europe/Berlin"
[[schedule.layer]]
name = "weeks"
users = ["kim", "lee"]
start = 2024-01-01

[[schedule]]
name = "later"
[[schedule.layer]]
name = "weeks"
users = ["lee"]
start = 2999-01-01

[[escalation]]
name = "platform"
[[escalation.step]]
schedules = ["platform"]
[[escalation.step]]
after = "1h"
users = ["lee"]

[route]
escalations = ["platform"]
"""
RULE = {"id": "declines", "name": "Many declined cards", "kind": "threshold", "severity": "P1",
        "condition": '"card declined"', "group_by": ["service"]}  # fmt: skip


@pytest.fixture(scope="module")
def escalating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    path = tmp_path_factory.mktemp("oncall")
    with recording() as receiver:
        (path / "alerting.toml").write_text(ALERTING.format(url=receiver.url))
        node = NodeProcess(path / "data", environment={"HEIMDALL_ALERTING__FILE": str(path / "alerting.toml")})
        node.start()
        httpx.post(f"{node.url}/api/v1/rules", json=RULE).raise_for_status()
        record = {"timestamp": time.time(), "service": "payment", "message": "card declined by issuer"}
        node.send(json.dumps(record).encode() + b"\n")
        deadline = time.monotonic() + 30
        while not httpx.get(f"{node.url}/api/v1/incidents").json()["data"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield node
        node.stop()


@pytest.fixture
def page(open_context, escalating: NodeProcess) -> Page:
    made = open_context(escalating.url).new_page()
    made.goto(f"{escalating.url}/alerts")
    expect(made.locator(".incident").first).to_be_visible()
    return made


def test_the_page_shows_who_is_on_call_and_whose_turn_comes(page: Page, escalating: NodeProcess) -> None:
    page.get_by_role("link", name="On call").click()
    card = page.locator(".rule", has_text="platform")
    on_call, after = httpx.get(f"{escalating.url}/api/v1/oncall?schedule=platform").json()["data"][0]["turns"][:2]
    expect(card.locator("p").first).to_contain_text(f"{on_call['user']} is on call until")
    expect(card.get_by_role("list", name="Next turns").locator("li").first).to_contain_text(after["user"])
    expect(page.locator(".rule", has_text="later")).to_contain_text("Nobody is on call")
    httpx.post(
        f"{escalating.url}/api/v1/oncall/overrides", json={"schedule": "later", "user": "kim", "to": "1h"}
    ).raise_for_status()
    expect(page.locator(".rule", has_text="later")).to_contain_text("kim is on call until")


def test_an_incident_shows_its_step_until_somebody_acknowledges(page: Page, escalating: NodeProcess) -> None:
    facts = page.locator(".incident-facts")
    expect(facts).to_contain_text("escalation platform: step 1 of 2, next")
    page.locator(".incident h2 a").click()
    expect(page.locator(".timeline")).to_contain_text("platform, step 1 of 2: ")
    page.keyboard.press("a")
    expect(facts).to_contain_text("step 1 of 2, stopped by the acknowledgement")


@pytest.mark.parametrize(("scheme", "wide"), [("dark", True), ("light", True), ("light", False)])
def test_on_call_can_be_read_by_everybody_everywhere(open_context, escalating: NodeProcess, scheme, wide) -> None:
    shape = {} if wide else PHONE
    page = open_context(escalating.url, color_scheme=scheme, bypass_csp=True, **shape).new_page()
    for path in ("/alerts?view=oncall", "/alerts"):
        page.goto(escalating.url + path)
        expect(page.locator(".on-call, .incident").first).to_be_visible()
        page.wait_for_timeout(300)
        if not wide:
            assert page.evaluate("document.querySelector('#main').scrollWidth") <= 390
            assert page.evaluate(SMALL_TARGETS) == []
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{folder}/{path.rpartition('=')[2].strip('/')}-{scheme}-{wide}.png")
        assert violations(page) == []
