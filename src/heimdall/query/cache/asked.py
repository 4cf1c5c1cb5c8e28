"""What an answer depends on beside its own text: read off the tree of a query."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from heimdall.query.ast import Call, Compare, Literal, Query, Range
from heimdall.query.literals import parse_instant
from heimdall.query.pipes.patterns import Patterns
from heimdall.query.pipes.timechart import Timechart

_SOME_DAY_NS, _ANOTHER_DAY_NS = 0, 10**18


def nodes(node: object) -> Iterator[object]:
    """A node and everything inside it, whatever kinds of pipes there are."""
    yield node
    if dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            yield from nodes(getattr(node, field.name))
    elif isinstance(node, (tuple, list, frozenset)):
        for item in node:
            yield from nodes(item)


def uses_now(query: Query) -> bool:
    """Whether the moment of asking may change the answer: `now()`, or a text such as `-5m` where a time may stand."""
    return any(_moves(node) for node in nodes(query))


def uses_length(query: Query) -> bool:
    """Whether the length of an open range, which is that of the data, may change the answer."""
    return any(
        (isinstance(node, Call) and node.name == "rate") or (isinstance(node, Timechart) and node.span_ns is None)
        for node in nodes(query)
    )


def uses_templates(query: Query) -> bool:
    """Whether the answer holds texts of templates, which change as templates are merged, or rests on records outside
    its own range, as those of pipes that ask further do."""
    return any(isinstance(pipe, Patterns) or pipe.asks_further for pipe in query.pipes)


def _moves(node: object) -> bool:
    match node:
        case Call(name="now"):
            return True
        case Literal(value=str(text)) | Compare(value=text):
            return _is_relative(text)
        case Range(low=low, high=high):
            return any(text is not None and _is_relative(text) for text in (low, high))
        case _:
            return False


def _is_relative(text: str) -> bool:
    return parse_instant(text, _SOME_DAY_NS) != parse_instant(text, _ANOTHER_DAY_NS)
