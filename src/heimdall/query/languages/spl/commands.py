"""What stands behind a bar: each command reads its own text and gives the pipes that say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from heimdall.query.ast import Call, Duration, Expression, Field, Literal, Negate, Pipe, Span
from heimdall.query.languages.calls import Unfit, pattern_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.logic import all_of
from heimdall.query.languages.spl.aggregates import (
    NAME,
    Keys,
    parse_aggregates,
    parse_keys,
    take_name,
    take_names,
)
from heimdall.query.languages.spl.expressions import parse_expression
from heimdall.query.languages.spl.names import field_name
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_duration, parse_number
from heimdall.query.pipes.dedup import Dedup
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.parse import Parse
from heimdall.query.pipes.patterns import Patterns
from heimdall.query.pipes.rare import Rare
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.timechart import Timechart
from heimdall.query.pipes.top import Top
from heimdall.query.pipes.where import Where

_OPTION = re.compile(r"(\w+)\s*=\s*(\"[^\"]*\"|[^\s|,()]+)")
_WHOLE = re.compile(r"\d{1,9}(?![\w.])")
_UNITS = re.compile(r"(?<=\d)(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)")
_SORT_KEY = re.compile(r"([+-]?)\s*(auto|num|str|ip)\s*\(")

Command = Callable[[Cursor, Gaps], list[Pipe]]


def end_of_command(cursor: Cursor, marks: str = '"') -> int:
    """Where the next bar stands that is in no quotes and no brackets, or the end."""
    mark, depth, place = "", 0, cursor.position
    while place < len(cursor.text):
        char = cursor.text[place]
        if mark:
            if char == "\\":
                place += 1
            elif char == mark:
                mark = ""
        elif char in marks:
            mark = char
        elif char in "[]":
            depth += 1 if char == "[" else -1
        elif char == "|" and depth <= 0:
            return place
        place += 1
    return len(cursor.text)


def _options(cursor: Cursor, gaps: Gaps, known: tuple[str, ...], ignored: tuple[str, ...] = ()) -> dict[str, str]:
    """`name=value …`; one that is neither known nor without effect on the rows is a gap."""
    found: dict[str, str] = {}
    while True:
        cursor.skip()
        match = cursor.matches(_OPTION)
        if match is None:
            return found
        name = match[1].lower()
        if name in known:
            found[name] = match[2].strip('"')
        elif name not in ignored:
            gaps.add(cursor.position, match.end(), "there is no such option")
        cursor.position = match.end()
        cursor.take(",")


def step_ns(text: str) -> int | None:
    """Nanoseconds of `5m`, `1hour`, `30sec`."""
    spelt = _UNITS.sub(lambda m: m[1][0], text.lower())
    return parse_duration(spelt if not spelt.isdigit() else f"{spelt}s")


def _step(cursor: Cursor, gaps: Gaps, text: str, start: int) -> int | None:
    step = step_ns(text)
    if step is None or step <= 0:
        gaps.add(start, cursor.position, "steps are seconds to weeks", "span=5m")
        return None
    return step


def _needing(keys: Keys) -> list[Pipe]:
    return [Where(all_of(needed))] if (needed := keys.required()) else []


# ---- commands -----------------------------------------------------------------------------------------------------


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
    _options(cursor, gaps, (), ("allnum", "partitions"))
    columns = parse_aggregates(cursor, gaps)
    keys = parse_keys(cursor) if cursor.take_word("by") else Keys(())
    if not columns:
        return []
    return [*_needing(keys), Stats(columns, keys.columns, span=cursor.span(start))]


def _chart(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    """`chart … over a by b` has a row for each pair here, not a column for each b."""
    start = cursor.position
    _options(cursor, gaps, (), ("limit", "useother", "usenull"))
    columns = parse_aggregates(cursor, gaps)
    over = (take_name(cursor),) if cursor.take_word("over") else ()
    by = take_names(cursor) if cursor.take_word("by") else ()
    keys = _keys((*over, *by))
    return [*_needing(keys), Stats(columns, keys.columns, span=cursor.span(start))] if columns else []


def _keys(names: tuple[str, ...]) -> Keys:
    from heimdall.query.pipes.aggregation import Column

    return Keys(tuple(Column(Field(name)) for name in dict.fromkeys(names)))


def _timechart(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    options = _options(cursor, gaps, ("span",), ("limit", "useother", "usenull", "partial", "cont", "fixedrange"))
    span_ns = _step(cursor, gaps, options["span"], start) if "span" in options else None
    columns = parse_aggregates(cursor, gaps)
    keys = parse_keys(cursor) if cursor.take_word("by") else Keys(())
    return [Timechart(columns, keys.columns, span_ns, span=cursor.span(start))] if columns else []


def _frequency(kind: type[Top | Rare]) -> Command:
    def command(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
        start = cursor.position
        cursor.skip()
        count = cursor.take_match(_WHOLE)
        options = _options(cursor, gaps, ("limit",), ("showperc", "showcount", "useother"))
        rows = count[0] if count else options.get("limit", "10")
        names: list[str] = []
        while not (cursor.at_pipe_end or cursor.at_word("by")):
            names.append(take_name(cursor))
            cursor.take(",")
        if cursor.at_word("by"):
            end = end_of_command(cursor)
            gaps.add(
                cursor.position, end, "the most frequent of each group", "stats count() as count by a, b | sort -count"
            )
            cursor.position = end
        if not names:
            raise cursor.unexpected("expected a field name")
        if not rows.isdigit() or not 0 < int(rows) <= 10**9:
            gaps.add(start, cursor.position, "a number of rows is wanted", "top 10 field")
            rows = "10"
        return [kind(tuple(dict.fromkeys(names)), int(rows), span=cursor.span(start))]

    return command


def _head(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    options = _options(cursor, gaps, ("limit",))
    if cursor.at_pipe_end:
        return [Head(int(options["limit"]) if options.get("limit", "").isdigit() else 10, span=cursor.span(start))]
    count = cursor.take_match(_WHOLE)
    if count is None:
        end = end_of_command(cursor)
        gaps.add(start, end, "rows up to a condition", "where …, or head 20")
        cursor.position = end
        return []
    return [Head(int(count[0]), span=cursor.span(start))]


def _sort(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    cursor.skip()
    start = cursor.position
    count = cursor.take_match(_WHOLE)
    _options(cursor, gaps, (), ("limit",))
    keys: list[tuple[Expression, bool]] = []
    while not cursor.at_pipe_end:
        descending = cursor.take("-")
        if not descending:
            cursor.take("+")
        cursor.skip()
        keys.append((_sort_key(cursor, gaps), descending))
        cursor.take(",")
        if cursor.take_word("desc") or cursor.take_word("d"):
            keys = [(key, not down) for key, down in keys]
    if not keys:
        raise cursor.unexpected("expected a field to sort by")
    rows = int(count[0]) if count else 0
    return [Sort(tuple(keys), span=cursor.span(start)), *([Head(rows)] if rows else [])]


def _sort_key(cursor: Cursor, gaps: Gaps) -> Expression:
    start = cursor.position
    wrapped = cursor.take_match(_SORT_KEY)
    if wrapped is None:
        return Field(take_name(cursor), span=cursor.span(start))
    name = Field(take_name(cursor))
    cursor.expect(")")
    match wrapped[2]:
        case "num":
            return Call("tonumber", (name,), span=cursor.span(start))
        case "str":
            return Call("tostring", (name,), span=cursor.span(start))
        case "ip":
            gaps.add(start, cursor.position, "addresses sort as text here", f"sort {name.name}")
    return name


def _dedup(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    cursor.skip()
    start = cursor.position
    count = cursor.take_match(_WHOLE)
    names: list[str] = []
    while not cursor.at_pipe_end:
        if cursor.matches(_OPTION) or cursor.at_word("sortby"):
            end = end_of_command(cursor)
            gaps.add(cursor.position, end, "dedup keeps the first rows in their order", "sort … | dedup field")
            cursor.position = end
            break
        names.append(take_name(cursor))
        cursor.take(",")
    if not names:
        raise cursor.unexpected("expected a field name")
    keys = _keys(tuple(names))
    rows = int(count[0]) if count else 1
    return [*_needing(keys), Dedup(tuple(dict.fromkeys(names)), max(1, rows), span=cursor.span(start))]


def _fields(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    without = cursor.take("-")
    if not without:
        cursor.take("+")
    names = _kept(cursor, gaps)
    return [Fields(names, without, span=cursor.span(start))] if names else []


def _table(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    names = _kept(cursor, gaps)
    return [Fields(names, span=cursor.span(start))] if names else []


def _kept(cursor: Cursor, gaps: Gaps) -> tuple[str, ...]:
    names: list[str] = []
    while not cursor.at_pipe_end:
        cursor.skip()
        start = cursor.position
        if (wild := cursor.take_match(re.compile(r"[\w.:@{}-]*\*[\w.:@{}*-]*"))) is not None:
            if wild[0] != "*":
                gaps.add(start, wild.end(), "fields are named in full", "fields a, b")
        else:
            names.append(take_name(cursor))
        cursor.take(",")
    return tuple(dict.fromkeys(names))


def _rename(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    pairs: list[tuple[str, str]] = []
    while True:
        cursor.skip()
        at = cursor.position
        old = take_name(cursor) if not cursor.take("(") else "("
        if old.endswith(")") or not cursor.take_word("as"):
            raise cursor.unexpected("expected 'as'", "rename old as new")
        rename(cursor, gaps, pairs, old, take_name(cursor), at)
        if not cursor.take(","):
            break
    return renamed(pairs, cursor.span(start))


def rename(cursor: Cursor, gaps: Gaps, pairs: list[tuple[str, str]], old: str, new: str, at: int) -> None:
    """One more of `pairs`, which stands at `at`: a column that one before it made cannot be told from the record's."""
    if any(old == made for _, made in pairs):
        gaps.add(at, cursor.position, "the column of that name was made just before", "extend c = a, a = b, b = c")
    pairs.append((old, new))


