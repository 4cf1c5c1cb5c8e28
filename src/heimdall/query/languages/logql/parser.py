"""Tokens → tree, by recursive descent; errors have Loki's form and words.

Source: Grafana Loki, "LogQL" reference. Loki's own parser is generated from a grammar; where it would list what it
expected, so does this one.
"""

from __future__ import annotations

from heimdall.query.languages.logql.ast import (
    Binary,
    Grouping,
    LabelFilter,
    LabelReplace,
    LogQuery,
    Matcher,
    Matching,
    Metric,
    Number,
    Query,
    RangeAggregation,
    Unwrap,
    Vector,
    VectorAggregation,
)
from heimdall.query.languages.logql.checks import check_range, check_regex, check_selector
from heimdall.query.languages.logql.cursor import RANGE_OPS, VECTOR_OPS
from heimdall.query.languages.logql.fold import fold
from heimdall.query.languages.logql.lexer import LogqlError, Token
from heimdall.query.languages.logql.stages import LogParser

_PRECEDENCE = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, ">": 3, ">=": 3, "<": 3, "<=": 3, "+": 4, "-": 4,
    "*": 5, "/": 5, "%": 5, "^": 6,
}  # fmt: skip
_COMPARING = frozenset({"==", "!=", ">", ">=", "<", "<="})
_CONVERSIONS = frozenset({"bytes", "duration", "duration_seconds"})


