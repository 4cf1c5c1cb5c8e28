"""Short constructors for sqlglot trees of ClickHouse's dialect."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

TABLE = "_records"
"""Every level of a statement gives its source this alias, so that a column is never taken for an alias of the level.
No field anyone sends is called that; one that is would be read as the source itself."""


def call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def parametric(name: str, parameters: Sequence[exp.Expression], *arguments: exp.Expression) -> exp.Expression:
    """`name(parameters)(arguments)`."""
    return exp.ParameterizedAgg(this=name, params=list(arguments), expressions=list(parameters))


def string(value: str) -> exp.Expression:
    return exp.Literal.string(value)


def number(value: float) -> exp.Expression:
    """An Int64, UInt64 or Float64 literal; negatives in parentheses, so that `- -1` never reads as a comment."""
    digits = exp.Literal.number(repr(abs(value)))
    return exp.Paren(this=exp.Neg(this=digits)) if value < 0 else digits


def boolean(value: bool) -> exp.Expression:
    return exp.Boolean(this=value)


def null() -> exp.Expression:
    return exp.Null()


def column(*path: str) -> exp.Expression:
    """A column of the level's source; further names go into its sub-columns."""
    parts: list[exp.Expression] = [exp.to_identifier(name, quoted=True) for name in (TABLE, *path)]
    return exp.Dot.build(parts) if len(parts) > 2 else exp.column(path[0], TABLE, quoted=True)


def cast(value: exp.Expression, kind: str) -> exp.Expression:
    return call("CAST", value, string(kind))


def binary(operator: str, left: exp.Expression, right: exp.Expression) -> exp.Expression:
    return exp.Paren(this=_BINARY[operator](this=left, expression=right))


_BINARY: dict[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
    "+": exp.Add,
    "-": exp.Sub,
    "*": exp.Mul,
    "/": exp.Div,
}


def within(value: exp.Expression, choices: Sequence[exp.Expression]) -> exp.Expression:
    return exp.Paren(this=exp.In(this=value, expressions=list(choices)))


def negate(value: exp.Expression) -> exp.Expression:
    return call("not", value)


def both(*conditions: exp.Expression) -> exp.Expression:
    return _joined(exp.And, list(conditions), True)


def either(*conditions: exp.Expression) -> exp.Expression:
    return _joined(exp.Or, list(conditions), False)


def _joined(kind: type[exp.Connector], items: list[exp.Expression], empty: bool) -> exp.Expression:
    """A balanced tree, so that a thousand terms are ten levels deep."""
    if not items:
        return boolean(empty)
    if len(items) == 1:
        return items[0]
    middle = len(items) // 2
    left, right = _joined(kind, items[:middle], empty), _joined(kind, items[middle:], empty)
    return exp.Paren(this=kind(this=left, expression=right))


def is_null(value: exp.Expression) -> exp.Expression:
    return call("isNull", value)


def is_not_null(value: exp.Expression) -> exp.Expression:
    return call("isNotNull", value)


def choose(condition: exp.Expression, then: exp.Expression, otherwise: exp.Expression) -> exp.Expression:
    return call("if", condition, then, otherwise)


def array(items: Sequence[exp.Expression]) -> exp.Expression:
    return exp.Array(expressions=list(items))
