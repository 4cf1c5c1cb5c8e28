"""The GraphQL explorer: a document is completed and checked against the schema, run, and its answer seen."""

from __future__ import annotations

import json

import httpx
import pytest
from playwright.sync_api import Page, expect
from test_browser_accessibility import violations

DOCUMENT = '{ logs(q: "shop:demo", from: "-24h", first: 1) { nodes { message } } }'


def opened(open_context, node, **options) -> Page:
    page = open_context(node.url, **options).new_page()
    page.goto(f"{node.url}/graphql-explorer")
    expect(page.get_by_label("GraphQL document")).to_be_visible()
    return page


def written(page: Page, text: str) -> None:
    page.get_by_label("GraphQL document").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)


def test_a_document_is_run_and_its_answer_shown(open_context, seeded):
    page = opened(open_context, seeded)
    written(page, DOCUMENT)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="price")).to_be_visible()
    answer = json.loads(page.get_by_role("region", name="Result").inner_text())
    assert len(answer["data"]["logs"]["nodes"]) == 1
    page.reload()  # the address has the document
    expect(page.get_by_label("GraphQL document")).to_contain_text("shop:demo")


def test_fields_are_completed_and_wrong_ones_underlined(open_context, seeded):
    page = opened(open_context, seeded)
    page.get_by_text("Schema", exact=True).click()
    expect(page.get_by_role("region", name="Schema definition")).to_contain_text("type Query")
    written(page, "{ serv")
    page.keyboard.press("Control+Space")
    expect(page.get_by_role("option").filter(has_text="services").first).to_be_visible()
    page.keyboard.press("Escape")
    written(page, "{ services { nonsense } }")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()


def test_variables_that_are_none_are_told(open_context, seeded):
    page = opened(open_context, seeded)
    page.get_by_label("Variables").fill("[1]")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("status").filter(has_text="Variables are a JSON object")).to_be_visible()
    page.get_by_label("Variables").fill('{"first": 2}')
    written(page, 'query ($first: Int) { logs(q: "shop:demo", from: "-24h", first: $first) { nodes { id } } }')
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text("nodes")
    answer = json.loads(page.get_by_role("region", name="Result").inner_text())
    assert len(answer["data"]["logs"]["nodes"]) == 2


def test_a_subscription_is_heard_until_it_is_stopped(open_context, seeded):
    page = opened(open_context, seeded)
    written(page, 'subscription { tail(q: "explorer:yes") { nodes { message } dropped } }')
    page.keyboard.press("Control+Enter")
    status = page.get_by_role("status")
    expect(status.filter(has_text="Listening · 0 answers")).to_be_visible()
    page.wait_for_timeout(500)  # the node knows of it
    for number in (1, 2):
        sent = {"explorer": "yes", "message": f"seen while it happens {number}"}
        httpx.post(f"{seeded.url}/api/v1/logs", content=json.dumps(sent)).raise_for_status()
        expect(page.get_by_role("region", name="Result")).to_contain_text(sent["message"])
        expect(status.filter(has_text=f"Listening · {number} answer")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(status.filter(has_text="2 answers")).not_to_contain_text("Listening")
    httpx.post(f"{seeded.url}/api/v1/logs", content=json.dumps({"explorer": "yes", "message": "unheard"}))
    page.wait_for_timeout(1000)
    expect(page.get_by_role("region", name="Result")).not_to_contain_text("unheard")
    expect(page.get_by_role("button", name="Run")).to_be_enabled()


def test_what_a_subscription_is_refused_for_is_told(open_context, seeded):
    page = opened(open_context, seeded)
    written(page, 'subscription { tail(q: "| stats") { dropped } }')
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("status").filter(has_text="column")).to_be_visible()
    expect(page.get_by_role("button", name="Run")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_page_breaks_no_rule(open_context, seeded, scheme, width, height):
    page = opened(
        open_context, seeded, color_scheme=scheme, viewport={"width": width, "height": height}, bypass_csp=True
    )
    page.get_by_text("Schema", exact=True).click()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("region", name="Result")).to_contain_text('"data"')
    assert violations(page) == []
