"""A rule as people write it: a TOML table, a JSON object, or what a Sigma rule was made into."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from heimdall.errors import InvalidInput, QuerySyntaxError
from heimdall.query.ast import Predicate, Query
from heimdall.query.languages.hql import parse
from heimdall.query.literals import parse_duration, print_duration

MAX_STEPS = 10
"""Conditions of a sequence or join; each open one is remembered for every key."""
MAX_KEYS = 8
"""Fields a rule groups by."""
MAX_WINDOW_NS = 31 * 86_400 * 10**9
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class RuleKind(StrEnum):
    THRESHOLD = "threshold"
    """As many matching records, or different values of a field in them, within a window."""
    RATIO = "ratio"
    """A share of matching records among others within a window."""
    ABSENCE = "absence"
    """No matching record for as long as the window."""
    NEW_TEMPLATE = "new_template"
    """A matching record whose template was never seen before."""
    SEQUENCE = "sequence"
    """Records of several conditions in this order within a window; or all but the last without the last."""
    JOIN = "join"
    """Records of several conditions in any order within a window."""
    SCHEDULED = "scheduled"
    """A query that is asked again and again, and tells of every row it finds."""


class Severity(StrEnum):
    """How soon somebody has to act: now, today, when there is time."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, checked. Durations are nanoseconds here and `5m` in text."""

    id: str
    name: str
    severity: Severity
    kind: RuleKind
    condition: str = "*"
    """HQL search; of a scheduled rule the whole query with its pipes."""
    of: str = "*"
    """Ratio: HQL search of the records that the share is of."""
    steps: tuple[str, ...] = ()
    """Sequence and join: HQL searches, first to last."""
    absent_last: bool = False
    """Sequence: the last step must not come."""
    group_by: tuple[str, ...] = ()
    """Fields; each combination of their values is watched by itself."""
    threshold: float = 1
    """Threshold: at least so many. Scheduled: at least so many rows."""
    distinct: str = ""
    """Threshold: count different values of this field instead of records."""
    ratio: float = 0.0
    min_count: int = 1
    """Ratio: records there must be before a share means anything."""
    window_ns: int = 300 * 10**9
    every_ns: int = 60 * 10**9
    """Scheduled: time between two questions."""
    learn_ns: int = 0
    """New template: time from the first matching record during which templates are only learnt."""
    enabled: bool = True
    description: str = ""
    tags: tuple[str, ...] = ()
    author: str = ""
    source: str = ""
    """Where it came from: a file, `api`, or `sigma`."""

    @property
    def searches(self) -> tuple[str, ...]:
        """HQL of everything records are matched against, in the order the rule's state counts them."""
        match self.kind:
            case RuleKind.SEQUENCE | RuleKind.JOIN:
                return self.steps
            case RuleKind.RATIO:
                return (self.condition, self.of)
            case RuleKind.SCHEDULED:
                return ()
            case _:
                return (self.condition,)

    def predicates(self) -> tuple[Predicate, ...]:
        """The searches as trees. Raises QuerySyntaxError."""
        return tuple(_search(text).search for text in self.searches)

    @property
    def fingerprint(self) -> str:
        """Changes when what the rule remembers no longer fits it."""
        parts = (self.kind, self.searches, self.group_by, self.window_ns, self.distinct, self.absent_last)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def as_row(self) -> dict[str, Any]:
        """The object `rule_of` reads, defaults left out."""
        row: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in ("id", "name", "severity", "kind") or value != each.default:
                name = each.name.removesuffix("_ns")
                row[name] = print_duration(value) if each.name.endswith("_ns") else _plain(value)
        return row


def rule_of(given: Mapping[str, Any], *, source: str = "") -> Rule:
    """A checked rule.

    Raises:
        InvalidInput: names the rule, the key and what would do.
        QuerySyntaxError: a condition cannot be understood.
    """
    label = f"rule {str(given.get('id', '?'))[:128]}"
    known = {each.name.removesuffix("_ns") for each in fields(Rule)}
    for key in given:
        if key not in known:
            raise InvalidInput(f"{label}: unknown key {str(key)[:60]}; keys are {', '.join(sorted(known))}")
    values: dict[str, Any] = {"source": source}
    for key, value in given.items():
        name, checked = _value(label, str(key), value)
        values[name] = checked
    for key in ("id", "name", "kind"):
        if not values.get(key):
            raise InvalidInput(f"{label}: needs {key}")
    values.setdefault("severity", Severity.P3)
    rule = Rule(**values)
    _check(rule, label, set(given))
    return rule


