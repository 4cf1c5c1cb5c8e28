"""The page of incidents, rules and silences, on a node whose rule has fired."""

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
    {"id": "declines", "name": "Many declined cards", "kind": "threshold", "severity": "P1", "threshold": 5,
     "condition": 'service:payment "card declined"', "window": "5m", "group_by": ["service"]},
    {"id": "mail-errors", "name": "Mail fails", "kind": "threshold", "severity": "P3", "threshold": 3,
     "condition": "service:mail level>=error", "window": "5m", "group_by": ["service"]},
]  # fmt: skip


def _records(service: str, message: str, times: int) -> bytes:
    now = time.time()
    records = [
        {"timestamp": now - times + n, "level": "error", "service": service, "message": f"{message} {n}"}
        for n in range(times)
    ]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture(scope="module")
def alarmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Two rules, two incidents: cards are declined and mail fails."""
    with NodeProcess(tmp_path_factory.mktemp("alarmed") / "data") as node:
        assert httpx.post(f"{node.url}/api/v1/rules", json=RULES).status_code == 201
        node.send(_records("payment", "card declined by issuer", 12))
        node.send(_records("mail", "smtp refused <b>us</b>", 6))
        deadline = time.monotonic() + 30
        while len(incidents(node)) < 2:
            assert time.monotonic() < deadline, incidents(node)
            time.sleep(0.1)
        yield node


def incidents(node: NodeProcess) -> list[dict[str, object]]:
    return list(httpx.get(f"{node.url}/api/v1/incidents").json()["data"])


def incident_of(node: NodeProcess, service: str) -> dict[str, object]:
    return next(each for each in incidents(node) if each["services"] == [service])


@pytest.fixture
def alerts(open_context, alarmed: NodeProcess) -> Page:
    page = open_context(alarmed.url).new_page()
    page.goto(f"{alarmed.url}/alerts")
    expect(page.locator(".incident").first).to_be_visible()
    return page


def test_incidents_are_listed_walked_and_opened_by_keys(alerts: Page, alarmed: NodeProcess) -> None:
    expect(alerts.locator(".incident")).to_have_count(2)
    expect(alerts.locator(".incident", has_text="payment").locator(".severity")).to_have_text("P1")
    alerts.keyboard.press("j")
    alerts.keyboard.press("j")
    expect(alerts.locator(".incident").nth(1)).to_have_attribute("aria-current", "true")
    alerts.keyboard.press("k")
    expect(alerts.locator(".incident").first).to_be_focused()
    alerts.keyboard.press("Enter")
    expect(alerts).to_have_url(re.compile(r"/alerts/[0-9a-f]+$"))
    expect(alerts.get_by_role("heading", name="Timeline")).to_be_visible()
    alerts.get_by_role("link", name="Show the lines").first.click()
    expect(alerts.locator(".row").first).to_be_visible()


def test_an_incident_is_acknowledged_and_commented(alerts: Page, alarmed: NodeProcess) -> None:
    found = incident_of(alarmed, "payment")
    alerts.goto(f"{alarmed.url}/alerts/{found['id']}")
    expect(alerts.get_by_role("heading", level=1)).to_be_visible()
    alerts.keyboard.press("a")
    expect(alerts.get_by_role("button", name="Acknowledged")).to_be_disabled()
    alerts.get_by_label("Comment").fill("issuer is down <script>alert(1)</script>")
    alerts.get_by_role("button", name="Comment").click()
    expect(alerts.locator(".timeline")).to_contain_text("issuer is down <script>")
    assert incident_of(alarmed, "payment")["state"] == "acknowledged"


def test_a_silence_is_made_and_taken_back(alerts: Page, alarmed: NodeProcess) -> None:
    card = alerts.locator(".incident", has_text="mail")
    card.get_by_role("button", name="Silence").click()
    expect(alerts.locator(".notice")).to_contain_text("Silenced for 2h: service mail.")
    alerts.get_by_role("button", name="Undo").click()
    alerts.get_by_role("link", name="Silences").click()
    expect(alerts.get_by_role("heading", name="Nothing is silenced")).to_be_visible()
    alerts.get_by_role("link", name="Incidents").click()
    card.get_by_role("button", name="Silence").click()
    expect(alerts.locator(".notice")).to_contain_text("Silenced")
    alerts.get_by_role("link", name="Silences").click()
    alerts.get_by_role("button", name="End it now").click()
    expect(alerts.get_by_role("heading", name="Nothing is silenced")).to_be_visible()


def test_a_rule_is_tried_on_what_is_stored_before_it_is_saved(alerts: Page, alarmed: NodeProcess) -> None:
    alerts.goto(f"{alarmed.url}/explore?from=-1h&q=service:mail")
    expect(alerts.locator(".row").first).to_be_visible()
    alerts.keyboard.press("A")
    expect(alerts.get_by_role("textbox", name=re.compile("^Search as"))).to_have_value("service:mail")
    alerts.get_by_label("Name").fill("Mail at all")
    save = alerts.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    alerts.get_by_label("How many, at least").fill("3")
    alerts.get_by_role("button", name="Try it on").click()
    expect(alerts.get_by_role("heading", name="It would have told you once")).to_be_visible()
    expect(alerts.locator(".firings li").first).to_be_visible()
    alerts.get_by_label("How many, at least").fill("900")
    expect(save).to_be_disabled()
    expect(alerts.locator(".back-test")).to_contain_text("try it again")
    alerts.get_by_role("button", name="Try it on").click()
    expect(alerts.get_by_role("heading", name="It would have said nothing")).to_be_visible()
    save.click()
    expect(alerts.locator(".rule", has_text="Mail at all")).to_contain_text("ok")
    assert httpx.get(f"{alarmed.url}/api/v1/rules/mail-at-all").json()["threshold"] == 900

    alerts.get_by_role("link", name="Mail at all").click()
    alerts.get_by_role("textbox", name=re.compile("^Search as")).fill("service:(")
    alerts.get_by_role("button", name="Try it on").click()
    expect(alerts.get_by_role("alert")).to_contain_text("cannot be read")
    alerts.get_by_role("button", name="Cancel").click()
    alerts.get_by_role("button", name="Delete Mail at all").click()
    expect(alerts.locator(".rule", has_text="Mail at all")).to_have_count(0)
    alerts.get_by_role("button", name="Undo").click()
    expect(alerts.locator(".rule", has_text="Mail at all")).to_have_count(1)
    alerts.get_by_role("button", name="Turn off: Mail at all").click()
    expect(alerts.locator(".rule", has_text="Mail at all").locator(".state-chip")).to_have_text("off")
    assert httpx.delete(f"{alarmed.url}/api/v1/rules/mail-at-all").status_code == 204


def test_a_rule_that_fires_leads_to_its_incident_and_back(alerts: Page, alarmed: NodeProcess) -> None:
    alerts.goto(f"{alarmed.url}/alerts?view=rules")
    row = alerts.locator(".rule", has_text="Many declined cards")
    expect(row.locator(".state-chip")).to_have_text("firing")
    row.locator("p a").click()
    expect(alerts).to_have_url(f"{alarmed.url}/alerts/{incident_of(alarmed, 'payment')['id']}")
    alerts.get_by_role("link", name="Rule declines").click()
    expect(alerts.get_by_label("Name")).to_have_value("Many declined cards")


def test_what_the_node_refuses_is_said(alerts: Page) -> None:
    refusal = json.dumps({"error": {"code": "unavailable", "message": "the disk is full"}})
    alerts.route("**/api/v1/silences", lambda route: route.fulfill(status=503, body=refusal))
    alerts.locator(".incident").first.get_by_role("button", name="Silence").click()
    expect(alerts.locator(".notice")).to_have_text("Not done: the disk is full")


def test_a_node_without_rules_shows_how_to_begin(open_context, seeded: NodeProcess) -> None:
    page = open_context(seeded.url).new_page()
    page.goto(f"{seeded.url}/settings")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="Many errors of a service").click()
    expect(page.get_by_role("textbox", name=re.compile("^Search as"))).to_have_value("level>=error")
    page.goto(f"{seeded.url}/alerts/{'f' * 20}")
    expect(page.get_by_role("heading", name="There is no such incident")).to_be_visible()


@pytest.mark.parametrize(
    ("scheme", "width", "height"), [("dark", 1440, 900), ("light", 1440, 900), ("light", 390, 844)]
)
def test_no_rule_of_accessibility_is_broken(open_context, alarmed: NodeProcess, scheme, width, height) -> None:
    context = open_context(
        alarmed.url, color_scheme=scheme, viewport={"width": width, "height": height}, bypass_csp=True
    )
    page = context.new_page()
    found = {}
    for path, there in (
        ("/alerts", ".incident-actions"),
        (f"/alerts/{incident_of(alarmed, 'mail')['id']}", ".timeline"),
        ("/alerts?view=rules", ".rule"),
        ("/alerts?edit=declines&view=rules", ".rule-editor"),
        ("/alerts?view=silences", ".anomalies-empty"),
    ):
        page.goto(alarmed.url + path)
        expect(page.locator(there).first).to_be_visible()
        if there == ".rule-editor":
            page.get_by_role("button", name="Try it on").click()
            expect(page.locator(".firings")).to_be_visible()
        page.wait_for_timeout(300)
        found[path] = violations(page)
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_a_phone_shows_it_without_scrolling_sideways(open_context, alarmed: NodeProcess) -> None:
    page = open_context(alarmed.url, **PHONE).new_page()
    for path in (
        "/alerts",
        f"/alerts/{incident_of(alarmed, 'mail')['id']}",
        "/alerts?view=rules",
        "/alerts?edit=new&view=rules",
    ):
        page.goto(alarmed.url + path)
        expect(page.locator(".incident-actions, .rule, .rule-editor").first).to_be_visible()
        widths = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth]")
        assert max(widths) <= 390, path
        assert page.evaluate(SMALL_TARGETS) == [], path


def test_a_resolved_incident_leaves_the_list_and_stays_in_history(alerts: Page, alarmed: NodeProcess) -> None:
    alerts.locator(".incident", has_text="mail").get_by_role("button", name="Resolve").click()
    expect(alerts.locator(".incident", has_text="mail")).to_have_count(0)
    alerts.get_by_label("Show resolved ones, too").check()
    expect(alerts.locator(".incident", has_text="mail").locator(".state-chip")).to_have_text("resolved")
