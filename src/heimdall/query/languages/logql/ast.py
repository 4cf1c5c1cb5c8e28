"""The tree of a LogQL query: a selector and the stages behind it, or a metric made of such.

    LogQuery    selector + stages
    Stage       LineFilter | Json | Logfmt | PatternParser | Regexp | Unpack | LabelFilter | LineFormat | LabelFormat
                | Decolorize | Drop | Keep
    Metric      RangeAggregation | VectorAggregation | Binary | Number | Vector | LabelReplace

Source: Grafana Loki, "LogQL: Log query language".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name op "value"`; `op` is `=`, `!=`, `=~` or `!~`, whose patterns match whole values."""

    name: str
    op: str
    value: str


# ---- stages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineMatch:
    text: str
    ip: bool = False


@dataclass(frozen=True, slots=True)
class LineFilter:
    """`|=`, `!=`, `|~` or `!~`; several texts are joined by `or`."""

    op: str
    choices: tuple[LineMatch, ...]

    @property
    def negative(self) -> bool:
        return self.op.startswith("!")


@dataclass(frozen=True, slots=True)
class Json:
    """Every leaf, or only the named expressions: (label, path)."""

    wanted: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Logfmt:
    wanted: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    keep_empty: bool = False


@dataclass(frozen=True, slots=True)
class PatternParser:
    pattern: str


@dataclass(frozen=True, slots=True)
class Regexp:
    pattern: str


@dataclass(frozen=True, slots=True)
class Unpack:
    pass


class Kind(StrEnum):
    """How a label is compared."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    BYTES = "bytes"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`label op value`; `value` is what was written, `amount` what it means (ns, bytes) where it is no text."""

    label: str
    op: str
    value: str
    kind: Kind
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Both:
    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Either:
    left: Condition
    right: Condition


Condition = Comparison | Both | Either


@dataclass(frozen=True, slots=True)
class LabelFilter:
    condition: Condition


@dataclass(frozen=True, slots=True)
class LineFormat:
    template: str


@dataclass(frozen=True, slots=True)
class Renaming:
    """`label=other` or `label="template"`."""

    label: str
    value: str
    is_template: bool


@dataclass(frozen=True, slots=True)
class LabelFormat:
    renamings: tuple[Renaming, ...]


@dataclass(frozen=True, slots=True)
class Decolorize:
    pass


@dataclass(frozen=True, slots=True)
class Drop:
    """Names, or matchers: then the label goes only where its value matches."""

    items: tuple[str | Matcher, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    items: tuple[str | Matcher, ...]


Stage = (
    LineFilter | Json | Logfmt | PatternParser | Regexp | Unpack | LabelFilter | LineFormat | LabelFormat | Decolorize
    | Drop | Keep
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogQuery:
    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


# ---- metrics ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unwrap:
    label: str
    conversion: str | None = None
    """`bytes`, `duration` or `duration_seconds`."""
    filters: tuple[LabelFilter, ...] = ()
    """What stands behind it."""


@dataclass(frozen=True, slots=True)
class Grouping:
    labels: tuple[str, ...]
    without: bool = False


@dataclass(frozen=True, slots=True)
class RangeAggregation:
    op: str
    query: LogQuery
    range_ns: int
    offset_ns: int = 0
    unwrap: Unwrap | None = None
    parameter: float | None = None
    grouping: Grouping | None = None


@dataclass(frozen=True, slots=True)
class VectorAggregation:
    op: str
    inner: Metric
    parameter: int | None = None
    grouping: Grouping | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """How series of two sides find each other: `on`/`ignoring`, and `left` or `right` where one side may be many."""

    labels: tuple[str, ...] = ()
    on: bool = False
    many: str | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    op: str
    left: Metric
    right: Metric
    returns_bool: bool = False
    matching: Matching | None = None


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Vector:
    """`vector(1)`: one series without labels."""

    value: float


@dataclass(frozen=True, slots=True)
class LabelReplace:
    inner: Metric
    target: str
    replacement: str
    source: str
    pattern: str


Metric = RangeAggregation | VectorAggregation | Binary | Number | Vector | LabelReplace
Query = LogQuery | Metric


def log_queries(query: Query) -> Iterator[LogQuery]:
    """Every log query inside."""
    match query:
        case LogQuery():
            yield query
        case RangeAggregation(query=inner):
            yield inner
        case VectorAggregation(inner=inner) | LabelReplace(inner=inner):
            yield from log_queries(inner)
        case Binary(left=left, right=right):
            yield from log_queries(left)
            yield from log_queries(right)
        case _:
            return


def comparisons(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
    else:
        yield from comparisons(condition.left)
        yield from comparisons(condition.right)
