"""390 × 844 with a finger."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}

SMALL_TARGETS = """() => [...document.querySelectorAll('button, a[href], input:not([type=file]), [role=tab]')]
  .filter((e) => e.checkVisibility() && !e.closest('.sr-only, .skip') && !e.classList.contains('skip'))
  .map((e) => ({
    box: (e.closest('label') ?? e).getBoundingClientRect(),
    html: e.outerHTML.slice(0, 120),
    inline: getComputedStyle(e).display === 'inline',
  }))
  .filter(({ box, inline }) => box.width > 0 && !inline && box.height < 43.5)
  .map(({ box, html }) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""


@pytest.mark.parametrize("path", ["/explore?from=-24h&q=shop:demo", "/start", "/settings"])
def test_nothing_scrolls_sideways_and_every_target_fits_a_thumb(open_context, seeded, path):
    page = open_context(seeded.url, **PHONE).new_page()
    page.goto(seeded.url + path)
    page.wait_for_timeout(500)
    widths = page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth, innerWidth]"
    )
    assert max(widths) <= 390
    assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("zone", ["local", "utc"])
def test_the_usual_range_is_said_in_full(open_context, seeded, zone):
    page = open_context(seeded.url, **PHONE).new_page()
    page.goto(f"{seeded.url}/explore?tz={zone}")
    label = page.locator(".time-label")
    expect(label).to_have_text("Last 15 minutes")
    assert label.evaluate("e => e.scrollWidth - e.clientWidth") == 0


def test_a_line_opens_over_the_whole_screen_and_closes(open_context, seeded):
    page = open_context(seeded.url, **PHONE).new_page()
    page.goto(f"{seeded.url}/explore?from=-24h&q=shop:demo")
    page.locator(".row").nth(3).tap()
    drawer = page.get_by_role("complementary", name="The focused line")
    expect(drawer).to_contain_text("session refreshed for user u3")
    box = drawer.bounding_box()
    assert (box["width"], box["x"]) == (390, 0)
    assert page.evaluate(SMALL_TARGETS) == []
    drawer.get_by_role("button", name="Close").tap()
    expect(drawer).to_have_count(0)


def test_the_time_panel_fits_the_screen(open_context, seeded):
    page = open_context(seeded.url, **PHONE).new_page()
    page.goto(f"{seeded.url}/explore?from=-24h&q=shop:demo")
    page.locator(".time-button").tap()
    box = page.get_by_role("dialog", name="Time range").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.get_by_role("button", name="Last hour").tap()
    expect(page.locator(".time-label")).to_have_text("Last hour")
