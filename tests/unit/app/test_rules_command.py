"""`heimdall rules import --dry-run` needs no node: it says what can be imported, and why the rest cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from heimdall.app.cli import cli
from heimdall.errors import InvalidInput

GOOD = "title: Good\nid: good\nlevel: critical\nlogsource: {}\ndetection:\n  sel:\n    a: b\n  condition: sel\n"
BAD = GOOD.replace("a: b", "a|fieldref: c").replace("good", "bad")


def test_a_dry_run_names_what_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(GOOD)
    (tmp_path / "bad.yml").write_text(BAD)
    result = CliRunner().invoke(cli, ["rules", "import", str(tmp_path), "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "1 would be imported (50.0%), 1 not:" in result.output
    assert "bad.yml: compares two fields of one record (fieldref)" in result.output
    assert "P1: 1" in result.output


def test_json_can_be_read_by_programs(tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(GOOD)
    result = CliRunner().invoke(cli, ["rules", "import", str(tmp_path), "--dry-run", "-o", "json"])
    assert json.loads(result.output) == {"imported": 1, "share": 1.0, "refused": []}


@pytest.mark.parametrize(
    ("words", "said"),
    [(["add"], "there is no rule in"), (["test"], "there is no rule in"), (["import"], "there is no Sigma rule in")],
)
def test_a_folder_without_rules_is_no_success(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "rules.txt").write_text(GOOD)
    failure = CliRunner().invoke(cli, ["rules", *words, str(tmp_path)]).exception
    assert isinstance(failure, InvalidInput)
    assert str(failure).startswith(f"{said} {tmp_path}; of a folder every .")
