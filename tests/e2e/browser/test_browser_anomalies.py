"""The page of findings, on nodes that noticed something, that are learning, and that do not look."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from node_process import NodeProcess
from playwright.sync_api import Page, expect
from test_browser_accessibility import violations
from test_browser_phone import PHONE, SMALL_TARGETS

from heimdall.insight.finding import Feature, Finding, FindingKind
from heimdall.insight.store import FindingStore
from heimdall.model.batch import DEFAULT_TENANT

STEP_S = 15
STEPS = 120


def _history(now_s: int, services: dict[str, bool]) -> bytes:
    """Half an hour of an even stream of each service; where it is true, errors never seen before in its last two
    minutes. In order of time, as what is judged already would not be learnt from again."""
    body = b""
    for step in range(STEPS):
        at_s = now_s - (STEPS - step) * STEP_S
        for service, trouble in services.items():
            rows = [(at_s + n % STEP_S, "info", f"served request {step * 10 + n}") for n in range(10)]
            if trouble and step >= STEPS - 9:
                rows += [(at_s + n % STEP_S, "error", f"disk {n} is on fire") for n in range(20)]
            body += _lines(service, rows)
    return body


def _lines(service: str, rows: list[tuple[int, str, str]]) -> bytes:
    records = [{"timestamp": at, "level": level, "service": service, "message": text} for at, level, text in rows]
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Three services watched for half an hour: `forge` and `mill` burn at its end, `bakery` is well."""
    with NodeProcess(tmp_path_factory.mktemp("troubled") / "data") as node:
        now_s = int(time.time()) // STEP_S * STEP_S
        services = {"forge": True, "mill": True, "bakery": False}
        node.send(_history(now_s, services))
        node.wait_for_count(STEPS * 30 + 360)
        for service in services:
            node.send(_lines(service, [(now_s + 30, "info", "served request 1")]))
        deadline = time.monotonic() + 40
        while {finding["service"] for finding in findings(node)} != {"forge", "mill"}:
            assert time.monotonic() < deadline, f"no finding about each: {findings(node)}"
            time.sleep(0.2)
        yield node


def findings(node: NodeProcess) -> list[dict[str, object]]:
    answer = httpx.get(f"{node.url}/api/v1/findings")
    return list(answer.json()["data"])


@pytest.fixture
def anomalies(open_context, troubled: NodeProcess) -> Page:
    page = open_context(troubled.url).new_page()
    page.goto(f"{troubled.url}/anomalies")
    expect(page.locator(".finding").first).to_be_visible()
    return page


def test_findings_stand_on_lanes_and_in_a_list_with_their_evidence(anomalies: Page, troubled: NodeProcess) -> None:
    found = findings(troubled)
    expect(anomalies.locator(".finding")).to_have_count(len(found))
    names = anomalies.locator(".lane-names button")
    expect(names).to_have_text([re.compile("forge|mill"), re.compile("forge|mill"), re.compile("^bakery: 0 findings")])
    expect(anomalies.locator(".lane-mark").first).to_have_attribute("aria-label", re.compile("degraded|critical"))
    card = anomalies.locator(f"#finding-{found[0]['id']}")
    expect(card).to_contain_text("expected")
    expect(card).to_contain_text(re.compile(r"confidence \d\d %, watched for 2[89] min"))
    expect(card.locator(".band-bar").first).to_be_visible()
    expect(anomalies.locator(".list-end")).to_contain_text("Watched 3 services")


def test_a_mark_chooses_its_finding_and_keys_walk_on(anomalies: Page) -> None:
    chosen = anomalies.locator('.finding[aria-current="true"]')
    anomalies.locator(".lane-mark").first.click()
    expect(chosen).to_have_count(1)
    anomalies.keyboard.press("g")
    anomalies.keyboard.press("g")
    expect(anomalies.locator(".finding").first).to_have_attribute("aria-current", "true")
    anomalies.keyboard.press("j")
    expect(anomalies.locator(".finding").nth(1)).to_have_attribute("aria-current", "true")
    anomalies.keyboard.press("k")
    expect(anomalies.locator(".finding").first).to_be_focused()
    anomalies.keyboard.press("Enter")
    expect(anomalies).to_have_url(re.compile(r"/explore\?from=.*q=service:"))
    expect(anomalies.locator(".row").first).to_be_visible()


