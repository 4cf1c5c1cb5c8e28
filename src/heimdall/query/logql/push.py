"""A log query → the part of it that every engine can do, as a predicate, and the stages that are left.

Selectors go over whole, and so do filters of lines and of stored labels as long as nothing in front of them changes
what they look at. What goes over is exact: the stages that are left need not look again.
"""

from __future__ import annotations

from dataclasses import dataclass

from heimdall.model.stream import LINE_FIELD
from heimdall.query.ast import And, Compare, Exists, MatchAll, Not, Operator, Or, Predicate, Regex
from heimdall.query.fields import parse_level
from heimdall.query.languages.logql.ast import (
    Both,
    Comparison,
    Condition,
    Either,
    Json,
    Kind,
    LabelFilter,
    LineFilter,
    Logfmt,
    LogQuery,
    Matcher,
    PatternParser,
    Regexp,
    Stage,
)
from heimdall.query.languages.logql.checks import matches
from heimdall.query.logql.labels import (
    ERROR,
    ERROR_DETAILS,
    LEVEL,
    LEVEL_NAMES,
    SERVICE,
    UNKNOWN_LEVEL,
    UNKNOWN_SERVICE,
    fields_of,
)
from heimdall.query.sql.search import same_texts

_META = frozenset("\\.+*?()|[]{}^$/")


@dataclass(frozen=True, slots=True)
class Pushed:
    search: Predicate
    stages: tuple[Stage, ...]
    """What is left to do."""


def push(query: LogQuery) -> Pushed:
    wanted = [selected(matcher) for matcher in query.matchers]
    rest: list[Stage] = []
    labels_stand = line_stands = True
    for stage in query.stages:
        if line_stands and isinstance(stage, LineFilter) and not any(each.ip for each in stage.choices):
            wanted.append(_line_filter(stage))
        elif labels_stand and isinstance(stage, LabelFilter) and _is_plain(stage.condition):
            wanted.append(_condition(stage.condition))
        else:
            rest.append(stage)
            if not isinstance(stage, LineFilter):
                labels_stand = False
                line_stands = line_stands and isinstance(stage, Json | Logfmt | PatternParser | Regexp | LabelFilter)
    return Pushed(all_of(wanted), tuple(rest))


def selected(matcher: Matcher) -> Predicate:
    return _matching(matcher, any_case=True)


def all_of(items: list[Predicate]) -> Predicate:
    kept = tuple(item for item in items if not isinstance(item, MatchAll))
    return And(kept) if len(kept) > 1 else kept[0] if kept else MatchAll()


def any_of(items: list[Predicate]) -> Predicate:
    if any(isinstance(item, MatchAll) for item in items):
        return MatchAll()
    return Or(tuple(items)) if len(items) > 1 else items[0] if items else NOTHING


NOTHING: Predicate = Not(MatchAll())


def literal(text: str) -> str:
    """A pattern that means this very text."""
    return "".join(f"\\{char}" if char in _META else char for char in text)


# ---- lines --------------------------------------------------------------------------------------------------------


def _line_filter(stage: LineFilter) -> Predicate:
    found = any_of([_in_line(stage.op, choice.text) for choice in stage.choices])
    if not stage.negative:
        return found
    return NOTHING if isinstance(found, MatchAll) else Not(found)


def _in_line(op: str, text: str) -> Predicate:
    if not text:
        return MatchAll()
    pattern = f"(?-s){text}" if op.endswith("~") else literal(text)
    return Or((Regex(pattern, LINE_FIELD), And((Not(Exists(LINE_FIELD)), Regex(pattern)))))


# ---- labels -------------------------------------------------------------------------------------------------------


def _is_plain(condition: Condition) -> bool:
    """It compares texts of labels that records come with."""
    if isinstance(condition, Comparison):
        return condition.kind is Kind.TEXT and condition.label not in (ERROR, ERROR_DETAILS)
    return _is_plain(condition.left) and _is_plain(condition.right)


def _condition(condition: Condition) -> Predicate:
    match condition:
        case Comparison(label=label, op=op, value=value):
            return _matching(Matcher(label, op, value), any_case=False)
        case Both():
            return And(tuple(map(_condition, _chain(condition, Both))))
        case Either():
            return Or(tuple(map(_condition, _chain(condition, Either))))


def _chain(condition: Condition, kind: type[Both | Either]) -> list[Condition]:
    """The parts of `a or b or c`, which is read as `(a or b) or c`: as a tree it could be too deep for HQL."""
    parts = []
    while isinstance(condition, kind):
        parts.append(condition.right)
        condition = condition.left
    return [condition, *reversed(parts)]


def _matching(matcher: Matcher, *, any_case: bool) -> Predicate:
    """A label that is absent has the value ""."""
    if matcher.op.startswith("!"):
        positive = _matching(Matcher(matcher.name, "=" if matcher.op == "!=" else "=~", matcher.value),
                             any_case=any_case)  # fmt: skip
        return NOTHING if isinstance(positive, MatchAll) else MatchAll() if positive == NOTHING else Not(positive)
    if matcher.name in (LEVEL, "level"):
        return _level(matcher, any_case=any_case)
    fields = fields_of(matcher.name)
    absent = all_of([Not(Exists(name)) for name in fields])
    nothing_said = UNKNOWN_SERVICE if matcher.name == SERVICE else ""
    ways = [absent] if matches(matcher, nothing_said) else []
    if matcher.op == "=~":
        ways += [Regex(f"^(?s:{matcher.value})$", name) for name in fields]
    elif matcher.value:
        ways += [_equal(name, matcher.value) for name in fields]
    return any_of(ways)


def _equal(name: str, value: str) -> Predicate:
    exact = Compare(name, Operator.EQ, value)
    if same_texts(value) == [value] and not value.startswith("["):
        return exact
    return Regex(f"^(?s:{literal(value)})$", name)  # 1 and 1.0 are one number, but two labels


def _level(matcher: Matcher, *, any_case: bool) -> Predicate:
    """Levels are few: those whose names match."""
    wanted = matcher
    if any_case and matcher.op == "=" and (rank := parse_level(matcher.value)):
        wanted = Matcher(matcher.name, "=", LEVEL_NAMES[rank - 1])
    names = [name for name in LEVEL_NAMES if matches(wanted, name)]
    if matches(wanted, UNKNOWN_LEVEL if matcher.name == LEVEL else ""):
        names.append("unset")
    if len(names) == len(LEVEL_NAMES) + 1:
        return MatchAll()
    return any_of([Compare("level", Operator.EQ, name) for name in names])
