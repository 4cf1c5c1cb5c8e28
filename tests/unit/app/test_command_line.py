"""What a shell sees of the command line: exit codes and messages."""

from __future__ import annotations

import sys

import click
import pytest

from heimdall.app import cli


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["heimdall", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


def test_a_command_that_says_it_failed_exits_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(ctx: click.Context, name: str) -> click.Command:
        def fail() -> None:
            raise click.exceptions.Exit(1)

        return click.Command(name, callback=fail)

    monkeypatch.setattr(cli._Commands, "get_command", lambda self, ctx, name: failing(ctx, name))
    assert run(monkeypatch, "ledger") == 1


def test_help_and_version_exit_with_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--version") == 0
    assert run(monkeypatch, "search", "--help") == 0


def test_wrong_usage_exits_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "ingest") == 2
