"""The one tree every query language becomes: a search, then pipes.

    Query      search + pipes
    Predicate  MatchAll | Word | Phrase | Glob | Regex | Compare | Range | Exists | And | Or | Not
    Pipe       one dataclass per file of `heimdall.query.pipes`
    Expression Literal | Duration | Pattern | Field | Call | Arithmetic | Minus | Comparison | Within
               | AllOf | AnyOf | Negate

Nodes are frozen and compare by meaning: `span`, where a node stood in the text, takes no part in equality.
A predicate is true or false, never unknown: what asks for a missing value is false, and `Not` of it true.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from heimdall.query.context import Context
    from heimdall.query.counting import Counting
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.shape import Shape
    from heimdall.query.sql.statement import SqlBuilder

MAX_DEPTH = 64
"""Deepest nesting of a tree; deeper text is refused, so that no walk over a tree can exhaust the stack."""

MAX_NODES = 1_000
"""Most terms, values and pipes in one query; keeps a statement well inside an engine's own limits."""

MAX_WORDS = 200
"""Most words, phrases and patterns looked for in messages by one query. An engine's text index answers each with a
column of its own: 200 cost 20 MiB, 800 already 350 MiB and seconds of planning."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a node stood in the text: `column` from 1, `length`, both in code points."""

    column: int
    length: int


class Operator(StrEnum):
    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    span: Span | None = field(default=None, compare=False, repr=False)


# ---- search -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MatchAll(_Node):
    """Every record: `*`."""


@dataclass(frozen=True, slots=True)
class Word(_Node):
    """A bare word: its tokens follow each other in the message. Finds ids too when it looks like one."""

    text: str


@dataclass(frozen=True, slots=True)
class Phrase(_Node):
    """Quoted text: its tokens follow each other in the message."""

    text: str


@dataclass(frozen=True, slots=True)
class Glob(_Node):
    r"""A pattern with `*` (any run) and `?` (one character); `\` makes the next character literal.

    Without a field: in the message, from token border to token border, case-insensitive, not across white space.
    With a field: its whole value, case-sensitive.
    """

    pattern: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Regex(_Node):
    """An RE2 pattern found anywhere in the message, or in the text of `field`."""

    pattern: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Compare(_Node):
    field: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Range(_Node):
    """From `low` to `high`; `None` is an open end."""

    field: str
    low: str | None
    high: str | None
    include_low: bool = True
    include_high: bool = True


@dataclass(frozen=True, slots=True)
class Exists(_Node):
    field: str


@dataclass(frozen=True, slots=True)
class And(_Node):
    items: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or(_Node):
    items: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not(_Node):
    item: Predicate


Predicate = MatchAll | Word | Phrase | Glob | Regex | Compare | Range | Exists | And | Or | Not


# ---- expressions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal(_Node):
    value: str | int | float | bool | None

    def __eq__(self, other: object) -> bool:
        """1, 1.0 and true are three different literals."""
        return isinstance(other, Literal) and (type(self.value), self.value) == (type(other.value), other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Duration(_Node):
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Pattern(_Node):
    """An RE2 literal: `/…/`."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Field(_Node):
    name: str


@dataclass(frozen=True, slots=True)
class Call(_Node):
    name: str
    arguments: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Arithmetic(_Node):
    operator: str
    """`+`, `-`, `*`, `/` or `%`."""
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Minus(_Node):
    item: Expression


@dataclass(frozen=True, slots=True)
class Comparison(_Node):
    operator: Operator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Within(_Node):
    """`item in (…)`."""

    item: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AllOf(_Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf(_Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negate(_Node):
    item: Expression


Expression = (
    Literal | Duration | Pattern | Field | Call | Arithmetic | Minus | Comparison | Within | AllOf | AnyOf | Negate
)


def children(expression: Expression) -> tuple[Expression, ...]:
    """Direct parts of an expression, left to right."""
    match expression:
        case Call(arguments=parts) | AllOf(items=parts) | AnyOf(items=parts):
            return parts
        case Arithmetic(left=left, right=right) | Comparison(left=left, right=right):
            return (left, right)
        case Minus(item=item) | Negate(item=item):
            return (item,)
        case Within(item=item, choices=choices):
            return (item, *choices)
        case _:
            return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything inside it."""
    yield expression
    for part in children(expression):
        yield from walk(part)


def depth(expression: Expression) -> int:
    """Levels of the tree. Walks without recursion: this is what keeps every other walk shallow."""
    deepest = 0
    to_do = [(expression, 1)]
    while to_do:
        node, level = to_do.pop()
        deepest = max(deepest, level)
        to_do += [(part, level + 1) for part in children(node)]
    return deepest


def fields_of(expression: Expression) -> Iterator[str]:
    """Names an expression reads. `bin(5m)` reads `timestamp` without naming it."""
    for node in walk(expression):
        if isinstance(node, Field):
            yield node.name
        elif isinstance(node, Call) and node.name == "bin" and len(node.arguments) == 1:
            yield "timestamp"


# ---- pipes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pipe(_Node, ABC):
    """One step after the search: rows in, rows out. Each kind has a file of its own in `heimdall.query.pipes`."""

    name: ClassVar[str]
    aggregates: ClassVar[bool] = False
    """Its rows are no longer records."""
    sorts: ClassVar[bool] = False
    """Its rows come in an order of its own."""
    asks_further: ClassVar[bool] = False
    """Its answer rests on more than the rows before it."""

    @abstractmethod
    def to_text(self) -> str:
        """HQL of this pipe, without the bar."""

    @abstractmethod
    def reads(self) -> Iterator[str]:
        """Names of the fields it reads."""

    @abstractmethod
    def shape(self, before: Shape) -> Shape:
        """What rows look like behind it. Raises QuerySyntaxError where the pipe has no meaning for such rows."""

    @abstractmethod
    def to_sql(self, builder: SqlBuilder) -> None:
        """Extend the statement by this step."""

    @abstractmethod
    def to_frame(self, builder: FrameBuilder) -> None:
        """Extend the lazy frame by this step."""

    def counting(self, context: Context) -> Counting | None:
        """What it counts records by, when counting is all it does with them."""
        return None


@dataclass(frozen=True, slots=True)
class Query:
    search: Predicate = MatchAll()
    pipes: tuple[Pipe, ...] = ()

    @property
    def aggregates(self) -> bool:
        """Whether rows of the answer are no longer records."""
        return any(pipe.aggregates for pipe in self.pipes)

    @property
    def sorts(self) -> bool:
        """Whether the answer has an order other than newest first."""
        return any(pipe.sorts for pipe in self.pipes)


def search_fields(predicate: Predicate) -> Iterator[str]:
    """Names a search reads; free text reads `message`."""
    match predicate:
        case Word() | Phrase():
            yield "message"
        case Glob(field=name) | Regex(field=name):
            yield name if name is not None else "message"
        case Compare(field=name) | Range(field=name) | Exists(field=name):
            yield name
        case And(items=items) | Or(items=items):
            for item in items:
                yield from search_fields(item)
        case Not(item=item):
            yield from search_fields(item)
