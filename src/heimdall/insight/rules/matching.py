"""Many conditions over one batch: each distinct test once, and only where its text can be.

A condition becomes a tree over *tests* that all rules share. Before anything is tested, one pass over the different
messages and one over the different attributes find the literals of all tests (`literals`); that bounds each test's
records from above. A tree whose bound is empty is done; the others are walked from the narrowest branch on, and a test
is evaluated for no more records than are still in question. Tests are evaluated by the same code as a query's
(`heimdall.query.frame.search`), so what matches here is what a search finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from heimdall.insight.rules.columns import NO_ROWS, Rows, RuleColumns, found_literals, plain_text
from heimdall.insight.rules.literals import FOLDED, attribute_literals, message_literals
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
from heimdall.query.context import Context
from heimdall.query.fields import ATTRIBUTES, canonical, parse_hex, parse_identity
from heimdall.query.frame.fields import BaseFields
from heimdall.query.frame.search import predicate_frame, spellings
from heimdall.query.regex import compile_pattern, plain_pattern
from heimdall.query.types import Type
from heimdall.query.words import message_glob_pattern, phrase_pattern, value_glob_pattern

Test = Word | Phrase | Glob | Regex | Compare | Range | Exists
Truth = NDArray[np.bool_]


class _Reads(Enum):
    MESSAGE = auto()
    """Different messages."""
    WORDS = auto()
    """Different values of another text column."""
    SENDERS = auto()
    """Different attributes."""
    COLUMNS = auto()
    """All records, straight from the columns."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a test is evaluated; worked out once, when rules change."""

    test: Test
    reads: _Reads
    field: str
    literals: tuple[str, ...] = ()
    """All of them stand wherever the test holds; lower-case."""
    direct: Callable[[str], bool] | None = None
    """The test of one text."""

    @property
    def column(self) -> str:
        """Where its values and literals stand."""
        return ATTRIBUTES if self.reads is _Reads.SENDERS else self.field


class RuleSet:
    """Conditions, compiled together. Immutable; safe from several threads."""

    def __init__(self, predicates: Sequence[Predicate]) -> None:
        self.predicates = tuple(predicates)
        different = dict.fromkeys(test for predicate in self.predicates for test in tests_of(predicate))
        self.plans = tuple(_plan(test) for test in different)
        places = {test: place for place, test in enumerate(different)}
        trees = {predicate: _tree(predicate, places, self.plans) for predicate in dict.fromkeys(self.predicates)}
        self.trees = tuple(trees[predicate] for predicate in self.predicates)
        self.by_column: dict[str, list[int]] = {}
        """Plans that are evaluated together, over all values of a column."""
        literals: dict[str, set[str]] = {"message": set(), ATTRIBUTES: set()}
        for place, plan in enumerate(self.plans):
            if plan.reads in (_Reads.COLUMNS, _Reads.WORDS):
                self.by_column.setdefault(_together(plan), []).append(place)
            else:
                literals[plan.column].update(plan.literals)
        self.literals = {column: tuple(sorted(found)) for column, found in literals.items()}

    def match(self, columns: RuleColumns) -> list[Rows]:
        """The records each condition holds for, in the order of `predicates`."""
        return _Matching(self, columns).results()


