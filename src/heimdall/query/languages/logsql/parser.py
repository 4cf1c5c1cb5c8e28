"""A whole LogsQL query: filters, then pipes."""

from __future__ import annotations

import re

from heimdall.query.ast import (
    And,
    Compare,
    Comparison,
    Exists,
    Expression,
    Field,
    Literal,
    MatchAll,
    Negate,
    Not,
    Or,
    Pattern,
    Pipe,
    Predicate,
    Regex,
)
from heimdall.query.ast import Call as FunctionCall
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.logic import all_of, any_of
from heimdall.query.languages.logsql.filters import StreamsById, parse_filters
from heimdall.query.languages.logsql.pipes import FUNCTIONS, NEAREST, PIPES, parse_stats
from heimdall.query.languages.translation import Gaps, Translation, both, check_size, translation
from heimdall.query.literals import parse_number
from heimdall.query.pipes.where import Where

_WORD = re.compile(r"[^\W\d]\w*")
_SHORT = re.compile(rf"(?:by\s*\(|(?:count|quantile|{'|'.join(FUNCTIONS)})\s*\()", re.IGNORECASE)
MAX_PIPES = 60


def parse(text: str, streams: StreamsById | None = None) -> Translation:
    """LogsQL → tree. `streams`: what `_stream_id` means, for a face that gives ids out.

    Raises:
        QuerySyntaxError: the text is no LogsQL, or asks for something that cannot be.
    """
    check_size(text)
    cursor, gaps = Cursor(text), Gaps(text)
    if cursor.at_end:
        raise cursor.error("there is no query", hint="* finds every record")
    search = parse_filters(cursor, gaps, streams)
    pipes: list[Pipe] = []
    count = 0
    while not cursor.at_end:
        cursor.expect("|")
        cursor.skip()
        count += 1
        if count > MAX_PIPES:
            raise cursor.error(f"more than {MAX_PIPES} pipes", hint="ask several smaller queries")
        search = _pipe(cursor, gaps, search, pipes, streams)
        if not cursor.at_pipe_end:
            raise cursor.unexpected("expected '|' or the end of the query")
    return translation("logsql", text, search, pipes, gaps)


def _pipe(cursor: Cursor, gaps: Gaps, search: Predicate, pipes: list[Pipe], streams: StreamsById | None) -> Predicate:
    """Read one pipe into `pipes`; the search, narrowed where the pipe is a filter of records."""
    start = cursor.position
    if cursor.matches(_SHORT):
        pipes += parse_stats(cursor, gaps)
        return search
    name = cursor.take_match(_WORD)
    if name is None:
        raise cursor.unexpected("expected a pipe", "filter, stats, sort, limit, top, fields …")
    word = name[0].lower()
    if word in ("filter", "where"):
        condition = parse_filters(cursor, gaps, streams)
        if not pipes:
            return both(search, condition)
        expression = _expression(condition, gaps)
        pipes += [] if expression is None else [Where(expression)]
    elif word in PIPES:
        pipes += PIPES[word](cursor, gaps)
    else:
        gaps.add(start, name.end(), "there is no such pipe", NEAREST.get(word) or did_you_mean(word, list(PIPES)))
        end = cursor.text.find("|", cursor.position)
        cursor.position = len(cursor.text) if end < 0 else end
    return search


def _expression(predicate: Predicate, gaps: Gaps) -> Expression | None:
    """A filter over computed rows as a condition."""
    match predicate:
        case Compare(field=name, operator=operator, value=value):
            number = parse_number(value)
            literal = Literal(value if number is None else int(number) if number.is_integer() else number)
            return Comparison(operator, Field(name), literal, span=predicate.span)
        case Regex(pattern=pattern, field=name):
            return FunctionCall("matches", (Field(name or "message"), Pattern(pattern)), span=predicate.span)
        case Exists(field=name):
            return FunctionCall("exists", (Field(name),), span=predicate.span)
        case Not(item=item):
            inner = _expression(item, gaps)
            return None if inner is None else Negate(inner)
        case And(items=items) | Or(items=items):
            parts = [part for item in items if (part := _expression(item, gaps)) is not None]
            return None if not parts else all_of(parts) if isinstance(predicate, And) else any_of(parts)
        case MatchAll():
            return None
    gaps.at(predicate.span, "words are looked for in records, before any pipe", 'where contains(a, "text")')
    return None
