"""A whole search in Splunk's language: `search terms | command | …`.

Source: Splunk's search reference, as far as the commands of `commands.py` go.
"""

from __future__ import annotations

import re

from heimdall.query.ast import MatchAll, Pipe, Predicate
from heimdall.query.languages.cursor import Cursor, did_you_mean
from heimdall.query.languages.spl.commands import COMMANDS, NEAREST, end_of_command
from heimdall.query.languages.spl.search import parse_search
from heimdall.query.languages.translation import Gaps, Translation, both, check_size, translation

_COMMAND = re.compile(r"[^\W\d]\w*")
MAX_COMMANDS = 60


def parse(text: str) -> Translation:
    """SPL → tree.

    Raises:
        QuerySyntaxError: the text is no SPL, or asks for something that cannot be.
    """
    check_size(text)
    cursor, gaps = Cursor(text), Gaps(text)
    search: Predicate = MatchAll() if cursor.at_end or cursor.peek() == "|" else _first(cursor, gaps)
    pipes: list[Pipe] = []
    commands = 0
    while not cursor.at_end:
        cursor.expect("|")
        cursor.skip()
        start = cursor.position
        commands += 1
        if commands > MAX_COMMANDS:
            raise cursor.error(f"more than {MAX_COMMANDS} commands", hint="ask several smaller queries")
        name = cursor.take_match(_COMMAND)
        if name is None:
            raise cursor.unexpected("expected a command", "search, where, eval, stats, timechart, top, sort, head …")
        word = name[0].lower()
        if word == "search":
            if pipes:
                _late_search(cursor, gaps, start)
            else:
                search = both(search, parse_search(cursor, gaps))
        elif word in COMMANDS:
            pipes += COMMANDS[word](cursor, gaps)
        else:
            hint = NEAREST.get(word) or did_you_mean(word, list(COMMANDS))
            gaps.add(start, name.end(), "there is no such command", hint)
            cursor.position = end_of_command(cursor)
        if not cursor.at_pipe_end:
            raise cursor.unexpected("expected '|' or the end of the search")
    return translation("spl", text, search, pipes, gaps)


def _first(cursor: Cursor, gaps: Gaps) -> Predicate:
    cursor.take_word("search")
    return parse_search(cursor, gaps)


def _late_search(cursor: Cursor, gaps: Gaps, start: int) -> None:
    """A search over rows that commands have made."""
    end = end_of_command(cursor)
    written = cursor.text[cursor.position : end].strip()
    gaps.add(start, start + 6, "words are looked for in records, before any command", f"where …, for '{written[:40]}'")
    cursor.position = end
