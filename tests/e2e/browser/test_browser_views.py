"""Patterns and Compare: what Explore shows of a result besides its lines."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from node_process import NodeProcess
from playwright.sync_api import Page, Route, expect
from test_browser_accessibility import violations
from test_browser_phone import PHONE, SMALL_TARGETS

MINUTES = 60


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """An hour of an even stream; in its second half a disk is full, which nobody said before, and a cache is gone."""
    with NodeProcess(
        tmp_path_factory.mktemp("changed") / "data", environment={"HEIMDALL_DETECT__ENABLED": "false"}
    ) as node:
        now_s = int(time.time())
        rows = []
        for minute in range(MINUTES):
            at_s = now_s - (MINUTES - minute) * 60
            for n in range(20):
                rows.append((at_s + 3 * n, "info", "web", f"served request {minute * 20 + n} in {n} ms"))
                rows.append((at_s + 3 * n, "info", "web", f"user u{n} logged in"))
            for n in range(8):
                if minute >= MINUTES // 2 + 3:
                    rows.append((at_s + 7 * n, "error", "store", f"disk sd{n} is full"))
                elif minute < MINUTES // 2 - 3:
                    rows.append((at_s + 7 * n, "debug", "store", f"cache hit for key k{n}"))
        node.send(b"".join(_line(*row) for row in rows))
        node.wait_for_count(len(rows))
        yield node


def _line(at_s: float, level: str, service: str, message: str) -> bytes:
    record = {"timestamp": at_s, "level": level, "service": service, "message": message}
    return json.dumps(record).encode() + b"\n"


@pytest.fixture
def explore(open_context, changed: NodeProcess) -> Page:
    page = open_context(changed.url).new_page()
    page.goto(f"{changed.url}/explore?from=-29m")
    expect(page.locator(".row").first).to_be_visible()
    return page


def test_patterns_count_the_whole_result_and_narrow_it(explore: Page) -> None:
    explore.keyboard.press("p")
    expect(explore).to_have_url(re.compile("view=patterns"))
    expect(explore.locator(".pattern")).to_have_count(3)
    expect(explore.locator(".view-summary")).to_contain_text(re.compile(r"3 patterns in 1,\d{3} lines"))
    disk = explore.locator(".pattern", has_text="is full")
    expect(disk.locator(".pattern-count")).to_contain_text(re.compile(r"2\d\d"))
    expect(disk.locator(".level-mix")).to_have_attribute("aria-label", re.compile("^error 2"))
    expect(disk.locator(".sparkline")).to_be_visible()
    disk.locator(".pattern-button").click()
    expect(explore).to_have_url(re.compile(r"q=template_id:\d+(?!.*view=)"))
    expect(explore.locator(".row").first).to_contain_text("is full")
    explore.go_back()
    expect(explore.locator(".pattern")).to_have_count(3)


def test_patterns_come_in_the_order_that_is_chosen(explore: Page, changed: NodeProcess) -> None:
    explore.goto(f"{changed.url}/explore?from=all&view=patterns")
    rows = explore.locator(".pattern")
    first = rows.first
    expect(rows).to_have_count(4)
    for name, key, text in (
        ("Rarest", "rare", "216"),
        ("Newest", "new", "is full"),
        ("Most errors", "errors", "is full"),
    ):
        explore.get_by_role("radio", name=name).check()
        expect(explore).to_have_url(re.compile(f"order={key}"))
        expect(explore.locator('.view[data-stale="false"]')).to_be_visible()
        expect(first).to_contain_text(text)
    counts = [int(text.replace(",", "")) for text in rows.locator(".pattern-count strong").all_inner_texts()]
    assert counts[1:] == sorted(counts[1:], reverse=True)
    first.locator(".pattern-button").click()
    expect(explore.locator(".row").first).to_contain_text("is full")
    explore.go_back()
    expect(explore.get_by_role("radio", name="Most errors")).to_be_checked()
    explore.go_back()
    explore.go_back()
    expect(explore.get_by_role("radio", name="Rarest")).to_be_checked()
    expect(first).to_contain_text("216")
    explore.get_by_role("radio", name="Most frequent").check()
    expect(explore).not_to_have_url(re.compile("order="))
    expect(first).to_contain_text("1,200")


def test_a_pattern_shows_what_varies_and_takes_a_name(explore: Page) -> None:
    explore.keyboard.press("p")
    served = explore.locator(".pattern", has_text="served request")
    served.get_by_role("button", name="Details").click()
    expect(served.locator(".template-parameter")).to_have_count(2)
    number, took = served.locator(".template-parameter").all()
    expect(number).to_contain_text("integer")
    expect(took.locator(".template-kind")).to_contain_text("20 values")
    expect(took.locator(".template-numbers")).to_contain_text(re.compile(r"min0 ms.*max19 ms"))
    expect(served.locator(".template-note")).to_contain_text("From all")
    assert violations(explore) == []
    served.get_by_label("Owner").fill("team-web")
    served.get_by_role("button", name="Save").click()
    expect(served.locator(".pattern-words")).to_contain_text("owned by team-web")
    took.locator(".template-value").first.click()
    expect(explore.locator(".row").first).to_be_visible()
    expect(explore).to_have_url(re.compile("template_id"))


def test_a_pattern_is_hidden_from_the_rest(explore: Page) -> None:
    explore.get_by_role("button", name="Patterns").click()
    explore.get_by_role("button", name=re.compile("^Hide: served request")).click()
    expect(explore.locator(".pattern")).to_have_count(2)
    expect(explore).to_have_url(re.compile("q=not template_id:|q=not%20template_id:|q=not.template_id"))
    explore.keyboard.press("v")
    expect(explore.locator(".row").first).to_be_visible()
    expect(explore.locator(".row", has_text="served request")).to_have_count(0)


def test_what_is_new_gone_and_changed_is_said_beside_the_time_before(explore: Page) -> None:
    explore.keyboard.press("c")
    expect(explore).to_have_url(re.compile("view=compare"))
    expect(explore.locator(".pattern", has_text="is full").locator(".compare-status")).to_have_text("new")
    expect(explore.locator(".pattern", has_text="cache hit").locator(".compare-status")).to_have_text("gone")
    expect(explore.locator(".pattern", has_text="served request")).to_have_count(0)
    level = explore.locator(".compare-field", has=explore.get_by_role("heading", name="level"))
    expect(level).to_contain_text("error")
    level.get_by_role("button", name="error").click()
    expect(explore.locator(".row").first).to_contain_text("is full")


def test_patterns_are_compared_before_the_fields_are(explore: Page) -> None:
    held: list[Route] = []
    explore.route(re.compile(r"/compare\?(?!.*parts=patterns)"), lambda route: held.append(route))
    explore.keyboard.press("c")
    expect(explore.locator(".pattern", has_text="is full").locator(".compare-status")).to_have_text("new")
    expect(explore.get_by_role("heading", name="Comparing fields…")).to_be_visible()
    held[0].continue_()
    expect(explore.locator(".compare-field", has=explore.get_by_role("heading", name="level"))).to_be_visible()
    expect(explore.get_by_role("heading", name="Comparing fields…")).to_have_count(0)


def test_a_link_names_what_is_compared_with(explore: Page) -> None:
    explore.keyboard.press("c")
    explore.get_by_role("radio", name="A day ago").check()
    expect(explore).to_have_url(re.compile("cmp=day"))
    explore.reload()
    expect(explore.get_by_role("radio", name="A day ago")).to_be_checked()


def test_all_time_has_no_before(explore: Page, changed: NodeProcess) -> None:
    explore.goto(f"{changed.url}/explore?from=all&view=compare")
    expect(explore.get_by_text("All time has no “before”")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width", "height"), [("dark", 1440, 900), ("light", 768, 1024), ("dark", 390, 844)])
def test_no_rule_of_accessibility_is_broken(open_context, changed: NodeProcess, scheme, width, height) -> None:
    context = open_context(
        changed.url, color_scheme=scheme, viewport={"width": width, "height": height}, bypass_csp=True
    )
    page = context.new_page()
    found = {}
    for view in ("patterns", "compare"):
        page.goto(f"{changed.url}/explore?from=-29m&view={view}")
        expect(page.locator(".pattern").first).to_be_visible()
        page.wait_for_timeout(400)
        found[view] = violations(page)
    assert {view: faults for view, faults in found.items() if faults} == {}


def test_a_phone_shows_it_without_scrolling_sideways(open_context, changed: NodeProcess) -> None:
    page = open_context(changed.url, **PHONE).new_page()
    for view in ("patterns", "compare"):
        page.goto(f"{changed.url}/explore?from=-29m&view={view}")
        expect(page.locator(".pattern").first).to_be_visible()
        widths = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth]")
        assert max(widths) <= 390
        assert page.evaluate(SMALL_TARGETS) == []
