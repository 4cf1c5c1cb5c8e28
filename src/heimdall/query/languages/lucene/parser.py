"""`query_string`: `service.name:pay* AND (error OR "card declined") -log.level:debug took:[100 TO *]`.

Operators mean what Lucene's classic parser makes of them: each marks the clauses beside it as required, optional or
excluded, so `a OR b AND c` wants b and c.
Source: Elasticsearch reference, query string syntax; Lucene's classic query parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import Enum, auto

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import MatchAll, Predicate
from heimdall.query.languages.esdsl import terms
from heimdall.query.languages.esdsl.faults import Fault, Unsupported, unsupported
from heimdall.query.languages.esdsl.names import NOTHING, Name, both, either, name_of, names_of, negated, present
from heimdall.query.languages.esdsl.terms import Bounds
from heimdall.query.languages.translation import Gaps, Translation, check_size, translation
from heimdall.query.types import Type

MAX_TEXT = 32 * 1024
MAX_DEPTH = 50
MAX_TERMS = 1_024

_SPACE = " \t\n\r\u3000"
_TERM_START = re.compile(r"[^\s\u3000+\-!():^\[\]\"{}~*?\\/]|\\.|[*?]")
_TERM = re.compile(r"(?:[^\s\u3000!():^\[\]\"{}~\\/]|\\.|/(?=\S))+")
_RANGE_END = re.compile(r"\"(?:[^\"\\]|\\.)*\"|[^\s\]}]+")


class Occur(Enum):
    MUST = auto()
    SHOULD = auto()
    MUST_NOT = auto()


@dataclass(slots=True)
class _Clause:
    occur: Occur
    predicate: Predicate


def parse(text: str, now_ns: int, names: list[Name], *, all_of: bool = False, zone: tzinfo = UTC) -> Predicate:
    """
    Raises:
        Fault: the text is no query.
    """
    if len(text) > MAX_TEXT:
        raise Fault("query_shard_exception", f"the query is longer than {MAX_TEXT} characters", of_shards=True)
    if not text.strip(_SPACE):
        return NOTHING
    parser = _Parser(text, now_ns, names, all_of, zone)
    found = parser.query()
    if parser.place < len(text):
        raise parser.fault()
    return MatchAll() if found is None else found


def translate(text: str) -> Translation:
    """A query string as HQL; words without a field are looked for in `message`.

    Raises:
        QuerySyntaxError: the text is no query string, or asks for something that cannot be.
    """
    check_size(text)
    gaps = Gaps(text)
    parser = _Parser(text, 0, names_of(None), False, UTC, gaps)
    search: Predicate = MatchAll()
    if text.strip(_SPACE):
        try:
            search = parser.query() or search
            if parser.place < len(text):
                raise parser.fault()
        except Fault as exc:
            raise QuerySyntaxError(str(exc), column=min(parser.place + 1, len(text)), length=1) from None
    return translation("lucene", text, search, [], gaps)


class _Parser:
    def __init__(
        self, text: str, now_ns: int, names: list[Name], all_of: bool, zone: tzinfo, gaps: Gaps | None = None
    ) -> None:
        self._gaps = gaps
        """Gathers what has no place in HQL; without it the first such word ends the reading."""
        self.text = text
        self.place = 0
        self._now_ns = now_ns
        self._names = names
        self._all_of = all_of
        self._zone = zone
        self._depth = 0
        self._terms = 0

    def fault(self, detail: str = "") -> Fault:
        reason = f"Failed to parse query [{self.text[:200]}]{detail}"
        return Fault("query_shard_exception", reason, of_shards=True)

    # ---- clauses ----

    def query(self) -> Predicate | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.fault(": nested too deeply")
        clauses: list[_Clause] = []
        is_first = True
        while not self._at_end():
            joined = None if is_first else self._conjunction()
            is_first = False
            sign = self._modifier()
            if self._at_end():
                raise self.fault()
            found = self._clause()
            if found is not None:
                self._add(clauses, joined, sign, found)
        self._depth -= 1
        return _combined(clauses)

    def _at_end(self) -> bool:
        self._skip()
        return self.place >= len(self.text) or self.text[self.place] == ")"

    def _skip(self) -> None:
        while self.place < len(self.text) and self.text[self.place] in _SPACE:
            self.place += 1

    def _word(self, word: str) -> bool:
        end = self.place + len(word)
        if self.text[self.place : end] == word and (end >= len(self.text) or self.text[end] in _SPACE + '("!+-'):
            self.place = end
            return True
        return False

    def _conjunction(self) -> str | None:
        for word, meaning in (("AND", "and"), ("OR", "or")):
            if self._word(word):
                self._skip()
                return meaning
        for word, meaning in (("&&", "and"), ("||", "or")):
            if self.text.startswith(word, self.place):
                self.place += 2
                self._skip()
                return meaning
        return None

    def _modifier(self) -> str | None:
        if self._word("NOT"):
            self._skip()
            return "-"
        if self.place < len(self.text) and self.text[self.place] in "+-!":
            self.place += 1
            self._skip()
            return "+" if self.text[self.place - 1] == "+" else "-"
        return None

    def _add(self, clauses: list[_Clause], joined: str | None, sign: str | None, found: Predicate) -> None:
        if clauses and clauses[-1].occur is not Occur.MUST_NOT:
            if joined == "and":
                clauses[-1].occur = Occur.MUST
            elif joined == "or" and self._all_of:
                clauses[-1].occur = Occur.SHOULD
        if sign == "-":
            occur = Occur.MUST_NOT
        elif self._all_of:
            occur = Occur.SHOULD if joined == "or" and sign is None else Occur.MUST
        else:
            occur = Occur.MUST if sign == "+" or joined == "and" else Occur.SHOULD
        clauses.append(_Clause(occur, found))

    # ---- one clause ----

    def _clause(self) -> Predicate | None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise Fault("too_many_clauses", f"maxClauseCount is set to {MAX_TERMS}", of_shards=True)
        start = self.place
        names, outer = self._field(), self._names
        if names is not None:
            self._skip()
            self._names = names
        try:
            if self._peek() == "(":
                return self._group()
            if self._peek() in "*" and self._star_for_all(names):
                return MatchAll()
            return self._leaf()
        except Unsupported as exc:
            if self._gaps is None:
                raise
            self._gaps.add(start, self.place, str(exc).removesuffix(" by Heimdall"))
            return None
        finally:
            self._names = outer

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _group(self) -> Predicate | None:
        self.place += 1
        found = self.query()
        if self._peek() != ")":
            raise self.fault()
        self.place += 1
        self._suffix()
        return found

    def _field(self) -> list[Name] | None:
        """`name:` in front of a clause."""
        match = re.compile(r"((?:[^\s\u3000+!():^\[\]\"{}~*?\\/]|\\.|[*](?=[^\s:]*:))+):").match(self.text, self.place)
        if match is None:
            return None
        text = _plain(match[1])
        self.place = match.end()
        if text in ("_exists_", "_missing_"):
            target = self._text_of_term()
            test = present(name_of(target))
            self._leaf_once = test if text == "_exists_" else negated(test)
            return [Name(text, ("",))]
        return [name_of(text)] if "*" not in text else names_of([match[1].replace("\\*", "*")])

    _leaf_once: Predicate | None = None

    def _star_for_all(self, names: list[Name] | None) -> bool:
        """`*:*`, and a lone `*`."""
        alone = self.place + 1 >= len(self.text) or self.text[self.place + 1] in _SPACE + ")"
        if self.text.startswith("*:*", self.place):
            self.place += 3
            return True
        if alone and names is None and self._leaf_once is None:
            self.place += 1
            return True
        return False

    def _leaf(self) -> Predicate:
        if self._leaf_once is not None:
            found, self._leaf_once = self._leaf_once, None
            return found
        char = self._peek()
        if char == '"':
            text = self._quoted()
            slop = self._suffix()
            if slop:
                raise unsupported("a phrase with [~]")
            return self._each(lambda name: terms.phrase(name, text, self._now_ns))
        if char == "/":
            return self._regex()
        if char in ("[", "{"):
            return self._range()
        if char in "<>" and char:
            return self._open_range()
        text = self._raw_term()
        if self._suffix():
            raise unsupported("fuzzy matching with [~]")
        return self._each(lambda name: self._term(name, text))

    def _each(self, test: Callable[[Name], Predicate]) -> Predicate:
        if len(self._names) == 1:
            return test(self._names[0])
        return either([terms.lenient(test, name) for name in self._names])

    def _term(self, name: Name, raw: str) -> Predicate:
        if re.search(r"(?<!\\)(?:\\\\)*[*?]", raw):
            pattern = re.sub(r"\\([^*?\\])", r"\1", raw)
            if pattern == "*":
                return present(name)
            return terms.wildcard(name, pattern.lower() if name.is_analysed else pattern)
        found = terms.words(name, _plain(raw), self._now_ns, either)
        return NOTHING if found is None else found

    def _raw_term(self) -> str:
        match = _TERM.match(self.text, self.place)
        if match is None or not match[0]:
            raise self.fault()
        self.place = match.end()
        return match[0]

    def _text_of_term(self) -> str:
        self._skip()
        return self._quoted() if self._peek() == '"' else _plain(self._raw_term())

    def _quoted(self) -> str:
        match = re.compile(r"\"((?:[^\"\\]|\\.)*)\"", re.DOTALL).match(self.text, self.place)
        if match is None:
            raise self.fault()
        self.place = match.end()
        return _plain(match[1])

    def _regex(self) -> Predicate:
        match = re.compile(r"/((?:[^/\\]|\\.)*)/", re.DOTALL).match(self.text, self.place)
        if match is None:
            raise self.fault()
        self.place = match.end()
        self._suffix()
        return self._each(lambda name: terms.regexp(name, match[1].replace("\\/", "/")))

    def _range(self) -> Predicate:
        include_low = self._peek() == "["
        self.place += 1
        low = self._range_end()
        self._skip()
        if not self._word("TO"):
            raise self.fault()
        high = self._range_end()
        self._skip()
        if self._peek() not in ("]", "}"):
            raise self.fault()
        include_high = self._peek() == "]"
        self.place += 1
        self._suffix()
        self._check_times(low, high)
        bounds = Bounds(low=low, high=high, include_low=include_low, include_high=include_high, zone=self._zone)
        return self._each(lambda name: terms.between(name, bounds, self._now_ns))

    def _range_end(self) -> str | None:
        self._skip()
        match = _RANGE_END.match(self.text, self.place)
        if match is None:
            raise self.fault()
        self.place = match.end()
        text = _plain(match[0][1:-1] if match[0].startswith('"') else match[0])
        return None if text == "*" else text

    def _check_times(self, *ends: str | None) -> None:
        """A translation is asked later than it is made, so no time in it may hang on the present."""
        is_time = any(name.type is Type.TIME for name in self._names)
        if self._gaps is not None and is_time and any(re.match(r"now(?!\w)", end or "") for end in ends):
            raise unsupported("a time that counts from [now]")

    def _open_range(self) -> Predicate:
        match = re.compile(r"([<>])(=?)\s*").match(self.text, self.place)
        assert match is not None  # noqa: S101  # the caller has seen the sign
        self.place = match.end()
        value = self._text_of_term()
        self._check_times(value)
        included = bool(match[2])
        bounds = (
            Bounds(low=value, include_low=included, zone=self._zone)
            if match[1] == ">"
            else Bounds(high=value, include_high=included, zone=self._zone)
        )
        return self._each(lambda name: terms.between(name, bounds, self._now_ns))

    def _suffix(self) -> bool:
        """`^2` is taken, since scores are all 1; whether `~` stood there."""
        match = re.compile(r"(~\d*(?:\.\d+)?)?(\^\d+(?:\.\d+)?)?(~\d*(?:\.\d+)?)?").match(self.text, self.place)
        if match is None:
            return False
        self.place = match.end()
        return any(part and part not in ("~0",) for part in (match[1], match[3]))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _combined(clauses: list[_Clause]) -> Predicate | None:
    """None when nothing was said."""
    if not clauses:
        return None
    required = [clause.predicate for clause in clauses if clause.occur is Occur.MUST]
    optional = [clause.predicate for clause in clauses if clause.occur is Occur.SHOULD]
    excluded = [negated(clause.predicate) for clause in clauses if clause.occur is Occur.MUST_NOT]
    if optional and not required:
        required = [either(optional)]
    return both([*required, *excluded])