def test_a_verdict_counts_at_once_and_stays(anomalies: Page, troubled: NodeProcess) -> None:
    card = anomalies.locator(".finding").first
    card.get_by_role("button", name="Noise").click()
    expect(card.get_by_role("button", name="Noise")).to_have_attribute("aria-pressed", "true")
    expect(card.get_by_role("status")).to_contain_text("times rarer")
    assert findings(troubled)[0]["verdict"] == "noise"
    anomalies.keyboard.press("u")
    expect(card.get_by_role("button", name="Useful")).to_have_attribute("aria-pressed", "true")
    anomalies.reload()
    expect(card.get_by_role("button", name="Useful")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_click_into_a_card_that_is_partly_out_of_view_counts(open_context, troubled: NodeProcess, width: int) -> None:
    """Choosing a card shows the whole of it, but not while it is being clicked: the button would leave the pointer."""
    page = open_context(troubled.url, viewport={"width": width, "height": 400}).new_page()
    page.goto(f"{troubled.url}/anomalies")
    expect(page.locator(".list-end")).to_contain_text("Watched")
    card = page.locator(".finding").first
    button = card.get_by_role("button", name="Expected")
    button.evaluate("element => element.scrollIntoView({ block: 'start' })")
    top, at = card.bounding_box(), button.bounding_box()
    assert top is not None
    assert at is not None
    assert (top["y"] < 0, at["y"] >= 0) == (True, True), "its head is out of view, its button is not"
    page.mouse.click(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2, delay=150)  # as hands do
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    expect(card).to_have_attribute("aria-current", "true")


def test_a_verdict_that_is_not_taken_is_taken_back_and_said(anomalies: Page) -> None:
    refusal = json.dumps({"error": {"code": "unavailable", "message": "the disk is full"}})
    anomalies.route("**/api/v1/feedback", lambda route: route.fulfill(status=503, body=refusal))
    card = anomalies.locator(".finding").last
    card.get_by_role("button", name="Expected").click()
    expect(card.get_by_role("alert")).to_have_text("Not kept: the disk is full")
    expect(card.get_by_role("button", name="Expected")).to_have_attribute("aria-pressed", "false")


def test_a_finding_has_an_address_that_survives_a_reload(anomalies: Page, troubled: NodeProcess) -> None:
    found = findings(troubled)[0]
    anomalies.locator(".finding h2 a").first.click()
    expect(anomalies).to_have_url(f"{troubled.url}/anomalies/{found['id']}")
    expect(anomalies.get_by_role("heading", name="Within 15 minutes of it")).to_be_visible()
    expect(anomalies.locator(".nearby li")).to_have_count(len(findings(troubled)) - 1)
    for _ in range(2):
        expect(anomalies.get_by_role("heading", level=1)).to_contain_text(str(found["service"]))
        expect(anomalies.locator(".finding-query")).to_contain_text(str(found["query"]))
        anomalies.reload()
    anomalies.get_by_role("link", name="All findings").click()
    expect(anomalies.get_by_role("heading", level=1)).to_have_text("Anomalies")
    anomalies.goto(f"{troubled.url}/anomalies/{'f' * 20}")
    expect(anomalies.get_by_role("heading", name="There is no such finding")).to_be_visible()


def test_filters_and_the_brush_are_in_the_address(anomalies: Page, troubled: NodeProcess) -> None:
    anomalies.get_by_label("Service", exact=True).select_option("mill")
    expect(anomalies).to_have_url(re.compile(r"\?service=mill$"))
    expect(anomalies.locator(".lane-names button")).to_have_count(1)
    anomalies.get_by_label("Kind", exact=True).select_option("silence")
    expect(anomalies.get_by_role("heading", name="No finding of the kind “silence” about mill")).to_be_visible()
    anomalies.get_by_role("button", name="Show all findings").click()
    expect(anomalies.locator(".finding").first).to_be_visible()
    box = anomalies.locator(".lane-plot").bounding_box()
    assert box is not None
    anomalies.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 4)
    anomalies.mouse.down()
    anomalies.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 4, steps=3)
    anomalies.mouse.up()
    expect(anomalies).to_have_url(re.compile(r"from=20\d\d-.*&to=20\d\d-"))
    expect(anomalies.get_by_role("heading", name=re.compile("^No records"))).to_be_visible()
    anomalies.go_back()
    expect(anomalies.locator(".finding").first).to_be_visible()


def test_the_rail_and_a_chord_lead_there(open_context, troubled: NodeProcess) -> None:
    page = open_context(troubled.url).new_page()
    page.goto(f"{troubled.url}/settings")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Anomalies")).to_be_visible()
    assert page.title() == "Anomalies · Heimdall"
    expect(page.get_by_role("link", name="Anomalies")).to_have_attribute("aria-current", "page")


def test_a_node_that_stops_leaves_what_was_loaded(anomalies: Page, troubled: NodeProcess) -> None:
    before = anomalies.locator(".finding").count()
    anomalies.route("**/api/v1/**", lambda route: route.abort())
    expect(anomalies.get_by_text("does not answer").first).to_be_visible()
    expect(anomalies.locator(".finding")).to_have_count(before)
    anomalies.unroute("**/api/v1/**")
    expect(anomalies.get_by_text("does not answer")).to_have_count(0)


