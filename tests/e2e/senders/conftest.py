"""Real senders, unchanged: installed here from their registries, pointed at a real node, asked what they think.

Clients live in pytest's cache folder, so that only the first run installs them. What cannot be had is skipped by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from node_process import NodeProcess
from server_process import free_port

from installing import one_at_a_time

CLIENTS = Path(__file__).parent / "clients"
_INSTALL_S = 300
_RUN_S = 60


@dataclass(frozen=True)
class Receiver:
    """A node with an Elasticsearch port."""

    process: NodeProcess
    elasticsearch: str
    otlp_grpc: str

    @property
    def url(self) -> str:
        return self.process.url

    def rows(self, service: str, expected: int, field: str = "service") -> list[dict[str, Any]]:
        """What is found of a service once `expected` records are stored."""
        self.process.wait_for_count(expected, f"{field}:{service}")
        return list(self.process.search(f"{field}:{service}", limit=expected)["data"])


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    elasticsearch, grpc = free_port(), free_port()
    with NodeProcess(
        tmp_path_factory.mktemp("receiver") / "data",
        environment={
            "HEIMDALL_SERVER__ALIAS_PORTS": f"{elasticsearch},{grpc}",
            "HEIMDALL_SERVER__ELASTICSEARCH_PORT": str(elasticsearch),
            "HEIMDALL_SERVER__OTLP_GRPC_PORT": str(grpc),
        },
    ) as process:
        yield Receiver(process, f"http://127.0.0.1:{elasticsearch}", f"127.0.0.1:{grpc}")


@dataclass(frozen=True)
class PythonClients:
    cache: Path

    def run(self, script: str, requirements: tuple[str, ...], *arguments: str) -> str:
        """What `clients/<script>` says, with the packages of `requirements` and nothing else beside it."""
        folder = self.cache / "-".join(requirements).replace("/", "_")
        with one_at_a_time("senders-python"):
            if not (folder / ".complete").exists():
                command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
                done = _try([*command, "--target", str(folder), *requirements])
                if done is not None:
                    pytest.skip(f"{', '.join(requirements)} cannot be installed: {done}")
                (folder / ".complete").touch()
        return _run([sys.executable, str(CLIENTS / script), *arguments], {"PYTHONPATH": str(folder)})


@dataclass(frozen=True)
class NodeClients:
    folder: Path

    def run(self, script: str, *arguments: str) -> str:
        """What `clients/<script>` says, with the packages of `package.json`."""
        return _run(["node", str(shutil.copy(CLIENTS / script, self.folder)), *arguments])


@pytest.fixture(scope="session")
def python_clients(pytestconfig: pytest.Config) -> PythonClients:
    return PythonClients(Path(pytestconfig.cache.mkdir("senders-python")))


@pytest.fixture(scope="session")
def node_clients(pytestconfig: pytest.Config) -> NodeClients:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: no JavaScript senders")
    folder = Path(pytestconfig.cache.mkdir("senders-npm"))
    wanted = (CLIENTS / "package.json").read_text()
    marker = folder / ".complete"
    with one_at_a_time("senders-npm"):
        if not marker.exists() or marker.read_text() != wanted:
            (folder / "package.json").write_text(wanted)
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
            done = _try(command)
            if done is not None:
                pytest.skip(f"the JavaScript senders cannot be installed: {done}")
            marker.write_text(wanted)
    return NodeClients(folder)


def debian_program(program: str, *packages: str) -> str:
    """Path of a program, installed where it is missing and may be."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        with one_at_a_time("debian"):
            _try(["apt-get", "install", "-y", "--no-install-recommends", *packages])
        found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"{program} ({', '.join(packages)}) is not installed")
    return found


def _try(command: list[str]) -> str | None:
    """None when it worked, else its last words."""
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_S)
    except (subprocess.SubprocessError, OSError) as exc:
        said = getattr(exc, "stderr", None) or str(exc).encode()
        return said.decode(errors="replace").strip()[-300:]
    return None


def _run(command: list[str], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, timeout=_RUN_S, env=os.environ | (environment or {}), check=False
    )
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{said}\n{done.stderr.decode(errors='replace')[-4000:]}"
    return said


def told(answer: httpx.Response) -> Any:
    return orjson.loads(answer.content)