def renamed(pairs: list[tuple[str, str]], span: Span) -> list[Pipe]:
    added = tuple((new, Field(old)) for old, new in pairs if old != new)
    made = {name for name, _ in added}
    gone = tuple(dict.fromkeys(old for old, new in pairs if old != new and old not in made))
    if not added:
        return []
    return [Extend(added, span=span), *([Fields(gone, without=True)] if gone else [])]


def _rex(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    options = _options(cursor, gaps, ("field",), ("max_match",))
    source = field_name(options.get("field", "_raw"))
    cursor.skip()
    at = cursor.position
    if cursor.peek() != '"':
        raise cursor.unexpected("expected a pattern in double quotes", 'rex field=message "took (?<ms>\\d+) ms"')
    written = cursor.quoted()
    try:
        pattern = pattern_of(written)
    except Unfit as unfit:
        gaps.add(at, cursor.position, unfit.why, unfit.nearest)
        return []
    return [Parse(pattern.pattern, regex=True, source=source, span=cursor.span(start))]


def _regex(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    cursor.skip()
    start = cursor.position
    match = cursor.take_match(re.compile(rf"({NAME.pattern})\s*(!?=)\s*"))
    at = cursor.position
    if cursor.peek() != '"':
        raise cursor.unexpected("expected a pattern in double quotes", 'regex service="^pay"')
    written = cursor.quoted()
    name = Field(field_name(match[1] if match else "_raw"))
    try:
        found: Expression = Call("matches", (name, pattern_of(written)), span=cursor.span(start))
    except Unfit as unfit:
        gaps.add(at, cursor.position, unfit.why, unfit.nearest)
        return []
    return [Where(Negate(found) if match and match[2] == "!=" else found, span=cursor.span(start))]


def _bin(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    options = _options(cursor, gaps, ("span",))
    name = take_name(cursor)
    options |= _options(cursor, gaps, ("span",))
    alias = take_name(cursor) if cursor.take_word("as") else name
    if "span" not in options:
        gaps.add(start, cursor.position, "a width is wanted", f"extend {alias} = bin({name}, 5m)")
        return []
    width = _width(cursor, gaps, name, options["span"], start)
    if width is None:
        return []
    return [Extend(((alias, Call("bin", (Field(name), width))),), span=cursor.span(start))]


def _width(cursor: Cursor, gaps: Gaps, name: str, text: str, start: int) -> Expression | None:
    if name in ("timestamp", "observed_timestamp"):
        step = _step(cursor, gaps, text, start)
        return None if step is None else Duration(step)
    number = parse_number(text)
    if number is None or number <= 0:
        gaps.add(start, cursor.position, "a width above 0 is wanted", f"bin({name}, 10)")
        return None
    return Literal(int(number) if number.is_integer() else number)


def _fillnull(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    options = _options(cursor, gaps, ("value",))
    if cursor.at_pipe_end:
        gaps.add(start, cursor.position, "the fields have to be named", 'extend a = coalesce(a, "0")')
        return []
    names = take_names(cursor)
    value = Literal(options.get("value", "0"))
    return [Extend(tuple((name, Call("coalesce", (Field(name), value))) for name in names), span=cursor.span(start))]


def _cluster(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    _options(cursor, gaps, (), ("showcount", "labelonly", "countfield", "labelfield"))
    return [Patterns(span=cursor.span(start))]


COMMANDS: Mapping[str, Command] = {
    "where": _where,
    "eval": _eval,
    "stats": _stats,
    "chart": _chart,
    "timechart": _timechart,
    "top": _frequency(Top),
    "rare": _frequency(Rare),
    "head": _head,
    "sort": _sort,
    "dedup": _dedup,
    "fields": _fields,
    "table": _table,
    "rename": _rename,
    "rex": _rex,
    "regex": _regex,
    "bin": _bin,
    "bucket": _bin,
    "fillnull": _fillnull,
    "cluster": _cluster,
}
"""Splunk's command → how it is read."""

NEAREST: Mapping[str, str] = {
    "append": "two queries",
    "anomalydetection": "anomalies",
    "convert": "extend a = tonumber(a)",
    "eventstats": "stats … by field, as a query of its own",
    "extract": "the fields of key=value lines are read when they come in",
    "iplocation": "cidr_match(address, network)",
    "join": "two queries; field:in(a, b)",
    "kv": "the fields of key=value lines are read when they come in",
    "lookup": "extend a = if(…)",
    "makeresults": "an answer of no records is empty",
    "map": "one query for each value",
    "mvexpand": "values(field)",
    "predict": "timechart … | anomalies",
    "reverse": "sort timestamp",
    "spath": "the fields of JSON are fields already: a.b.c",
    "streamstats": "timechart …",
    "tail": "sort timestamp | head 10",
    "transaction": "stats min(timestamp), max(timestamp), count() by session_id",
    "tstats": "stats …",
    "xyseries": "stats … by a, b",
}
"""What comes nearest to commands that cannot be translated."""
