"""What the docs tell people to type works: blocks run against a real node, every command line is one we have."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import httpx
import pytest

from heimdall.app.cli import cli

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from node_process import NodeProcess  # noqa: E402  # lives beside the end-to-end tests

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HELP = re.compile(r"^```text\n.*?^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?: {4}|\$ )?(?:\S+ .*\| )?(heimdall .+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path_factory.mktemp("docs") / "data") as process:
        yield process


def run(block: str, node: NodeProcess) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HEIMDALL_URL": node.url,
    }
    script = block.replace("http://127.0.0.1:7373", node.url)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, timeout=100
    )


def test_the_quick_start_runs_from_top_to_bottom(node: NodeProcess) -> None:
    blocks = _BLOCK.findall((ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 4
    for number, block in enumerate(blocks):
        done = run(block, node)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), f"says nothing:\n{block}"
        if number == 0:
            assert '"accepted":2' in done.stdout
            node.wait_for_count(2)
        else:
            assert "payment" in done.stdout or "card" in done.stdout or "default" in done.stdout, done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_is_one_we_have(page: Path) -> None:
    for line in _COMMAND.findall(_HELP.sub("", page.read_text(encoding="utf-8"))):
        words = shlex.split(line.replace("…", "x"), comments=True)
        words = words[1 : next((i for i, word in enumerate(words) if word in ("|", "<", ">", "&&")), len(words))]
        if any("[" in word or word.isupper() for word in words[:2]):
            continue  # a usage line, not an example
        _parse(words, line)


def _parse(words: list[str], line: str) -> None:
    command: click.Command = cli
    context = click.Context(cli, info_name="heimdall")
    while isinstance(command, click.Group) and words:
        name, found, words = command.resolve_command(context, words)
        assert found is not None, f"no such command: {line}"
        try:
            command, context = found, found.make_context(name, list(words), parent=context)
        except click.BadParameter as exc:
            if "does not exist" in exc.message:
                return  # the reader's own file
            raise AssertionError(f"{line}: {exc.message}") from exc
        except click.UsageError as exc:
            raise AssertionError(f"{line}: {exc.message}") from exc


def test_every_route_is_in_the_api_reference(node: NodeProcess) -> None:
    page = re.sub(r"\{\w+\}", "{}", (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 20
    while (answer := httpx.get(f"{node.url}/openapi.json", timeout=20)).status_code != 200:
        assert time.monotonic() < deadline
    paths = [re.sub(r"\{\w+\}", "{}", path) for path in [*answer.json()["paths"], "/api/v1/logs", "/v1/logs"]]
    assert len(paths) > 10
    missing = [
        path
        for path in paths
        if path not in page and f"`{path.removeprefix('/api/v1/')}`" not in page and f"{path}?" not in page
    ]
    assert missing == []
