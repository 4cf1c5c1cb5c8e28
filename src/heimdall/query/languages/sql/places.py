"""Where a node of sqlglot's tree stood in the text, and what refuses it."""

from __future__ import annotations

import re

from sqlglot import exp

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import Span
from heimdall.query.languages.translation import Gaps


class Places:
    """sqlglot keeps the place of names alone; that of anything else is told by the names in it, or by its own word."""

    def __init__(self, text: str, gaps: Gaps) -> None:
        self._text = text
        self._gaps = gaps

    def span(self, node: exp.Expr) -> Span:
        metas = [part.meta for part in node.find_all(exp.Identifier) if "start" in part.meta]
        word = self._word(node)
        if word is not None:
            return word
        if not metas:
            return Span(1, max(1, len(self._text)))
        start = min(int(meta["start"]) for meta in metas)
        return Span(start + 1, max(int(meta["end"]) for meta in metas) + 1 - start)

    def _word(self, node: exp.Expr) -> Span | None:
        """A function's own name, where the text has it but once or nothing else is known."""
        if not isinstance(node, exp.Func):
            return None
        names = [node.name] if isinstance(node, exp.Anonymous) else [*node.sql_names(), node.key]
        for name in names:
            found = re.search(rf"\b{re.escape(name)}\s*\(", self._text, re.IGNORECASE) if name else None
            if found is not None:
                return Span(found.start() + 1, len(name))
        return None

    def gap(self, node: exp.Expr, why: str, nearest: str | None = None) -> None:
        self._gaps.at(self.span(node), why, nearest)

    def refuse(self, node: exp.Expr, why: str, hint: str | None = None) -> QuerySyntaxError:
        span = self.span(node)
        return QuerySyntaxError(why, column=span.column, length=span.length, hint=hint)
