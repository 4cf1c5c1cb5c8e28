"""What part of a tenant's records a search matches, judged by an engine's profile.

Conditions are taken to be independent of each other, which real ones rarely are; an estimate is asked to be right
within a factor, not to the record.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from math import prod

from heimdall.model.batch import TenantId
from heimdall.query.ast import (
    And,
    Compare,
    Exists,
    Glob,
    MatchAll,
    Not,
    Operator,
    Or,
    Phrase,
    Predicate,
    Range,
    Regex,
    Word,
)
from heimdall.query.fields import parse_level
from heimdall.query.windows import is_needle
from heimdall.storage.profile import Profile

UNKNOWN = 0.1
"""Part of the records that a condition nothing is known about lets pass."""

_TESTS: dict[Operator, Callable[[int, int], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}

_WORD = re.compile(r"[a-z\x80-\U0010ffff]+")
"""A word as the text index has it; numbers are not in it."""

_NUMBER = re.compile(r"[0-9]+")


def selectivity(predicate: Predicate, profile: Profile, tenant: TenantId) -> float:
    """0 … 1."""
    match predicate:
        case MatchAll():
            return 1.0
        case And(items=items):
            return prod(selectivity(item, profile, tenant) for item in items)
        case Or(items=items):
            return min(1.0, sum(selectivity(item, profile, tenant) for item in items))
        case Not(item=item):
            return max(0.0, 1.0 - selectivity(item, profile, tenant))
        case Word() if is_needle(predicate):
            return _one_of(profile, "trace_id")
        case Word(text=text) | Phrase(text=text):
            return _words(text, profile)
        case Compare():
            return _compared(predicate, profile, tenant)
        case Exists() | Range() | Regex() | Glob():
            return UNKNOWN
        case _:
            return UNKNOWN


def has_words(predicate: Predicate) -> bool:
    """Whether the text index has a say: every match has a word it knows."""
    match predicate:
        case And(items=items):
            return any(has_words(item) for item in items)
        case Or(items=items):
            return all(has_words(item) for item in items)
        case Word() | Phrase():
            return True
        case _:
            return False


def words_share(predicate: Predicate, profile: Profile, tenant: TenantId) -> float:
    """Part of the records that the text index leaves of a search it has a say in: it knows no numbers, and of several
    words the rarest decides where blocks are looked into, not all of them together."""
    match predicate:
        case And(items=items):
            return min(words_share(item, profile, tenant) for item in items if has_words(item))
        case Or(items=items):
            return min(1.0, sum(words_share(item, profile, tenant) for item in items))
        case Word(text=text) | Phrase(text=text) if found := _WORD.findall(text.lower()):
            return min(profile.words.get(word, profile.rarest) for word in found) / max(profile.rows, 1)
        case _:
            return selectivity(predicate, profile, tenant)


def _words(text: str, profile: Profile) -> float:
    """The rarest word decides; of a number's digits each but the first makes it ten times as rare."""
    rows = max(profile.rows, 1)
    lowered = text.lower()
    counts = [profile.words.get(word, profile.rarest) for word in _WORD.findall(lowered)]
    part = min(counts, default=rows) / rows
    digits = max((len(number) for number in _NUMBER.findall(lowered)), default=0)
    return min(1.0, max(part * 10.0 ** -max(digits - 1, 0), 1 / rows)) if digits else part


def _compared(compared: Compare, profile: Profile, tenant: TenantId) -> float:
    kinds = profile.kinds.get(tenant, ())
    total = sum(kind.rows for kind in kinds)
    if compared.field in profile.distinct and compared.operator is Operator.EQ:
        return _one_of(profile, compared.field)
    if total and compared.field == "service":
        part = sum(kind.rows for kind in kinds if kind.service == compared.value) / total
        return part if compared.operator is Operator.EQ else 1.0 - part
    level = parse_level(compared.value) if compared.field == "level" else None
    if total and level is not None:
        test = _TESTS[compared.operator]
        return sum(kind.rows for kind in kinds if test(_place(kind.severity_number), level)) / total
    return UNKNOWN


def _place(severity_number: int) -> int:
    """Of a level among the levels."""
    return (severity_number + 3) // 4


def _one_of(profile: Profile, name: str) -> float:
    return 1.0 / max(profile.distinct.get(name, 1.0), 1.0)
