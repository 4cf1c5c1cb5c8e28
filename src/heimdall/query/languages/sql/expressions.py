"""Values, aggregates and conditions of a SELECT. What is not listed here has no way through: it becomes a gap."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from heimdall.query.ast import (
    Arithmetic,
    Call,
    Comparison,
    Duration,
    Expression,
    Field,
    Literal,
    Minus,
    Negate,
    Operator,
    Pattern,
    Within,
)
from heimdall.query.functions import function_named
from heimdall.query.languages.calls import Unfit, case, like_pattern, pattern_of, substring
from heimdall.query.languages.logic import all_of, any_of, settled
from heimdall.query.languages.sql.places import Places
from heimdall.query.literals import NS_PER_UNIT, parse_number

NAMES: Mapping[str, str] = {"_timestamp": "timestamp", "_time": "timestamp", "@timestamp": "timestamp"}
_COMPARISONS: Mapping[type[exp.Expr], Operator] = {
    exp.EQ: Operator.EQ,
    exp.NEQ: Operator.NE,
    exp.LT: Operator.LT,
    exp.LTE: Operator.LE,
    exp.GT: Operator.GT,
    exp.GTE: Operator.GE,
}
_ARITHMETIC: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_PLAIN: Mapping[type[exp.Expr], str] = {
    exp.Abs: "abs",
    exp.Ceil: "ceil",
    exp.Floor: "floor",
    exp.Length: "length",
    exp.Ln: "log",
    exp.Lower: "lower",
    exp.Sqrt: "sqrt",
    exp.Upper: "upper",
}
_AGGREGATES: Mapping[type[exp.Expr], str] = {
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.Median: "median",
    exp.Stddev: "stdev",
    exp.StddevSamp: "stdev",
    exp.ApproxDistinct: "count_distinct",
    exp.First: "first",
    exp.Last: "last",
}
_UNITS = {
    "NANOSECOND": "ns",
    "MICROSECOND": "us",
    "MILLISECOND": "ms",
    "SECOND": "s",
    "MINUTE": "m",
    "HOUR": "h",
    "DAY": "d",
    "WEEK": "w",
}
_INTERVAL = re.compile(r"(\d{1,9})\s*([a-z]+?)s?", re.IGNORECASE)
_PARTS = {"HOUR": "hour", "MINUTE": "minute", "DAY": "day", "MONTH": "month", "YEAR": "year"}
_NUMERIC = ("DOUBLE", "FLOAT", "DECIMAL")
_TEXTUAL = ("TEXT", "VARCHAR", "CHAR")
_NOTHING = Literal(None)
_LARGEST_INTEGER = (1 << 63) - 1
MAX_CASES = 20


class Reader:
    """Reads expressions over one set of rows. `table`: names that may stand before a field's own."""

    def __init__(self, places: Places, table: frozenset[str]) -> None:
        self.places = places
        self._table = table

    # ---- values ----

    def value(self, node: exp.Expr) -> Expression:
        match node:
            case exp.Paren():
                return self.value(node.this)
            case exp.Column() | exp.Dot():
                return Field(self.name(node), span=self.places.span(node))
            case exp.Literal():
                return self._literal(node)
            case exp.Boolean():
                return Literal(bool(node.this))
            case exp.Null():
                return Literal(None)
            case exp.Neg():
                inner = self.value(node.this)
                if isinstance(inner, Literal) and type(inner.value) in (int, float):
                    return Literal(-inner.value)  # type: ignore[operator]  # numbers, as just seen
                return Minus(inner)
            case exp.Interval():
                return self._interval(node)
            case exp.CurrentTimestamp():
                return Call("now")
            case exp.Case() | exp.If():
                return self._case(node)
            case exp.Cast():
                return self._cast(node)
            case exp.Func() | exp.WithinGroup() | exp.Filter() | exp.DPipe():
                return self._call(node)
        if type(node) in _ARITHMETIC:
            return Arithmetic(_ARITHMETIC[type(node)], self.value(node.this), self.value(node.expression))
        return self._gap(node)

    def name(self, node: exp.Expr) -> str:
        parts: list[str] = []
        while isinstance(node, exp.Dot):
            parts.insert(0, node.expression.name)
            node = node.this
        if isinstance(node, exp.Column):
            parts = [part.name for part in node.parts] + parts
        else:
            self._gap(node)
        if len(parts) > 1 and parts[0] in self._table:
            parts = parts[1:]
        name = ".".join(parts)
        return NAMES.get(name, name)

    def _gap(self, node: exp.Expr, why: str | None = None, nearest: str | None = None) -> Expression:
        self.places.gap(node, why or f"HQL has no {node.key.replace('_', ' ')}", nearest)
        return _NOTHING

    def _fit(self, node: exp.Expr, make: Callable[[], Expression]) -> Expression:
        try:
            return make()
        except Unfit as unfit:
            return self._gap(node, unfit.why, unfit.nearest)

    def _literal(self, node: exp.Literal) -> Expression:
        if node.is_string:
            return Literal(str(node.this))
        text = str(node.this)
        value = parse_number(text)
        if value is None:
            return self._gap(node, "no number of 64 bits")
        whole = text.isdigit() and len(text) < 20 and int(text) <= _LARGEST_INTEGER
        return Literal(int(text) if whole else value)

    def _interval(self, node: exp.Interval) -> Expression:
        amount = node.this.name if node.this is not None else ""
        unit = node.args["unit"].name if node.args.get("unit") is not None else ""
        step = interval_ns(f"{amount} {unit}")
        return self._gap(node, "months and years have no length", "30d") if step is None else Duration(step)

    def _case(self, node: exp.Expr) -> Expression:
        if isinstance(node, exp.If):
            branches, default = [node], node.args.get("false")
        else:
            branches, default = node.args.get("ifs") or [], node.args.get("default")
        if len(branches) > MAX_CASES:
            return self._gap(node, f"more than {MAX_CASES} cases nest too deep")
        arguments: list[Expression] = []
        for branch in branches:
            condition = branch.this
            if node.args.get("this") is not None and isinstance(node, exp.Case):
                condition = exp.EQ(this=node.this.copy(), expression=condition.copy())
            arguments += [self.condition(condition), self.value(branch.args["true"])]
        if default is not None:
            arguments += [Literal(value=True), self.value(default)]
        return case(arguments)

    def _cast(self, node: exp.Cast) -> Expression:
        wanted = node.to.this.name
        if wanted in _NUMERIC:
            return Call("tonumber", (self.value(node.this),))
        if wanted in _TEXTUAL:
            return Call("tostring", (self.value(node.this),))
        if wanted in ("TIMESTAMP", "TIMESTAMPTZ") and isinstance(node.this, exp.Literal):
            return self.value(node.this)
        return self._gap(node, "values are cast to numbers and texts alone", "tonumber(x), floor(x), tostring(x)")

    def _call(self, node: exp.Expr) -> Expression:
        if type(node) in _PLAIN:
            extra = [
                name for name, value in node.args.items() if value and name not in ("this", "is_string", "is_left")
            ]
            return self._gap(node) if extra else Call(_PLAIN[type(node)], (self.value(node.this),))
        aggregate = self._aggregate(node)
        if aggregate is not None:
            return aggregate
        match node:
            case exp.Coalesce():
                return Call("coalesce", (self.value(node.this), *map(self.value, node.expressions)))
            case exp.Concat():
                return Call("concat", tuple(map(self.value, node.expressions)))
            case exp.DPipe():
                return Call("concat", (self.value(node.this), self.value(node.expression)))
            case exp.Round() if set(_given(node)) <= {"this", "decimals"}:
                digits = node.args.get("decimals")
                return Call("round", (self.value(node.this), *([] if digits is None else [self.value(digits)])))
            case exp.Trim() if set(_given(node)) == {"this"}:
                return Call("trim", (self.value(node.this),))
            case exp.Substring() if node.args.get("start") is not None:
                parts = [node.this, node.args["start"], node.args.get("length")]
                return self._fit(node, lambda: substring([self.value(part) for part in parts if part is not None]))
            case exp.Nullif():
                same = Comparison(Operator.EQ, self.value(node.this), self.value(node.expression))
                return Call("if", (same, Literal(None), self.value(node.this)))
            case exp.TimestampTrunc() | exp.DateTrunc():
                unit = node.args["unit"].name.upper()
                return self._binned(node, node.this, interval_ns(f"1 {unit}"))
            case exp.DateBin() if node.args.get("zone") is None and node.args.get("origin") is None:
                return self._binned(node, node.expression, self._step(node.this))
            case exp.Extract() if node.this.name.upper() in _PARTS:
                return Call(_PARTS[node.this.name.upper()], (self.value(node.expression),))
            case exp.Anonymous():
                return self._anonymous(node)
        return self._gap(node, "there is no such function for SQL here")

    def _binned(self, node: exp.Expr, value: exp.Expr, step: int | None) -> Expression:
        if step is None:
            return self._gap(node, "steps are written out, nanoseconds to weeks", "bin(timestamp, 5m)")
        return Call("bin", (self.value(value), Duration(step)))

    def _step(self, node: exp.Expr) -> int | None:
        match node:
            case exp.Interval():
                found = self._interval(node)
                return found.nanoseconds if isinstance(found, Duration) else None
            case exp.Literal(is_string=True):
                return interval_ns(node.name)
        return None

    def _anonymous(self, node: exp.Anonymous) -> Expression:
        name, given = str(node.this).lower(), node.expressions
        if name in ("histogram", "time_bucket") and len(given) == 2:
            value, step = given if name == "histogram" else reversed(given)
            return self._binned(node, value, self._step(step))
        if name in ("str_match", "contains") and len(given) == 2:
            return Call("contains", (self.value(given[0]), self.value(given[1])))
        if name == "cidr_match" and len(given) == 2:
            return Call("cidr_match", (self.value(given[0]), self.value(given[1])))
        function = function_named(name)
        if function is not None and function.aggregate and len(given) == 1 and len(function.takes) == 1:
            return Call(name, (self.value(given[0]),))
        return self._gap(node, "there is no such function for SQL here")

    # ---- aggregates ----

    def _aggregate(self, node: exp.Expr) -> Expression | None:
        match node:
            case exp.Filter(this=exp.Count(this=exp.Star())):
                return Call("count_if", (self.condition(node.expression.this),))
            case exp.CountIf():
                return Call("count_if", (self.condition(node.this),))
            case exp.Count():
                return self._count(node)
            case exp.Quantile() | exp.ApproxQuantile():
                return self._percentile(node, node.args.get("quantile"), node.this)
            case exp.WithinGroup(this=exp.PercentileCont()) if isinstance(node.expression, exp.Order):
                return self._percentile(node, node.this.this, node.expression.expressions[0].this)
        if type(node) not in _AGGREGATES:
            return None
        if node.expressions or node.this is None:
            return self._gap(node, "an aggregate takes one expression", "max(a)")
        if isinstance(node.this, exp.Distinct):
            return self._gap(node, "only count takes distinct values", "count_distinct(field)")
        return Call(_AGGREGATES[type(node)], (self.value(node.this),))

    def _count(self, node: exp.Count) -> Expression:
        if node.expressions:
            return self._gap(node, "one expression is counted", "count(a)")
        if isinstance(node.this, exp.Star) or node.this is None:
            return Call("count")
        if isinstance(node.this, exp.Distinct):
            if len(node.this.expressions) != 1:
                return self._gap(node, "values of one expression are counted", "count_distinct(concat(a, b))")
            return Call("count_distinct", (self.value(node.this.expressions[0]),))
        if isinstance(node.this, exp.Literal):
            return Call("count")
        return Call("count", (self.value(node.this),))

    def _percentile(self, node: exp.Expr, share: exp.Expr | None, of: exp.Expr) -> Expression:
        value = parse_number(share.name) if isinstance(share, exp.Literal) else None
        name = None if value is None else f"p{f'{value * 100:.6f}'.rstrip('0').rstrip('.')}"
        if name is None or function_named(name) is None:
            return self._gap(node, "there is no such percentile", "p50(x), p95(x), p99(x)")
        return Call(name, (self.value(of),))

    # ---- conditions: true or not, a missing value never is ----

    def condition(self, node: exp.Expr) -> Expression:
        return settled(self._condition(node))

    def _condition(self, node: exp.Expr) -> Expression:
        if node.args.get("negate"):
            plain = node.copy()
            plain.set("negate", None)
            return Negate(self._condition(plain))
        match node:
            case exp.Paren():
                return self._condition(node.this)
            case exp.And():
                return all_of([self._condition(part) for part in node.flatten()])
            case exp.Or():
                return any_of([self._condition(part) for part in node.flatten()])
            case exp.Not():
                return Negate(self._condition(node.this))
            case exp.Boolean():
                return Literal(bool(node.this))
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between() if not node.args.get("symmetric"):
                value = self.value(node.this)
                low, high = self.value(node.args["low"]), self.value(node.args["high"])
                return all_of([Comparison(Operator.GE, value, low), Comparison(Operator.LE, value, high)])
            case exp.Escape(this=exp.Like() | exp.ILike()):
                found = self._like(node.this, node.expression.name)
                return Negate(found) if node.this.args.get("negate") else found
            case exp.Like() | exp.ILike():
                return self._like(node, "")
            case exp.RegexpLike() | exp.RegexpILike():
                return self._matches(node)
            case exp.Anonymous() if str(node.this).lower() in ("str_match", "contains", "cidr_match"):
                return self._anonymous(node)
            case exp.Anonymous() if str(node.this).lower() == "match_all":
                return self._gap(
                    node, "words are looked for before anything else", "AND match_all(…) at the top of WHERE"
                )
        if type(node) in _COMPARISONS:
            if isinstance(node.this, exp.Null) or isinstance(node.expression, exp.Null):
                return self._gap(node, "nothing equals NULL", "IS NULL")
            return Comparison(_COMPARISONS[type(node)], self.value(node.this), self.value(node.expression))
        return self._gap(node, "a condition is wanted here")

    def _is(self, node: exp.Is) -> Expression:
        if isinstance(node.expression, exp.Null):
            return Negate(Call("exists", (self.value(node.this),)))
        return self._gap(node, "only IS NULL and IS NOT NULL ask for presence", "exists(x)")

    def _in(self, node: exp.In) -> Expression:
        if node.args.get("query") is not None or node.args.get("unnest") is not None or node.args.get("field"):
            return self._gap(node, "a query inside a query", "write its values: IN ('a', 'b')")
        choices = [self.value(choice) for choice in node.expressions]
        if not choices or Literal(None) in choices:
            return self._gap(node, "NULL is in no list", "IS NULL")
        return Within(self.value(node.this), tuple(choices))

    def _like(self, node: exp.Expr, escape: str) -> Expression:
        pattern = node.expression
        if not isinstance(pattern, exp.Literal) or not pattern.is_string:
            return self._gap(node, "a pattern has to be written out", "contains(a, b)")
        found: Pattern = like_pattern(pattern.name, escape=escape, ignore_case=isinstance(node, exp.ILike))
        return Call("matches", (self.value(node.this), found))

    def _matches(self, node: exp.Expr) -> Expression:
        pattern = node.expression
        if not isinstance(pattern, exp.Literal) or not pattern.is_string:
            return self._gap(node, "a pattern has to be written out")
        prefix = "(?i)" if isinstance(node, exp.RegexpILike) else ""
        return self._fit(node, lambda: Call("matches", (self.value(node.this), pattern_of(prefix + pattern.name))))


def interval_ns(text: str) -> int | None:
    """Nanoseconds of `5 minutes`."""
    match = _INTERVAL.fullmatch(text.strip())
    unit = None if match is None else _UNITS.get(match[2].upper())
    return None if match is None or unit is None or int(match[1]) == 0 else int(match[1]) * NS_PER_UNIT[unit]


def _given(node: exp.Expr) -> list[str]:
    return [name for name, value in node.args.items() if value]
