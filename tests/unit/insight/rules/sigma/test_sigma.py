"""Sigma files → the records they find, and the reasons where they cannot be said."""

from __future__ import annotations

from typing import Any

import pytest

from heimdall.insight.rules.columns import RuleColumns
from heimdall.insight.rules.engine import CompiledRules
from heimdall.insight.rules.rule import RuleKind, Severity
from heimdall.insight.rules.sigma import Imported, import_text
from unit.insight.rules.records import engine, fired, table


def imported(detection: str, source: str = "category: anything") -> Imported:
    lines = "\n".join(f"    {line}" for line in detection.strip().splitlines())
    text = f"title: A test\nid: t-1\nlevel: high\nauthor: Somebody\nlogsource:\n    {source}\ndetection:\n{lines}\n"
    return import_text([("t.yml", text)])


def matching(found: Imported, *rows: dict[str, Any]) -> list[int]:
    """Which of the rows its one rule finds."""
    assert found.unsaid == []
    (rows_found,) = CompiledRules(found.rules).set.match(RuleColumns(table(list(rows))))
    return list(rows_found.tolist())


def test_a_rule_keeps_its_id_author_and_level() -> None:
    (rule,) = imported("sel:\n    a: b\ncondition: sel").rules
    assert (rule.id, rule.author, rule.severity, rule.source) == ("t-1", "Somebody", Severity.P2, "sigma")


@pytest.mark.parametrize(
    ("item", "yes", "no"),
    [
        ("a: Value", ["value", "VALUE"], ["values", "a value", None]),
        ("a: val*", ["Value", "val"], ["aval"]),
        ("a: v?l", ["val"], ["vl", "vaal"]),
        (r"a: 'x\*y'", ["x*y"], ["xzy"]),
        (r"a|endswith: '\cmd.exe'", [r"C:\Windows\CMD.EXE"], [r"C:\cmdxexe", "cmd.exe"]),
        ("a|contains: ' -enc '", ["p.exe -ENC x"], ["p.exe -encode"]),
        ("a|startswith: 'ab'", ["Abc"], ["cab"]),
        ("a|cased: Value", ["Value"], ["value"]),
        ("a|contains|all:\n        - one\n        - two", ["two one"], ["one"]),
        ("a:\n        - one\n        - two", ["ONE", "two"], ["three"]),
        ("a: 5", [5, "5", 5.0], [50, "five"]),
        ("a: true", [True, "true"], [False]),
        ("a: null", [None], ["", "x"]),
        ("a: ''", [""], ["x", None]),
        ("a|exists: true", ["", "x"], [None]),
        ("a|exists: false", [None], ["x"]),
        ("a|re: '^x[0-9]+$'", ["x12"], ["X12", "x"]),
        ("a|re|i: '^x[0-9]+$'", ["X12"], ["y1"]),
        ("a|gte: 10", [10, "11"], [9, "9"]),
        ("a|lt: 10", [9.5], [10]),
        ("a|neq: x", ["y"], ["X", None]),
        ("a|cidr: 10.1.2.0/23", ["10.1.2.9", "10.1.3.255"], ["10.1.4.1", "110.1.2.9", "10.1.20.1"]),
        ("a|cidr: 172.16.0.0/12", ["172.16.0.1", "172.31.255.1"], ["172.32.0.1", "172.15.0.1"]),
        ("a|cidr: fe80::/10", ["fe80::1", "FEBF::2"], ["fec0::1"]),
        ("a|windash|contains: ' -f '", ["x -f y", "x /f y", "x \u2013f y"], ["x f y"]),
        ("a|base64|contains: 'cmd'", ["x Y21k y"], ["cmd", "y21k"]),
        ("a|base64offset|contains: 'command'", ["Y29tbWFuZ", "xjb21tYW5k", "xNvbW1hbm"], ["command"]),
        ("a|wide|base64offset|contains: 'IEX'", ["SQBFAFgA", "kARQBYA"], ["IEX"]),
    ],
)
def test_an_item_finds_values(item: str, yes: list[object], no: list[object]) -> None:
    found = imported(f"sel:\n    {item}\ncondition: sel")
    rows = [{"message": "m"} if value is None else {"message": "m", "a": value} for value in [*yes, *no]]
    assert matching(found, *rows) == list(range(len(yes)))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sel_a and sel_b", [2]),
        ("sel_a or sel_b", [0, 1, 2]),
        ("sel_a and not sel_b", [0]),
        ("1 of sel_*", [0, 1, 2]),
        ("all of sel_*", [2]),
        ("all of them", [2]),
        ("any of them", [0, 1, 2]),
        ("not 1 of them", [3]),
        ("(sel_a or sel_b) and not (sel_a and sel_b)", [0, 1]),
        ("sel_a or sel_b and sel_a", [0, 2]),
    ],
)
def test_a_condition_combines_items(condition: str, expected: list[int]) -> None:
    found = imported(f"sel_a:\n    a: x\nsel_b:\n    b: y\n_other:\n    c: z\ncondition: {condition}")
    rows = [{"a": "x"}, {"b": "y"}, {"a": "x", "b": "y"}, {"c": "n"}]
    assert matching(found, *rows) == expected