def rules_of(text: str, *, source: str = "") -> tuple[Rule, ...]:
    """Rules of a TOML text: one at the top level, or several as `[[rule]]`.

    Raises:
        InvalidInput, QuerySyntaxError: as `rule_of`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise InvalidInput(f"{source or 'rule'}: not TOML: {exc}") from exc
    tables = table["rule"] if isinstance(table.get("rule"), list) else [table]
    return tuple(rule_of(each, source=source) for each in tables)


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Rules of a file, or of all `.toml` files below a folder. Raises as `rules_of`."""
    files = sorted(path.rglob("*.toml")) if path.is_dir() else [path]
    found: dict[str, Rule] = {}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise InvalidInput(f"cannot read {file}: {exc}") from exc
        for rule in rules_of(text, source=str(file)):
            if rule.id in found:
                raise InvalidInput(f"{file}: there is a rule {rule.id} already, in {found[rule.id].source}")
            found[rule.id] = rule
    return tuple(found.values())


def rule_json(rule: Rule) -> bytes:
    return orjson.dumps(rule.as_row())


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


_DURATIONS = frozenset({"window", "every", "learn"})
_TUPLES = frozenset({"steps", "group_by", "tags"})
_NUMBERS = frozenset({"threshold", "ratio", "min_count"})
_SWITCHES = frozenset({"absent_last", "enabled"})


def _value(label: str, key: str, value: object) -> tuple[str, object]:
    if key in _DURATIONS:
        duration = parse_duration(value) if isinstance(value, str) else None
        if duration is None or not 0 <= duration <= MAX_WINDOW_NS:
            raise InvalidInput(f"{label}: {key} must be a duration such as 5m, at most 31d, not {value!r}")
        return f"{key}_ns", duration
    if key in _TUPLES:
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, str) for v in value):
            raise InvalidInput(f"{label}: {key} must be a list of texts")
        return key, tuple(value)
    if key in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
            raise InvalidInput(f"{label}: {key} must be a number from 0 on, not {value!r}")
        return key, int(value) if key == "min_count" else value
    if key in _SWITCHES:
        if not isinstance(value, bool):
            raise InvalidInput(f"{label}: {key} must be true or false")
        return key, value
    if not isinstance(value, str):
        raise InvalidInput(f"{label}: {key} must be text")
    if key in ("kind", "severity"):
        words: type[RuleKind] | type[Severity] = RuleKind if key == "kind" else Severity
        if value not in list(words):
            raise InvalidInput(f"{label}: {key} must be one of {', '.join(words)}, not {value[:40]!r}")
        return key, words(value)
    return key, value


def _search(text: str) -> Query:
    query = parse(text)
    if query.pipes:
        raise QuerySyntaxError(
            "a rule's condition is a search, without pipes", column=1, hint="use kind = scheduled for a query"
        )
    return query


def _check(rule: Rule, label: str, given: set[str]) -> None:
    if _ID.fullmatch(rule.id) is None:
        raise InvalidInput(f"{label}: an id has 1 to 128 letters, digits, dots, underscores and dashes")
    if len(rule.group_by) > MAX_KEYS:
        raise InvalidInput(f"{label}: at most {MAX_KEYS} fields to group by")
    several = rule.kind in (RuleKind.SEQUENCE, RuleKind.JOIN)
    if several and not 2 <= len(rule.steps) <= MAX_STEPS:
        raise InvalidInput(f"{label}: a {rule.kind} has 2 to {MAX_STEPS} steps")
    if several and "condition" in given:
        raise InvalidInput(f"{label}: a {rule.kind} has steps instead of a condition")
    if not several and "condition" not in given:
        raise InvalidInput(f"{label}: needs condition")
    if rule.kind is RuleKind.RATIO and not 0 < rule.ratio <= 1:
        raise InvalidInput(f"{label}: ratio must be above 0 and at most 1")
    if rule.kind is RuleKind.SCHEDULED and rule.every_ns < 10**9:
        raise InvalidInput(f"{label}: every must be at least 1s")
    if rule.window_ns <= 0:
        raise InvalidInput(f"{label}: window must be longer than nothing")
    if rule.threshold <= 0:
        raise InvalidInput(f"{label}: threshold must be above 0")
    if rule.kind is RuleKind.SCHEDULED:
        parse(rule.condition)
    rule.predicates()