class _Matching:
    """One batch's evaluation: tests and what is known of them so far."""

    def __init__(self, rules: RuleSet, columns: RuleColumns) -> None:
        self._rules = rules
        self.columns = columns
        self.hits = {
            column: found_literals(columns.haystack(column), literals) if literals else {}
            for column, literals in rules.literals.items()
        }
        self.wild = any(char in hits for hits in self.hits.values() for char in FOLDED)
        newest_ns = int(columns.observed_ns().max()) if columns.size else 0
        self.context = Context(now_ns=newest_ns)
        self._tests: list[_Tested | None] = [None] * len(rules.plans)
        self._columns: dict[int, Truth] = {}

    def of_column(self, place: int) -> Truth:
        """A test's answers over all values of its column, found with those of all other tests there."""
        if place not in self._columns:
            plan = self._rules.plans[place]
            places = self._rules.by_column[_together(plan)]
            plans = [self._rules.plans[each] for each in places]
            if plan.reads is _Reads.WORDS:
                values = self.columns.units(plan.field).values
                found = _all_at_once(plans, pl.DataFrame({plan.field: values}), self)
            else:
                found = _all_at_once(plans, self.columns.frame, self, prepare=True)
            self._columns |= dict(zip(places, found, strict=True))
        return self._columns[place]

    def results(self) -> list[Rows]:
        present = {literal for hits in self.hits.values() for literal in hits}
        known: dict[int, Rows] = {}
        found = []
        for tree in self._rules.trees:
            rows = known.get(id(tree))
            if rows is None:
                dead = not self.wild and any(clause.isdisjoint(present) for clause in tree.clauses)
                rows = known[id(tree)] = NO_ROWS if dead else tree.holds(self, self.columns.all_rows)
            found.append(rows)
        return found

    def possible(self, place: int) -> _Tested | None:
        """The test, unless a look at its literals rules it out."""
        found = self._tests[place]
        if found is None:
            plan = self._rules.plans[place]
            if plan.literals and not self.wild and plan.literals[0] not in self.hits[plan.column]:
                return None
            found = self._tests[place] = _Tested(place, plan, self)
        return found if found.bound else None


class _Tree(Protocol):
    """A condition over numbered tests."""

    clauses: tuple[frozenset[str], ...]
    """Of each clause some literal stands in every batch in which the condition holds anywhere."""

    def holds(self, matching: _Matching, rows: Rows) -> Rows:
        """Those of `rows` for which it holds."""

    def bound(self, matching: _Matching) -> int:
        """About how many records it can match; 0 only if it can match none. Nothing is tested for it."""


_MOST_CLAUSES = 4


class _Leaf:
    __slots__ = ("_place", "clauses")

    def __init__(self, place: int, plan: _Plan) -> None:
        self._place = place
        self.clauses = tuple(frozenset([literal]) for literal in plan.literals)

    def holds(self, matching: _Matching, rows: Rows) -> Rows:
        test = matching.possible(self._place)
        return NO_ROWS if test is None else test.holds(rows)

    def bound(self, matching: _Matching) -> int:
        test = matching.possible(self._place)
        return 0 if test is None else test.bound


class _Always:
    clauses: tuple[frozenset[str], ...] = ()

    def holds(self, matching: _Matching, rows: Rows) -> Rows:
        return rows

    def bound(self, matching: _Matching) -> int:
        return matching.columns.size


class _All:
    __slots__ = ("_items", "clauses")

    def __init__(self, items: Sequence[_Tree]) -> None:
        self._items = tuple(items)
        clauses = {clause for item in items for clause in item.clauses}
        self.clauses = tuple(sorted(clauses, key=_telling, reverse=True)[:_MOST_CLAUSES])

    def holds(self, matching: _Matching, rows: Rows) -> Rows:
        bounds = []
        for place, item in enumerate(self._items):
            bound = item.bound(matching)
            if not bound:
                return NO_ROWS
            bounds.append((bound, place))
        for _, place in sorted(bounds):
            rows = self._items[place].holds(matching, rows)
            if not len(rows):
                break
        return rows

    def bound(self, matching: _Matching) -> int:
        least = matching.columns.size
        for item in self._items:
            least = min(least, item.bound(matching))
            if not least:
                break
        return least


class _Any:
    __slots__ = ("_items", "clauses")

    def __init__(self, items: Sequence[_Tree]) -> None:
        self._items = tuple(items)
        best = [max(item.clauses, key=_telling, default=None) for item in items]
        known = [clause for clause in best if clause is not None]
        self.clauses: tuple[frozenset[str], ...] = ()
        if known and len(known) == len(items):
            self.clauses = (frozenset().union(*known),)

    def holds(self, matching: _Matching, rows: Rows) -> Rows:
        found = []
        for item in self._items:
            own = item.holds(matching, rows)
            if len(own) == len(rows):
                return rows
            if len(own):
                found.append(own)
        return NO_ROWS if not found else found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def bound(self, matching: _Matching) -> int:
        total, size = 0, matching.columns.size
        for item in self._items:
            total += item.bound(matching)
            if total >= size:
                return size
        return total


