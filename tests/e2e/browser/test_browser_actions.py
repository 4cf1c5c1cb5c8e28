"""An action that waits, approved and taken back on the incident's page."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
from action_runs import RULES, decline, ended
from node_process import NodeProcess
from playwright.sync_api import expect
from test_browser_accessibility import violations
from test_browser_phone import PHONE, SMALL_TARGETS

from recorded_cluster import RecordedCluster, recorded_cluster

ACTIONS = """
[approval]
token = "sesame"

[scope]
namespaces = ["shop"]
kinds = ["deployment"]

[kubernetes]
url = "{url}"

[[action]]
name = "more-replicas"
kind = "kubernetes-scale"
match = {{ service = "payment" }}
mode = "approve"
namespace = "shop"
target = "deployment/{{service}}"
by = 2
max = 9

[[action]]
name = "release-before"
kind = "kubernetes-rollback"
match = {{ service = "payment" }}
namespace = "shop"
target = "deployment/{{service}}"
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[RecordedCluster]:
    with recorded_cluster() as server:
        labels = {"app": "payment"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "payment:1.4"}]}}
        spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "payment"}, "spec": spec}
        place = "/apis/apps/v1/namespaces/shop/deployments"
        made = server.answer("POST", place, {}, body)
        made["spec"]["template"]["spec"]["containers"][0]["image"] = "payment:1.5"
        made["metadata"].pop("resourceVersion")
        server.answer("PUT", f"{place}/payment", {}, made)
        yield server


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, cluster: RecordedCluster) -> Iterator[NodeProcess]:
    path = tmp_path_factory.mktemp("actions")
    (path / "actions.toml").write_text(ACTIONS.format(url=cluster.url))
    (path / "rules.toml").write_text(RULES)
    settings = {
        "HEIMDALL_ALERTING__ACTIONS": str(path / "actions.toml"),
        "HEIMDALL_ALERTING__RULES": str(path / "rules.toml"),
    }
    with NodeProcess(path / "data", environment=settings) as node:
        decline(node, "payment")
        ended(node, "payment", "waiting", "dry_run")
        yield node


def incident_of(node: NodeProcess) -> str:
    (incident,) = httpx.get(f"{node.url}/api/v1/incidents").json()["data"]
    return f"{node.url}/alerts/{incident['id']}"


@pytest.mark.parametrize(("scheme", "wide"), [("dark", True), ("light", True), ("light", False)])
def test_what_would_be_done_can_be_read_by_everybody_everywhere(
    open_context, waiting: NodeProcess, scheme, wide
) -> None:
    shape = {} if wide else PHONE
    page = open_context(waiting.url, color_scheme=scheme, bypass_csp=True, **shape).new_page()
    page.goto(incident_of(waiting))
    panel = page.get_by_role("region", name="Actions")
    expect(panel).to_contain_text("scale deployment/shop/payment from 3 to 5 replicas")
    expect(panel).to_contain_text("would roll deployment/shop/payment back from revision 2 to 1 (payment:1.4)")
    expect(panel.get_by_role("button", name="Approve")).to_be_visible()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/actions-{scheme}-{wide}.png", full_page=True)
    if not wide:
        assert page.evaluate("document.querySelector('#main').scrollWidth") <= 390
        assert page.evaluate(SMALL_TARGETS) == []
    assert violations(page) == []


def test_somebody_with_the_token_approves_and_undoes(
    open_context, waiting: NodeProcess, cluster: RecordedCluster
) -> None:
    page = open_context(waiting.url).new_page()
    page.goto(incident_of(waiting))
    panel = page.get_by_role("region", name="Actions")
    panel.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Not done: this needs the token")).to_be_visible()
    assert cluster.changes == []
    panel.get_by_label("Your name").fill("kim")
    panel.get_by_label("Approval token").fill("sesame")
    panel.get_by_role("button", name="Approve").click()
    expect(panel).to_contain_text("approved by kim")
    panel.get_by_role("button", name="Undo").click()
    expect(panel).to_contain_text("undone")
    expect(page.locator(".timeline")).to_contain_text("undoing: scale deployment/shop/payment back to 3 replicas")
    assert [each.body["spec"]["replicas"] for each in cluster.changes] == [5, 3]
