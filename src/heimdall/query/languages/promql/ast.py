"""PromQL as a tree. Times and durations are ns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

NAME = "__name__"
"""The label that holds a metric's name."""


class Kind(StrEnum):
    """What an expression is, in Prometheus' words."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    RANGE = "range vector"


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str


@dataclass(frozen=True, slots=True)
class When:
    """Which moment a selector looks at: that of the step, moved back by `offset_ns`; or a fixed one."""

    offset_ns: int = 0
    at: int | Literal["start", "end"] | None = None
    """ns since 1970, or an end of the whole question's range."""


@dataclass(frozen=True, slots=True)
class Selector:
    matchers: tuple[Matcher, ...]
    when: When = When()
    range_ns: int | None = None
    """None: the newest sample; else all of (t - range, t]."""


@dataclass(frozen=True, slots=True)
class Subquery:
    inner: Expression
    range_ns: int
    step_ns: int | None
    when: When = When()


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Aggregation:
    op: str
    inner: Expression
    parameter: Expression | None
    labels: tuple[str, ...]
    without: bool


@dataclass(frozen=True, slots=True)
class Matching:
    """Which series of two sides belong together."""

    on: bool = False
    labels: tuple[str, ...] = ()
    many: Literal["left", "right"] | None = None
    """The side of which several may match one."""
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    left: Expression
    right: Expression
    returns_bool: bool = False
    matching: Matching = Matching()


@dataclass(frozen=True, slots=True)
class Negative:
    inner: Expression


Expression = Number | Text | Selector | Subquery | Call | Aggregation | Binary | Negative
