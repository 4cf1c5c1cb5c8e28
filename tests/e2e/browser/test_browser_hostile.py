"""Log lines written by somebody who means harm are shown as what they are: text."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

CORPUS = [
    "<script>window.__owned=1</script>",
    "<img src=x onerror=window.__owned=1>",
    '"><svg/onload=window.__owned=1>',
    "javascript:window.__owned=1",
    "{{constructor.constructor('window.__owned=1')()}}",
    "<iframe srcdoc='<script>parent.__owned=1</script>'></iframe>",
]


@pytest.fixture(scope="module")
def hostile(seeded):
    records = [
        {"service": f"<b>{i}</b>", "message": text, "lab": "hostile", text[:20]: text} for i, text in enumerate(CORPUS)
    ]
    records += [
        {"service": "ansi", "lab": "hostile", "message": "\x1b[31mred alert\x1b[0m \x1b]0;owned\x07done"},
        {"service": "bidi", "lab": "hostile", "message": "user \u202enimda\u202c logged in"},
        {"service": "long", "lab": "hostile", "message": "y" * 1_000_000 + "THE END"},
        {"service": "stack", "lab": "hostile", "message": f"{'z' * 900}\n\tat a.b(c.java:1)\n\tat d.e(f.java:2)"},
        {"service": "arabic", "lab": "hostile", "message": "فشل الدفع للطلب 4711 " * 9},
        {"service": "big", "lab": "hostile", "message": "a long number", "order": 12345678901234567890},
        {"service": "nul", "lab": "hostile", "message": "before\x00after\u200b"},
    ]
    seeded.send("\n".join(map(json.dumps, records)).encode())
    seeded.wait_for_count(len(records), "lab:hostile")
    return seeded


def test_markup_in_lines_fields_and_facets_stays_text(visit, hostile):
    page = visit("/explore?q=lab:hostile")
    for text in CORPUS:
        line = page.locator(".row", has_text=text)
        expect(line).to_be_visible()
        line.click()
        expect(page.locator(".drawer-message")).to_contain_text(text)
        page.get_by_role("tab", name="JSON").click()
        page.get_by_role("tab", name="Fields").click()
        page.keyboard.press("Escape")
    assert page.evaluate("window.__owned") is None
    assert page.locator(".row script, .row img, .row svg, .row iframe, .drawer iframe").count() == 0


def test_escape_codes_are_gone_and_hidden_characters_are_named(visit, hostile):
    page = visit("/explore?q=lab:hostile")
    expect(page.locator(".row", has_text="red alert done")).to_be_visible()
    expect(page.locator(".row", has_text="user ⟦U+202E⟧nimda⟦U+202C⟧ logged in")).to_be_visible()
    expect(page.locator(".row", has_text="before␀after⟦U+200B⟧")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_how_much_of_a_line_is_not_shown_is_always_said(open_context, hostile, width):
    page = open_context(hostile.url, viewport={"width": width, "height": 844}).new_page()
    page.goto(f"{hostile.url}/explore?q=lab:hostile")
    expect(page.locator(".row", has_text="zzz").get_by_text("+2 lines")).to_be_in_viewport(ratio=1)
    expect(page.locator(".row", has_text="yyy").get_by_text("characters")).to_be_in_viewport(ratio=1)


def test_a_line_written_from_right_to_left_is_cut_at_its_end(visit, hostile):
    page = visit("/explore?q=lab:hostile")
    expect(page.locator(".line-text:dir(rtl)")).to_have_count(1)
    expect(page.locator(".line-text:dir(rtl)")).to_contain_text("4711")


def test_a_number_of_twenty_digits_keeps_them(visit, hostile):
    page = visit("/explore?q=lab:hostile+service:big")
    page.locator(".row", has_text="a long number").click()
    field = page.locator("[data-field=order]")
    expect(field).to_contain_text("12345678901234567890")
    page.get_by_role("tab", name="JSON").click()
    expect(page.locator(".json pre")).to_contain_text('"order": 12345678901234567890')
    page.get_by_role("tab", name="Fields").click()
    field.get_by_role("button", name="Filter for order").click()
    expect(page).to_have_url(re.compile("order:12345678901234567890"))
    expect(page.locator(".row", has_text="a long number")).to_be_visible()


def test_a_line_of_a_megabyte_neither_freezes_the_list_nor_the_drawer(visit, hostile):
    page = visit("/explore?q=lab:hostile+service:long")
    row = page.locator(".row").first
    expect(row).to_contain_text("characters")
    row.click()
    message = page.locator(".drawer-message")
    expect(message).to_contain_text("Show more")
    took_ms = page.evaluate(
        """async () => {
            const start = performance.now();
            document.querySelector('.drawer [aria-label="Close"]').click();
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            return performance.now() - start;
        }"""
    )
    assert took_ms < 2_000, "a list that measured every character would take many seconds"
