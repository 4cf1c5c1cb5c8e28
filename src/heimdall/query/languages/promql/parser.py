"""PromQL text → tree, types checked.

Source: Prometheus documentation, "Querying basics" and "Operators".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from heimdall.query.languages.promql.ast import (
    NAME,
    Aggregation,
    Binary,
    Call,
    Expression,
    Kind,
    Matcher,
    Matching,
    Negative,
    Number,
    Selector,
    Subquery,
    Text,
    When,
)
from heimdall.query.languages.promql.lexer import PromqlError, Token, tokens
from heimdall.query.languages.promql.words import AGGREGATIONS, COMPARING, FUNCTIONS, PRECEDENCE, SETS, Signature
from heimdall.query.regex import compile_pattern

MAX_DEPTH = 64
"""Expressions inside each other; deeper ones are refused, so no query exhausts the stack."""

MAX_NODES = 500
"""Expressions of one query: a chain of operators is a tree as deep as it is long."""

_MATCHING: dict[str, Literal["=", "!=", "=~", "!~"]] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_UNARY = 6  # `-a ^ b` is `-(a ^ b)`, `-a * b` is `(-a) * b`


def parse(text: str) -> Expression:
    """
    Raises:
        PromqlError: not PromQL, or of types that do not fit.
    """
    reader = _Parser(tokens(text))
    if reader.peek().kind == "end":
        raise PromqlError("no expression found in input", 1, 1)
    found = reader.expression(0)
    reader.take("end")
    return found


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Matchers of one selector without modifiers: what `match[]` takes."""
    found = parse(text)
    if not isinstance(found, Selector) or found.range_ns is not None or found.when != When():
        raise PromqlError("expected an instant vector selector")
    return found.matchers


