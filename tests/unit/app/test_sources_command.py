"""`heimdall sources`, against a node that answers from memory."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from heimdall.api.sending import told
from heimdall.app.cli import client, sources
from heimdall.errors import NotFound

NODE = {"ports": {"http": 7373}, "sources": {}}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that were asked; a record has come to Loki's door at the third."""
    paths: list[str] = []

    def get(self: client.NodeClient, path: str, parameters: Any = None) -> Any:
        paths.append(path)
        return {"data": told(NODE, {("loki", "accepted"): int(len(paths) > 2)}, "http", "node", 7373)}

    monkeypatch.setattr(client.NodeClient, "get", get)
    monkeypatch.setattr(sources, "_ASK_EVERY_S", 0.0)
    return paths


def test_senders_are_listed_with_their_state(asked: list[str]) -> None:
    done = CliRunner().invoke(sources.command, [])
    assert done.exit_code == 0
    assert "loki" in done.output
    assert "waiting" in done.output


def test_a_snippet_alone_is_on_standard_output(asked: list[str]) -> None:
    done = CliRunner().invoke(sources.command, ["syslog"])
    assert done.stdout.startswith('action(type="omfwd" target="node" port="5514"')
    assert "not turned on: sources.syslog.ports" in done.stderr


def test_it_waits_for_the_first_record(asked: list[str]) -> None:
    done = CliRunner().invoke(sources.command, ["loki", "--wait"])
    assert done.exit_code == 0
    assert "records have come" in done.stderr
    assert len(asked) == 3


def test_wrong_names_are_told(asked: list[str]) -> None:
    assert isinstance(CliRunner().invoke(sources.command, ["nobody"]).exception, NotFound)
    assert CliRunner().invoke(sources.command, ["--wait"]).exit_code == 2
