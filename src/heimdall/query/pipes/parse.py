"""`parse "text <name> text" [from field]`: columns cut out of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from heimdall.query.ast import Pipe
from heimdall.query.frame.values import FrameValue, as_text, each
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_field
from heimdall.query.languages.hql.printer import field_text, quote, regex_text
from heimdall.query.pipes.word import PipeWord
from heimdall.query.regex import compile_pattern
from heimdall.query.shape import Shape, assignable, failure, require
from heimdall.query.sql.nodes import call, number, string
from heimdall.query.sql.values import Value
from heimdall.query.sql.values import as_text as sql_text
from heimdall.query.types import Type
from heimdall.query.words import literal_pattern

if TYPE_CHECKING:
    from heimdall.query.frame.evaluation import FrameBuilder
    from heimdall.query.sql.statement import SqlBuilder

_CAPTURE = re.compile(r"<([^\W\d][\w.@]*)>")


@dataclass(frozen=True, slots=True)
class Parse(Pipe):
    """`pattern` is text with `<name>` captures, or RE2 with named groups when `regex` is set."""

    name: ClassVar[str] = "parse"

    pattern: str
    regex: bool = False
    source: str = "message"

    def to_text(self) -> str:
        pattern = regex_text(self.pattern) if self.regex else quote(self.pattern)
        return f"parse {pattern}" + (f" from {field_text(self.source)}" if self.source != "message" else "")

    def reads(self) -> Iterator[str]:
        yield self.source

    def compiled(self) -> tuple[str, dict[str, int]]:
        """The RE2 pattern, and the group of each name; `<_>` names nothing."""
        if self.regex:
            return self.pattern, dict(compile_pattern(self.pattern).groupindex)
        parts = _CAPTURE.split(self.pattern)
        groups: dict[str, int] = {}
        body = literal_pattern(parts[0], ignore_case=False)
        for place in range(1, len(parts), 2):
            name, literal = parts[place], parts[place + 1]
            last = place + 2 == len(parts) and not literal
            body += ("(.*)" if last else "(.*?)") + literal_pattern(literal, ignore_case=False)
            if name != "_":
                groups.setdefault(name, place // 2 + 1)
        return body, groups

    def shape(self, before: Shape) -> Shape:
        require([self.source], before, self.span)
        pattern, groups = self.compiled()
        if not groups:
            hint = "/took (?P<ms>[0-9]+)/" if self.regex else '"took <ms> ms"'
            raise failure(self.span, "the pattern names nothing to take", f"write parse {hint}")
        for name in groups:
            assignable(name, self.span)
        try:
            compile_pattern(pattern)
        except ValueError as exc:
            raise failure(self.span, f"the pattern is too large: {exc}") from exc
        return before.extended(dict.fromkeys(groups, Type.TEXT))

    def to_sql(self, builder: SqlBuilder) -> None:
        from heimdall.query.ast import Field

        builder.prepare(Field(self.source))
        pattern, groups = self.compiled()
        text = call("ifNull", sql_text(builder.lookup(self.source)), string(""))
        found = {
            name: call("nullIf", call("regexpExtract", text.copy(), string(pattern), number(group)), string(""))
            for name, group in groups.items()
        }
        builder.extend({name: Value(value, Type.TEXT) for name, value in found.items()})

    def to_frame(self, builder: FrameBuilder) -> None:
        pattern, groups = self.compiled()
        compiled = compile_pattern(pattern)
        text = as_text(builder.lookup(self.source))

        def taker(group: int) -> pl.Expr:
            def take(line: str) -> str | None:
                match = compiled.search(line)
                return (match.group(group) or None) if match else None

            return each(text, take, pl.String)

        builder.extend({name: FrameValue(taker(group), Type.TEXT) for name, group in groups.items()})


def _parse(cursor: Cursor) -> Parse:
    cursor.skip()
    start = cursor.position
    regex = cursor.peek() == "/"
    quoted = cursor.quoted() if cursor.peek() == '"' else None
    pattern = cursor.regex(free=False) if regex else quoted
    if pattern is None:
        raise cursor.unexpected("expected a pattern", 'write parse "took <ms> ms" or parse /took (?P<ms>[0-9]+)/')
    source = parse_field(cursor) if cursor.take_word("from") else "message"
    return Parse(pattern, regex, source, span=cursor.span(start))


WORD = PipeWord(
    name="parse",
    syntax='parse "text <name> text" [from field] · parse /(?P<name>…)/ [from field]',
    doc="Cuts columns out of the message, or of another field: `<name>` takes everything up to the text behind it,"
    " `<_>` skips. What is not found, or empty, is missing. Columns are text: averages and comparisons with a number"
    " read them as numbers; `sort`, `min` and `max` go by their characters, and by size when given `tonumber(ms)`.",
    example='"took" | parse "user <user> took <ms> ms" | stats avg(ms) by user',
    parse=_parse,
)