def parse(text: str) -> Query:
    """
    Raises:
        LogqlError: it is no LogQL, or asks for what has no meaning.
    """
    parser = _Parser(text)
    query = parser.query()
    parser.expect("$end")
    return query if isinstance(query, LogQuery) else fold(query)


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of `{…}` alone; one that matches everything is taken."""
    if text.strip() in ("", "{}"):
        return ()
    parser = _Parser(text)
    matchers = parser.selector()
    parser.expect("$end")
    return matchers


class _Parser(LogParser):
    """Log queries, and metrics of them."""

    def query(self) -> Query:
        if self._at("(") and self._log_inside():
            self._advance()
            with self._nested():
                inner = self.query()
            self.expect(")")
            return inner
        return self.log_query() if self._at("{") else self.metric(0)

    def _log_inside(self) -> bool:
        """Whether parentheses hold a log query and nothing follows them that would make a metric of it."""
        place = self._place
        while self._tokens[place].kind == "(":
            place += 1
        return self._tokens[place].kind == "{"

    def metric(self, least: int) -> Metric:
        with self._nested():
            return self._metric(least)

    def _metric(self, least: int) -> Metric:
        left = self._operand()
        while (op := self._operator()) is not None and _PRECEDENCE[op] >= least:
            token = self._advance()
            returns_bool, matching = self._modifiers(op, token)
            right = self.metric(_PRECEDENCE[op] + (op != "^"))
            if op in ("and", "or", "unless") and (isinstance(left, Number) or isinstance(right, Number)):
                side, number = ("left", left) if isinstance(left, Number) else ("right", right)
                assert isinstance(number, Number)
                raise LogqlError(
                    f"unexpected literal for {side} leg of logical/set binary operation ({op}): {number.value:f}", 0, 0
                )
            left = Binary(op, left, right, returns_bool, matching)
            self._count()
        return left

    def _operator(self) -> str | None:
        token = self._next
        if token.kind in _PRECEDENCE:
            return token.kind
        return token.text if token.kind == "IDENTIFIER" and token.text in ("or", "and", "unless") else None

    def _modifiers(self, op: str, token: Token) -> tuple[bool, Matching | None]:
        returns_bool = self._take_word("bool")
        if returns_bool and op not in _COMPARING:
            raise LogqlError(f"unexpected bool modifier on {op}", token.line, token.column)
        if not self._at_word("on", "ignoring"):
            return returns_bool, None
        on = self._advance().text == "on"
        labels = self._labels()
        many: str | None = None
        include: tuple[str, ...] = ()
        if self._at_word("group_left", "group_right"):
            many = self._advance().text.removeprefix("group_")
            include = self._labels() if self._at("(") else ()
        return returns_bool, Matching(labels, on, many, include)

    def _operand(self) -> Metric:
        if self._take("("):
            inner = self.metric(0)
            self.expect(")")
            return inner
        if self._at("+", "-"):
            sign = -1.0 if self._advance().kind == "-" else 1.0
            return Number(sign * self.expect("NUMBER").amount)
        if self._at("NUMBER"):
            return Number(self._advance().amount)
        token = self._next
        if token.kind != "IDENTIFIER":
            raise self._unexpected()
        if token.text in RANGE_OPS:
            return self._range_aggregation()
        if token.text in VECTOR_OPS:
            return self._vector_aggregation()
        if token.text == "vector":
            self._advance()
            self.expect("(")
            negative = self._take("-")
            value = self.expect("NUMBER").amount
            self.expect(")")
            return Vector(-value if negative else value)
        if token.text == "label_replace":
            return self._label_replace()
        raise self._unexpected()

    def _range_aggregation(self) -> RangeAggregation:
        token = self._advance()
        self.expect("(")
        parameter = None
        if token.text == "quantile_over_time":
            negative = self._take("-")
            amount = self.expect("NUMBER").amount
            parameter = -amount if negative else amount
            self.expect(",")
        elif self._at("NUMBER"):
            raise LogqlError(f"parameter {self._next.text} not supported for operation {token.text}", 0, 0)
        query, range_ns, offset_ns, unwrap = self._range()
        self.expect(")")
        grouping = self._grouping() if self._at_word("by", "without") else None
        return check_range(RangeAggregation(token.text, query, range_ns, offset_ns, unwrap, parameter, grouping), token)

    def _range(self) -> tuple[LogQuery, int, int, Unwrap | None]:
        """A log query with its range, which may stand behind the selector or at the end, and its `unwrap`."""
        enclosed = self._take("(")
        matchers = check_selector(self.selector())
        range_ns, offset_ns = self._range_and_offset() if self._at("RANGE") else (0, 0)
        stages = self.stages()
        unwrap = self._unwrap() if self._at("|") else None
        if enclosed:
            self.expect(")")
        if not range_ns:
            if not self._at("RANGE"):
                raise self._unexpected("RANGE") if not self._at("$end") else self._unexpected()
            range_ns, offset_ns = self._range_and_offset()
        return LogQuery(matchers, stages), range_ns, offset_ns, unwrap

    def _range_and_offset(self) -> tuple[int, int]:
        range_ns = int(self.expect("RANGE").amount)
        if not self._take_word("offset"):
            return range_ns, 0
        negative = self._take("-")
        offset_ns = int(self.expect("DURATION").amount)
        return range_ns, -offset_ns if negative else offset_ns

    def _unwrap(self) -> Unwrap:
        self.expect("|")
        self._advance()
        name = self.expect("IDENTIFIER").text
        conversion = None
        if name in _CONVERSIONS and self._take("("):
            conversion, name = name, self.expect("IDENTIFIER").text
            self.expect(")")
        filters: list[LabelFilter] = []
        while self._take("|"):
            filters.append(LabelFilter(self._condition(0)))
        return Unwrap(name, conversion, tuple(filters))

    def _vector_aggregation(self) -> VectorAggregation:
        token = self._advance()
        grouping = self._grouping() if self._at_word("by", "without") else None
        self.expect("(")
        parameter = None
        if token.text in ("topk", "bottomk"):
            if not self._at("NUMBER"):
                raise LogqlError(f"parameter required for operation {token.text}", 0, 0)
            number = self._advance()
            if not number.amount.is_integer() or number.amount <= 0:
                raise LogqlError(f"invalid parameter (must be greater than 0) {token.text}({number.text}", 0, 0)
            parameter = int(min(number.amount, 2**31))
            self.expect(",")
        elif self._at("NUMBER") and self._tokens[self._place + 1].kind == ",":
            raise LogqlError(f"unsupported parameter for operation {token.text}({self._next.text},", 0, 0)
        inner = self.metric(0)
        self.expect(")")
        if self._at_word("by", "without"):
            if grouping is not None:
                raise self._unexpected()
            grouping = self._grouping()
        if grouping is not None and token.text in ("sort", "sort_desc"):
            raise LogqlError(f"grouping not allowed for {token.text} aggregation", 0, 0)
        return VectorAggregation(token.text, inner, parameter, grouping)

    def _grouping(self) -> Grouping:
        without = self._advance().text == "without"
        return Grouping(self._labels(), without)

    def _labels(self) -> tuple[str, ...]:
        self.expect("(")
        found: list[str] = []
        while not self._take(")"):
            found.append(self.expect("IDENTIFIER").text)
            if not self._take(","):
                self.expect(")")
                break
        return tuple(found)

    def _label_replace(self) -> LabelReplace:
        self._advance()
        self.expect("(")
        inner = self.metric(0)
        texts: list[Token] = []
        for _ in range(4):
            self.expect(",")
            texts.append(self.expect("STRING"))
        self.expect(")")
        target, replacement, source, pattern = texts
        check_regex(pattern.text, pattern)
        return LabelReplace(inner, target.text, replacement.text, source.text, pattern.text)
