"""Live tail against real ingestion."""

from __future__ import annotations

import json

from playwright.sync_api import expect


def _send(node, first: int, count: int) -> None:
    records = ({"level": "info", "service": "tailed", "message": f"tail line {i}"} for i in range(first, first + count))
    node.send("\n".join(map(json.dumps, records)).encode())


def test_new_lines_appear_on_top_and_stand_still_while_read(visit, seeded):
    page = visit("/explore?live=1&q=service:tailed")
    expect(page.get_by_role("region", name="Live tail")).to_contain_text("Live")
    expect(page.locator(".live-empty")).to_be_visible()
    _send(seeded, 0, 3)
    expect(page.locator(".row").first).to_contain_text("tail line 2")
    page.keyboard.press("j")
    expect(page.get_by_role("region", name="Live tail")).to_contain_text("Paused")
    _send(seeded, 3, 4)
    waiting = page.get_by_role("button", name="4 new ↑")
    expect(waiting).to_be_visible()
    expect(page.locator(".row").first).to_contain_text("tail line 2")
    waiting.click()
    expect(page.locator(".row").first).to_contain_text("tail line 6")
    page.keyboard.press(".")
    expect(page.get_by_role("region", name="Live tail")).to_have_count(0)


def test_only_what_matches_is_followed(visit, seeded):
    page = visit("/explore?live=1&q=service:tailed+needle")
    expect(page.get_by_role("region", name="Live tail")).to_contain_text("Live")
    seeded.send(b'{"service":"tailed","message":"hay"}\n{"service":"tailed","message":"a needle"}')
    expect(page.locator(".row").first).to_contain_text("a needle")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "1")
