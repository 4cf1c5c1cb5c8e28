"""Aggregates whose state does not grow with what they see, and by how much they may be off.

| exact | sketch | off by at most |
|---|---|---|
| `uniqExact` | HyperLogLog of 2^17 registers (`uniqCombined64`) | 1 % in 99 of 100 answers (standard error 0.29 %) |
| `quantileExactInclusive` | DDSketch (`quantileDD`) | 1 % of the value, always |

Source: Flajolet et al., HyperLogLog (2007); Masson, Rim, Lee, DDSketch, VLDB 12 (2019).
"""

from __future__ import annotations

from sqlglot import exp

ERROR = 0.01
"""Relative; of both sketches."""

_PRECISION = 17
"""Logarithm of the registers: 96 KiB a group. One more halves the square of the error and doubles the memory."""


def sketched(statement: exp.Query) -> exp.Query | None:
    """The same statement with sketches; None where it has nothing to sketch. The argument stays as it is."""
    if not any(_sketch(node) for node in statement.walk()):
        return None
    changed = statement.transform(lambda node: _sketch(node) or node)
    assert isinstance(changed, exp.Query)
    return changed


def _sketch(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.Anonymous) and node.name in ("uniqExact", "uniqExactIf"):
        name = node.name.replace("uniqExact", "uniqCombined64")
        precision = exp.Literal.number(_PRECISION)
        arguments = [argument.copy() for argument in node.expressions]
        found = exp.ParameterizedAgg(this=name, params=arguments, expressions=[precision])
        # Of nothing but nulls `uniqExact` makes 0, its sketch NULL.
        return exp.Anonymous(this="ifNull", expressions=[found, exp.Literal.number(0)])
    if isinstance(node, exp.ParameterizedAgg) and node.this == "quantileExactInclusiveOrNull":
        (level,) = node.expressions
        values = [argument.copy() for argument in node.args["params"]]
        error = exp.Literal.number(ERROR)
        return exp.ParameterizedAgg(this="quantileDDOrNull", params=values, expressions=[error, level.copy()])
    return None
