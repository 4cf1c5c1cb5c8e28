"""A real API server of Kubernetes on 127.0.0.1 for tests, with etcd and the controllers of Deployments and ReplicaSets.

There are no nodes, so no pod ever runs; objects, versions, subresources, revisions and permissions are the real thing.
The programs are looked for in `PATH` and in the folder that `make kubernetes` builds them into.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from server_process import free_port

BUILT = Path.home() / ".cache" / "heimdall-tests" / "kubernetes"
ADMIN = "not-a-secret-admin"
HEIMDALL = "not-a-secret-heimdall"
"""Token of a user who may do nothing until a test says so."""
_STARTS_WITHIN_S = 110


@dataclass(frozen=True)
class RealCluster:
    url: str
    ca: Path
    token: str = ADMIN


@contextmanager
def real_cluster(folder: Path) -> Iterator[RealCluster]:
    """Skips the test, naming what is missing, where there is none."""
    etcd, server, controllers = (_program(each) for each in ("etcd", "kube-apiserver", "kube-controller-manager"))
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)  # noqa: S603, S607
    (folder / "tokens.csv").write_text(f"{ADMIN},admin,1,system:masters\n{HEIMDALL},heimdall,2,\n", encoding="utf-8")
    peer, client, port, other = (free_port() for _ in range(4))
    running: list[subprocess.Popen[bytes]] = []
    try:
        running.append(
            _start(
                folder, etcd, "--data-dir", str(folder / "etcd"), "--listen-client-urls", f"http://127.0.0.1:{client}",
                "--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--unsafe-no-fsync",
            )
        )  # fmt: skip
        running.append(
            _start(
                folder, server, "--etcd-servers", f"http://127.0.0.1:{client}", "--secure-port", str(port),
                "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1", "--cert-dir", str(folder / "tls"),
                "--token-auth-file", str(folder / "tokens.csv"), "--authorization-mode", "RBAC",
                "--service-account-issuer", "https://heimdall.test", "--service-account-key-file", str(key),
                "--service-account-signing-key-file", str(key), "--service-cluster-ip-range", "10.0.0.0/24",
                "--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none",
            )
        )  # fmt: skip
        found = RealCluster(f"https://127.0.0.1:{port}", folder / "tls" / "apiserver.crt")
        _wait(found, running)
        config = folder / "controllers.yaml"
        config.write_text(_KUBECONFIG.format(url=found.url, ca=found.ca, token=ADMIN), encoding="utf-8")
        running.append(
            _start(
                folder, controllers, "--kubeconfig", str(config), "--leader-elect=false", "--secure-port", str(other),
                "--bind-address", "127.0.0.1", "--cert-dir", str(folder / "controllers"),
                "--controllers", "deployment,replicaset", "--use-service-account-credentials=false",
            )
        )  # fmt: skip
        yield found
    finally:
        for process in reversed(running):
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


_KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{{name: test, cluster: {{server: "{url}", certificate-authority: "{ca}"}}}}]
users: [{{name: test, user: {{token: "{token}"}}}}]
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
current-context: test
"""


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{BUILT}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        how = "apt-get install etcd-server" if name == "etcd" else "make kubernetes builds it, in about half an hour"
        pytest.skip(f"{name} is not installed ({how})")
    return found


def _start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / f"{Path(program).name}.log").open("ab") as log:
        return subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=folder)  # noqa: S603


def _wait(cluster: RealCluster, running: list[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    headers = {"Authorization": f"Bearer {ADMIN}"}
    while time.monotonic() < deadline:
        assert all(each.poll() is None for each in running), "etcd or kube-apiserver has ended; see its log"
        try:
            if httpx.get(f"{cluster.url}/readyz", headers=headers, verify=False, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"kube-apiserver was not ready within {_STARTS_WITHIN_S} s")
