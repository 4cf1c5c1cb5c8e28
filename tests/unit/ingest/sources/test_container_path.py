"""What the path of a container's log says."""

from __future__ import annotations

import pytest

from heimdall.ingest.sources.container_path import origin_of

ID = "0123456789abcdef" * 4
UID = "7f0c1d2e-0000-4000-8000-0123456789ab"


@pytest.mark.parametrize("rotated", ["", ".20261122-101530", ".20261122-101530.gz"])
def test_a_pods_log(rotated: str) -> None:
    origin = origin_of(f"/var/log/pods/shop_cart-5d9c-x2_{UID}/cart/3.log{rotated}")
    assert origin is not None
    assert (origin.service, origin.instance) == ("cart", "cart-5d9c-x2")
    assert origin.attributes == {
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "cart-5d9c-x2",
        "k8s.pod.uid": UID,
        "k8s.container.name": "cart",
        "k8s.container.restart_count": "3",
    }


def test_a_static_pods_uid_is_a_hash() -> None:
    origin = origin_of(f"/var/log/pods/kube-system_etcd-node1_{'ab' * 16}/etcd/0.log")
    assert origin is not None
    assert origin.attributes["k8s.pod.uid"] == "ab" * 16


def test_the_link_beside_it() -> None:
    origin = origin_of(f"/var/log/containers/cart-5d9c-x2_shop_side-car-{ID}.log")
    assert origin is not None
    assert (origin.service, origin.instance) == ("side-car", "cart-5d9c-x2")
    assert origin.attributes["container.id"] == ID
    assert origin.attributes["k8s.namespace.name"] == "shop"


def test_dockers_own_file_knows_its_id_only() -> None:
    origin = origin_of(f"/var/lib/docker/containers/{ID}/{ID}-json.log.1")
    assert origin is not None
    assert (origin.service, origin.instance, origin.attributes) == (None, None, {"container.id": ID})


@pytest.mark.parametrize(
    "path", ["/var/log/app.log", "/var/log/pods/x/0.log", "a_b_c/d/1.log", "/var/log/pods/a_b_c/d/0.log"]
)
def test_other_files_say_nothing(path: str) -> None:
    assert origin_of(path) is None
