"""Sizes and times that a page may take. Timings allow for two slow, shared cores: two of three tries have to pass."""

from __future__ import annotations

import gzip
import os
import re

import pytest
from playwright.sync_api import expect

from heimdall.api.static_files import STATIC_DIRECTORY

KB = 1024
EXPLORE = "/explore?from=-24h&q=shop:demo"


def _packed(names: list[str]) -> int:
    return sum(len(gzip.compress((STATIC_DIRECTORY / "assets" / name).read_bytes(), 9)) for name in names)


@pytest.mark.skipif(not (STATIC_DIRECTORY / "index.html").is_file(), reason="the web UI is not built; run: make ui")
def test_what_a_first_page_loads_is_small():
    document = (STATIC_DIRECTORY / "index.html").read_text()
    critical = re.findall(r'(?:src|href)="/assets/([^"]+)"', document)
    scripts = [name for name in critical if name.endswith(".js")]
    styles = [name for name in critical if name.endswith(".css")]
    everything = [file.name for file in (STATIC_DIRECTORY / "assets").glob("*.js")]
    lazy = [name for name in everything if name not in scripts]
    assert 0 < _packed(scripts) <= 150 * KB
    assert 0 < _packed(styles) <= 20 * KB
    assert 0 < _packed([name for name in lazy if name.startswith("Editor")]) <= 130 * KB
    assert _packed(everything) <= 900 * KB
    assert len(critical) + 2 <= 6 + 1, "the document, theme.js and the icon come on top"
    assert sum(file.stat().st_size for file in STATIC_DIRECTORY.rglob("*")) <= 3 * KB * KB


GUARD = 3.0
"""Times the budget that a machine of unknown speed and load may take before the suite calls it a regression;
`UI_BUDGETS=strict` holds the budgets themselves, for a quiet machine."""


def _twice_of_three(measure, limit: float) -> list[float]:
    strict = os.environ.get("UI_BUDGETS") == "strict"
    if not strict and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip("this machine is too busy to time anything but itself")
    tries = [measure() for _ in range(3)]
    slack = 1.0 if strict else GUARD
    assert sorted(tries)[1] <= limit * slack, tries
    return tries


VITALS = """() => new Promise((done) => {
  const seen = { lcp: 0, cls: 0 };
  new PerformanceObserver((list) => { for (const e of list.getEntries()) seen.lcp = e.startTime; })
    .observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) seen.cls += e.value; })
    .observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(seen), 300);
})"""


def test_the_first_visit_paints_quickly_and_nothing_jumps(open_context, seeded):
    shifts = []

    def visit() -> float:
        page = open_context(seeded.url).new_page()
        page.goto(seeded.url + EXPLORE)
        expect(page.locator(".status-count")).to_be_visible()
        page.wait_for_timeout(300)
        vitals = page.evaluate(VITALS)
        shifts.append(vitals["cls"])
        return float(vitals["lcp"])

    _twice_of_three(visit, 800)
    assert sorted(shifts)[1] <= 0.02, shifts


def test_a_key_is_answered_within_a_tenth_of_a_second(visit):
    page = visit(EXPLORE)
    expect(page.locator(".status-count")).to_be_visible()

    def worst_key_ms() -> float:
        return float(
            page.evaluate(
                """async () => {
                    let worst = 0;
                    for (let i = 0; i < 40; i++) {
                      const start = performance.now();
                      const key = new KeyboardEvent('keydown', { key: 'j', bubbles: true, composed: true });
                      document.body.dispatchEvent(key);
                      await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                      worst = Math.max(worst, performance.now() - start);
                    }
                    return worst;
                }"""
            )
        )

    _twice_of_three(worst_key_ms, 100)


def test_a_jump_to_any_row_is_painted_quickly(visit):
    page = visit(EXPLORE)
    expect(page.locator(".status-count")).to_be_visible()
    places = iter((2_900, 400, 1_700, 1_100, 2_300, 700, 2_600, 1_400, 2_000))

    def jump_ms() -> float:
        rank = next(places)
        return float(
            page.evaluate(
                """async (rank) => {
                    const grid = document.querySelector('[role=grid]');
                    const start = performance.now();
                    grid.scrollTop = rank * 20;
                    const message = () => document.querySelector(`#row-${rank + 3} .line-message`)?.textContent;
                    const there = () => /\\d/.test(message() ?? '');
                    while (!there() && performance.now() - start < 5000) await new Promise(requestAnimationFrame);
                    return performance.now() - start;
                }""",
                rank,
            )
        )

    _twice_of_three(jump_ms, 250)
