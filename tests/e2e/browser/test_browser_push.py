"""Desktop notifications from a log line to the screen: the page subscribes, the node pushes, the service worker shows.

Chromium's own push service is not asked: what it would do stands between. Its subscription is one of a recorder of this
machine, what the recorder got is decrypted as a browser does, and the worker is given the message as a push service
gives it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import orjson
import pytest
from node_process import NodeProcess
from playwright.sync_api import Page, expect

from push_browser import PushBrowser, vapid_claims
from recorder import Recorder, recording

RULE = {"id": "declines", "name": "Many declined cards", "kind": "threshold", "severity": "P1",
        "condition": '"card declined"', "group_by": ["service"]}  # fmt: skip
ALERTING = """
[[channel]]
name = "desk"
kind = "push"
subject = "mailto:ops@h.example"
allow_private = true

[route]
channels = ["desk"]
"""
SUBSCRIBED = """
  PushManager.prototype.subscribe = async (options) => {
    window.askedFor = [...options.applicationServerKey].length;
    return { toJSON: () => (%s) };
  };
"""
"""In place of the way to the browser's maker; everything else is Chromium's."""


@pytest.fixture(scope="module")
def service() -> Iterator[Recorder]:
    with recording() as server:
        server.answer = lambda request: (201, b"")
        yield server


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    path = tmp_path_factory.mktemp("push")
    (path / "alerting.toml").write_text(ALERTING)
    with NodeProcess(path / "data", environment={"HEIMDALL_ALERTING__FILE": str(path / "alerting.toml")}) as node:
        httpx.post(f"{node.url}/api/v1/rules", json=RULE).raise_for_status()
        yield node


@pytest.fixture
def page(open_context, pushing: NodeProcess) -> Page:
    context = open_context(pushing.url)
    context.grant_permissions(["notifications"], origin=pushing.url)
    return context.new_page()


def got(service: Recorder, number: int) -> Recorder:
    deadline = time.monotonic() + 30
    while len(service.got) < number:
        assert time.monotonic() < deadline, "nothing was pushed"
        time.sleep(0.05)
    return service


def test_a_log_line_becomes_a_notification_on_the_desktop(page: Page, pushing: NodeProcess, service: Recorder) -> None:
    browser = PushBrowser()
    given = {"endpoint": f"{service.url}/mine", "expirationTime": None, "keys": browser.keys}
    page.add_init_script(SUBSCRIBED % json.dumps(given))
    page.goto(f"{pushing.url}/alerts?view=oncall")
    page.get_by_role("button", name="Tell me of desk").click()
    expect(page.locator(".notice")).to_contain_text("This browser is told by desk.")
    assert page.evaluate("window.askedFor") == 65, "the node's public key"

    record = {"timestamp": time.time(), "service": "payment", "message": "card declined by issuer"}
    pushing.send(json.dumps(record).encode() + b"\n")
    (request,) = got(service, 1).got
    public = httpx.get(f"{pushing.url}/api/v1/push").json()["key"]
    assert vapid_claims(request.headers["authorization"], public)["sub"] == "mailto:ops@h.example"
    message = browser.decrypt(request.body)
    (incident,) = httpx.get(f"{pushing.url}/api/v1/incidents").json()["data"]
    assert orjson.loads(message)["path"] == f"/alerts/{incident['id']}"

    deliver(page, pushing.url, message.decode())
    deliver(page, pushing.url, message.decode())
    page.wait_for_function("async () => (await (await navigator.serviceWorker.ready).getNotifications()).length > 0")
    shown = page.evaluate(
        "async () => (await (await navigator.serviceWorker.ready).getNotifications())"
        ".map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }))"
    )
    (one,) = shown
    assert one["title"].startswith("P1 payment: ")
    assert (one["tag"], one["path"]) == (incident["id"], f"/alerts/{incident['id']}")

    page.reload()
    page.get_by_role("button", name="Tell me no more of desk").click()
    expect(page.get_by_role("button", name="Tell me of desk")).to_be_visible()
    httpx.post(f"{pushing.url}/api/v1/incidents/{incident['id']}", json={"action": "resolve"}).raise_for_status()
    time.sleep(2)
    assert len(service.got) == 1, "told no more"


def deliver(page: Page, origin: str, message: str) -> None:
    """As the browser does once a push message was decrypted."""
    devtools = page.context.new_cdp_session(page)
    registrations: list[str] = []
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(each["registrationId"] for each in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    page.wait_for_timeout(500)
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": registrations[-1], "data": message},
    )
    devtools.detach()


def test_a_browser_that_forbids_notifications_says_so(open_context, pushing: NodeProcess) -> None:
    page = open_context(pushing.url).new_page()
    page.add_init_script("Notification.requestPermission = async () => 'denied';")
    page.goto(f"{pushing.url}/alerts?view=oncall")
    page.get_by_role("button", name="Tell me of desk").click()
    expect(page.locator(".notice")).to_contain_text("Not done: the browser does not allow notifications")