def kind_of(node: Expression) -> Kind:
    match node:
        case Number():
            return Kind.SCALAR
        case Text():
            return Kind.STRING
        case Subquery():
            return Kind.RANGE
        case Selector(range_ns=range_ns):
            return Kind.VECTOR if range_ns is None else Kind.RANGE
        case Call(function=function):
            return FUNCTIONS[function].gives
        case Aggregation():
            return Kind.VECTOR
        case Negative(inner=inner):
            return kind_of(inner)
        case Binary(left=left, right=right):
            both = (kind_of(left), kind_of(right))
            return Kind.SCALAR if both == (Kind.SCALAR, Kind.SCALAR) else Kind.VECTOR


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._depth = 0
        self._nodes = 0

    # ---- tokens ----

    def peek(self) -> Token:
        return self._tokens[self._place]

    def next(self) -> Token:
        token = self.peek()
        self._place += token.kind != "end"
        return token

    def take(self, kind: str) -> Token:
        token = self.peek()
        if token.kind != kind:
            raise self._unexpected(token)
        return self.next()

    def accept(self, kind: str) -> bool:
        if self.peek().kind == kind:
            self.next()
            return True
        return False

    def _word(self) -> str:
        """The next token as a keyword, which is written in any case."""
        token = self.peek()
        return token.text.lower() if token.kind == "NAME" else ""

    def _unexpected(self, token: Token) -> PromqlError:
        shown = "end of input" if token.kind == "end" else f'"{token.text[:50]}"'
        return PromqlError(f"unexpected {shown}", token.line, token.column)

    # ---- expressions ----

    def expression(self, least: int) -> Expression:
        self._depth += 1
        self._nodes += 1
        if self._depth > MAX_DEPTH or self._nodes > MAX_NODES:
            token = self.peek()
            raise PromqlError("expression is nested too deeply or too long", token.line, token.column)
        left = self._unary()
        while (op := self._operator()) is not None and PRECEDENCE[op] >= least:
            self._nodes += 1
            token = self.next()
            returns_bool, matching = self._modifiers(op, token)
            right = self.expression(PRECEDENCE[op] + (op != "^"))
            left = self._binary(op, left, right, returns_bool, matching, token)
            if self._nodes > MAX_NODES:
                raise PromqlError("expression is nested too deeply or too long", token.line, token.column)
        self._depth -= 1
        return left

    def _operator(self) -> str | None:
        token = self.peek()
        if token.kind in PRECEDENCE:
            return token.kind
        return self._word() if self._word() in PRECEDENCE else None

    def _unary(self) -> Expression:
        token = self.peek()
        if token.kind not in ("+", "-"):
            return self._postfix(self._primary(), token)
        self.next()
        inner = self.expression(_UNARY)
        if kind_of(inner) not in (Kind.SCALAR, Kind.VECTOR):
            raise PromqlError(
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f'got "{kind_of(inner)}"', token.line, token.column,
            )  # fmt: skip
        if token.kind == "+":
            return inner
        return Number(-inner.value) if isinstance(inner, Number) else Negative(inner)

    def _binary(
        self, op: str, left: Expression, right: Expression, returns_bool: bool, matching: Matching | None, at: Token
    ) -> Expression:
        kinds = (kind_of(left), kind_of(right))
        if any(kind not in (Kind.SCALAR, Kind.VECTOR) for kind in kinds):
            raise PromqlError("binary expression must contain only scalar and instant vector types", at.line, at.column)
        if op in SETS and Kind.SCALAR in kinds:
            raise PromqlError(f'set operator "{op}" not allowed in binary scalar expression', at.line, at.column)
        if matching is not None and Kind.SCALAR in kinds:
            raise PromqlError("vector matching only allowed between instant vectors", at.line, at.column)
        if op in COMPARING and not returns_bool and kinds == (Kind.SCALAR, Kind.SCALAR):
            raise PromqlError("comparisons between scalars must use BOOL modifier", at.line, at.column)
        return Binary(op, left, right, returns_bool, matching or Matching())

    def _modifiers(self, op: str, at: Token) -> tuple[bool, Matching | None]:
        returns_bool = self._word() == "bool"
        if returns_bool:
            token = self.next()
            if op not in COMPARING:
                raise PromqlError("bool modifier can only be used on comparison operators", token.line, token.column)
        if self._word() not in ("on", "ignoring"):
            return returns_bool, None
        on = self.next().text.lower() == "on"
        matching = Matching(on, self._label_list())
        if self._word() in ("group_left", "group_right"):
            many: Literal["left", "right"] = "left" if self.next().text.lower() == "group_left" else "right"
            include = self._label_list() if self.peek().kind == "(" else ()
            if op in SETS:
                raise PromqlError(f'no grouping allowed for "{op}" operation', at.line, at.column)
            both = sorted(set(include) & set(matching.labels)) if on else []
            if both:
                raise PromqlError(
                    f'label "{both[0]}" must not occur in ON and GROUP clause at once', at.line, at.column
                )
            matching = replace(matching, many=many, include=include)
        return returns_bool, matching

    def _label_list(self) -> tuple[str, ...]:
        self.take("(")
        found: list[str] = []
        while not self.accept(")"):
            token = self.next()
            if token.kind not in ("NAME", "STRING") or token.kind == "NAME" and ":" in token.text:
                raise self._unexpected(token)
            found.append(token.text)
            if self.peek().kind != ")":
                self.take(",")
        return tuple(found)

    # ---- what stands behind an expression ----

    def _postfix(self, node: Expression, start: Token) -> Expression:
        enclosed = start.kind == "("
        while True:
            token = self.peek()
            if enclosed and isinstance(node, Selector | Subquery) and (token.kind == "@" or self._word() == "offset"):
                raise self._unexpected(token)
            if token.kind == "[":
                node = self._ranged(node, start, enclosed=enclosed)
                enclosed = False
            elif token.kind == "@":
                self.next()
                node = self._when(node, token, self._moment)
            elif self._word() == "offset":
                self.next()
                node = self._when(node, token, self._offset)
            else:
                return node

    def _ranged(self, node: Expression, start: Token, *, enclosed: bool) -> Expression:
        self.take("[")
        range_ns = self._duration()
        if range_ns <= 0:
            raise PromqlError("duration must be greater than 0", start.line, start.column)
        if self.accept(":"):
            step_ns = None if self.peek().kind == "]" else self._duration()
            self.take("]")
            if kind_of(node) is not Kind.VECTOR:
                raise PromqlError(
                    f'subquery is only allowed on instant vector, got "{kind_of(node)}" instead',
                    start.line,
                    start.column,
                )
            if step_ns is not None and step_ns <= 0:
                raise PromqlError("duration must be greater than 0", start.line, start.column)
            return Subquery(node, range_ns, step_ns)
        self.take("]")
        if not isinstance(node, Selector) or node.range_ns is not None or enclosed:
            raise PromqlError("ranges only allowed for vector selectors", start.line, start.column)
        if node.when != When():
            raise PromqlError("no offset or @ modifiers allowed before range", start.line, start.column)
        return replace(node, range_ns=range_ns)

    def _when(self, node: Expression, token: Token, changed: Callable[[When, Token], When]) -> Expression:
        if not isinstance(node, Selector | Subquery):
            name = "@ modifier" if token.kind == "@" else "offset modifier"
            raise PromqlError(
                f"{name} must be preceded by an instant vector selector or range vector selector or a subquery",
                token.line, token.column,
            )  # fmt: skip
        return replace(node, when=changed(node.when, token))

    def _offset(self, when: When, token: Token) -> When:
        if when.offset_ns:
            raise PromqlError("offset may not be set multiple times", token.line, token.column)
        negative = self.accept("-")
        return replace(when, offset_ns=-self._duration() if negative else self._duration())

    def _moment(self, when: When, token: Token) -> When:
        if when.at is not None:
            raise PromqlError("@ <timestamp> may not be set multiple times", token.line, token.column)
        if self._word() in ("start", "end"):
            word = self.next().text.lower()
            self.take("(")
            self.take(")")
            return replace(when, at="start" if word == "start" else "end")
        sign = -1 if self.accept("-") else 1
        number = self.next()
        if number.kind not in ("NUMBER", "DURATION") or not abs(number.amount) < 2**63 / 1e9:
            raise PromqlError("timestamp out of bounds for @ modifier", number.line, number.column)
        return replace(when, at=sign * round(number.amount * 1e3) * 10**6)

    def _duration(self) -> int:
        token = self.next()
        if token.kind not in ("DURATION", "NUMBER"):
            raise PromqlError(f"unexpected {token.text!r}, expected duration", token.line, token.column)
        if not token.amount < 2**62 / 1e9:
            raise PromqlError("duration out of range", token.line, token.column)
        return round(token.amount * 1e3) * 10**6

    # ---- the smallest ones ----

    def _primary(self) -> Expression:
        token = self.next()
        match token.kind:
            case "NUMBER" | "DURATION":
                return Number(token.amount)
            case "STRING":
                return Text(token.text)
            case "(":
                inner = self.expression(0)
                self.take(")")
                return inner
            case "{":
                return self._selector([], token)
            case "NAME":
                return self._named(token)
            case _:
                raise self._unexpected(token)

    def _named(self, token: Token) -> Expression:
        word = token.text.lower()
        following = self.peek()
        if word in AGGREGATIONS and (following.kind == "(" or self._word() in ("by", "without")):
            return self._aggregation(word, token)
        if following.kind == "(":
            return self._call(token)
        if word in ("inf", "nan") and following.kind != "{":
            return Number(math.inf if word == "inf" else math.nan)
        if word in PRECEDENCE:
            raise self._unexpected(token)
        named = [Matcher(NAME, "=", token.text)]
        return self._selector(named, token) if self.accept("{") else Selector(tuple(named))

    def _selector(self, matchers: list[Matcher], start: Token) -> Selector:
        """What stands behind `{`."""
        while not self.accept("}"):
            token = self.next()
            if token.kind not in ("NAME", "STRING"):
                raise self._unexpected(token)
            op = self.peek().kind
            if op in _MATCHING:
                self.next()
                matchers.append(self._matcher(token.text, _MATCHING[op]))
            elif token.kind == "STRING":
                matchers.append(Matcher(NAME, "=", token.text))
            else:
                raise self._unexpected(self.peek())
            if self.peek().kind != "}":
                self.take(",")
        names = [each.value for each in matchers if each.name == NAME and each.op == "="]
        if len(names) > 1:
            raise PromqlError(
                f'metric name must not be set twice: "{names[0]}" or "{names[1]}"', start.line, start.column
            )
        if all(matches(each, "") for each in matchers):
            raise PromqlError("vector selector must contain at least one non-empty matcher", start.line, start.column)
        return Selector(tuple(matchers))

    def _matcher(self, name: str, op: Literal["=", "!=", "=~", "!~"]) -> Matcher:
        value = self.take("STRING")
        if op in ("=~", "!~"):
            try:
                compile_pattern(f"(?s:{value.text})")
            except ValueError as exc:
                raise PromqlError(f"error parsing regexp: {exc}", value.line, value.column) from exc
        return Matcher(name, op, value.text)

    def _arguments(self) -> list[tuple[Expression, Token]]:
        self.take("(")
        found: list[tuple[Expression, Token]] = []
        while not self.accept(")"):
            start = self.peek()
            found.append((self.expression(0), start))
            if self.peek().kind != ")":
                self.take(",")
        return found

    def _aggregation(self, op: str, token: Token) -> Expression:
        clause = self._clause()
        arguments = self._arguments()
        clause = clause or self._clause() or (False, ())
        parameter = AGGREGATIONS[op]
        wanted = 1 if parameter is None else 2
        if len(arguments) != wanted:
            raise PromqlError(
                f'wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(arguments)}',
                token.line, token.column,
            )  # fmt: skip
        if parameter is not None:
            self._check(parameter, arguments[0], "aggregation parameter")
        self._check(Kind.VECTOR, arguments[-1], "aggregation expression")
        first = arguments[0][0] if parameter is not None else None
        return Aggregation(op, arguments[-1][0], first, clause[1], clause[0])

    def _clause(self) -> tuple[bool, tuple[str, ...]] | None:
        if self._word() not in ("by", "without"):
            return None
        return self.next().text.lower() == "without", self._label_list()

    def _call(self, token: Token) -> Expression:
        signature = FUNCTIONS.get(token.text)
        if signature is None:
            raise PromqlError(f'unknown function with name "{token.text[:100]}"', token.line, token.column)
        arguments = self._arguments()
        self._check_count(token, signature, len(arguments))
        for place, argument in enumerate(arguments):
            expected = signature.takes[min(place, len(signature.takes) - 1)]
            self._check(expected, argument, f'call to function "{token.text}"')
        return Call(token.text, tuple(node for node, _ in arguments))

    def _check_count(self, token: Token, signature: Signature, count: int) -> None:
        most, least = len(signature.takes), len(signature.takes) - signature.optional
        if count >= least and (signature.more or count <= most):
            return
        how = "" if not signature.optional and not signature.more else "at least " if count < least else "at most "
        expected = least if count < least else most
        raise PromqlError(
            f'expected {how}{expected} argument(s) in call to "{token.text}", got {count}', token.line, token.column
        )

    def _check(self, expected: Kind, argument: tuple[Expression, Token], where: str) -> None:
        node, token = argument
        if (found := kind_of(node)) is not expected:
            raise PromqlError(f"expected type {expected} in {where}, got {found}", token.line, token.column)


def matches(matcher: Matcher, value: str) -> bool:
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return (compile_pattern(f"(?s:{matcher.value})").fullmatch(value) is not None) == (matcher.op == "=~")
