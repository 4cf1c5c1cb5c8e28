"""A place in the tokens of LogQL, and the errors of what stands there in Loki's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from heimdall.query.languages.logql.lexer import LogqlError, Token, tokens

RANGE_OPS = frozenset({
    "count_over_time", "rate", "rate_counter", "bytes_over_time", "bytes_rate", "sum_over_time", "avg_over_time",
    "min_over_time", "max_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time",
    "first_over_time", "last_over_time", "absent_over_time",
})  # fmt: skip
VECTOR_OPS = frozenset({
    "sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc",
})  # fmt: skip
_WORDS = frozenset({
    "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "unwrap", "json", "logfmt",
    "pattern", "regexp", "unpack", "line_format", "label_format", "decolorize", "drop", "keep", "ip", "and", "or",
    "unless", "vector", "label_replace",
})  # fmt: skip
MAX_DEPTH = 64
"""Deepest nesting; deeper text is refused, so that no walk over a tree can exhaust the stack."""
MAX_NODES = 200
"""Operations and conditions of one query: a chain of them is a tree as deep as it is long."""


class Cursor:
    """Where in the tokens a parser is, and how deep."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0
        self._depth = 0
        self._nodes = 0

    def _count(self) -> None:
        """One more operation or condition."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LogqlError(
                f"more than {MAX_NODES} operations and conditions in one query", self._next.line, self._next.column
            )

    @contextmanager
    def _nested(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LogqlError("the query is nested too deeply", self._next.line, self._next.column)
        yield
        self._depth -= 1

    # ---- tokens ----

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _at(self, *kinds: str) -> bool:
        return self._next.kind in kinds

    def _at_word(self, *words: str) -> bool:
        return self._next.kind == "IDENTIFIER" and self._next.text in words

    def _advance(self) -> Token:
        token = self._next
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def _take(self, kind: str) -> bool:
        if self._at(kind):
            self._advance()
            return True
        return False

    def _take_word(self, word: str) -> bool:
        if self._at_word(word):
            self._advance()
            return True
        return False

    def expect(self, *kinds: str) -> Token:
        if self._at(*kinds):
            return self._advance()
        raise self._unexpected(*(() if kinds == ("$end",) else kinds))

    def _unexpected(self, *wanted: str) -> LogqlError:
        token = self._next
        word = token.text in RANGE_OPS | VECTOR_OPS | _WORDS and token.kind == "IDENTIFIER"
        expecting = f", expecting {' or '.join(wanted)}" if wanted else ""
        name = token.text if word else token.kind
        return LogqlError(f"syntax error: unexpected {name}{expecting}", token.line, token.column)
