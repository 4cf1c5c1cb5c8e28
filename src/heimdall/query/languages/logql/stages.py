"""Log queries: a selector and the stages behind it."""

from __future__ import annotations

from heimdall.query.languages.logql.ast import (
    Both,
    Comparison,
    Condition,
    Decolorize,
    Drop,
    Either,
    Json,
    Keep,
    Kind,
    LabelFilter,
    LabelFormat,
    LineFilter,
    LineFormat,
    LineMatch,
    Logfmt,
    LogQuery,
    Matcher,
    PatternParser,
    Regexp,
    Renaming,
    Stage,
    Unpack,
)
from heimdall.query.languages.logql.checks import check_ip, check_pattern, check_regex, check_selector
from heimdall.query.languages.logql.cursor import MAX_DEPTH, Cursor
from heimdall.query.languages.logql.lexer import LogqlError
from heimdall.query.languages.logql.template import compile_template

_LINE_OPS = ("|=", "!=", "|~", "!~")


class LogParser(Cursor):
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
