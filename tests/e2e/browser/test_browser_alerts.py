"""The page of alerts, on a node that has rules and something to tell of."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest
from node_process import NodeProcess
from playwright.sync_api import Page, expect
from test_browser_accessibility import violations
from test_browser_phone import PHONE, SMALL_TARGETS

RULES = [
    {
        "id": "declines",
        "name": "Many declined cards",
        "severity": "P1",
        "kind": "threshold",
        "condition": 'service:payment "card declined"',
        "group_by": ["region"],
        "threshold": 5,
    },
    {
        "id": "pool",
        "name": "Connection pool exhausted",
        "severity": "P2",
        "kind": "threshold",
        "condition": '"pool exhausted"',
        "group_by": ["service"],
        "threshold": 3,
        "window": "2m",
    },
]


@pytest.fixture(scope="module")
def alarmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Two incidents: declined cards of `payment`, and a pool that two services wait for."""
    # Detection would tell of the same by itself, sooner or later.
    node = NodeProcess(tmp_path_factory.mktemp("alarmed") / "data", environment={"HEIMDALL_DETECT__ENABLED": "false"})
    node.start()
    httpx.post(f"{node.url}/api/v1/rules", json=RULES).raise_for_status()
    now_s = time.time()
    rows = []
    for n in range(12):
        rows.append((now_s - 30 + n, "payment", f"card declined for order {1000 + n}"))
        rows.append((now_s - 30 + n, "cart" if n % 2 else "order", f"connection pool exhausted after {n} ms"))
    node.send(b"".join(_line(*row) for row in rows))
    deadline = time.monotonic() + 20
    while len(incidents(node)) < 2:
        assert time.monotonic() < deadline, incidents(node)
        time.sleep(0.1)
    yield node
    node.stop()


def _line(at_s: float, service: str, message: str) -> bytes:
    record = {"timestamp": at_s, "level": "error", "service": service, "region": "eu-west-1", "message": message}
    return json.dumps(record).encode() + b"\n"


def incidents(node: NodeProcess) -> list[dict[str, object]]:
    return list(httpx.get(f"{node.url}/api/v1/incidents").json()["data"])


def incident_of(node: NodeProcess, service: str) -> dict[str, object]:
    return next(each for each in incidents(node) if service in list(each["services"]))  # type: ignore[call-overload]


@pytest.fixture
def alerts(open_context, alarmed: NodeProcess) -> Page:
    page = open_context(alarmed.url).new_page()
    page.goto(f"{alarmed.url}/alerts")
    expect(page.locator(".incident").first).to_be_visible()
    return page


def test_incidents_say_how_bad_what_and_where(alerts: Page, alarmed: NodeProcess) -> None:
    expect(alerts.locator(".incident")).to_have_count(2)
    card = alerts.locator(f"#incident-{incident_of(alarmed, 'payment')['id']}")
    expect(card).to_contain_text("P1")
    expect(card.get_by_role("heading")).to_contain_text("Many declined cards")
    expect(card).to_contain_text("payment")
    expect(card).to_contain_text("rule declines")
    both = alerts.locator(f"#incident-{incident_of(alarmed, 'cart')['id']}")
    expect(both).to_contain_text(re.compile("cart, order|order, cart"))
    expect(both).to_contain_text("2 of 2 alerts open")


def test_keys_walk_through_incidents_and_open_one(alerts: Page) -> None:
    alerts.keyboard.press("j")
    expect(alerts.locator(".incident").first).to_have_attribute("aria-current", "true")
    alerts.keyboard.press("j")
    expect(alerts.locator(".incident").nth(1)).to_be_focused()
    title = alerts.locator(".incident").nth(1).get_by_role("heading").inner_text()
    alerts.keyboard.press("Enter")
    expect(alerts.get_by_role("heading", level=1)).to_have_text(title)
    expect(alerts.locator(".timeline-entry").first).to_contain_text("began")
    alerts.get_by_role("link", name="Show the lines").first.click()
    expect(alerts).to_have_url(re.compile(r"/explore\?from=20.*q="))
    expect(alerts.locator(".row").first).to_be_visible()


def test_an_incident_is_taken_in_hand_told_about_and_ended(alerts: Page, alarmed: NodeProcess) -> None:
    found = incident_of(alarmed, "cart")
    card = alerts.locator(f"#incident-{found['id']}")
    card.get_by_role("button", name="Acknowledge").click()
    expect(card.locator(".alert-state")).to_have_text("acknowledged")
    assert incident_of(alarmed, "cart")["state"] == "acknowledged"
    card.get_by_role("link").click()
    alerts.get_by_label("Comment", exact=True).fill("<b>the pool</b> is too small")
    alerts.get_by_role("button", name="Comment").click()
    expect(alerts.locator(".timeline-entry").last).to_contain_text("<b>the pool</b> is too small")
    alerts.keyboard.press("Escape")
    alerts.get_by_role("heading", level=1).click()
    alerts.keyboard.press("r")
    expect(alerts.locator(".incident-head .alert-state")).to_have_text("over")
    alerts.goto(f"{alarmed.url}/alerts")
    expect(alerts.locator(".incident")).to_have_count(1)
    alerts.get_by_label("Over", exact=True).check()
    expect(alerts).to_have_url(re.compile(r"\?shown=resolved$"))
    expect(alerts.locator(f"#incident-{found['id']}")).to_contain_text("lasted")


