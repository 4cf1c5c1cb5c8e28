"""Explore as a person uses it: look, narrow, open, share, come back."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from shop_lines import LINES

EXPLORE = "/explore?from=-24h&q=shop:demo"
EXAMPLES = Path(__file__).parents[3] / "web" / "src" / "shell" / "queryExamples.ts"


def status(page: Page):
    return page.locator(".status-count")


def ready(page: Page, lines: int = LINES) -> Page:
    expect(status(page)).to_have_text(f"{lines:,} lines")
    expect(page.locator(".row .line-message").first).not_to_be_empty()
    return page


def focused(page: Page):
    return page.locator('.row[aria-selected="true"]')


def test_lines_histogram_and_status_are_there(visit):
    page = ready(visit(EXPLORE))
    rows = page.locator(".row")
    expect(rows.first).to_contain_text("GET /cart/items 200 in 0 ms")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(LINES))
    expect(page.locator(".status")).to_contain_text("exact")
    expect(page.locator(".histogram-bars path")).to_have_count(4)
    expect(page.get_by_role("list", name="Levels")).to_contain_text("error31")


def test_the_title_of_the_tab_says_the_query(visit):
    page = ready(visit(EXPLORE))
    expect(page).to_have_title("shop:demo · Explore · Heimdall")
    page.keyboard.press("p")
    page.get_by_role("button", name=re.compile("^session refreshed")).click()
    expect(page).to_have_title(re.compile(r"^shop:demo template_id:\d+ · Explore · Heimdall$"))
    page.go_back()
    page.go_back()
    expect(page).to_have_title("shop:demo · Explore · Heimdall")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_title("Anomalies · Heimdall")
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_title("Explore · Heimdall")


def test_the_last_line_is_one_key_away(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("Shift+G")
    expect(focused(page)).to_contain_text(f"session refreshed for user u{LINES - 1}")
    page.keyboard.press("g")
    page.keyboard.press("g")
    expect(focused(page)).to_contain_text("GET /cart/items 200 in 0 ms")


def test_e_finds_the_next_error_of_the_whole_result(visit):
    page = ready(visit(EXPLORE))
    for rank in (50, 147, 244):
        page.keyboard.press("e")
        expect(focused(page)).to_have_attribute("aria-rowindex", str(rank + 1))
        expect(focused(page)).to_contain_text("pool exhausted")
    page.keyboard.press("Shift+E")
    expect(focused(page)).to_have_attribute("aria-rowindex", "148")
    page.keyboard.press("w")
    expect(focused(page).locator(".line-level")).to_contain_text("W")


def test_colon_jumps_to_any_row(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press(":")
    page.keyboard.type("2500")
    page.keyboard.press("Enter")
    expect(focused(page)).to_have_attribute("aria-rowindex", "2500")
    expect(focused(page)).to_contain_text("2499")


def test_dragging_over_the_histogram_zooms_and_undo_goes_back(visit):
    page = ready(visit(EXPLORE))
    before = page.url
    area = page.locator(".histogram-area").bounding_box()
    page.mouse.move(area["x"] + area["width"] - 40, area["y"] + 40)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 4, area["y"] + 40, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=20\d\d-.*&to=20\d\d-"))
    expect(status(page)).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page).to_have_url(before)
    ready(page)


def test_the_keyboard_can_select_in_the_histogram_too(visit):
    page = ready(visit(EXPLORE))
    page.locator(".histogram-area").focus()
    page.keyboard.press("End")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"from=20\d\d-"))


def test_the_histogram_has_a_table_twin(visit):
    page = ready(visit(EXPLORE))
    page.get_by_role("button", name="Show as a table").click()
    table = page.get_by_role("region", name="Lines over time, as a table")
    totals = table.locator("tbody tr td:nth-of-type(1)").all_inner_texts()
    assert sum(int(total.replace(",", "")) for total in totals) == LINES


def test_a_line_opens_and_its_fields_filter(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.get_by_role("complementary", name="The focused line")
    expect(drawer).to_contain_text("cart 1 loaded from cache")
    page.keyboard.press("j")
    expect(drawer).to_contain_text("payment 2 authorised")
    drawer.get_by_role("button", name="Filter for user_id").click()
    expect(page).to_have_url(re.compile("user_id:u2"))
    ready(page, LINES // 40)


def test_a_line_opened_by_key_is_the_next_stop_of_the_keyboard(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("e")
    expect(focused(page)).to_have_count(1)
    page.keyboard.press("Enter")
    drawer = page.get_by_role("complementary", name="The focused line")
    expect(drawer).to_be_focused()
    page.keyboard.press("Tab")
    expect(drawer.get_by_role("button", name="Previous line")).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page.get_by_role("grid")).to_be_focused()
    page.keyboard.press("j")
    expect(focused(page)).to_have_count(1)


def test_the_drawer_shows_json_and_the_lines_around(visit):
    page = ready(visit(EXPLORE))
    page.locator(".row").nth(5).click()
    drawer = page.get_by_role("complementary", name="The focused line")
    drawer.get_by_role("tab", name="JSON").click()
    expect(drawer.locator(".json pre")).to_contain_text('"seq": 5')
    drawer.get_by_role("tab", name="Context").click()
    context = drawer.locator(".context-line")
    expect(context).to_have_count(4)
    expect(drawer.locator('.context-line[aria-current="true"]')).to_contain_text("cart 5 loaded")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_what_is_like_a_line_is_one_click_away(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("e")
    expect(focused(page)).to_contain_text("pool exhausted")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Find similar").click()
    expect(page.locator(".row .line-message").first).to_contain_text("pool exhausted")
    expect(status(page)).to_have_text("20 lines")
    expect(page.get_by_label("Status of the answer")).to_contain_text("compared by words")
    page.locator(".row").first.click()
    expect(page.get_by_role("complementary", name="The focused line")).to_contain_text("similarity")


def test_a_line_of_the_last_answer_is_not_sought_in_a_slow_next_one(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("e")
    expect(focused(page)).to_contain_text("pool exhausted")
    page.keyboard.press("Enter")
    held: list[Route] = []
    asked = re.compile(r"/search\?.*similar")
    page.route(asked, lambda route: held.append(route))
    page.get_by_role("button", name="Find similar").click()
    page.wait_for_timeout(500)
    assert "sel=" not in page.url, "the focus of the old answer went into the address of the new question"
    for route in held:
        route.continue_()
    page.unroute(asked)
    expect(status(page)).to_have_text("20 lines")
    page.locator(".row").first.click()
    expect(page.get_by_role("complementary", name="The focused line")).to_contain_text("similarity")


def test_a_link_to_a_line_that_the_answer_lacks_focuses_none(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press(":")
    page.keyboard.type("1234")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("sel="))
    link = page.url
    page.goto(re.sub("q=[^&]*", "q=*%20%7C%20similar%20%22pool%20exhausted%22", link))
    expect(page.get_by_text("The line of this link is not in the result")).to_be_visible()
    expect(status(page)).to_have_text("20 lines")
    page.locator(".row").first.click()
    expect(page.get_by_role("complementary", name="The focused line")).to_contain_text("similarity")


def test_a_facet_value_filters_and_can_be_taken_out_again(visit):
    page = ready(visit(EXPLORE))
    facets = page.get_by_role("complementary", name="Fields and their values")
    facets.get_by_role("button", name=re.compile(r"^payment 750")).click()
    ready(page, LINES // 4)
    facets.get_by_text("payment", exact=True).first.hover()
    facets.get_by_role("button", name="Filter out service payment").click()
    ready(page, LINES - LINES // 4)


def test_a_shared_link_opens_the_same_line_in_another_browser(visit, open_context, seeded):
    page = ready(visit(EXPLORE))
    page.keyboard.press(":")
    page.keyboard.type("1234")
    page.keyboard.press("Enter")
    expect(focused(page)).to_have_attribute("aria-rowindex", "1234")
    expect(page).to_have_url(re.compile("sel="))
    text = focused(page).locator(".line-message").inner_text()
    page.get_by_role("button", name="Share").click()
    link = page.get_by_role("textbox", name="Link").input_value()
    assert "from=20" in link

    other = open_context(seeded.url).new_page()
    other.goto(link)
    expect(focused(other).locator(".line-message")).to_have_text(text)
    expect(focused(other)).to_be_in_viewport()


def test_a_shared_link_is_of_the_lines_on_screen_however_long_they_have_been_there(visit):
    page = ready(visit(EXPLORE))
    share, link = page.get_by_role("button", name="Share"), page.get_by_role("textbox", name="Link")
    share.click()
    first = link.input_value()
    share.click()
    page.wait_for_timeout(1_100)
    share.click()
    assert link.input_value() == first


def test_a_link_finds_its_line_although_its_rank_has_moved(visit, seeded):
    row = httpx.get(f"{seeded.url}/api/v1/search", params={"q": "shop:demo seq:2000"}, timeout=30).json()["data"][0]
    page = visit(f"{EXPLORE}&rank=7&sel={row['id']}")
    expect(focused(page)).to_have_attribute("aria-rowindex", "2001")


def test_back_and_forward_walk_through_the_queries(visit):
    page = ready(visit(EXPLORE))
    box = page.get_by_role("textbox", name="Query")
    box.click()
    editor = page.locator(".query-editor .cm-content")
    expect(editor).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("shop:demo service:auth")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    ready(page, LINES // 4)
    page.go_back()
    ready(page)
    page.go_forward()
    ready(page, LINES // 4)


def test_no_letter_is_lost_where_the_page_is_slower_than_the_hands(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("/")
    editor = page.locator(".query-editor .cm-content")
    expect(editor).to_be_focused()
    slowed = page.context.new_cdp_session(page)
    slowed.send("Emulation.setCPUThrottlingRate", {"rate": 20})
    typed = "shop:demo service:auth level:error "
    page.keyboard.press("Control+a")
    page.keyboard.type(typed)
    expect(editor).to_have_text(typed)
    slowed.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    editor.blur()
    expect(editor).to_have_count(0)
    box = page.get_by_role("textbox", name="Query")
    expect(box).to_have_value(typed)
    box.click()
    expect(editor).to_have_text(typed)


@pytest.mark.parametrize("begin", ["key", "click"])
def test_what_is_typed_while_the_editor_loads_is_text(visit, page, begin):
    held: list[Route] = []
    page.route("**/assets/Editor-*.js", lambda route: held.append(route))
    ready(visit(EXPLORE))
    if begin == "key":
        page.keyboard.press("/")
    else:
        page.get_by_role("textbox", name="Query").click()
    page.keyboard.type(" level>=error", delay=20)
    expect(page.locator("input.query-input")).to_have_value("shop:demo level>=error")
    expect(focused(page)).to_have_count(0)
    held[0].continue_()
    expect(page.locator(".query-editor .cm-content")).to_be_focused()
    page.keyboard.type(" pool", delay=20)
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(r"q=shop:demo\+level%3E=error\+pool"))


def test_the_editor_calls_nobody_back_who_has_gone_on(visit, page):
    held: list[Route] = []
    page.route("**/assets/Editor-*.js", lambda route: held.append(route))
    ready(visit(EXPLORE))
    page.get_by_role("textbox", name="Query").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    run = page.get_by_role("button", name="Run")
    expect(run).to_be_focused()
    with page.expect_response("**/assets/Editor-*.js"):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(run).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator(".query-editor .cm-content")).to_be_focused()


def test_the_editor_completes_and_underlines(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("/")
    editor = page.locator(".query-editor .cm-content")
    expect(editor).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("serv", delay=30)
    page.keyboard.press("Control+Space")  # asks again where the first answer came before the last letter
    option = page.locator(".cm-tooltip-autocomplete li").first
    expect(option).to_contain_text("service")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+a")
    page.keyboard.type("level:error | statz count")
    expect(page.locator(".cm-lintRange-error")).to_be_visible()


def test_a_broken_query_says_where_and_keeps_the_last_answer(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("/")
    expect(page.locator(".query-editor .cm-content")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("shop:demo | statz count()")
    page.keyboard.press("Control+Enter")
    failure = page.get_by_role("alert")
    expect(failure).to_contain_text("statz")
    expect(failure.locator("mark")).to_have_text("statz")
    expect(page.locator(".row").first).to_contain_text("GET /cart/items")
    expect(page.locator(".explore-main")).to_have_attribute("data-stale", "failed")


def test_an_aggregate_is_a_table(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+stats+count()+as+n+by+service+|+sort+service")
    table = page.get_by_role("region", name="Result")
    expect(table.locator("thead th")).to_have_text(["service", "n"])
    expect(table.locator("tbody tr").first).to_have_text(re.compile("auth.*750"))
    expect(status(page)).to_have_text("4 rows")
    table.get_by_role("button", name="service").click()
    table.get_by_role("button", name="service").click()
    expect(table.get_by_role("columnheader", name="service")).to_have_attribute("aria-sort", "descending")
    expect(table.locator("tbody tr").last).to_have_text(re.compile("auth.*750"))


def test_an_aggregate_over_time_is_drawn_above_its_table(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+timechart+span=10m+count()+as+n+by+level")
    chart = page.get_by_role("figure")
    expect(chart.locator("path.series-line[class*=level-error]").last).to_have_attribute(
        "d", re.compile(r"^M[\d.]+ [\d.]+")
    )
    expect(chart).to_contain_text("info")
    chart.locator(".series-area").hover(position={"x": 5, "y": 60})
    expect(chart.locator(".series-name b").first).to_have_text(re.compile(r"\d"))
    expect(page.get_by_role("region", name="Result").locator("thead th")).to_have_text(["timestamp", "level", "n"])


def test_a_row_of_a_table_leads_to_its_lines_by_press_and_by_key(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+stats+count()+as+n+by+service,+level+|+sort+-n,+service")
    table = page.get_by_role("region", name="Result")
    row = table.locator("tbody tr", has_text="payment").filter(has_text="error")
    lines = int(row.locator("td").last.inner_text())
    before = page.url
    row.get_by_text("error", exact=True).click()
    expect(page).to_have_url(re.compile(r"q=shop:demo\+service:payment\+level:error&to=20"))
    ready(page, lines)
    expect(page.get_by_role("grid")).to_be_focused()
    page.go_back()
    expect(page).to_have_url(before)
    link = table.get_by_role("link", name="payment, error: show the lines", exact=True).first
    expect(link).to_be_visible()
    link.focus()
    page.keyboard.press("Tab")
    expect(table.locator("tbody tr").filter(has=page.locator("a:focus"))).not_to_contain_text("payment error")
    link.focus()
    page.keyboard.press("Enter")
    ready(page, lines)
    page.keyboard.press("j")
    expect(focused(page)).to_contain_text("pool exhausted")


def test_a_step_of_time_leads_to_its_lines_from_table_and_chart(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+timechart+span=5m+count()+as+n+by+service")
    table, chart = page.get_by_role("region", name="Result"), page.get_by_role("figure")
    row = table.locator("tbody tr").nth(5)
    lines = int(row.locator("td").last.inner_text())
    row.locator("a").first.click()
    ready(page, lines)
    expect(page).to_have_url(re.compile(r"from=20\S+&q=shop:demo\+service:\w+&to=20"))
    page.go_back()
    expect(chart).to_be_visible()
    area = chart.locator(".series-area")
    width = area.bounding_box()["width"]
    area.hover(position={"x": width / 2, "y": 148})
    expect(area).to_have_attribute("data-leads", "true")
    expect(chart.locator('[data-pointed="true"]')).to_have_count(0)
    together = sum(int(text) for text in chart.locator(".series-name b").all_inner_texts())
    area.click(position={"x": width / 2, "y": 148})
    ready(page, together)
    expect(page).to_have_url(re.compile(r"from=20\S+&q=shop:demo&to=20"))


def test_a_point_of_a_chart_leads_to_the_lines_of_its_series(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+timechart+span=5m+count()+as+n+by+level")
    chart = page.get_by_role("figure")
    area = chart.locator(".series-area")
    path = chart.locator("path.series-line[class*=level-info]").last.get_attribute("d")
    x, y = (float(number) for number in re.findall(r"[\d.]+", path)[2:4])
    area.hover(position={"x": x, "y": y})
    pointed = chart.locator('[data-pointed="true"]')
    expect(pointed).to_contain_text("info")
    lines = int(pointed.locator("b").inner_text())
    area.click(position={"x": x, "y": y})
    ready(page, lines)
    expect(page).to_have_url(re.compile(r"q=shop:demo\+level:info&to=20"))


ODD_VALUES = [
    200, 1.5, -5, 0.1, 0, True, 12345678901234567890, "007", "a", "A", "a b", 'q"\\x', "a*", "x?", "/re/", "a|b", "(x)",
    "", "not", "now", "in", "5m", "[1 to 2]", ">5", "line\nbreak", "\u202e", "'", "-", "ünï", "cart,2", None,
]  # fmt: skip


def test_whatever_a_group_is_its_row_leads_to_just_its_lines(visit, seeded):
    at = datetime.now(UTC).isoformat()
    records = [
        {"timestamp": at, "message": f"odd value {i}", "oddity": "groups"} | ({} if value is None else {"held": value})
        for i, value in enumerate(ODD_VALUES)
        for _ in range(i % 3 + 1)
    ]
    seeded.send(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    seeded.wait_for_count(len(records), "oddity:groups")
    page = visit("/explore?from=-24h&q=oddity:groups+|+stats+count()+as+n+by+held")
    rows = page.get_by_role("region", name="Result").locator("tbody tr")
    expect(rows).to_have_count(len(ODD_VALUES))
    links = [
        (link.get_attribute("href"), row.locator("td.number").last.inner_text())
        for row in rows.all()
        for link in row.locator("a").all()
    ]
    assert len(links) == len(ODD_VALUES)
    for href, lines in links:
        page = visit(href)
        expect(status(page)).to_have_text("1 line" if lines == "1" else f"{lines} lines")


def test_a_computed_group_leads_nowhere(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+stats+count()+as+n+by+lower(service)")
    table = page.get_by_role("region", name="Result")
    expect(table.locator("tbody tr")).to_have_count(4)
    expect(table.get_by_role("link")).to_have_count(0)


def test_the_result_can_be_had_as_a_file(visit):
    page = ready(visit("/explore?from=-24h&q=shop:demo+level:error"), 31)
    for name, lines in (("CSV", 32), ("JSON lines", 31)):
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as begun:
            page.get_by_role("button", name=name).click()
        expect(page.get_by_text("31 rows are in the file")).to_be_visible()
        assert len(Path(begun.value.path()).read_text("utf-8").splitlines()) == lines


def test_no_match_says_where_the_nearest_is(visit):
    page = visit("/explore?q=shop:demo&from=2099-01-01T00:00:00Z&to=2099-01-02T00:00:00Z")
    expect(page.get_by_role("button", name="Show all lines of this range")).to_be_visible()
    expect(page.get_by_text("No logs yet?")).to_have_count(0)
    page.get_by_role("button", name=re.compile("The nearest match")).click()
    expect(page.locator(".row").first).to_contain_text("GET /cart/items 200 in 0 ms")


def test_a_match_after_the_range_is_the_nearest_where_there_is_none_before(open_context, seeded):
    page = open_context(seeded.url, timezone_id="Asia/Tokyo").new_page()
    page.goto(f"{seeded.url}/explore?q=shop:demo&from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z&tz=utc")
    expect(page.get_by_role("heading", name=re.compile("No lines"))).to_contain_text("2000-01-01 00:00:00")
    page.get_by_role("button", name=re.compile("The nearest match is at 20")).click()
    expect(status(page)).to_have_text(re.compile(r"^1\d\d lines$"))
    expect(page.locator(".row .line-message").first).to_contain_text(re.compile(r"\d"))
    page.keyboard.press("Shift+G")
    expect(focused(page)).to_contain_text(f"user u{LINES - 1}")


def test_an_empty_table_is_not_said_to_be_without_lines(visit):
    page = visit("/explore?from=-24h&q=shop:demo+|+stats+count()+as+n+by+service+|+where+n+>+9999")
    expect(page.get_by_role("heading", name=re.compile("No rows in this range"))).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("nearest match"))).to_have_count(0)


def test_an_empty_answer_says_which_field_no_record_has(visit):
    page = visit("/explore?from=-24h&q=shop:demo+servce:payment")
    expect(page.get_by_text("The newest records have no field 'servce'. Did you mean 'service'?")).to_be_visible()


def test_lines_of_several_days_have_their_date_before_the_chart_is_there(visit, page):
    page.route("**/api/v1/histogram?*", lambda route: route.abort())
    visit(EXPLORE)
    expect(page.locator(".row .line-date").first).to_be_visible()


def test_the_chosen_clock_is_kept_and_a_link_may_name_another(open_context, seeded):
    page = open_context(seeded.url, timezone_id="Asia/Tokyo").new_page()
    page.goto(f"{seeded.url}{EXPLORE}")
    clock = page.locator(".time-button .chip")
    expect(clock).to_have_count(0)
    page.keyboard.press("t")
    page.get_by_role("dialog", name="Time range").get_by_role("radio", name="UTC").check()
    expect(clock).to_have_text("UTC")
    page.goto(f"{seeded.url}/anomalies")
    expect(clock).to_have_text("UTC")
    page.goto(f"{seeded.url}{EXPLORE}&tz=local")
    expect(ready(page).locator(".time-button")).to_be_visible()
    expect(clock).to_have_count(0)
    page.goto(f"{seeded.url}/settings")
    expect(page.get_by_text("Local is Asia/Tokyo")).to_be_visible()
    expect(page.get_by_role("group", name="Clock").get_by_label("UTC")).to_be_checked()


def test_offline_is_said_and_ends_by_itself(visit):
    page = ready(visit(EXPLORE))
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    banner = page.locator(".offline")
    expect(banner).to_contain_text("The node does not answer")
    expect(page.locator(".row").first).to_contain_text("GET /cart/items")
    page.context.set_offline(False)
    expect(banner).to_have_count(0)
    ready(page)


def test_a_page_asked_for_while_the_node_is_away_comes_when_it_is_back(visit):
    page = ready(visit(EXPLORE))
    page.context.set_offline(True)
    page.get_by_role("link", name="Anomalies").click()
    expect(page.locator(".offline")).to_contain_text("The node does not answer")
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Anomalies", level=1)).to_be_visible()


def test_the_query_can_be_typed_while_the_node_is_away(visit):
    page = ready(visit(EXPLORE))
    page.context.set_offline(True)
    page.keyboard.press("/")
    expect(page.locator(".offline")).to_be_visible()
    page.keyboard.type(" level>=error")
    expect(page.locator("input.query-input")).to_have_value("shop:demo level>=error")
    page.context.set_offline(False)
    expect(page.locator(".query-editor .cm-content")).to_have_text("shop:demo level>=error")


def test_a_page_that_another_version_of_the_node_lacks_is_loaded_anew(visit, page):
    page.route("**/assets/Alerts-*.js", lambda route: route.abort(), times=1)
    ready(visit(EXPLORE))
    page.get_by_role("link", name="Alerts").click()
    expect(page.get_by_role("heading", name="Alerts", level=1)).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('heimdall.reloaded')")


def test_the_theme_and_the_keys_can_be_chosen(visit):
    page = visit("/settings")
    page.get_by_role("group", name="Theme").get_by_role("radio", name="Light").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.get_by_role("group", name="Single-key shortcuts").get_by_role("radio", name="Off").check()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_finds_commands(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("Control+k")
    page.keyboard.type("go to set")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_enter_takes_the_command_that_the_pointer_marks(visit):
    page = ready(visit(EXPLORE))
    page.keyboard.press("Control+k")
    entry = page.get_by_role("option", name="Go to Settings")
    entry.hover()
    expect(page.get_by_role("option", selected=True)).to_have_text(re.compile("Go to Settings"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_an_unknown_page_says_so(visit, page):
    answer = page.goto(visit("/explore").url.split("/explore")[0] + "/nonsense")
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


@pytest.mark.parametrize("query", re.findall(r"query: '(.*?)'", EXAMPLES.read_text()))
def test_the_examples_of_the_help_page_are_queries(seeded, query):
    answer = httpx.get(f"{seeded.url}/api/v1/search", params={"q": query, "limit": 5}, timeout=30)
    assert answer.status_code == 200, answer.text
