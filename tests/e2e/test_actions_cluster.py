"""Actions on a real API server of Kubernetes with its controllers: from records to a release that is rolled back."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from action_runs import RULES, decline, ended, heimdall, until
from node_process import NodeProcess

from real_cluster import ADMIN, HEIMDALL, RealCluster, real_cluster

ACTIONS = """
mode = "auto"

[scope]
namespaces = ["default"]
kinds = ["deployment"]

[limits]
per_hour = 100
at_once = 100

[kubernetes]
url = "{url}"
token = "{token}"
ca = "{ca}"

[[action]]
name = "back"
kind = "kubernetes-rollback"
match = {{ service = "/released-.*/" }}
namespace = "default"
target = "deployment/{{service}}"
per_hour = 100

[[action]]
name = "more"
kind = "kubernetes-scale"
match = {{ service = "/scaled-.*/" }}
namespace = "default"
target = "deployment/{{service}}"
by = 2
max = 9
per_hour = 100
"""
ROLE = [
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "update"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
]
"""What the guide says a node needs; the node of these tests has no more."""
GROUP = "rbac.authorization.k8s.io"


class Admin:
    """Somebody who may do everything."""

    def __init__(self, cluster: RealCluster) -> None:
        verify = ssl.create_default_context(cafile=str(cluster.ca))
        headers = {"Authorization": f"Bearer {ADMIN}"}
        self.http = httpx.Client(base_url=cluster.url, headers=headers, verify=verify, trust_env=False)
        self._place = "/apis/apps/v1/namespaces/default/deployments"

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def permit(self) -> None:
        place = f"/apis/{GROUP}/v1/namespaces/default"
        role = {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": "heimdall"}, "rules": ROLE}
        self.ask("POST", f"{place}/roles", role)
        binding = {
            "apiVersion": f"{GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": "heimdall"},
            "subjects": [{"kind": "User", "name": "heimdall", "apiGroup": GROUP}],
            "roleRef": {"kind": "Role", "name": "heimdall", "apiGroup": GROUP},
        }  # fmt: skip
        self.ask("POST", f"{place}/rolebindings", binding)

    def deployment(self, name: str) -> dict[str, Any]:
        return self.ask("GET", f"{self._place}/{name}")

    def image(self, name: str) -> str:
        return str(self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"])

    def revision(self, name: str) -> str:
        annotations = self.deployment(name)["metadata"].get("annotations") or {}
        return str(annotations.get("deployment.kubernetes.io/revision", ""))

    def create(self, name: str) -> None:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "shop:1"}]}}
        spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
        self.ask("POST", self._place, body)
        until(lambda: self.revision(name) == "1", "first revision")

    def release(self, name: str, image: str, revision: str) -> None:
        for _ in range(20):
            found = self.deployment(name)
            found["spec"]["template"]["spec"]["containers"][0]["image"] = image
            if self.http.put(f"{self._place}/{name}", json=found).is_success:
                break
        until(lambda: self.revision(name) == revision, f"revision {revision}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    with real_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture(scope="module")
def admin(cluster: RealCluster) -> Iterator[Admin]:
    own = Admin(cluster)
    own.permit()
    yield own
    own.http.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, cluster: RealCluster, admin: Admin) -> Iterator[NodeProcess]:
    path: Path = tmp_path_factory.mktemp("actions")
    (path / "rules.toml").write_text(RULES)
    (path / "actions.toml").write_text(ACTIONS.format(url=cluster.url, token=HEIMDALL, ca=cluster.ca))
    settings = {
        "HEIMDALL_ALERTING__ACTIONS": str(path / "actions.toml"),
        "HEIMDALL_ALERTING__RULES": str(path / "rules.toml"),
        "HEIMDALL_ALERTING__GROUP_WINDOW_S": "0.001",
        "HEIMDALL_ALERTING__STORM_INCIDENTS": "1000",
    }
    with NodeProcess(path / "data", environment=settings) as own:
        yield own


def test_a_release_that_alerts_is_rolled_back_and_forward_again(node: NodeProcess, admin: Admin) -> None:
    admin.create("released-1")
    admin.release("released-1", "shop:2", "2")
    decline(node, "released-1")
    run = ended(node, "released-1", "kept", "failed", "blocked")
    assert (run["state"], run["does"]) == (
        "kept", "roll deployment/default/released-1 back from revision 2 to 1 (shop:1)",
    ), run  # fmt: skip
    assert admin.image("released-1") == "shop:1"
    until(lambda: admin.revision("released-1") == "3", "the controller's new revision")
    found = admin.deployment("released-1")["metadata"]
    assert found["annotations"]["heimdall-action"] == run["id"]
    assert "heimdall" in {each["manager"] for each in found["managedFields"]}
    assert "undoing" in heimdall(node, "undo", run["id"])
    ended(node, "released-1", "undone")
    assert admin.image("released-1") == "shop:2"


def test_a_node_killed_at_any_moment_scales_once(node: NodeProcess, admin: Admin) -> None:
    for number, wait_s in enumerate((0.0, 0.3, 0.6, 0.9, 1.2)):
        name = f"scaled-{number}"
        admin.create(name)
        decline(node, name)
        time.sleep(wait_s)
        node.kill()
        node.start()
        run = ended(node, name, "kept", "failed", "blocked", "unknown")
        assert (run["state"], admin.deployment(name)["spec"]["replicas"]) == ("kept", 5), run