@pytest.mark.parametrize(
    ("scheme", "width", "height"), [("dark", 1440, 900), ("light", 1440, 900), ("light", 768, 1024), ("dark", 390, 844)]
)
def test_no_rule_of_accessibility_is_broken(open_context, troubled: NodeProcess, scheme, width, height) -> None:
    context = open_context(
        troubled.url, color_scheme=scheme, viewport={"width": width, "height": height}, bypass_csp=True
    )
    page = context.new_page()
    found = {}
    for path in ("/anomalies", f"/anomalies/{findings(troubled)[0]['id']}", "/anomalies?kind=silence"):
        page.goto(troubled.url + path)
        expect(page.locator(".finding, .anomalies-empty").first).to_be_visible()
        page.wait_for_timeout(400)
        found[path] = violations(page)
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_a_phone_shows_it_without_scrolling_sideways(open_context, troubled: NodeProcess) -> None:
    page = open_context(troubled.url, **PHONE).new_page()
    for path in ("/anomalies", f"/anomalies/{findings(troubled)[0]['id']}"):
        page.goto(troubled.url + path)
        expect(page.locator(".finding").first).to_be_visible()
        widths = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth]")
        assert max(widths) <= 390
        assert page.evaluate(SMALL_TARGETS) == []
    page.goto(f"{troubled.url}/anomalies")
    page.locator(".time-button").tap()
    box = page.get_by_role("dialog", name="Time range").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_silence_says_what_it_is_worth(open_context, tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data") as node:
        page = open_context(node.url).new_page()
        page.goto(f"{node.url}/anomalies")
        expect(page.get_by_role("heading", name=re.compile("^No records"))).to_be_visible()
        now_s = int(time.time())
        node.send(_lines("bakery", [(now_s - 1_500 + n, "info", f"served request {n}") for n in range(120)]))
        node.wait_for_count(120)
        page.reload()
        expect(page.get_by_role("heading", name=re.compile(r"^Learning: .* of 5 min"))).to_be_visible()
        node.send(_history(now_s // STEP_S * STEP_S, {"mill": False}))
        node.wait_for_count(120 + STEPS * 10)
        page.reload()
        expect(page.get_by_role("heading", name=re.compile("^Nothing unusual"))).to_be_visible()
        expect(page.locator(".anomalies-empty")).to_contain_text("Watched 2 services, 1,320 records over 30 min")
        expect(page.locator(".anomalies-empty")).to_contain_text("not judged yet: bakery.")


def test_a_node_that_does_not_look_says_so(open_context, tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data", environment={"HEIMDALL_DETECT__ENABLED": "false"}) as node:
        page = open_context(node.url).new_page()
        page.goto(f"{node.url}/anomalies")
        expect(page.get_by_text("Detection is turned off on this node")).to_be_visible()
        expect(page.get_by_text("detect.enabled = false")).to_be_visible()
        expect(page.get_by_text("Nothing unusual")).to_have_count(0)


NIGHT_S = 3 * 3600


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that noticed something at three every night, UTC, and much at five once, a week ago."""
    node = NodeProcess(tmp_path_factory.mktemp("fortnight") / "data")
    store = FindingStore(node.data / "insight" / "findings.db")
    midnight_s = int(time.time()) // 86_400 * 86_400
    bad_day_s = midnight_s - 7 * 86_400
    times = {midnight_s - day * 86_400 + NIGHT_S + 60: "degraded" for day in range(1, 14)}
    times |= {bad_day_s + 5 * 3600 + n: "critical" if n == 0 else "degraded" for n in range(8)}
    for number, (at_s, state) in enumerate(times.items()):
        store.report(
            Finding(
                id=f"{number:020x}", tenant=DEFAULT_TENANT, service="batch", kind=FindingKind.ERRORS, state=state,
                statement="batch logs more errors than usual", started_ns=at_s * 10**9, detected_ns=at_s * 10**9,
                evidence=5.0, features=(Feature("errors", 9.0, 0.0, 2.0, 5.0),), examples=(), template_id=0,
                query="service:batch", from_ns=at_s * 10**9, to_ns=at_s * 10**9, watched_s=86_400.0,
            )
        )  # fmt: skip
    store.close()
    with node:
        yield node


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_calendar_shows_what_comes_every_night_and_the_one_bad_hour(open_context, fortnight, scheme) -> None:
    page = open_context(fortnight.url, color_scheme=scheme).new_page()
    page.goto(f"{fortnight.url}/anomalies?from=-14d&tz=utc")
    calendar = page.get_by_role("table", name="Findings by day and time of day")
    expect(calendar.locator("tbody tr")).to_have_count(15)
    cells = calendar.get_by_role("button")
    expect(cells).to_have_count(14)
    assert violations(page) == []
    worst = calendar.get_by_role("button", name=re.compile(r"05:00 to 06:00: 8 findings, 1 critical"))
    worst.click()
    expect(page).to_have_url(re.compile(r"from=[^&]*T05:00:00"))
    expect(page.locator(".finding")).to_have_count(8)
    expect(calendar).to_have_count(0)


def test_the_calendar_fits_a_phone(open_context, fortnight) -> None:
    page = open_context(fortnight.url, **PHONE).new_page()
    page.goto(f"{fortnight.url}/anomalies?from=-14d&tz=utc")
    calendar = page.get_by_role("table", name="Findings by day and time of day")
    expect(calendar.locator("thead th")).to_have_count(6)
    expect(calendar.get_by_role("button", name=re.compile("04:00 to 08:00: 8 findings, 1 critical"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL_TARGETS) == []
