"""Actions on a real node: from records to a changed deployment and back, by the command line, and over kill -9."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from action_runs import RULES, decline, ended, heimdall, run_of, until
from node_process import NodeProcess

from recorded_cluster import Asked, RecordedCluster, recorded_cluster
from recorder import Recorder, recording

ACTIONS = """
mode = "auto"

[approval]
token = "sesame"

[scope]
namespaces = ["shop"]
kinds = ["deployment"]

[limits]
per_hour = 100
at_once = 100

[kubernetes]
url = "{cluster}"
token = "file:{token}"

[[action]]
name = "more"
kind = "kubernetes-scale"
match = {{ service = "/auto-.*/" }}
namespace = "shop"
target = "deployment/{{service}}"
by = 2
max = 9
per_hour = 100

[[action]]
name = "asked"
kind = "kubernetes-scale"
match = {{ service = "/asked-.*/" }}
mode = "approve"
namespace = "shop"
target = "deployment/{{service}}"
by = 2
max = 9

[[action]]
name = "watched"
kind = "kubernetes-scale"
match = {{ service = "/watched-.*/" }}
namespace = "shop"
target = "deployment/{{service}}"
by = 2
max = 9

[action.watch]
for = "1m"
every = "1s"
query = '"card declined" service:watched-1'
window = "3s"
worse = 1.2

[[action]]
name = "breaker"
kind = "webhook"
match = {{ service = "/hooked-.*/" }}
url = "{hook}/breaker"
status_url = "{hook}/status"
secret = "s3cret"
undo = true
allow_private = true
parameters = {{ percent = 50 }}

