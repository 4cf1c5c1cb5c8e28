"""What actions on Kubernetes promise, over an API server in memory and over a real one."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from heimdall.alerting.actions.kubernetes.api import Conflict, KubernetesApi, path_of
from heimdall.alerting.actions.kubernetes.rollback import open_rollback
from heimdall.alerting.actions.kubernetes.scale import open_scale
from heimdall.alerting.actions.kubernetes.switch import open_switch
from heimdall.alerting.mitigation.action import Action, Call, Outcome
from heimdall.clock import SystemClock
from heimdall.errors import Denied, Misconfigured, NotFound, Refused
from real_cluster import ADMIN, HEIMDALL, real_cluster
from recorded_cluster import recorded_cluster

CALL = Call(id="0123456789abcdef", incident="i", alert="a", labels={"service": "payment"}, statement="s")
_PLURALS = {"apps/v1": "/apis/apps/v1", "v1": "/api/v1", "autoscaling/v2": "/apis/autoscaling/v2"}


class Cluster:
    """What tests talk to: one namespace, as somebody who may do everything."""

    def __init__(self, url: str, ca: str, *, real: bool) -> None:
        self.url = url
        self.ca = ca
        self.real = real
        self.api = KubernetesApi(url, token=ADMIN, ca=ca)
        headers = {"Authorization": f"Bearer {ADMIN}"}
        self._http = httpx.Client(
            base_url=url, headers=headers, verify=ssl.create_default_context(cafile=ca or None), trust_env=False
        )
        self._number = 0
        self.namespace = ""

    def close(self) -> None:
        self._http.close()
        self.api.close()

    def fresh(self) -> None:
        """Every test has a namespace of its own."""
        self._number += 1
        self.namespace = f"shop-{self._number}"
        if self.real:
            self.post("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": self.namespace}})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def create(self, plural: str, body: dict[str, Any]) -> None:
        self.post(f"{_PLURALS[body['apiVersion']]}/namespaces/{self.namespace}/{plural}", body)

    def deployment(self, name: str = "payment", replicas: int = 3, image: str = "shop/payment:1") -> None:
        labels = {"app": name}
        container = {"name": "main", "image": image, "env": [{"name": "MODE", "value": "live"}]}
        self.create(
            "deployments",
            {
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                "spec": {
                    "replicas": replicas, "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
                },
            },
        )  # fmt: skip
        self.rolled_out(image, name)

    def release(self, image: str, name: str = "payment") -> None:
        found = self.api.get("deployment", self.namespace, name)
        found["spec"]["template"]["spec"]["containers"][0]["image"] = image
        found["metadata"].pop("resourceVersion")
        self.api.put("deployment", self.namespace, name, found)
        self.rolled_out(image, name)

    def rolled_out(self, image: str, name: str = "payment") -> None:
        """The controller has a ReplicaSet for it, and the deployment says which revision it is."""

        def done() -> bool:
            revision = self.revision(name)
            return any(
                image_of(each) == image and (each["metadata"].get("annotations") or {}).get(REVISION) == revision
                for each in self.api.list("replicaset", self.namespace)
            )

        until(done, f"ReplicaSet of {image}")

    def revision(self, name: str = "payment") -> str:
        found = self.api.get("deployment", self.namespace, name)
        return str((found["metadata"].get("annotations") or {}).get(REVISION, ""))

    def image(self, name: str = "payment") -> str:
        return image_of(self.api.get("deployment", self.namespace, name))

    def replicas(self, name: str = "payment", kind: str = "deployment") -> int:
        return int(self.api.get(kind, self.namespace, name)["spec"]["replicas"])


REVISION = "deployment.kubernetes.io/revision"


def image_of(found: dict[str, Any]) -> str:
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def until(found: Callable[[], Any], what: str, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module", params=["recorded", "real"])
def every_test(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if request.param == "recorded":
        with recorded_cluster() as server:
            own = Cluster(server.url, "", real=False)
            yield own
            own.close()
    else:
        with real_cluster(tmp_path_factory.mktemp("cluster")) as found:
            own = Cluster(found.url, str(found.ca), real=True)
            yield own
            own.close()


@pytest.fixture
def cluster(every_test: Cluster) -> Cluster:
    every_test.fresh()
    return every_test


def scale(cluster: Cluster, **given: Any) -> Action:
    settings = {"namespace": cluster.namespace, "target": "deployment/{service}", "max": 6} | given
    return open_scale(settings, cluster.api, "action s")


def rollback(cluster: Cluster, **given: Any) -> Action:
    settings = {"namespace": cluster.namespace, "target": "deployment/{service}"} | given
    return open_rollback(settings, cluster.api, SystemClock(), "action r")


def switch(cluster: Cluster, **given: Any) -> Action:
    settings = {"namespace": cluster.namespace, "target": "configmap/flags"} | given
    return open_switch(settings, cluster.api, "action c")


def there_and_back(action: Action) -> None:
    """What holds of every action: each half is known by reading, and done twice it is done once."""
    plan = action.plan(CALL)
    assert plan.changes
    assert action.check(CALL, plan) is Outcome.NOT_DONE
    action.apply(CALL, plan)
    assert action.check(CALL, plan) is Outcome.DONE
    action.apply(CALL, plan)
    assert action.check(CALL, plan) is Outcome.DONE
    assert action.check_undo(CALL, plan) is Outcome.NOT_DONE
    action.undo(CALL, plan)
    assert action.check_undo(CALL, plan) is Outcome.DONE
    assert action.check(CALL, plan) is Outcome.NOT_DONE


# -- scale ------------------------------------------------------------------------------------------------------------


def test_a_deployment_is_scaled_up_and_back(cluster: Cluster) -> None:
    cluster.deployment(replicas=3)
    action = scale(cluster, by=2)
    plan = action.plan(CALL)
    name = f"deployment/{cluster.namespace}/payment"
    assert (plan.does, plan.undoes) == (
        f"scale {name} from 3 to 5 replicas", f"scale {name} back to 3 replicas",
    )  # fmt: skip
    action.apply(CALL, plan)
    assert cluster.replicas() == 5
    action.undo(CALL, plan)
    assert cluster.replicas() == 3
    there_and_back(action)


def test_a_stateful_set_is_scaled_by_a_factor_within_its_bounds(cluster: Cluster) -> None:
    labels = {"app": "payment"}
    container = {"name": "main", "image": "shop/payment:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 4, "serviceName": "payment", "selector": {"matchLabels": labels}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "payment"}, "spec": spec}
    cluster.create("statefulsets", body)
    action = scale(cluster, target="statefulset/payment", factor=2, max=6)
    action.apply(CALL, action.plan(CALL))
    assert cluster.replicas(kind="statefulset") == 6
    again = action.plan(CALL)
    assert (again.changes, "has 6 replicas" in again.does) == (False, True)


def test_what_somebody_else_has_scaled_meanwhile_is_left_alone(cluster: Cluster) -> None:
    cluster.deployment(replicas=3)
    action, other = scale(cluster, by=2), scale(cluster, by=1)
    plan = action.plan(CALL)
    other.apply(CALL, other.plan(CALL))
    with pytest.raises(Conflict, match="has 4 replicas, not 3"):
        action.apply(CALL, plan)
    assert action.check(CALL, plan) is Outcome.CHANGED
    with pytest.raises(Conflict):
        action.undo(CALL, plan)
    assert cluster.replicas() == 4


def test_what_is_turned_off_stays_off(cluster: Cluster) -> None:
    cluster.deployment(replicas=0)
    with pytest.raises(Refused, match="turned it off"):
        scale(cluster, by=2).plan(CALL)


def test_an_autoscaler_keeps_its_own(cluster: Cluster) -> None:
    cluster.deployment()
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "payment"}, "maxReplicas": 9}
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "own"},
        "spec": spec,
    }
    cluster.create("horizontalpodautoscalers", body)
    with pytest.raises(Refused, match="HorizontalPodAutoscaler own"):
        scale(cluster, by=2).plan(CALL)


def test_what_is_not_there_is_said_to_be_missing(cluster: Cluster) -> None:
    with pytest.raises(NotFound, match="not found"):
        scale(cluster, by=2).plan(CALL)


# -- rollback ---------------------------------------------------------------------------------------------------------


def test_a_release_is_rolled_back_to_the_revision_before_it_and_forward_again(cluster: Cluster) -> None:
    cluster.deployment(image="shop/payment:1")
    cluster.release("shop/payment:2")
    cluster.release("shop/payment:3")
    assert cluster.revision() == "3"
    action = rollback(cluster)
    plan = action.plan(CALL)
    assert plan.does.endswith("from revision 3 to 2 (shop/payment:2)")
    assert "live" not in str(plan), "nothing of the template is kept: it may hold secrets"
    action.apply(CALL, plan)
    assert cluster.image() == "shop/payment:2"
    until(lambda: cluster.revision() == "4", "new revision")
    found = cluster.api.get("deployment", cluster.namespace, "payment")
    assert found["metadata"]["annotations"]["heimdall-action"] == CALL.id
    assert "pod-template-hash" not in found["spec"]["template"]["metadata"]["labels"]
    action.undo(CALL, plan)
    assert cluster.image() == "shop/payment:3"
    until(lambda: cluster.revision() == "5", "new revision")
    there_and_back(action)


def test_a_deployment_without_a_past_is_not_rolled_back(cluster: Cluster) -> None:
    cluster.deployment()
    with pytest.raises(Refused, match="has no revision before 1"):
        rollback(cluster).plan(CALL)


def test_an_old_release_is_not_what_just_went_wrong(cluster: Cluster) -> None:
    cluster.deployment()
    cluster.release("shop/payment:2")
    time.sleep(2.1)
    with pytest.raises(Refused, match="revision 2 is .* old, more than within"):
        rollback(cluster, within="1s").plan(CALL)


def test_a_release_in_between_is_not_rolled_back(cluster: Cluster) -> None:
    cluster.deployment()
    cluster.release("shop/payment:2")
    action = rollback(cluster)
    plan = action.plan(CALL)
    cluster.release("shop/payment:3")
    with pytest.raises(Conflict, match="somebody else"):
        action.apply(CALL, plan)
    assert action.check(CALL, plan) is Outcome.CHANGED
    assert cluster.image() == "shop/payment:3"


def test_a_paused_deployment_is_left_alone(cluster: Cluster) -> None:
    cluster.deployment()
    cluster.release("shop/payment:2")
    found = cluster.api.get("deployment", cluster.namespace, "payment")
    found["metadata"].pop("resourceVersion")
    found["spec"]["paused"] = True
    cluster.api.put("deployment", cluster.namespace, "payment", found)
    with pytest.raises(Refused, match="paused"):
        rollback(cluster).plan(CALL)


# -- switch -----------------------------------------------------------------------------------------------------------


def flags(cluster: Cluster, **data: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": data}
    cluster.create("configmaps", body)


def test_a_key_of_a_config_map_is_set_and_set_back(cluster: Cluster) -> None:
    flags(cluster, breaker="closed", other="1")
    action = switch(cluster, key="breaker", value="open")
    plan = action.plan(CALL)
    action.apply(CALL, plan)
    assert cluster.api.get("configmap", cluster.namespace, "flags")["data"] == {"breaker": "open", "other": "1"}
    action.undo(CALL, plan)
    there_and_back(action)
    assert cluster.api.get("configmap", cluster.namespace, "flags")["data"] == {"breaker": "closed", "other": "1"}


def test_a_key_that_was_not_there_is_taken_away_again(cluster: Cluster) -> None:
    flags(cluster, other="1")
    there_and_back(switch(cluster, key="breaker", value="open"))
    assert cluster.api.get("configmap", cluster.namespace, "flags")["data"] == {"other": "1"}


def test_an_annotation_is_set_on_an_object_that_has_none(cluster: Cluster) -> None:
    spec = {"ports": [{"port": 80}], "selector": {"app": "payment"}}
    cluster.create("services", {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "payment"}, "spec": spec})
    there_and_back(switch(cluster, target="service/{service}", annotation="example.org/outlier-limit", value="1"))


@pytest.mark.parametrize("given", [{"annotation": "a/b/c"}, {"annotation": "-x"}, {"key": "a b"}, {"key": ""}])
def test_a_name_that_no_server_takes_is_refused_at_the_start(cluster: Cluster, given: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="of an object"):
        switch(cluster, value="open", **given)


def test_a_switch_that_somebody_else_has_thrown_is_theirs(cluster: Cluster) -> None:
    flags(cluster, breaker="closed")
    action, other = switch(cluster, key="breaker", value="open"), switch(cluster, key="breaker", value="half")
    plan = action.plan(CALL)
    other.apply(CALL, other.plan(CALL))
    with pytest.raises(Conflict, match="somebody else"):
        action.apply(CALL, plan)
    assert action.check(CALL, plan) is Outcome.CHANGED


# -- versions and permissions -----------------------------------------------------------------------------------------


def test_a_patch_of_an_old_version_changes_nothing(cluster: Cluster) -> None:
    flags(cluster, breaker="closed")
    version = cluster.api.get("configmap", cluster.namespace, "flags")["metadata"]["resourceVersion"]
    patch = [{"op": "add", "path": "/data", "value": {"breaker": "open"}}]
    cluster.api.patch("configmap", cluster.namespace, "flags", version, patch)
    with pytest.raises(Conflict, match="modified"):
        cluster.api.patch("configmap", cluster.namespace, "flags", version, patch)


def test_a_scale_of_an_old_version_changes_nothing(cluster: Cluster) -> None:
    cluster.deployment(replicas=3)
    old = cluster.api.get("deployment", cluster.namespace, "payment", "scale")
    action = scale(cluster, by=1)
    action.apply(CALL, action.plan(CALL))  # as often as the server's own writing of the status makes it necessary
    with pytest.raises(Conflict, match="modified"):
        cluster.api.put("deployment", cluster.namespace, "payment", old | {"spec": {"replicas": 9}}, "scale")
    assert cluster.replicas() == 4


def test_no_label_becomes_another_path(cluster: Cluster) -> None:
    for name in ("../secrets", "a/b", "A", "", "x" * 300, "a b", "é"):
        with pytest.raises(Refused):
            scale(cluster, by=1).target({"service": name})
    with pytest.raises(Refused, match="is no name"):
        path_of("deployment", "shop", "..")


PERMISSIONS = [
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "update"]},
]


def test_the_permissions_of_the_guide_are_enough_to_scale_and_no_more(cluster: Cluster) -> None:
    if not cluster.real:
        pytest.skip("the API server in memory has no permissions")
    cluster.deployment(replicas=3)
    cluster.release("shop/payment:2")
    group = "rbac.authorization.k8s.io"
    place = f"/apis/{group}/v1/namespaces/{cluster.namespace}"
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "heimdall"}, "rules": PERMISSIONS}
    cluster.post(f"{place}/roles", role)
    binding = {
        "apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": "heimdall"},
        "subjects": [{"kind": "User", "name": "heimdall", "apiGroup": group}],
        "roleRef": {"kind": "Role", "name": "heimdall", "apiGroup": group},
    }  # fmt: skip
    cluster.post(f"{place}/rolebindings", binding)
    api = KubernetesApi(cluster.url, token=HEIMDALL, ca=cluster.ca)
    settings = {"namespace": cluster.namespace, "target": "deployment/payment"}

    def scaled() -> bool:
        try:
            there_and_back(open_scale(settings | {"by": 2, "max": 9}, api, "action s"))
        except Denied:  # the server takes a moment to know of a role
            return False
        return True

    until(scaled, "permission to scale")
    action = open_rollback(settings, api, SystemClock(), "action r")
    plan = action.plan(CALL)
    with pytest.raises(Denied, match="cannot patch resource"):
        action.apply(CALL, plan)
    with pytest.raises(Denied, match="forbidden"):
        api.get("configmap", cluster.namespace, "flags")
    nobody = KubernetesApi(cluster.url, token="wrong", ca=cluster.ca)
    with pytest.raises(Denied, match="401"):
        nobody.get("deployment", cluster.namespace, "payment")
    api.close()
    nobody.close()


def test_the_state_of_a_file_is_read_at_every_request(cluster: Cluster, tmp_path: Path) -> None:
    if not cluster.real:
        pytest.skip("the API server in memory takes every token")
    cluster.deployment()
    token = tmp_path / "token"
    token.write_text("old")
    api = KubernetesApi(cluster.url, token=f"file:{token}", ca=cluster.ca)
    with pytest.raises(Denied):
        api.get("deployment", cluster.namespace, "payment")
    token.write_text(f"{ADMIN}\n")
    assert api.get("deployment", cluster.namespace, "payment")["metadata"]["name"] == "payment"
    api.close()