def test_alerts_like_these_are_silenced_and_told_again(alerts: Page, alarmed: NodeProcess) -> None:
    alerts.goto(f"{alarmed.url}/alerts/{incident_of(alarmed, 'payment')['id']}")
    alerts.get_by_role("button", name="Silence…").click()
    labels = alerts.get_by_label("Alerts with these labels")
    expect(labels).to_have_value("rule=declines service=payment")
    labels.fill("service=payment nonsense")
    expect(alerts.get_by_role("dialog").get_by_role("button", name="Silence", exact=True)).to_be_disabled()
    labels.fill("service=payment")
    alerts.get_by_label("Why").fill("planned work")
    alerts.get_by_role("dialog").get_by_role("button", name="Silence", exact=True).click()
    expect(alerts.get_by_text("Silenced for 2 hours")).to_be_visible()
    alerts.goto(f"{alarmed.url}/alerts?view=silences")
    expect(alerts.locator(".rule")).to_contain_text("service=payment")
    expect(alerts.locator(".rule")).to_contain_text("planned work")
    alerts.get_by_role("button", name="End now").click()
    expect(alerts.get_by_role("heading", name="Nothing is silenced")).to_be_visible()


def test_a_rule_is_tried_on_what_is_stored_before_it_is_kept(alerts: Page, alarmed: NodeProcess) -> None:
    alerts.get_by_role("link", name="Rules").click()
    expect(alerts.locator(".rule")).to_have_count(2)
    alerts.get_by_role("button", name="New rule").click()
    keep = alerts.get_by_role("button", name="Keep the rule")
    expect(keep).to_be_disabled()
    alerts.get_by_label("Name").fill("Errors of one service")
    alerts.get_by_label("Records of this search").fill("level:error and")
    alerts.get_by_role("button", name="Try it").click()
    expect(alerts.get_by_role("alert")).to_contain_text("This query cannot be read")
    alerts.get_by_label("Records of this search").fill("level:error")
    alerts.get_by_label("At least").fill("10")
    alerts.get_by_label("For each").fill("service")
    alerts.get_by_role("button", name="Try it").click()
    expect(alerts.get_by_text("Somebody would have been told once")).to_be_visible()
    alerts.get_by_label("At least").fill("11")
    expect(keep).to_be_disabled()
    alerts.get_by_role("button", name="Try it").click()
    expect(keep).to_be_enabled()
    keep.click()
    row = alerts.locator("#rule-errors-of-one-service")
    expect(row).to_contain_text("11 records or more within 5m for each service")
    kept = httpx.get(f"{alarmed.url}/api/v1/rules/errors-of-one-service").json()
    assert (kept["threshold"], kept["group_by"], kept["condition"]) == (11, ["service"], "level:error")
    row.get_by_role("button", name="Turn off").click()
    expect(row).to_have_attribute("data-off", "true")
    assert httpx.get(f"{alarmed.url}/api/v1/rules/errors-of-one-service").json()["enabled"] is False
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_an_address_that_leads_nowhere_says_so(alerts: Page, alarmed: NodeProcess) -> None:
    with alerts.expect_response("**/incidents/nothing"):
        alerts.goto(f"{alarmed.url}/alerts/nothing")
    expect(alerts.get_by_role("heading", name="There is no such incident")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width", "height"), [("dark", 1440, 900), ("light", 768, 1024), ("dark", 390, 844)])
def test_no_rule_of_accessibility_is_broken(open_context, alarmed: NodeProcess, scheme, width, height) -> None:
    context = open_context(
        alarmed.url, color_scheme=scheme, viewport={"width": width, "height": height}, bypass_csp=True
    )
    page = context.new_page()
    found = {}
    one = f"/alerts/{incident_of(alarmed, 'payment')['id']}"
    for path in ("/alerts", one, "/alerts?view=rules", "/alerts?view=silences", "/alerts?shown=resolved"):
        page.goto(alarmed.url + path)
        expect(page.locator(".incident, .rule, .alerts-empty, .incident-head").first).to_be_visible()
        page.wait_for_timeout(400)
        found[path] = violations(page)
    page.goto(f"{alarmed.url}/alerts?view=rules")
    page.get_by_role("button", name="New rule").click()
    page.wait_for_timeout(300)
    found["editor"] = violations(page, "dialog[open]")
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_a_phone_shows_it_without_scrolling_sideways(open_context, alarmed: NodeProcess) -> None:
    page = open_context(alarmed.url, **PHONE).new_page()
    for path in ("/alerts?shown=all", f"/alerts/{incident_of(alarmed, 'payment')['id']}", "/alerts?view=rules"):
        page.goto(alarmed.url + path)
        expect(page.locator(".incident, .incident-head, .rule").first).to_be_visible()
        widths = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth]")
        assert max(widths) <= 390
        assert page.evaluate(SMALL_TARGETS) == []