[[action]]
name = "warm"
kind = "cache-warm"
match = {{ service = "/warmed-.*/" }}
queries = ["service:warmed-1 | stats count() as n by bin(1m)"]
urls = ["{hook}/warm"]
allow_private = true
"""


@pytest.fixture(scope="module")
def hook() -> Iterator[Recorder]:
    with recording() as server:
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[RecordedCluster]:
    with recorded_cluster() as server:
        server.token = "cluster-token"
        yield server


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, cluster: RecordedCluster, hook: Recorder) -> Iterator[NodeProcess]:
    path = tmp_path_factory.mktemp("actions")
    (path / "rules.toml").write_text(RULES)
    (path / "token").write_text("cluster-token\n")
    text = ACTIONS.format(cluster=cluster.url, token=path / "token", hook=hook.url)
    (path / "actions.toml").write_text(text)
    settings = {
        "HEIMDALL_ALERTING__ACTIONS": str(path / "actions.toml"),
        "HEIMDALL_ALERTING__RULES": str(path / "rules.toml"),
        "HEIMDALL_ALERTING__GROUP_WINDOW_S": "0.001",  # a test's alert is an incident of its own
        "HEIMDALL_ALERTING__STORM_INCIDENTS": "1000",
    }
    with NodeProcess(path / "data", environment=settings) as own:
        yield own


def deployment(cluster: RecordedCluster, name: str, replicas: int = 3) -> None:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "shop:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
    cluster.answer("POST", "/apis/apps/v1/namespaces/shop/deployments", {}, body)


def replicas(cluster: RecordedCluster, name: str) -> int:
    found = cluster.answer("GET", f"/apis/apps/v1/namespaces/shop/deployments/{name}", {}, None)
    return int(found["spec"]["replicas"])


def changes(cluster: RecordedCluster, name: str) -> list[Asked]:
    return [each for each in cluster.changes if f"/{name}/" in each.path]


def test_records_scale_a_deployment_and_its_incident_says_so(node: NodeProcess, cluster: RecordedCluster) -> None:
    deployment(cluster, "auto-1")
    (shown,) = json.loads(heimdall(node, "simulate", "service=auto-1", "severity=P2", "-o", "json"))["data"]
    assert (shown["does"], shown["refusal"]) == ("scale deployment/shop/auto-1 from 3 to 5 replicas", "")
    assert (replicas(cluster, "auto-1"), run_of(node, "auto-1")) == (3, None)
    decline(node, "auto-1")
    run = ended(node, "auto-1", "kept")
    assert (replicas(cluster, "auto-1"), len(changes(cluster, "auto-1"))) == (5, 1)
    assert changes(cluster, "auto-1")[0].token == "cluster-token"
    assert [step["kind"] for step in run["steps"]] == ["began", "planned", "applying", "applied"]

    def told() -> list[str]:
        timeline = httpx.get(f"{node.url}/api/v1/incidents/{run['incident']}").json()["timeline"]
        return [entry["text"] for entry in timeline if entry["kind"] == "action"]

    until(lambda: len(told()) == 2, "entries in the timeline")
    assert told()[0] == "applying: scale deployment/shop/auto-1 from 3 to 5 replicas"


def test_somebody_with_the_token_approves_and_undoes(node: NodeProcess, cluster: RecordedCluster) -> None:
    deployment(cluster, "asked-1")
    decline(node, "asked-1")
    run = ended(node, "asked-1", "waiting")
    assert "waiting" in heimdall(node, "list", "--state", "open")
    assert "needs the token" in heimdall(node, "approve", run["id"])
    assert "needs the token" in heimdall(node, "approve", run["id"], "--token", "wrong")
    assert (replicas(cluster, "asked-1"), ended(node, "asked-1", "waiting")["approved_by"]) == (3, "")
    assert "approved" in heimdall(node, "approve", run["id"], "--token", "sesame", "--author", "kim")
    assert ended(node, "asked-1", "kept")["approved_by"] == "kim"
    assert replicas(cluster, "asked-1") == 5
    assert "undoing" in heimdall(node, "undo", run["id"], "--token", "sesame")
    assert ended(node, "asked-1", "undone")["ended"]
    assert replicas(cluster, "asked-1") == 3
    assert "cannot be undone" in heimdall(node, "undo", run["id"], "--token", "sesame")


def test_a_signal_that_worsens_takes_it_back(node: NodeProcess, cluster: RecordedCluster) -> None:
    deployment(cluster, "watched-1")
    decline(node, "watched-1", 10)
    run = ended(node, "watched-1", "watching")
    assert replicas(cluster, "watched-1") == 5
    end = threading.Event()

    def worsen() -> None:
        while not end.wait(0.3):
            decline(node, "watched-1", 40)

    thread = threading.Thread(target=worsen)
    thread.start()
    try:
        run = ended(node, "watched-1", "undone")
    finally:
        end.set()
        thread.join()
    assert replicas(cluster, "watched-1") == 3
    assert any(step["kind"] == "reverting" and "worse" in step["text"] for step in run["steps"])


def test_a_node_killed_while_it_changes_a_target_does_it_once(node: NodeProcess, cluster: RecordedCluster) -> None:
    """At every place: before the change, after it and before its answer, after its answer."""
    for number, place in enumerate(("before", "lost", "after"), 2):
        name = f"auto-{number}"
        deployment(cluster, name)
        reached = threading.Event()

        def fault(asked: Asked, name: str = name, place: str = place, reached: threading.Event = reached) -> Any:
            if asked.method != "PUT" or f"/{name}/" not in asked.path or reached.is_set():
                return None
            if place == "before":
                reached.set()
                time.sleep(3)  # the node is dead by the time this answers
                return 503
            if place == "lost":
                threading.Timer(0.05, reached.set).start()
                return "lost"
            threading.Timer(0.02, reached.set).start()
            return None

        cluster.fault = fault
        decline(node, name)
        assert reached.wait(40), place
        node.kill()
        node.start()
        run = ended(node, name, "kept", "failed", "unknown")
        assert (run["state"], replicas(cluster, name)) == ("kept", 5), (place, run)
    cluster.fault = lambda asked: None


def test_the_kill_switch_outlives_the_node(node: NodeProcess, cluster: RecordedCluster) -> None:
    deployment(cluster, "auto-9")
    assert "stopped by kim" in heimdall(node, "stop", "--reason", "the cluster moves", "--author", "kim")
    node.kill()
    node.start()
    decline(node, "auto-9")
    ended(node, "auto-9", "approved")
    time.sleep(2.5)
    assert replicas(cluster, "auto-9") == 3
    assert "stopped by kim" in heimdall(node, "list")
    assert "needs the token" in heimdall(node, "resume")
    assert "resumed" in heimdall(node, "resume", "--token", "sesame")
    ended(node, "auto-9", "kept")
    assert replicas(cluster, "auto-9") == 5


def test_a_webhook_is_asked_once_and_asked_about(node: NodeProcess, hook: Recorder) -> None:
    hook.answer = lambda request: (500, b"") if request.path == "/breaker" else (200, b'{"state": "done"}')
    decline(node, "hooked-1")
    run = ended(node, "hooked-1", "kept")
    (asked,) = hook.of("/breaker")
    assert (asked.json["do"], asked.json["run"], asked.json["parameters"]) == ("apply", run["id"], {"percent": 50})
    assert asked.headers["idempotency-key"] == f"{run['id']}-apply"
    assert asked.headers["x-heimdall-signature"].startswith("t=")
    hook.answer = lambda request: (200, b"")
    assert "undoing" in heimdall(node, "undo", run["id"], "--token", "sesame")
    ended(node, "hooked-1", "undone")
    assert [each.json["do"] for each in hook.of("/breaker")] == ["apply", "undo"]


def test_caches_are_warmed(node: NodeProcess, hook: Recorder) -> None:
    decline(node, "warmed-1")
    run = ended(node, "warmed-1", "kept", "failed")
    assert (run["state"], run["does"]) == ("kept", "ask 1 queries over 1h and fetch 1 addresses"), run
    assert len(hook.of("/warm")) == 1
    assert "cannot be undone" in heimdall(node, "undo", run["id"], "--token", "sesame")


def test_bad_requests_say_what_to_do(node: NodeProcess) -> None:
    def ask(path: str, body: object) -> tuple[int, str]:
        answer = httpx.post(f"{node.url}/api/v1/actions/{path}", json=body)
        return answer.status_code, answer.json()["error"]["message"]

    token = {"Authorization": "Bearer sesame"}
    assert ask("simulate", {}) == (400, 'name an "incident", or the "labels" of an alert')
    assert ask("simulate", {"incident": "nope"})[0] == 404
    assert httpx.post(f"{node.url}/api/v1/actions/{'0' * 16}/undo", json={}, headers=token).status_code == 404
    assert httpx.get(f"{node.url}/api/v1/actions?state=nonsense").status_code == 400
    assert httpx.get(f"{node.url}/api/v1/actions/{'0' * 16}").status_code == 404