def test_keywords_are_found_in_the_message_and_in_any_field() -> None:
    found = imported("words:\n    - 'segfault at'\n    - '\\evil.dll'\ncondition: words", "product: linux")
    rows = [{"message": "x SegFault at 0"}, {"message": "m", "deep": {"x": r"C:\evil.dll"}}, {"message": "fine"}]
    assert matching(found, *rows) == [0, 1]


def test_a_log_source_keeps_other_records_out() -> None:
    found = imported(
        "sel:\n    Image|endswith: '\\a.exe'\ncondition: sel", "category: process_creation\n    product: windows"
    )
    event = {"Image": r"C:\a.exe", "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational"}
    assert matching(found, event, event | {"EventID": 11}, event | {"Channel": "Security"}) == [0]


def test_bare_words_of_a_product_are_looked_for_where_the_product_is_named() -> None:
    found = imported("words:\n    - 'username'\ncondition: words", "product: cisco\n    service: aaa")
    rows = [{"message": "username x"}, {"message": "username x", "service": "cisco-asa"}]
    assert matching(found, *rows) == [1]


def test_a_field_that_doors_take_for_a_column_is_found_in_it() -> None:
    found = imported("sel:\n    ServiceName: 'Evil'\ncondition: sel")
    assert matching(found, {"service": "evil"}, {"service": "x", "ServiceName": "EVIL"}, {"service": "x"}) == [0, 1]


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        ("sel:\n    a|fieldref: b\ncondition: sel", "compares two fields"),
        ("sel:\n    a|expand: '%x%'\ncondition: sel", "placeholder"),
        ("sel:\n    a|re: '(?=x)'\ncondition: sel", "not RE2"),
        ("sel:\n    a|guess: x\ncondition: sel", "modifier nobody knows"),
        ("sel:\n    a: x\ncondition: sel and other", "names 'other'"),
        ("sel:\n    a: x\ncondition: sel | count() > 5", "aggregation"),
        ("sel:\n    a: x\ncondition: (sel", "ends too soon"),
        ("sel:\n    a: x", "no condition"),
        ("sel: []\ncondition: sel", "empty list"),
    ],
)
def test_what_cannot_be_said_has_a_reason(detection: str, reason: str) -> None:
    found = imported(detection)
    assert found.rules == []
    assert reason in found.unsaid[0].reason


def test_broken_files_stop_no_others() -> None:
    good = "title: Good\nid: good\nlogsource: {}\ndetection:\n  sel:\n    a: b\n  condition: sel\n"
    found = import_text([("bad.yml", "a: [}"), ("large.yml", None), ("other.yml", "name: x"), ("good.yml", good)])
    assert [rule.id for rule in found.rules] == ["good"]
    assert [(unsaid.source, unsaid.reason.split(":")[0]) for unsaid in found.unsaid] == [
        ("bad.yml", "not YAML"),
        ("large.yml", "the file is larger than 1 MiB"),
        ("other.yml", "not a Sigma rule"),
    ]


BASES = """
title: Failed
id: failed
name: failed_logon
logsource: {}
detection:
  sel: {event: failed}
  condition: sel
---
title: Success
name: good_logon
id: good
logsource: {}
detection:
  sel: {event: success}
  condition: sel
---
title: Both
id: both
correlation:
  type: %s
  rules: [failed_logon, good_logon]
  group-by: [user]
  timespan: 5m
%s
"""


@pytest.mark.parametrize(
    ("kind", "condition", "expected", "fires"),
    [
        ("event_count", "  condition: {gte: 3}", RuleKind.THRESHOLD, True),
        ("event_count", "  condition: {gt: 3}", RuleKind.THRESHOLD, False),
        ("value_count", "  condition: {gte: 2, field: ip}", RuleKind.THRESHOLD, True),
        ("value_count", "  condition: {gte: 3, field: ip}", RuleKind.THRESHOLD, False),
        ("temporal", "", RuleKind.JOIN, True),
        ("temporal_ordered", "", RuleKind.SEQUENCE, True),
    ],
)
def test_correlations_become_rules_that_remember(kind: str, condition: str, expected: RuleKind, fires: bool) -> None:
    found = import_text([("c.yml", (BASES % (kind, condition)).replace("event:", "happened:"))])
    assert found.unsaid == []
    rule = next(rule for rule in found.rules if rule.id == "both")
    assert rule.kind is expected
    rows = [
        {"happened": happened, "user": "u", "ip": ip, "at": at}
        for at, (happened, ip) in enumerate([("failed", "1"), ("failed", "2"), ("success", "1")])
    ]
    assert bool(fired(engine(rule), rows)[0]) is fires
