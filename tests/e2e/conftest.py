from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from node_process import NodeProcess


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """A fresh node of this test's own."""
    with NodeProcess(tmp_path / "data") as process:
        yield process


@pytest.fixture(scope="session")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for tests that tell their records apart by a service name of their own."""
    with NodeProcess(tmp_path_factory.mktemp("shared") / "data") as process:
        yield process
