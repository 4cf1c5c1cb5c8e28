"""A whole query in OpenSearch's Piped Processing Language: `search source=logs condition | command | …`.

Source: OpenSearch's PPL reference, as far as the commands of `commands.py` go.
"""

from __future__ import annotations

import re

from heimdall.query.ast import Compare, MatchAll, Not, Operator, Or, Phrase, Pipe, Predicate, Word
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.ppl.commands import COMMANDS, MARKS, NEAREST
from heimdall.query.languages.ppl.expressions import parse_expression
from heimdall.query.languages.searching import split
from heimdall.query.languages.spl.commands import end_of_command
from heimdall.query.languages.translation import Gaps, Translation, both, check_size, translation
from heimdall.query.pipes.where import Where

_COMMAND = re.compile(r"[^\W\d]\w*")
_SOURCE = re.compile(r"(?:source|index)\s*=\s*", re.IGNORECASE)
_INDEX = re.compile(r"`([^`|]+)`|([\w.*:-]+)")
_FREE = re.compile(
    r"([^\W\d][\w-]*)(?![\w.:@-])(?=\s*(?:\||\Z|[^\W\d]|\"|'))(?!\s*(?:not\s+)?(?:in|like|is|between)\b)",
    re.IGNORECASE,
)
_KEYWORD = re.compile(r"(?:and|or|not|xor)\b", re.IGNORECASE)
_EVERYTHING = re.compile(r"logs|\*|logs-\*|_all")
MAX_COMMANDS = 60


def parse(text: str) -> Translation:
    """PPL → tree.

    Raises:
        QuerySyntaxError: the text is no PPL, or asks for something that cannot be.
    """
    check_size(text)
    cursor, gaps = Cursor(text), Gaps(text)
    pipes: list[Pipe] = []
    search = _first(cursor, gaps, pipes)
    commands = 0
    while not cursor.at_end:
        cursor.expect("|")
        cursor.skip()
        commands += 1
        if commands > MAX_COMMANDS:
            raise cursor.error(f"more than {MAX_COMMANDS} commands", hint="ask several smaller queries")
        search = _command(cursor, gaps, search, pipes)
        if not cursor.at_pipe_end:
            raise cursor.unexpected("expected '|' or the end of the query")
    return translation("ppl", text, search, pipes, gaps)


def _first(cursor: Cursor, gaps: Gaps, pipes: list[Pipe]) -> Predicate:
    """`search source=logs words conditions`; `search` may be left out."""
    cursor.take_word("search")
    cursor.skip()
    if cursor.take_match(_SOURCE) is None:
        raise cursor.unexpected("expected 'source='", "source=logs | where …")
    search = _sources(cursor)
    while (free := _free(cursor)) is not None:
        search = both(search, free)
        cursor.take_word("and")
    return search if cursor.at_pipe_end else _narrowed(cursor, gaps, search, pipes)


def _sources(cursor: Cursor) -> Predicate:
    """`logs` is every record, as in SQL; another name is an index that came by the Elasticsearch door."""
    names: list[Predicate] = []
    everything = False
    while True:
        cursor.skip()
        start = cursor.position
        match = cursor.take_match(_INDEX)
        if match is None:
            raise cursor.unexpected("expected an index", "source=logs")
        name = match[1] or match[2]
        if _EVERYTHING.fullmatch(name):
            everything = True
        elif "*" in name:
            raise cursor.error("an index is named in full", start, len(name), "source=logs is every record")
        names.append(Compare("_index", Operator.EQ, name, span=cursor.span(start)))
        if not cursor.take(","):
            break
    if everything:
        return MatchAll()
    return names[0] if len(names) == 1 else Or(tuple(names))


def _free(cursor: Cursor) -> Predicate | None:
    """A word or a phrase looked for in messages, or `not` one."""
    cursor.skip()
    start = cursor.position
    if cursor.take_word("not"):
        if (unwanted := _wanted(cursor)) is not None:
            return Not(unwanted, span=cursor.span(start))
        cursor.position = start
    return _wanted(cursor)


def _wanted(cursor: Cursor) -> Predicate | None:
    cursor.skip()
    start = cursor.position
    if cursor.peek() in ('"', "'") and cursor.peek():
        text = cursor.quoted(cursor.peek())
        return Phrase(text, span=cursor.span(start))
    if _KEYWORD.match(cursor.text, start):
        return None
    match = cursor.take_match(_FREE)
    return Word(match[1], span=cursor.span(start)) if match else None


def _narrowed(cursor: Cursor, gaps: Gaps, search: Predicate, pipes: list[Pipe]) -> Predicate:
    """A condition of records: what indexes answer joins the search, the rest is a pipe."""
    condition, left = split(parse_expression(cursor, gaps))
    if left is not None:
        pipes.append(Where(left))
    return both(search, condition)


def _command(cursor: Cursor, gaps: Gaps, search: Predicate, pipes: list[Pipe]) -> Predicate:
    """Read one command into `pipes`; the search, narrowed where the command is a condition of records."""
    start = cursor.position
    name = cursor.take_match(_COMMAND)
    if name is None:
        raise cursor.unexpected("expected a command", "where, eval, stats, top, sort, head, fields …")
    word = name[0].lower()
    if word == "where" and all(isinstance(pipe, Where) for pipe in pipes):
        return _narrowed(cursor, gaps, search, pipes)
    if word in COMMANDS:
        pipes += COMMANDS[word](cursor, gaps)
        return search
    hint = NEAREST.get(word) or did_you_mean(word, list(COMMANDS))
    gaps.add(start, name.end(), "there is no such command", hint)
    cursor.position = end_of_command(cursor, MARKS)
    return search