class _Negated:
    __slots__ = ("_item", "clauses")

    def __init__(self, item: _Tree) -> None:
        self._item = item
        self.clauses: tuple[frozenset[str], ...] = ()

    def holds(self, matching: _Matching, rows: Rows) -> Rows:
        if not self._item.bound(matching):
            return rows
        return np.setdiff1d(rows, self._item.holds(matching, rows), assume_unique=True)

    def bound(self, matching: _Matching) -> int:
        return matching.columns.size


def _tree(predicate: Predicate, places: Mapping[Test, int], plans: Sequence[_Plan]) -> _Tree:
    match predicate:
        case And(items=items):
            return _All([_tree(item, places, plans) for item in items])
        case Or(items=items):
            return _Any([_tree(item, places, plans) for item in items])
        case Not(item=item):
            return _Negated(_tree(item, places, plans))
        case MatchAll():
            return _Always()
        case _:
            return _Leaf(places[predicate], plans[places[predicate]])


def _telling(clause: frozenset[str]) -> tuple[int, int]:
    """How much it says that a clause is there: the shortest of its literals, and how few they are."""
    return min(map(len, clause)), -len(clause)


class _Tested:
    """One test in one batch: the values (or records) in question, and the answers known so far."""

    __slots__ = ("_all", "_matching", "_place", "_plan", "_truth", "bound", "places")

    def __init__(self, place: int, plan: _Plan, matching: _Matching) -> None:
        self._place = place
        self._plan = plan
        self._matching = matching
        self.places = self._candidates()
        """Of different values, or of records: where it could hold. Rising."""
        self._truth = np.full(len(self.places), -1, np.int8)
        self._all: Rows | None = None
        """The records for which it holds, once all were asked about."""
        self.bound = len(self.places)
        if plan.reads in (_Reads.MESSAGE, _Reads.WORDS, _Reads.SENDERS):
            self.bound = matching.columns.size if self.bound else 0
            if plan.literals and self.bound:
                units = matching.columns.units(plan.column)
                self.bound = min(self.bound, len(self.places) * max(1, len(units.codes) // max(len(units.values), 1)))

    def _candidates(self) -> Rows:
        plan, columns = self._plan, self._matching.columns
        if plan.reads is _Reads.COLUMNS:
            return columns.all_rows
        if plan.literals:
            hits = self._matching.hits[plan.column]
            wild = [hits[char] for char in FOLDED if char in hits]
            found = hits.get(plan.literals[0], NO_ROWS)
            for literal in plan.literals[1:]:
                found = np.intersect1d(found, hits.get(literal, NO_ROWS), assume_unique=True)
            return np.unique(np.concatenate([found, *wild])) if wild else found
        return np.arange(len(columns.units(plan.column).values))

    def holds(self, rows: Rows) -> Rows:
        if len(rows) == self._matching.columns.size:
            if self._all is None:
                self._all = self._of_all(rows)
            return self._all
        if self._plan.reads is _Reads.COLUMNS:
            self._decide(np.arange(len(self.places)))
            return np.asarray(rows[self._truth[rows] == 1])
        codes = self._matching.columns.units(self._plan.column).codes[rows]
        place = np.minimum(np.searchsorted(self.places, codes), len(self.places) - 1)
        asked = self.places[place] == codes
        rows, place = rows[asked], place[asked]
        truth = self._truth[place]
        if (truth < 0).any():
            self._decide(np.unique(place))
            truth = self._truth[place]
        return np.asarray(rows[truth == 1])

    def _of_all(self, rows: Rows) -> Rows:
        self._decide(np.arange(len(self.places)))
        if self._plan.reads is _Reads.COLUMNS:
            return np.asarray(rows[self._truth == 1])
        return self._matching.columns.units(self._plan.column).rows(self.places[self._truth == 1])

    def _decide(self, wanted: Rows) -> None:
        """Find the answers at these places of `places`."""
        open_ = wanted[self._truth[wanted] < 0]
        if len(open_):
            self._truth[open_] = self._evaluate(self.places[open_])

    def _evaluate(self, places: Rows) -> Truth:
        plan, columns = self._plan, self._matching.columns
        if plan.reads in (_Reads.COLUMNS, _Reads.WORDS):
            return self._matching.of_column(self._place)[places]
        if plan.reads is _Reads.SENDERS:
            values = columns.attribute(plan.field, places)
            if plan.direct is not None:
                return _each(plan.direct, [None if text is None else plain_text(text) for text in values])
            name = ATTRIBUTES if plan.field == ATTRIBUTES else f"\0{plan.field}"
            return _all_at_once([plan], pl.DataFrame({name: pl.Series(values, dtype=pl.String)}), self._matching)[0]
        own = columns.units(plan.field).values
        if plan.direct is not None and (len(places) <= _FEW or isinstance(plan.test, Regex)):
            return _each(plan.direct, [own[place] for place in places.tolist()])
        return _all_at_once([plan], pl.DataFrame({plan.field: own.gather(places)}), self._matching)[0]


_FEW = 200
"""Texts that are tested one by one sooner than a column of them is set up."""


def _each(test: Callable[[str], bool], texts: Sequence[str | None]) -> Truth:
    return np.fromiter((text is not None and test(text) for text in texts), np.bool_, len(texts))


def _all_at_once(
    plans: Sequence[_Plan], frame: pl.DataFrame, matching: _Matching, *, prepare: bool = False
) -> list[Truth]:
    """Answers of several tests over one frame."""
    fields = BaseFields([plan.field for plan in plans])
    tests = [predicate_frame(plan.test, fields, matching.context).alias(str(n)) for n, plan in enumerate(plans)]
    source = fields.prepare(frame.lazy()) if prepare else frame.lazy()
    found = source.select(tests).collect()
    if found.height == frame.height:
        return [found[str(n)].to_numpy() for n in range(len(plans))]
    return [np.full(frame.height, bool(found[str(n)][0])) for n in range(len(plans))]  # the same for every record


def _direct(test: Test) -> Callable[[str], bool] | None:
    """The test of one text, for tests that are a pattern or an equality; the same as the column's."""
    match test:
        case Word(text=text) | Phrase(text=text):
            pattern = phrase_pattern(text)
            if pattern is None:
                return lambda value: text in value
        case Glob(pattern=pattern, field=None):
            pattern = message_glob_pattern(pattern)
        case Glob(pattern=pattern):
            pattern = value_glob_pattern(pattern)
        case Regex(pattern=own):
            pattern = own
        case Compare(field=field, operator=Operator.EQ, value=wanted) if canonical(field) is None:
            return spellings(wanted).__contains__
        case Exists(field=field) if canonical(field) is None:
            return lambda value: True
        case _:
            return None
    compiled = compile_pattern(pattern) if isinstance(test, Regex) else plain_pattern(pattern)
    return lambda value: compiled.search(value) is not None


def tests_of(predicate: Predicate) -> list[Test]:
    """The leaves of a condition."""
    match predicate:
        case And(items=items) | Or(items=items):
            return [test for item in items for test in tests_of(item)]
        case Not(item=item):
            return tests_of(item)
        case MatchAll():
            return []
        case _:
            return [predicate]


def _plan(test: Test) -> _Plan:
    match test:
        case Word(text=text):
            hex_like = parse_hex(text, 16) is not None or (len(text) == 36 and parse_identity(text) is not None)
            return _Plan(test, _Reads.COLUMNS, "message") if hex_like else _message(test)
        case Phrase():
            return _message(test)
        case Glob(field=name) | Regex(field=name):
            return _message(test) if name in (None, "message") else _of_field(test, str(name))
        case Compare(field=name) | Range(field=name) | Exists(field=name):
            return _message(test) if name == "message" else _of_field(test, name)


def _together(plan: _Plan) -> str:
    return plan.field if plan.reads is _Reads.WORDS else ""


def _message(test: Test) -> _Plan:
    literals = tuple(dict.fromkeys(text.lower() for text in message_literals(test)))
    return _Plan(test, _Reads.MESSAGE, "message", literals, _direct(test))


def _of_field(test: Test, field: str) -> _Plan:
    own = canonical(field)
    if own is None:
        literals = tuple(dict.fromkeys(text.lower() for text in attribute_literals(test, field)))
        return _Plan(test, _Reads.SENDERS, field, literals, _direct(test))
    if own.type is Type.TEXT and own.source == field and not own.width:
        return _Plan(test, _Reads.WORDS, field)
    return _Plan(test, _Reads.COLUMNS, field)
