"""The first minutes of a newcomer."""

from __future__ import annotations

import re
import shutil
import subprocess

from playwright.sync_api import expect

ACCESS_LOG = (
    b'127.0.0.1 - - [22/Nov/2026:10:15:30 +0000] "GET /dropped/shop HTTP/1.1" 200 512 "-" "curl/8.1"\n'
    b'127.0.0.1 - - [22/Nov/2026:10:15:31 +0000] "GET /dropped/cart HTTP/1.1" 500 87 "-" "curl/8.1"\n'
)


def test_an_empty_node_begins_at_start_and_turns_green_at_the_first_line(open_context, node):
    page = open_context(node.url).new_page()
    page.goto(node.url)
    expect(page).to_have_url(f"{node.url}/start")
    panel = page.get_by_role("region", name="First line")
    expect(panel).to_contain_text("Waiting for the first line")

    command = page.locator(".command").inner_text()
    assert node.url in command
    if shutil.which("curl"):
        subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
    else:
        node.send(b'{"level":"info","service":"hello","message":"first line"}')

    expect(panel).to_contain_text("Your logs are here")
    expect(panel).to_contain_text("first line")
    panel.get_by_role("link", name="Explore").click()
    expect(page).to_have_url(re.compile("/explore"))
    expect(page.locator(".row").first).to_contain_text("first line")


def test_a_file_is_read_and_can_be_explored(open_context, seeded, tmp_path):
    file = tmp_path / "access.log"
    file.write_bytes(ACCESS_LOG)
    page = open_context(seeded.url).new_page()
    page.goto(f"{seeded.url}/start")
    other, program = tmp_path / "other.log", tmp_path / "program"
    other.write_bytes(ACCESS_LOG[: ACCESS_LOG.index(b"\n") + 1])
    program.write_bytes(bytes(range(256)))
    page.get_by_label("Log files").set_input_files([file, other, program])
    expect(page.locator(".file-progress")).to_contain_text(
        ["access.log: 2 lines stored", "other.log: 1 line stored", "program: this is no text"]
    )
    seeded.wait_for_count(3, "dropped")
    page.get_by_role("link", name="Explore them").first.click()
    expect(page).to_have_url(re.compile("from=all"))
    expect(page.locator(".status-count")).to_be_visible()
    page.goto(f"{seeded.url}/explore?from=all&q=dropped")
    expect(page.locator(".row").first).to_contain_text("/dropped/cart")


def test_a_node_that_went_away_is_said_on_the_first_page_too(open_context, seeded):
    page = open_context(seeded.url).new_page()
    page.goto(f"{seeded.url}/start")
    expect(page.get_by_role("heading", name="Send")).to_be_visible()
    page.route("**/api/v1/**", lambda route: route.abort())
    expect(page.locator(".offline")).to_contain_text("The node does not answer")
    page.unroute("**/api/v1/**")
    expect(page.locator(".offline")).to_have_count(0)
