"""The filters of LogsQL: words, phrases, `field:…`, `{stream="x"}`, `_time:5m`; `or` binds looser than `and`.

A word is looked for in its field's words: `path:api` finds `/api/v1`. Letters' case counts in VictoriaLogs and, in
messages, not here. Source: VictoriaLogs' LogsQL reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

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
from heimdall.query.fields import InvalidValue, canonical, check_value
from heimdall.query.languages.calls import Unfit, pattern_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_duration, parse_instant
from heimdall.query.types import Type
from heimdall.query.words import literal_pattern, tokens

FIELDS = {"_time": "timestamp", "_msg": "message"}
_TEXT = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`"
_FIELD = re.compile(rf"({_TEXT}|[^\s\"'`():|,=<>~!{{}}\[\]*]+)\s*:", re.DOTALL)
_QUOTED = re.compile(_TEXT, re.DOTALL)
_WORD = re.compile(r"[^\s\"'`():|,=<>~!{}\[\]*]+")
_VALUE = re.compile(r"[^\s\"'`()|,=<>~!{}\[\]*]+")
_KEYWORD = re.compile(r"(and|or|not)(?=[\s(\"]|\Z)", re.IGNORECASE)
_CALL = re.compile(r"([a-z_]\w*)\(")
_RANGE = re.compile(rf"range\s*([\[(])\s*({_TEXT}|[^\s,]+)\s*,\s*({_TEXT}|[^\s\])]+)\s*([\])])", re.DOTALL)
_SPAN = re.compile(r"([\[(])\s*([^\s,\[\]()]+)\s*,\s*([^\s,\[\]()]+)\s*([\])])")
_RELATION = re.compile(r"(<=|>=|<|>)\s*")
_LIST = re.compile(rf"\s*(?:{_TEXT}|[^\s\"'`()|,]+)\s*(?:,\s*(?:{_TEXT}|[^\s\"'`()|,]+)\s*)*\)", re.DOTALL)
_IDS = re.compile(r"=?([0-9a-f]{1,64})(?![\w*])|in\(\s*([0-9a-f]{1,64}(?:\s*,\s*[0-9a-f]{1,64}){0,99})\s*\)")
_LENGTHS = re.compile(r"\s*(\d{1,9})\s*,\s*(\d{1,9}|inf)\s*\)")
_MOST_REPEATS = 1000
"""RE2's."""
_STREAM = re.compile(rf"\s*([\w.@/-]+|{_TEXT})\s*(=~|!~|!=|=|\s+in\s*\(|\s+not_in\s*\()\s*", re.DOTALL)


def field_name(name: str) -> str:
    return FIELDS.get(name, name)


def unquoted(text: str) -> str:
    if text[:1] == "`":
        return text[1:-1]
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text[:1] in ("'", '"') else text


StreamsById = Callable[[Sequence[str]], Predicate]
"""Records of the streams with these ids; whoever gave them out knows."""


def parse_filters(cursor: Cursor, gaps: Gaps, streams: StreamsById | None = None) -> Predicate:
    """Up to the next bar or the end."""
    return _Reader(cursor, gaps, streams).any_of("message")


