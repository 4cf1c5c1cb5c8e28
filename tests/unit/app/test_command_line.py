"""What a shell sees of the command line: exit codes and messages."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from rich.console import Console

from heimdall.app import cli
from heimdall.app.cli.client import NodeClient
from heimdall.app.cli.ingest import pattern_of
from heimdall.app.cli.output import console, print_rows, table
from heimdall.app.cli.up import _welcome
from heimdall.query.languages.hql import parse


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


def test_a_reader_that_has_enough_is_no_failure() -> None:
    program = (
        "import sys, click\n"
        "from heimdall.app import cli\n"
        "from heimdall.app.cli.output import console\n"
        "how = sys.argv.pop()\n"
        "def write():\n"
        "    for _ in range(100_000):\n"
        "        console().print('a row') if how == 'rows' else click.echo('a line')\n"
        "cli._Commands.get_command = lambda self, ctx, name: click.Command(name, callback=write)\n"
        "cli.main()\n"
    )
    for how in ("rows", "lines"):
        command = f'{sys.executable} -c "$PROGRAM" search {how} | head -1; echo ${{PIPESTATUS[0]}}'
        done = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, timeout=60, env=os.environ | {"PROGRAM": program}
        )
        assert done.stdout.splitlines()[1:] == ["0"], done
        assert done.stderr == ""


def test_help_and_version_exit_with_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--version") == 0
    assert run(monkeypatch, "search", "--help") == 0


def test_wrong_usage_exits_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "ingest") == 2


@pytest.mark.parametrize(
    ("word", "told"),
    [("serch", "did you mean 'search'?"), ("patterns", "'* | patterns'"), ("xyz", "commands are up, demo")],
)
def test_a_word_that_is_no_command_is_answered_with_what_comes_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, told: str
) -> None:
    assert run(monkeypatch, word) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("url", ["foo://x", "http://", "http://[::1"])
def test_an_address_that_no_node_has_is_said_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert run(monkeypatch, "search", "x", "--url", url) == 2
    assert "it has the form http://127.0.0.1:7373" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("alerts", "silence"), ("actions", "simulate")])
@pytest.mark.parametrize("word", ["payment", "=payment"])
def test_a_label_without_a_value_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, str], word: str
) -> None:
    assert run(monkeypatch, *command, "severity=P3", word) == 2
    assert f"'{word}' is no label=value; write service=payment" in capsys.readouterr().err


def test_an_address_needs_no_scheme() -> None:
    assert NodeClient("127.0.0.1:7373/").url == "http://127.0.0.1:7373"
    assert NodeClient("https://logs.example").url == "https://logs.example"


def test_a_table_in_a_pipe_is_a_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "c860a54dfb74b37e", "time": "2026-11-27T11:47:00.250000000Z", "ok": True, "text": "word " * 60}]
    print_rows(rows, console())
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["id", "time", "ok", "text"]
    assert row.startswith("c860a54dfb74b37e  2026-11-27 11:47:00.25  yes  word word")


def test_a_narrow_terminal_keeps_ids_and_times_whole() -> None:
    target = Console(width=60, file=io.StringIO(), force_terminal=False)
    target.print(table([{"id": "c860a54dfb74b37e", "time": "2026-11-27T11:47:00Z", "text": "some words " * 9}]))
    assert isinstance(target.file, io.StringIO)
    told = target.file.getvalue()
    assert "c860a54dfb74b37e" in told
    assert "2026-11-27 11:47:00" in told


def test_columns_that_were_chosen_are_shown_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"timestamp": "2026-11-27T11:47:00Z", "message": "card declined", "status": 402}], console())
    assert capsys.readouterr().out.splitlines() == [
        "timestamp            message        status",
        "2026-11-27 11:47:00  card declined     402",
    ]


def test_a_group_without_its_key_leaves_the_key_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"n": 908}, {"service": "pay", "n": 300}, {"service": "sshd", "level": "warn", "n": 30, "share": 0.5}]
    print_rows(rows, console())
    assert capsys.readouterr().out.splitlines()[0].split() == ["service", "level", "n", "share"]


def test_the_name_of_a_file_that_is_there_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "app[1].log").touch()
    (tmp_path / "logs[2]").mkdir()
    assert pattern_of(str(tmp_path / "app[1].log")) == str(tmp_path / "app[[]1].log")
    assert pattern_of(str(tmp_path / "logs[2]")) == str(tmp_path / "logs[[]2]" / "**")
    assert pattern_of(str(tmp_path / "app[2-9].log")) == str(tmp_path / "app[2-9].log")


@pytest.mark.parametrize("setting", ["server.alias_ports", "sources.syslog.ports"])
def test_a_number_that_is_no_port_stops_the_start(tmp_path: Path, setting: str) -> None:
    variable = "HEIMDALL_" + setting.upper().replace(".", "__")
    command = [sys.executable, "-m", "heimdall", "up", "--port", "0", "--data", str(tmp_path / "data")]
    done = subprocess.run(
        command, env=os.environ | {variable: "99999"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr == f"heimdall: setting {setting}: 99999 is not a port; use 0 to 65535\n"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:7373", "heimdall search 'level>=warn' --from -1h\n"),
        ("http://127.0.0.1:8080", "heimdall search 'level>=warn' --from -1h --url http://127.0.0.1:8080\n"),
    ],
)
def test_what_a_start_says_to_ask_with_asks_this_node(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, url: str, told: str
) -> None:
    _welcome(url, [8080], tmp_path)
    assert told in capsys.readouterr().err


def test_the_command_that_is_named_in_place_of_anomalies_is_understood(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "anomalies") == 2
    (query,) = re.findall("heimdall search '([^']*)'", capsys.readouterr().err)
    assert [type(pipe).__name__ for pipe in parse(query).pipes] == ["Timechart", "Anomalies"]
