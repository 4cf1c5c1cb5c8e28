"""What a question reads when all it does is count: how a pipe tells the planner that a rollup may answer it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heimdall.query.ast import Call, Duration, Expression, Field, children
from heimdall.query.fields import canonical
from heimdall.query.functions import function_named
from heimdall.query.functions.bin import offset_of
from heimdall.storage.rollups import MINUTE_NS


@dataclass(frozen=True, slots=True)
class Counting:
    """Records are counted by `columns` of the engine's table and, where there is a step, by steps of time."""

    columns: tuple[str, ...]
    step_ns: int | None = None
    """A whole number of minutes."""
    offset_ns: int = 0
    """Where steps start to count, from 1970; whole minutes."""


def counting(aggregates: Sequence[Expression], keys: Sequence[Expression]) -> Counting | None:
    """What a grouping counts by; None when it needs anything that counts by minute do not say."""
    if not all(_only_counts(expression) for expression in aggregates):
        return None
    steps: set[int] = set()
    columns: list[str] = []
    for leaf in (leaf for key in keys for leaf in _leaves(key)):
        match leaf:
            case Call(arguments=(Duration(nanoseconds=step),) | (Field(name="timestamp"), Duration(nanoseconds=step))):
                steps.add(step)
            case Field(name=name) if name != "timestamp" and (field := canonical(name)) is not None:
                columns.append(field.source)
            case _:
                return None
    if len(steps) > 1 or any(step % MINUTE_NS for step in steps):
        return None
    step_ns = steps.pop() if steps else None
    return Counting(tuple(dict.fromkeys(columns)), step_ns, 0 if step_ns is None else offset_of(step_ns))


def _only_counts(expression: Expression) -> bool:
    """Whether every aggregate in it counts rows; a field could only stand inside another one."""
    if isinstance(expression, Call):
        function = function_named(expression.name)
        if function is not None and function.aggregate:
            return expression.name in ("count", "rate") and not expression.arguments
    return all(_only_counts(part) for part in children(expression))


def _leaves(expression: Expression) -> Iterator[Expression]:
    """Fields, and calls of `bin` as a whole."""
    if isinstance(expression, Field) or (isinstance(expression, Call) and expression.name == "bin"):
        yield expression
        return
    for part in children(expression):
        yield from _leaves(part)
