"""Tokens → tree, by recursive descent; errors have Loki's form and words.

Source: Grafana Loki, "LogQL" reference. Loki's own parser is generated from a grammar; where it would list what it
expected, so does this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from heimdall.query.languages.logql.ast import (
    Binary,
    Both,
    Comparison,
    Condition,
    Decolorize,
    Drop,
    Either,
    Grouping,
    Json,
    Keep,
    Kind,
    LabelFilter,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    LineMatch,
    Logfmt,
    LogQuery,
    Matcher,
    Matching,
    Metric,
    Number,
    PatternParser,
    Query,
    RangeAggregation,
    Regexp,
    Renaming,
    Stage,
    Unpack,
    Unwrap,
    Vector,
    VectorAggregation,
)
from heimdall.query.languages.logql.checks import check_ip, check_pattern, check_range, check_regex, check_selector
from heimdall.query.languages.logql.fold import fold
from heimdall.query.languages.logql.lexer import LogqlError, Token, tokens
from heimdall.query.languages.logql.template import compile_template

RANGE_OPS = frozenset({
    "count_over_time", "rate", "rate_counter", "bytes_over_time", "bytes_rate", "sum_over_time", "avg_over_time",
    "min_over_time", "max_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time",
    "first_over_time", "last_over_time", "absent_over_time",
})  # fmt: skip
VECTOR_OPS = frozenset({
    "sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc",
})  # fmt: skip
_PRECEDENCE = {
    "or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, ">": 3, ">=": 3, "<": 3, "<=": 3, "+": 4, "-": 4,
    "*": 5, "/": 5, "%": 5, "^": 6,
}  # fmt: skip
_COMPARING = frozenset({"==", "!=", ">", ">=", "<", "<="})
_LINE_OPS = ("|=", "!=", "|~", "!~")
_CONVERSIONS = frozenset({"bytes", "duration", "duration_seconds"})
MAX_DEPTH = 64
"""Deepest nesting; deeper text is refused, so that no walk over a tree can exhaust the stack."""
MAX_NODES = 200
"""Operations and conditions of one query: a chain of them is a tree as deep as it is long."""


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


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0
        self._nodes = 0

    def _count(self) -> None:
        """One more operation or condition."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LogqlError(
                f"more than {MAX_NODES} operations and conditions in one query", self._next.line, self._next.column
            )

    @contextmanager
    def _nested(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LogqlError("the query is nested too deeply", self._next.line, self._next.column)
        yield
        self._depth -= 1

    # ---- tokens ----

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _at(self, *kinds: str) -> bool:
        return self._next.kind in kinds

    def _at_word(self, *words: str) -> bool:
        return self._next.kind == "IDENTIFIER" and self._next.text in words

    def _advance(self) -> Token:
        token = self._next
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def _take(self, kind: str) -> bool:
        if self._at(kind):
            self._advance()
            return True
        return False

    def _take_word(self, word: str) -> bool:
        if self._at_word(word):
            self._advance()
            return True
        return False

    def expect(self, *kinds: str) -> Token:
        if self._at(*kinds):
            return self._advance()
        raise self._unexpected(*(() if kinds == ("$end",) else kinds))

    def _unexpected(self, *wanted: str) -> LogqlError:
        token = self._next
        word = token.text in RANGE_OPS | VECTOR_OPS | _WORDS and token.kind == "IDENTIFIER"
        expecting = f", expecting {' or '.join(wanted)}" if wanted else ""
        name = token.text if word else token.kind
        return LogqlError(f"syntax error: unexpected {name}{expecting}", token.line, token.column)

    # ---- log queries ----

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

    def log_query(self) -> LogQuery:
        return LogQuery(check_selector(self.selector()), self.stages())

    def selector(self) -> tuple[Matcher, ...]:
        self.expect("{")
        matchers: list[Matcher] = []
        if self._take("}"):
            return ()
        while True:
            name = self.expect("IDENTIFIER").text
            op = self.expect("=", "!=", "=~", "!~").kind
            token = self.expect("STRING")
            if op.endswith("~"):
                check_regex(token.text, token)
            matchers.append(Matcher(name, op, token.text))
            if not self._take(","):
                self.expect("}", ",")
                return tuple(matchers)
            if self._take("}"):
                return tuple(matchers)

    def stages(self) -> tuple[Stage, ...]:
        found: list[Stage] = []
        while True:
            if self._at(*_LINE_OPS):
                found.append(self._line_filter())
            elif self._at("|") and not self._unwraps():
                self._advance()
                found.append(self._stage())
            else:
                return tuple(found)

    def _unwraps(self) -> bool:
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        return following.kind == "IDENTIFIER" and following.text == "unwrap"

    def _line_filter(self) -> LineFilter:
        op = self._advance().kind
        choices = [self._line_match(op)]
        while self._at_word("or"):
            self._advance()
            choices.append(self._line_match(op))
        return LineFilter(op, tuple(choices))

    def _line_match(self, op: str) -> LineMatch:
        if self._at_word("ip"):
            self._advance()
            self.expect("(")
            token = self.expect("STRING")
            self.expect(")")
            if op.endswith("~"):
                raise LogqlError("syntax error: unexpected ip, expecting STRING", token.line, token.column)
            return LineMatch(check_ip(token.text, token), ip=True)
        token = self.expect("STRING")
        if op.endswith("~"):
            check_regex(token.text, token)
        return LineMatch(token.text)

    def _stage(self) -> Stage:
        if self._at("("):
            return LabelFilter(self._condition(0))
        word = self.expect("IDENTIFIER")
        match word.text:
            case "json":
                return Json(self._extractions())
            case "logfmt":
                return self._logfmt()
            case "pattern":
                token = self.expect("STRING")
                return PatternParser(check_pattern(token.text, token))
            case "regexp":
                token = self.expect("STRING")
                return Regexp(check_regex(token.text, token, captures=True))
            case "unpack":
                return Unpack()
            case "decolorize":
                return Decolorize()
            case "line_format":
                token = self.expect("STRING")
                compile_template(token.text, token)
                return LineFormat(token.text)
            case "label_format":
                return self._label_format()
            case "drop":
                return Drop(self._names_or_matchers())
            case "keep":
                return Keep(self._names_or_matchers())
        self._place -= 1
        return LabelFilter(self._condition(0))

    def _extractions(self) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        while self._at("IDENTIFIER"):
            name = self._advance().text
            found.append((name, self.expect("STRING").text if self._take("=") else name))
            if not self._take(","):
                break
        return tuple(found)

    def _logfmt(self) -> Logfmt:
        flags = set()
        while self._at("PARSER_FLAG"):
            flags.add(self._advance().text)
        return Logfmt(self._extractions(), strict="--strict" in flags, keep_empty="--keep-empty" in flags)

    def _label_format(self) -> LabelFormat:
        found: list[Renaming] = []
        while True:
            token = self.expect("IDENTIFIER")
            self.expect("=")
            if any(each.label == token.text for each in found):
                raise LogqlError(f'multiple label name "{token.text}" not allowed in a single format operation', 0, 0)
            value = self.expect("IDENTIFIER", "STRING")
            if value.kind == "STRING":
                compile_template(value.text, value)
            found.append(Renaming(token.text, value.text, value.kind == "STRING"))
            if not self._take(","):
                return LabelFormat(tuple(found))

    def _names_or_matchers(self) -> tuple[str | Matcher, ...]:
        found: list[str | Matcher] = []
        while True:
            name = self.expect("IDENTIFIER").text
            if self._at("=", "!=", "=~", "!~"):
                op = self._advance().kind
                token = self.expect("STRING")
                if op.endswith("~"):
                    check_regex(token.text, token)
                found.append(Matcher(name, op, token.text))
            else:
                found.append(name)
            if not self._take(","):
                return tuple(found)

    def _condition(self, depth: int) -> Condition:
        """`or` binds least; `and` and a comma alike."""
        if depth > MAX_DEPTH:
            raise LogqlError("the query is nested too deeply", self._next.line, self._next.column)
        left = self._conjunction(depth)
        while self._take_word("or"):
            self._count()
            left = Either(left, self._conjunction(depth))
        return left

    def _conjunction(self, depth: int) -> Condition:
        left = self._comparison(depth)
        while True:
            if self._take_word("and") or self._take(",") or self._at("IDENTIFIER", "(") and not self._at_word("or"):
                self._count()
                left = Both(left, self._comparison(depth))
            else:
                return left

    def _comparison(self, depth: int) -> Condition:
        if self._take("("):
            inner = self._condition(depth + 1)
            self.expect(")")
            return inner
        label = self.expect("IDENTIFIER").text
        op = self.expect("=", "==", "!=", "=~", "!~", ">", ">=", "<", "<=").kind
        if self._at_word("ip"):
            self._advance()
            self.expect("(")
            token = self.expect("STRING")
            self.expect(")")
            if op not in ("=", "==", "!="):
                raise LogqlError("syntax error: unexpected ip, expecting BYTES or NUMBER or DURATION",
                                 token.line, token.column)  # fmt: skip
            return Comparison(label, "=" if op == "==" else op, check_ip(token.text, token), Kind.IP)
        if self._at("STRING") and op in ("=", "!=", "=~", "!~"):
            token = self._advance()
            if op.endswith("~"):
                check_regex(token.text, token)
            return Comparison(label, op, token.text, Kind.TEXT)
        if op.endswith("~"):
            raise self._unexpected("STRING")
        negative = self._take("-")
        token = self.expect("NUMBER", "DURATION", "BYTES")
        kind = {"NUMBER": Kind.NUMBER, "DURATION": Kind.DURATION, "BYTES": Kind.BYTES}[token.kind]
        text, amount = (f"-{token.text}", -token.amount) if negative else (token.text, token.amount)
        return Comparison(label, "==" if op == "=" else op, text, kind, amount)

    # ---- metrics ----

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


_WORDS = frozenset({
    "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "unwrap", "json", "logfmt",
    "pattern", "regexp", "unpack", "line_format", "label_format", "decolorize", "drop", "keep", "ip", "and", "or",
    "unless", "vector", "label_replace",
})  # fmt: skip
