"""What stands behind a bar: each command reads its own text and gives the pipes that say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from heimdall.query.ast import Call, Expression, Field, Literal, Negate, Pipe
from heimdall.query.languages.calls import Unfit, pattern_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.logic import all_of, never_missing
from heimdall.query.languages.ppl.aggregates import parse_aggregates, parse_keys, take_width
from heimdall.query.languages.ppl.expressions import parse_expression, take_name, take_names
from heimdall.query.languages.spl.commands import end_of_command, rename, renamed
from heimdall.query.languages.translation import Gaps
from heimdall.query.pipes.dedup import Dedup
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.parse import Parse
from heimdall.query.pipes.rare import Rare
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.top import Top
from heimdall.query.pipes.where import Where

MARKS = "\"'`"
_WHOLE = re.compile(r"\d{1,9}(?![\w.])")
_OPTION = re.compile(r"([a-z_]+)\s*=\s*(\w+)")
_SORT_KEY = re.compile(r"(auto|num|str|ip)\s*\(")
_WILD = re.compile(r"[\w.@`-]*\*[\w.@`*-]*")

Command = Callable[[Cursor, Gaps], list[Pipe]]


def skip_command(cursor: Cursor, gaps: Gaps, why: str, nearest: str | None) -> list[Pipe]:
    """What is left of the command has no place in HQL."""
    end = end_of_command(cursor, MARKS)
    gaps.add(cursor.position, end, why, nearest)
    cursor.position = end
    return []


def _options(cursor: Cursor, gaps: Gaps, without_effect: Mapping[str, str]) -> None:
    """`name=value …`; one that does not say what happens here anyhow is a gap."""
    while True:
        cursor.skip()
        match = cursor.matches(_OPTION)
        if match is None:
            return
        if without_effect.get(match[1], match[2].lower()) != match[2].lower() or match[1] not in without_effect:
            gaps.add(cursor.position, match.end(), "there is no such option")
        cursor.position = match.end()


def _whole(cursor: Cursor) -> int | None:
    cursor.skip()
    found = cursor.take_match(_WHOLE)
    return int(found[0]) if found else None


def _where(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    return [Where(parse_expression(cursor, gaps), span=cursor.span(start))]


def _eval(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    columns: list[tuple[str, Expression]] = []
    while True:
        name = take_name(cursor)
        cursor.expect("=", f"write eval {name} = expression")
        columns.append((name, parse_expression(cursor, gaps)))
        if not cursor.take(","):
            return [Extend(tuple(columns), span=cursor.span(start))]


def _stats(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    _options(cursor, gaps, {"bucket_nullable": "true"})
    columns = parse_aggregates(cursor, gaps)
    keys = parse_keys(cursor, gaps) if cursor.take_word("by") else ()
    return [Stats(columns, keys, span=cursor.span(start))] if columns else []


def _frequency(kind: type[Top | Rare]) -> Command:
    def command(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
        start = cursor.position
        rows = _whole(cursor)
        _options(cursor, gaps, {"showcount": "true", "countfield": "count", "usenull": "true"})
        names = take_names(cursor)
        if cursor.at_word("by"):
            nearest = "stats count() as count by a, b | sort - count"
            skip_command(cursor, gaps, "the most frequent of each group", nearest)
        return [kind(names, max(1, 10 if rows is None else rows), span=cursor.span(start))]

    return command


def _head(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    rows = _whole(cursor)
    if not cursor.at_pipe_end and cursor.at_word("from"):
        skip_command(cursor, gaps, "rows are not left out from the front", "head 20, and the cursor of the answer")
    return [Head(10 if rows is None else rows, span=cursor.span(start))]


def _sort(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    rows = _whole(cursor)
    keys: list[tuple[Expression, bool]] = []
    while True:
        descending = cursor.take("-")
        if not descending:
            cursor.take("+")
        key = _sort_key(cursor, gaps)
        if cursor.take_word("desc") or cursor.take_word("d"):
            descending = True
        elif cursor.take_word("asc") or cursor.take_word("a"):
            descending = False
        keys.append((key, descending))
        if not cursor.take(","):
            break
    return [Sort(tuple(keys), span=cursor.span(start)), *([Head(rows)] if rows else [])]


def _sort_key(cursor: Cursor, gaps: Gaps) -> Expression:
    cursor.skip()
    start = cursor.position
    wrapped = cursor.take_match(_SORT_KEY)
    name = Field(take_name(cursor), span=cursor.span(start))
    if wrapped is None:
        return name
    cursor.expect(")")
    if wrapped[1] == "ip":
        gaps.add(start, cursor.position, "addresses sort as text here", f"sort {name.name}")
    functions = {"num": "tonumber", "str": "tostring"}
    return Call(functions[wrapped[1]], (name,), span=cursor.span(start)) if wrapped[1] in functions else name


def _dedup(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    rows = _whole(cursor)
    names = [take_name(cursor)]
    while cursor.take(",") or not (cursor.at_pipe_end or cursor.matches(_OPTION)):
        names.append(take_name(cursor))
    _options(cursor, gaps, {"keepempty": "false", "consecutive": "false"})
    names = list(dict.fromkeys(names))
    needed: list[Expression] = [Call("exists", (Field(name),)) for name in names if not never_missing(name)]
    pipe = Dedup(tuple(names), max(1, 1 if rows is None else rows), span=cursor.span(start))
    return [*([Where(all_of(needed))] if needed else []), pipe]


def _fields(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    without = cursor.take("-")
    if not without:
        cursor.take("+")
    names: list[str] = []
    while True:
        cursor.skip()
        at = cursor.position
        if (wild := cursor.take_match(_WILD)) is not None:
            gaps.add(at, wild.end(), "fields are named in full", "fields a, b")
        else:
            names.append(take_name(cursor))
        if not cursor.take(",") and cursor.at_pipe_end:
            break
    return [Fields(tuple(dict.fromkeys(names)), without, span=cursor.span(start))] if names else []


def _rename(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    pairs: list[tuple[str, str]] = []
    while True:
        cursor.skip()
        at = cursor.position
        if cursor.matches(_WILD) is not None:
            return skip_command(cursor, gaps, "fields are named in full", "rename a as b")
        old = take_name(cursor)
        if not cursor.take_word("as"):
            raise cursor.unexpected("expected 'as'", "rename old as new")
        rename(cursor, gaps, pairs, old, take_name(cursor), at)
        if not cursor.take(","):
            break
    return renamed(pairs, cursor.span(start))


def _parse(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    source = take_name(cursor)
    return _captures(cursor, gaps, source, start)


def _rex(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    source = "message"
    if cursor.take_word("field"):
        cursor.expect("=", "rex field=message '(?<ms>\\d+) ms'")
        source = take_name(cursor)
    cursor.skip()
    if (option := cursor.matches(_OPTION)) is not None:
        return skip_command(cursor, gaps, f"rex has no {option[1]} here", 'extend a = replace(a, /pattern/, "text")')
    return _captures(cursor, gaps, source, start)


def _captures(cursor: Cursor, gaps: Gaps, source: str, start: int) -> list[Pipe]:
    cursor.skip()
    at = cursor.position
    written = _quoted(cursor, "'took (?<ms>\\d+) ms'")
    try:
        pattern = pattern_of(written)
    except Unfit as unfit:
        gaps.add(at, cursor.position, unfit.why, unfit.nearest)
        return []
    return [Parse(pattern.pattern, regex=True, source=source, span=cursor.span(start))]


def _regex(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    source = take_name(cursor)
    differs = cursor.take("!=")
    if not differs:
        cursor.expect("=", "regex field='^pattern'")
    cursor.skip()
    at = cursor.position
    written = _quoted(cursor, "'^pay'")
    try:
        found: Expression = Call("matches", (Field(source), pattern_of(written)), span=cursor.span(start))
    except Unfit as unfit:
        gaps.add(at, cursor.position, unfit.why, unfit.nearest)
        return []
    return [Where(Negate(found) if differs else found, span=cursor.span(start))]


def _quoted(cursor: Cursor, example: str) -> str:
    if cursor.peek() not in ("'", '"'):
        raise cursor.unexpected("expected a pattern in quotes", example)
    return cursor.quoted(cursor.peek())


def _fillnull(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    filled: list[tuple[str, Expression]] = []
    if cursor.take_word("using"):
        while True:
            name = take_name(cursor)
            cursor.expect("=", "fillnull using a = 0")
            filled.append((name, parse_expression(cursor, gaps)))
            if not cursor.take(","):
                break
    elif cursor.take_word("with"):
        value = _value(cursor)
        if not cursor.take_word("in"):
            return skip_command(cursor, gaps, "the fields have to be named", "fillnull with 0 in a, b")
        filled = [(name, value) for name in take_names(cursor)]
    else:
        raise cursor.unexpected("expected 'with' or 'using'", "fillnull with 0 in a, b")
    columns = tuple((name, Call("coalesce", (Field(name), value))) for name, value in filled)
    return [Extend(columns, span=cursor.span(start))]


def _value(cursor: Cursor) -> Literal:
    """A text or a number; no `in` is read behind it."""
    cursor.skip()
    if cursor.peek() in ("'", '"'):
        return Literal(cursor.quoted(cursor.peek()))
    found = cursor.take_match(re.compile(r"-?\d{1,15}(\.\d{1,15})?"))
    if found is None:
        raise cursor.unexpected("expected a value", "fillnull with 0 in a, b")
    return Literal(float(found[0]) if found[1] else int(found[0]))


def _bin(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    name = take_name(cursor)
    if not cursor.take_word("span"):
        return skip_command(cursor, gaps, "a width is wanted", f"bin {name} span=5m")
    cursor.expect("=", f"bin {name} span=5m")
    width = take_width(cursor, gaps, name, start)
    if width is None:
        return []
    return [Extend(((name, Call("bin", (Field(name), width))),), span=cursor.span(start))]


COMMANDS: Mapping[str, Command] = {
    "where": _where,
    "eval": _eval,
    "stats": _stats,
    "top": _frequency(Top),
    "rare": _frequency(Rare),
    "head": _head,
    "sort": _sort,
    "dedup": _dedup,
    "fields": _fields,
    "table": _fields,
    "rename": _rename,
    "parse": _parse,
    "rex": _rex,
    "regex": _regex,
    "fillnull": _fillnull,
    "bin": _bin,
}
"""PPL's command → how it is read."""

NEAREST: Mapping[str, str] = {
    "ad": "timechart count() | anomalies",
    "append": "two queries",
    "appendcol": "two queries",
    "eventstats": "stats … by field, as a query of its own",
    "expand": "values(field)",
    "flatten": "the fields of JSON are fields already: a.b.c",
    "grok": "parse message 'took (?<ms>\\d+) ms'",
    "join": "two queries; a in (…)",
    "kmeans": "patterns",
    "lookup": "eval a = case(…)",
    "patterns": "patterns, as a query in HQL",
    "reverse": "sort timestamp",
    "spath": "the fields of JSON are fields already: a.b.c",
    "streamstats": "stats … by span(timestamp, 5m)",
    "timechart": "stats … by span(timestamp, 5m), service",
    "trendline": "stats … by span(timestamp, 5m)",
}
"""What comes nearest to commands that cannot be translated."""
