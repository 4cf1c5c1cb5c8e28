"""A whole query: the search, then pipes."""

from __future__ import annotations

import re

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import MAX_DEPTH, MAX_WORDS, And, Glob, Not, Or, Phrase, Pipe, Predicate, Query, Regex, Word
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.hql.search import parse_search
from heimdall.query.shape import shape_of

MAX_TEXT_BYTES = 64 * 1024
"""Longest query text; a longer one is refused before it is read."""

_NAME = re.compile(r"[^\W\d]\w*")


def parse(text: str) -> Query:
    """HQL → tree. Empty text asks for every record.

    Raises:
        QuerySyntaxError: with the column of the first thing that cannot be understood, and what would mend it.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError as exc:
        raise QuerySyntaxError("not Unicode text", column=exc.start + 1, hint="send UTF-8") from None
    if size > MAX_TEXT_BYTES:
        raise QuerySyntaxError(f"longer than {MAX_TEXT_BYTES} bytes", column=1, hint="ask several smaller queries")
    cursor = Cursor(text)
    search = parse_search(cursor)
    if _depth(search) > MAX_DEPTH:
        raise cursor.error(f"nested deeper than {MAX_DEPTH} levels", 0, len(text), "flatten the parentheses")
    if _words(search) > MAX_WORDS:
        hint = "quote text that stands together, or ask several smaller queries"
        raise cursor.error(f"more than {MAX_WORDS} words to look for in messages", 0, cursor.position, hint)
    pipes: list[Pipe] = []
    while not cursor.at_end:
        cursor.expect("|")
        if len(pipes) == MAX_DEPTH:
            raise cursor.error(f"more than {MAX_DEPTH} pipes", hint="every pipe can be a level of the statement")
        pipes.append(_pipe(cursor))
        if not cursor.at_pipe_end:
            raise cursor.unexpected("expected '|' or the end of the query")
    query = Query(search, tuple(pipes))
    shape_of(query)
    return query


_OTHER_NAMES = {
    "limit": "it is called head here: | head 10",
    "take": "it is called head here: | head 10",
    "first": "it is called head here: | head 10",
    "tail": "the newest come first; the oldest are: | sort timestamp | head 10",
    "count": "counting is: | stats count()",
    "summarize": "it is called stats here: | stats count() by service",
    "aggregate": "it is called stats here: | stats count() by service",
    "group": "grouping is: | stats count() by service",
    "by": "grouping is: | stats count() by service",
    "eval": "it is called extend here: | extend seconds = duration_ms / 1000",
    "filter": "it is called where here: | where duration_ms > 100",
    "search": "conditions stand at the beginning, or in: | where duration_ms > 100",
    "table": "it is called fields here: | fields timestamp, service, message",
    "project": "it is called fields here: | fields timestamp, service, message",
    "select": "it is called fields here: | fields timestamp, service, message",
    "order": "it is called sort here: | sort -duration_ms",
    "uniq": "it is called dedup here: | dedup service",
    "distinct": "it is called dedup here: | dedup service",
    "rex": 'it is called parse here: | parse "took <ms> ms"',
    "extract": 'it is called parse here: | parse "took <ms> ms"',
}
"""Pipes by the names that other languages have for them."""


def _pipe(cursor: Cursor) -> Pipe:
    from heimdall.query.pipes import pipes  # pipes are parsed with this package's cursor: imported once both exist

    cursor.skip()
    cursor.count()
    known = pipes()
    name = cursor.matches(_NAME)
    if name is None:
        raise cursor.unexpected("expected a pipe", f"pipes are {', '.join(known)}")
    word = known.get(name[0].lower())
    if word is None:
        hint = (
            _OTHER_NAMES.get(name[0].lower()) or did_you_mean(name[0], list(known)) or f"pipes are {', '.join(known)}"
        )
        raise cursor.error(f"there is no pipe '{name[0][:40]}'", length=len(name[0]), hint=hint)
    cursor.position = name.end()
    cursor.skip()
    return word.parse(cursor)


def _depth(predicate: Predicate) -> int:
    match predicate:
        case And(items=items) | Or(items=items):
            return 1 + max(map(_depth, items))
        case Not(item=item):
            return 1 + _depth(item)
        case _:
            return 1


def _words(predicate: Predicate) -> int:
    """How many conditions on the message there are."""
    match predicate:
        case And(items=items) | Or(items=items):
            return sum(map(_words, items))
        case Not(item=item):
            return _words(item)
        case Word() | Phrase() | Glob(field=None) | Regex(field=None):
            return 1
        case _:
            return 0
