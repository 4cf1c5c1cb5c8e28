"""axe-core on every page, theme and width. It finds the automatable part of WCAG 2.2; the rest is tested by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WAYS = (("dark", 1440, 900), ("light", 1440, 900), ("dark", 768, 1024), ("light", 390, 844))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

JUDGE = """([place, tags]) => axe.run(place, { runOnly: tags, resultTypes: ["violations"] })
  .then(({ violations }) => violations)"""
"""What broke no rule stays in the browser: it is megabytes."""


def violations(page: Page, within: str = "html") -> list[str]:
    """`within`: an open panel is judged by itself; what lies half under it is no target while it is open."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE.read_text())
    found = page.evaluate(JUDGE, [within, RULES])
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("scheme", "width", "height"), WAYS)
def test_no_page_breaks_a_rule(open_context, seeded, scheme, width, height):
    context = open_context(
        seeded.url, color_scheme=scheme, viewport={"width": width, "height": height}, bypass_csp=True
    )
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for path in ("/start", "/settings", "/explore?from=-24h&q=shop:demo", "/nonsense"):
        page.goto(seeded.url + path)
        page.wait_for_timeout(400)
        found[path] = violations(page)
    page.goto(f"{seeded.url}/explore?from=-24h&q=shop:demo+|+timechart+span=10m+count()+by+level")
    expect(page.get_by_role("figure")).to_be_visible()
    found["chart"] = violations(page)
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("dialog", name="Download")).to_be_visible()
    found["download"] = violations(page, ".popover")
    page.goto(f"{seeded.url}/explore?from=-24h&q=shop:demo")
    expect(page.locator(".status-count")).to_be_visible()
    page.locator(".row").nth(2).click()
    expect(page.get_by_role("complementary", name="The focused line")).to_be_visible()
    found["drawer"] = violations(page)
    page.get_by_role("tab", name="Context").click()
    expect(page.locator(".context-line").first).to_be_visible()
    found["context"] = violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.get_by_role("dialog", name="Time range")).to_be_visible()
    found["time"] = violations(page, ".popover")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help")).to_be_visible()
    found["help"] = violations(page, "dialog")
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_high_contrast_and_forced_colours_break_no_rule(open_context, seeded):
    page = open_context(seeded.url, forced_colors="active", bypass_csp=True).new_page()
    page.goto(f"{seeded.url}/explore?from=-24h&q=shop:demo")
    expect(page.locator(".status-count")).to_be_visible()
    assert violations(page) == []


def test_live_and_empty_and_failed_states_break_no_rule(open_context, seeded):
    page = open_context(seeded.url, bypass_csp=True).new_page()
    states = {
        "/explore?live=1&q=service:nobody": ".live-empty",
        "/explore?q=service:nobody": ".empty",
        "/explore?q=a+|+statz": ".failure",
        "/explore?from=-24h&q=shop:demo+|+stats+count()+by+service": ".result-table tbody tr",
    }
    found = {}
    for path, sign in states.items():
        page.goto(seeded.url + path)
        expect(page.locator(sign).first).to_be_visible()
        page.wait_for_timeout(400)  # fading in would count as faint
        found[path] = violations(page)
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_the_focused_line_is_known_to_assistive_technology(visit):
    page = visit("/explore?from=-24h&q=shop:demo")
    expect(page.locator(".status-count")).to_be_visible()
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = grid.get_attribute("aria-activedescendant")
    assert active == "row-1"
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")


def test_the_keyboard_reaches_the_page_past_the_rail(visit):
    page = visit("/explore?from=-24h&q=shop:demo")
    skip = page.get_by_role("link", name="Skip to the page")
    expect(skip).to_be_attached()  # a key pressed before the page is there reaches nothing
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