class _Reader:
    def __init__(self, cursor: Cursor, gaps: Gaps, streams: StreamsById | None) -> None:
        self.cursor = cursor
        self.gaps = gaps
        self.streams = streams

    def any_of(self, field: str) -> Predicate:
        start = self.cursor.position
        items = [self._all_of(field)]
        while self.cursor.take_keyword(_KEYWORD, "or"):
            items.append(self._all_of(field))
        return items[0] if len(items) == 1 else Or(tuple(items), span=self.cursor.span(start))

    def _all_of(self, field: str) -> Predicate:
        start = self.cursor.position
        items = [self._negated(field)]
        while self.cursor.take_keyword(_KEYWORD, "and") or not (
            self.cursor.at_pipe_end or self.cursor.peek() in "),]" or self.cursor.keyword(_KEYWORD) == "or"
        ):
            items.append(self._negated(field))
        narrowing = [item for item in items if not isinstance(item, MatchAll)] or items[:1]
        return narrowing[0] if len(narrowing) == 1 else And(tuple(narrowing), span=self.cursor.span(start))

    def _negated(self, field: str) -> Predicate:
        self.cursor.skip()
        start = self.cursor.position
        if not (self.cursor.take_keyword(_KEYWORD, "not") or self.cursor.take("!") or self.cursor.take("-")):
            return self._primary(field)
        with self.cursor.nested():
            return Not(self._negated(field), span=self.cursor.span(start))

    def _primary(self, field: str) -> Predicate:
        cursor = self.cursor
        cursor.skip()
        cursor.count()
        start = cursor.position
        if cursor.peek() in ("", "|", ")") or self.cursor.keyword(_KEYWORD) is not None:
            raise cursor.unexpected("expected a filter")
        if cursor.peek() == "(":
            return self._group(field)
        if cursor.peek() == "{":
            return self._stream()
        if field == "message" and (named := cursor.take_match(_FIELD)) is not None:
            cursor.skip()
            return self._of_field(field_name(unquoted(named[1])), start)
        return self._value(field, start)

    def _group(self, field: str) -> Predicate:
        start = self.cursor.position
        self.cursor.position += 1
        with self.cursor.nested():
            found = self.any_of(field)
        if not self.cursor.take(")"):
            raise self.cursor.error("a parenthesis is not closed", start, hint="add ) at the end of the group")
        return found

    def _of_field(self, field: str, start: int) -> Predicate:
        cursor = self.cursor
        if field in ("_stream", "_stream_id"):
            if field == "_stream" and cursor.peek() == "{":
                return self._stream()
            if field == "_stream_id" and self.streams is not None and (ids := cursor.take_match(_IDS)) is not None:
                return self.streams([text.strip() for text in (ids[1] or ids[2]).split(",")])
            self._skip_call()
            self.gaps.add(start, cursor.position, "streams have no ids here", "service:x instance:y")
            return MatchAll()
        if field == "timestamp":
            return self._time(start)
        if cursor.peek() == "(":
            return self._group(field)
        if cursor.take("!"):
            return Not(self._value(field, start), span=cursor.span(start))
        return self._value(field, start)

    def _skip_call(self) -> None:
        self.cursor.take_match(re.compile(r"[^\s|()]*(?:\([^)|]*\))?"))

    # ---- what may stand behind `field:` ----

    def _value(self, field: str, start: int) -> Predicate:
        cursor = self.cursor
        if cursor.take("="):
            return self._exact(field, start)
        if cursor.take("~"):
            return self._regex(field, start)
        if (relation := cursor.take_match(_RELATION)) is not None:
            return self._compare(field, Operator(relation[1]), self._text(), start)
        if (bounds := cursor.take_match(_RANGE)) is not None:
            return self._range(field, bounds, start)
        if (call := cursor.matches(_CALL)) is not None:
            return self._call(field, call[1], start)
        if cursor.take("*"):
            span = cursor.span(start)
            return MatchAll(span=span) if field == "message" else Exists(field, span=span)
        quoted = cursor.peek() in "\"'`"
        text = self._text()
        if quoted and not text:
            return Not(Exists(field, span=cursor.span(start)), span=cursor.span(start))
        if cursor.peek() == "*":
            cursor.position += 1
            return self._prefix(field, text, start)
        return self._word(field, text, start, quoted=quoted)

    def _text(self) -> str:
        self.cursor.skip()
        if self.cursor.peek() in ('"', "'", "`"):
            match = self.cursor.take_match(_QUOTED)
            if match is None:
                raise self.cursor.error("a quotation mark is not closed", hint="close it")
            return unquoted(match[0])
        match = self.cursor.take_match(_VALUE)
        if match is None:
            raise self.cursor.unexpected("expected a value")
        return match[0]

    def _word(self, field: str, text: str, start: int, *, quoted: bool) -> Predicate:
        span = self.cursor.span(start)
        self.cursor.count(max(0, len(tokens(text)) - 1))
        if field == "message":
            return Phrase(text, span=span) if quoted else Word(text, span=span)
        found = canonical(field)
        if found is not None and found.type is not Type.TEXT:
            return self._compare(field, Operator.EQ, text, start)
        return Regex(_bounded(text), field, span=span)

    def _prefix(self, field: str, text: str, start: int) -> Predicate:
        span = self.cursor.span(start)
        if field != "message":
            return Regex(_bounded(text, closed=False), field, span=span)
        if re.fullmatch(r"\w+", text) is None:
            self.gaps.at(span, "only a word has a beginning to look for", f'"{text}"')
            return MatchAll()
        return Glob(f"{text}*", span=span)

    def _exact(self, field: str, start: int) -> Predicate:
        text = self._text()
        if self.cursor.take("*"):
            return Glob(re.sub(r"([\\*?])", r"\\\1", text) + "*", field, span=self.cursor.span(start))
        return self._compare(field, Operator.EQ, text, start)

    def _regex(self, field: str, start: int) -> Predicate:
        text = self._text()
        span = self.cursor.span(start)
        try:
            return Regex(pattern_of(text).pattern, None if field == "message" else field, span=span)
        except Unfit as unfit:
            self.gaps.at(span, unfit.why, unfit.nearest)
            return MatchAll()

    def _range(self, field: str, bounds: re.Match[str], start: int) -> Predicate:
        low, high = unquoted(bounds[2]), unquoted(bounds[3])
        ends = [None if end.lower() in ("inf", "-inf", "+inf") else end for end in (low, high)]
        for end in ends:
            self._check(field, end, start)
        return Range(field, ends[0], ends[1], bounds[1] == "[", bounds[4] == "]", span=self.cursor.span(start))

    def _call(self, field: str, name: str, start: int) -> Predicate:
        at = self.cursor.position
        self.cursor.position += len(name) + 1
        if name == "in":
            return self._list(field, start)
        if name == "i":
            text = self._text()
            self.cursor.expect(")")
            span = self.cursor.span(start)
            return Phrase(text, span=span) if field == "message" else Regex(f"(?i){_bounded(text)}", field, span=span)
        if name == "exact":
            found = self._exact(field, start)
            self.cursor.expect(")")
            return found
        if name in ("contains_all", "contains_any", "seq"):
            if self.cursor.matches(_LIST) is None:
                return self._query_inside(start)
            texts = self._texts()
            span = self.cursor.span(start)
            if name == "seq":
                pattern = "(?s)" + ".*".join(map(_bounded, texts))
                return Regex(pattern, None if field == "message" else field, span=span)
            items = tuple(self._word(field, text, start, quoted=True) for text in texts)
            return items[0] if len(items) == 1 else (And if name == "contains_all" else Or)(items, span=span)
        if name == "len_range" and (bounds := self.cursor.take_match(_LENGTHS)) is not None:
            least, most = int(bounds[1]), None if bounds[2] == "inf" else int(bounds[2])
            if max(least, most or 0) <= _MOST_REPEATS:
                pattern = f"(?s)^.{{{least},{'' if most is None else most}}}$"
                return Regex(pattern, None if field == "message" else field, span=self.cursor.span(start))
        self.cursor.position = at
        self._skip_call()
        self.gaps.add(at, self.cursor.position, "there is no such filter", NEAREST.get(name))
        return MatchAll()

    def _texts(self) -> list[str]:
        texts = [self._text()]
        while self.cursor.take(","):
            self.cursor.count()
            texts.append(self._text())
        self.cursor.expect(")")
        return texts

    def _list(self, field: str, start: int) -> Predicate:
        items: list[Predicate] = []
        while not self.cursor.take(")"):
            self.cursor.count()
            items.append(self._compare(field, Operator.EQ, self._text(), start))
            self.cursor.skip()
            if self.cursor.at_pipe_end or not (self.cursor.take(",") or self.cursor.peek() == ")"):
                return self._query_inside(start)
        if not items:
            raise self.cursor.error("the list is empty", start, hint="field:in(a, b)")
        return items[0] if len(items) == 1 else Or(tuple(items), span=self.cursor.span(start))

    def _query_inside(self, start: int) -> Predicate:
        self.gaps.add(start, self.cursor.position, "a query inside a query", "field:in(a, b)")
        end = self.cursor.text.find(")", self.cursor.position)
        self.cursor.position = len(self.cursor.text) if end < 0 else end + 1
        return MatchAll()

    def _compare(self, field: str, operator: Operator, text: str, start: int) -> Predicate:
        self._check(field, text, start)
        return Compare(field, operator, text, span=self.cursor.span(start))

    def _check(self, field: str, text: str | None, start: int) -> None:
        try:
            if text is not None:
                check_value(field, text)
        except InvalidValue as exc:
            raise self.cursor.error_at(self.cursor.span(start), str(exc), exc.hint) from None

    # ---- times and streams ----

    def _time(self, start: int) -> Predicate:
        cursor = self.cursor
        if (between := cursor.take_match(_SPAN)) is not None:
            low, high = _moment(between[2]), _moment(between[3])
            if low is not None and high is not None:
                closed = (between[1] == "[", between[4] == "]")
                return Range("timestamp", low, high, *closed, span=cursor.span(start))
        elif (relation := cursor.take_match(_RELATION)) is not None:
            text = self._text()
            moment = _moment(text)
            if moment is not None:
                older = moment.startswith("-")  # an age: more than 5m ago is before -5m
                sign = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[relation[1]] if older else relation[1]
                return Compare("timestamp", Operator(sign), moment, span=cursor.span(start))
        else:
            text = self._text()
            if parse_duration(text):
                return Compare("timestamp", Operator.GE, f"-{text}", span=cursor.span(start))
        self.gaps.add(start, cursor.position, "a range of time is wanted", "timestamp>=-5m timestamp<now")
        return MatchAll()

    def _stream(self) -> Predicate:
        cursor = self.cursor
        start = cursor.position
        cursor.position += 1
        items: list[Predicate] = []
        while not cursor.take("}"):
            cursor.count()
            label = cursor.take_match(_STREAM)
            if label is None or label[2].strip().endswith("("):
                raise cursor.unexpected("expected a label", '{service="cart"}')
            items.append(self._label(field_name(unquoted(label[1])), label[2].strip(), start))
            if not cursor.take(",") and cursor.peek() != "}":
                raise cursor.unexpected("expected ',' or '}'")
        if not items:
            return MatchAll(span=cursor.span(start))
        return items[0] if len(items) == 1 else And(tuple(items), span=cursor.span(start))

    def _label(self, field: str, sign: str, start: int) -> Predicate:
        text = self._text()
        span = self.cursor.span(start)
        found: Predicate = MatchAll()
        if sign.endswith("~"):
            try:
                found = Regex(pattern_of(f"^(?:{text})$").pattern, field, span=span)
            except Unfit as unfit:
                self.gaps.at(span, unfit.why, unfit.nearest)
                return found
        else:
            self._check(field, text, start)
            found = Compare(field, Operator.EQ, text, span=span) if text else Not(Exists(field, span=span), span=span)
        return Not(found, span=span) if sign.startswith("!") else found


def _bounded(text: str, *, closed: bool = True) -> str:
    """A pattern that finds text as words."""
    before = r"\b" if re.match(r"\w", text) else ""
    after = r"\b" if closed and re.search(r"\w\Z", text) else ""
    return before + literal_pattern(text, ignore_case=False) + after


def _moment(text: str) -> str | None:
    if parse_duration(text):
        return f"-{text}"
    return text if parse_instant(text, 0) is not None else None


NEAREST = {
    "eq_field": "where a == b",
    "ipv4_range": 'where cidr_match(field, "10.0.0.0/8")',
    "le_field": "where a <= b",
    "len_range": "where length(field) <= 10",
    "lt_field": "where a < b",
    "re": "field:/pattern/",
    "string_range": 'where field >= "a" and field < "b"',
    "value_type": "field:*",
}
"""What comes nearest to filters that cannot be translated."""
