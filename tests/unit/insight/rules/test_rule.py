"""A rule as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdall.errors import InvalidInput, NotFound, QuerySyntaxError
from heimdall.insight.rules.book import RuleBook
from heimdall.insight.rules.rule import RuleKind, Severity, read_rules, rule_of, rules_of
from unit.insight.rules.records import rule

TEXT = """
id = "declines"
name = "Many declined cards"
severity = "P2"
kind = "threshold"
condition = 'service:payment "card declined"'
group_by = ["service"]
threshold = 20
window = "5m"
"""


def test_a_file_says_a_rule() -> None:
    (found,) = rules_of(TEXT, source="a.toml")
    assert (found.id, found.severity, found.kind) == ("declines", Severity.P2, RuleKind.THRESHOLD)
    assert (found.threshold, found.window_ns) == (20, 300 * 10**9)
    row = found.as_row()
    row.pop("source")
    assert rule_of(row, source="a.toml") == found


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "guess"}, "kind must be one of threshold, ratio"),
        ({"window": "soon"}, "window must be a duration"),
        ({"treshold": 1}, "unknown key treshold"),
        ({"threshold": -1}, "threshold must be a number"),
        ({"kind": "sequence", "condition": "a"}, "a sequence has 2 to 10 steps"),
        ({"kind": "ratio", "condition": "a"}, "ratio must be above 0"),
        ({"id": "a b"}, "an id has"),
        ({"condition": 5}, "condition must be text"),
    ],
)
def test_a_wrong_rule_is_told_what_is_wrong(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        rule(**changes)


def test_a_condition_has_no_pipes() -> None:
    with pytest.raises(QuerySyntaxError, match="without pipes"):
        rule(condition="a | head 5")


def test_two_files_cannot_say_the_same_rule(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(TEXT)
    with pytest.raises(InvalidInput, match="there is a rule declines already"):
        read_rules(tmp_path)


def test_a_book_keeps_rules_over_a_restart(tmp_path: Path) -> None:
    book = RuleBook(tmp_path / "rules.db")
    before = book.compiled
    book.put([rule(id="kept", condition="a"), rule(id="gone", condition="b")])
    assert book.compiled is not before
    book.delete("gone")
    book.close()
    again = RuleBook(tmp_path / "rules.db")
    assert [own.id for own in again.rules()] == ["kept"]
    assert again.get("kept").condition == "a"
    with pytest.raises(NotFound):
        again.get("gone")
    again.close()


def test_a_files_rule_is_not_deleted_by_the_api(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.toml").write_text(TEXT)
    book = RuleBook(tmp_path / "rules.db", tmp_path / "rules")
    with pytest.raises(InvalidInput, match=r"stands in .*a\.toml"):
        book.delete("declines")
    book.close()
