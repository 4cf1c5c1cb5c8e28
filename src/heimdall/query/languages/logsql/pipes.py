"""The pipes of LogsQL, each as the HQL pipes that say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from heimdall.query.ast import Call, Duration, Expression, Field, Literal, Negate, Pattern, Pipe
from heimdall.query.functions import function_named
from heimdall.query.languages.calls import Unfit, pattern_of
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.hql.expressions import parse_expression
from heimdall.query.languages.logsql.filters import field_name, unquoted
from heimdall.query.languages.translation import Gaps
from heimdall.query.literals import parse_duration, parse_number
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.parse import Parse
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats

_NAME = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^\s\"'`():|,=<>!{}\[\]*]+", re.DOTALL)
_WHOLE = re.compile(r"\d{1,9}(?![\w.])")
_FUNCTION = re.compile(r"([a-z_]\w*)\s*\(")
_STEP = re.compile(r"[\w.]+")
_PLACE = re.compile(r"<([^<>\s]+)>")
_GROUP = re.compile(r"\$(?:\$|(\d)|\{(\d)\})")
_WRITTEN = {"lc": "lower", "uc": "upper"}

FUNCTIONS: Mapping[str, str] = {
    "avg": "avg",
    "count_uniq": "count_distinct",
    "max": "max",
    "median": "median",
    "min": "min",
    "rate_sum": "rate",
    "sum": "sum",
    "uniq_values": "values",
}
"""LogsQL's function over one field → HQL's; `count` and `quantile` are read beside it."""

STREAMS = frozenset({"_stream", "_stream_id"})
_NO_STREAM = ("streams are no fields here", "by (service, instance)")

PipeReader = Callable[[Cursor, Gaps], list[Pipe]]


def take_name(cursor: Cursor) -> str:
    cursor.skip()
    start = cursor.position
    match = cursor.take_match(_NAME)
    if match is None:
        raise cursor.unexpected("expected a field name")
    name = field_name(unquoted(match[0]))
    if not name:
        raise cursor.error("a field name is empty", start, 2)
    return name


def _names(cursor: Cursor) -> tuple[str, ...]:
    """`a, b` or `(a, b)`."""
    inside = cursor.take("(")
    names = [take_name(cursor)]
    while cursor.take(","):
        names.append(take_name(cursor))
    if inside:
        cursor.expect(")")
    return tuple(dict.fromkeys(names))


def _grouping(cursor: Cursor, gaps: Gaps) -> tuple[str, ...]:
    """Names to group by."""
    cursor.skip()
    start = cursor.position
    names = _names(cursor)
    if not STREAMS.isdisjoint(names):
        gaps.add(start, cursor.position, *_NO_STREAM)
    return names


def _hits(names: tuple[str, ...]) -> str:
    """Column of counts beside these."""
    return "hits" if "hits" not in names else "hits_"


def parse_stats(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    """`stats [by (…)] f(x) [as] name, …`, from behind the word."""
    start = cursor.position
    keys: list[Column] = []
    if cursor.take_word("by") or cursor.peek() == "(":
        keys = _keys(cursor, gaps)
    columns: list[Column] = []
    while True:
        column = _aggregate(cursor, gaps)
        if column is not None:
            columns.append(column)
        if not cursor.take(","):
            break
    return [Stats(tuple(columns), tuple(keys), span=cursor.span(start))] if columns else []


def _keys(cursor: Cursor, gaps: Gaps) -> list[Column]:
    cursor.expect("(", "stats by (a, b) count() n")
    keys: list[Column] = []
    while not cursor.take(")"):
        cursor.skip()
        start = cursor.position
        name = take_name(cursor)
        if name in STREAMS:
            gaps.add(start, cursor.position, *_NO_STREAM)
        expression: Expression = Field(name, span=cursor.span(start))
        if cursor.take(":"):
            step = cursor.take_match(_STEP)
            width = None if step is None else _width(name, step[0])
            if width is None:
                gaps.add(start, cursor.position, "a width is wanted", f"bin({name}, 5m)")
            else:
                expression = Call("bin", (Field(name), width), span=cursor.span(start))
        keys.append(Column(expression, name if isinstance(expression, Call) else None))
        if not cursor.take(",") and cursor.peek() != ")":
            raise cursor.unexpected("expected ',' or ')'")
    return keys


def _width(name: str, text: str) -> Expression | None:
    duration = parse_duration(text)
    if duration:
        return Duration(duration)
    number = parse_number(text)
    if number is None or number <= 0 or name == "timestamp":
        return None
    return Literal(int(number) if number.is_integer() else number)


def _aggregate(cursor: Cursor, gaps: Gaps) -> Column | None:
    cursor.skip()
    cursor.count()
    start = cursor.position
    match = cursor.take_match(_FUNCTION)
    if match is None:
        raise cursor.unexpected("expected an aggregate", "count() n, avg(field) a, quantile(0.95, field) p")
    arguments: list[str] = []
    star = False
    while not cursor.take(")"):
        if cursor.take("*"):
            star = True
        else:
            arguments.append(take_name(cursor))
        if not cursor.take(",") and cursor.peek() != ")":
            raise cursor.unexpected("expected ',' or ')'")
    end = cursor.position
    written = cursor.text[start:end]
    expression = None if star and match[1] != "count" else _meaning(match[1], arguments)
    if cursor.at_word("if"):
        at = cursor.position
        cursor.position = _behind_parenthesis(cursor)
        gaps.add(at, cursor.position, "a condition of one aggregate", "count_if(a == 1)")
    if cursor.at_word("limit"):
        cursor.position += 5
        cursor.skip()
        cursor.take_match(_WHOLE)
    cursor.take_word("as")
    alias = None if cursor.at_pipe_end or cursor.peek() == "," else take_name(cursor)
    if expression is None:
        gaps.add(start, end, "there is no such aggregate", NEAREST_FUNCTION.get(match[1]))
        return None
    return Column(expression, alias or written, span=cursor.span(start))


def _meaning(name: str, arguments: list[str]) -> Expression | None:
    if name == "count" and len(arguments) <= 1:
        return Call("count", tuple(map(Field, arguments)))
    if name == "quantile" and len(arguments) == 2:
        share = parse_number(arguments[0])
        percentile = None if share is None else f"p{f'{share * 100:.6f}'.rstrip('0').rstrip('.')}"
        if percentile is None or function_named(percentile) is None:
            return None
        return Call(percentile, (Field(arguments[1]),))
    if name == "rate" and not arguments:
        return Call("rate")
    if name == "sum_len" and len(arguments) == 1:
        return Call("sum", (Call("byte_length", (Field(arguments[0]),)),))
    if name == "count_empty" and len(arguments) == 1:
        return Call("count_if", (Negate(Call("exists", (Field(arguments[0]),))),))
    if name in FUNCTIONS and len(arguments) == 1:
        return Call(FUNCTIONS[name], (Field(arguments[0]),))
    return None


def _behind_parenthesis(cursor: Cursor) -> int:
    end = cursor.text.find(")", cursor.position)
    return len(cursor.text) if end < 0 else end + 1


def _sort(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    cursor.take_word("by")
    cursor.expect("(", "sort by (a desc, b)")
    keys: list[tuple[Expression, bool]] = []
    while not cursor.take(")"):
        key = Field(take_name(cursor))
        keys.append((key, cursor.take_word("desc")))
        cursor.take_word("asc")
        if not cursor.take(",") and cursor.peek() != ")":
            raise cursor.unexpected("expected ',' or ')'")
    if cursor.take_word("desc"):
        keys = [(key, not down) for key, down in keys]
    if not keys:
        raise cursor.error("there is nothing to sort by", start, hint="sort by (a desc)")
    pipes: list[Pipe] = [Sort(tuple(keys), span=cursor.span(start))]
    if cursor.take_word("limit"):
        pipes.append(Head(_rows(cursor)))
    return pipes


def _rows(cursor: Cursor) -> int:
    cursor.skip()
    match = cursor.take_match(_WHOLE)
    if match is None:
        raise cursor.unexpected("expected a number of rows")
    return int(match[0])


def _limit(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    return [Head(10 if cursor.at_pipe_end else _rows(cursor), span=cursor.span(start))]


def _top(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    cursor.skip()
    rows = cursor.take_match(_WHOLE)
    cursor.take_word("by")
    cursor.skip()
    names = _grouping(cursor, gaps)
    counted = _hits(names)
    sort = Sort(((Field(counted), True), *((Field(name), False) for name in names)))
    keys = tuple(Column(Field(name)) for name in names)
    count = Stats((Column(Call("count"), counted),), keys, span=cursor.span(start))
    return [count, sort, Head(int(rows[0]) if rows else 10)]


def _uniq(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    cursor.take_word("by")
    names = _grouping(cursor, gaps)
    hits = cursor.take_word("with") and cursor.take_word("hits")
    keys = tuple(Column(Field(name)) for name in names)
    counted = _hits(names)
    pipes: list[Pipe] = [Stats((Column(Call("count"), counted),), keys, span=cursor.span(start))]
    return pipes if hits else [*pipes, Fields(names)]


def _fields(*, without: bool) -> PipeReader:
    def read(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
        start = cursor.position
        if not without and cursor.take("*"):
            return []
        return [Fields(_names(cursor), without, span=cursor.span(start))]

    return read


def _pairs(cursor: Cursor) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    while True:
        old = take_name(cursor)
        cursor.take_word("as")
        pairs.append((old, take_name(cursor)))
        if not cursor.take(","):
            return [(old, new) for old, new in pairs if old != new]


def _rename(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    pairs = _pairs(cursor)
    new = {name for _, name in pairs}
    gone = tuple(dict.fromkeys(old for old, _ in pairs if old not in new))
    return [*_copied(pairs), *([Fields(gone, without=True)] if gone else [])]


def _copy(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    return _copied(_pairs(cursor))


def _copied(pairs: list[tuple[str, str]]) -> list[Pipe]:
    return [Extend(tuple((new, Field(old)) for old, new in pairs))] if pairs else []


def _math(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    columns: list[tuple[str, Expression]] = []
    while True:
        cursor.skip()
        value = parse_expression(cursor)
        cursor.take_word("as")
        columns.append((take_name(cursor), value))
        if not cursor.take(","):
            return [Extend(tuple(columns), span=cursor.span(start))]


def _extract(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    cursor.skip()
    start = cursor.position
    match = cursor.take_match(_NAME)
    if match is None or match[0][0] not in "\"'`":
        raise cursor.unexpected("expected a pattern in quotes", 'extract "took <ms> ms" from _msg')
    source = take_name(cursor) if cursor.take_word("from") else "message"
    return [Parse(unquoted(match[0]), source=source, span=cursor.span(start))]


def _extract_regexp(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    pattern = _quoted(cursor, 'extract_regexp "took (?P<ms>[0-9]+)" from _msg')
    source = take_name(cursor) if cursor.take_word("from") else "message"
    return [Parse(_pattern(pattern, start, cursor, gaps), regex=True, source=source, span=cursor.span(start))]


def _len(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    cursor.expect("(", "len(_msg) as bytes")
    name = take_name(cursor)
    cursor.expect(")")
    cursor.take_word("as")
    new = take_name(cursor) if not cursor.at_pipe_end else "message"
    return [Extend(((new, Call("byte_length", (Field(name),))),), span=cursor.span(start))]


def _format(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    """`format "<a> of <b>" as c`; `<uc:a>` and `<lc:a>` change letters' case, other ways of writing are gaps."""
    start = cursor.position
    text = _quoted(cursor, 'format "<ip> asked for <path>" as line')
    cursor.take_word("as")
    new = "message" if cursor.at_pipe_end else take_name(cursor)
    parts: list[Expression] = []
    for place, part in enumerate(_PLACE.split(text)):
        if place % 2 == 0:
            parts += [Literal(part)] if part else []
            continue
        how, _, name = part.rpartition(":")
        field: Expression = Field(field_name(name))
        if how in _WRITTEN:
            field = Call(_WRITTEN[how], (field,))
        elif how:
            gaps.add(start, cursor.position, f"a field cannot be written as '{how}'", "extend c = concat(a, b)")
        parts.append(field)
    return [Extend(((new, Call("concat", tuple(parts or [Literal("")]))),), span=cursor.span(start))]


def _replace(*, regex: bool) -> PipeReader:
    def read(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
        start = cursor.position
        cursor.expect("(", 'replace ("secret", "***") at _msg')
        old = _quoted(cursor, 'replace ("secret", "***")')
        cursor.expect(",")
        new = _quoted(cursor, 'replace ("secret", "***")')
        cursor.expect(")")
        name = take_name(cursor) if cursor.take_word("at") else "message"
        if cursor.at_word("limit"):
            at = cursor.position
            cursor.position += len("limit")
            _rows(cursor)
            gaps.add(at, cursor.position, "every occurrence is replaced", None)
        what: Expression = Literal(old)
        if regex:
            what = Pattern(_pattern(old, start, cursor, gaps))
            new = _GROUP.sub(lambda found: "$" if found[0] == "$$" else f"\\{found[1] or found[2]}", new)
        changed = Call("replace", (Field(name), what, Literal(new)))
        return [Extend(((name, changed),), span=cursor.span(start))]

    return read


def _edge(*, last: bool) -> PipeReader:
    """`first 5 by (a)`, `last 5 by (a)`."""

    def read(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
        start = cursor.position
        cursor.skip()
        rows = cursor.take_match(_WHOLE)
        pipes = _sort(cursor, gaps)
        if cursor.at_word("partition"):
            at = cursor.position
            cursor.position = _behind_parenthesis(cursor)
            gaps.add(at, cursor.position, "rows are not counted within groups", "dedup a")
        sort = pipes[0]
        if last and isinstance(sort, Sort):
            sort = Sort(tuple((key, not down) for key, down in sort.keys))
        return [sort, Head(int(rows[0]) if rows else 1, span=cursor.span(start))]

    return read


def _field_values(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    start = cursor.position
    names = (take_name(cursor),)
    count = Stats((Column(Call("count"), _hits(names)),), (Column(Field(names[0])),), span=cursor.span(start))
    return [count, Head(_rows(cursor))] if cursor.take_word("limit") else [count]


def _already_read(cursor: Cursor, gaps: Gaps) -> list[Pipe]:
    """`unpack_json`, `unpack_logfmt` of messages: what stands in them became fields when they came in."""
    start = cursor.position
    source = take_name(cursor) if cursor.take_word("from") else "message"
    if source != "message" or not cursor.at_pipe_end:
        end = cursor.text.find("|", start)
        cursor.position = len(cursor.text) if end < 0 else end
        gaps.add(start, cursor.position, "only messages are read as a whole", "the fields are there already: a.b.c")
    return []


def _quoted(cursor: Cursor, example: str) -> str:
    cursor.skip()
    match = cursor.take_match(_NAME)
    if match is None or match[0][0] not in "\"'`":
        raise cursor.unexpected("expected text in quotes", example)
    return unquoted(match[0])


def _pattern(text: str, start: int, cursor: Cursor, gaps: Gaps) -> str:
    try:
        return pattern_of(text).pattern
    except Unfit as unfit:
        gaps.add(start, cursor.position, unfit.why, unfit.nearest)
        return "(?P<x>x)"


PIPES: Mapping[str, PipeReader] = {
    "stats": parse_stats,
    "sort": _sort,
    "order": _sort,
    "limit": _limit,
    "head": _limit,
    "top": _top,
    "uniq": _uniq,
    "fields": _fields(without=False),
    "keep": _fields(without=False),
    "delete": _fields(without=True),
    "del": _fields(without=True),
    "rm": _fields(without=True),
    "drop": _fields(without=True),
    "rename": _rename,
    "mv": _rename,
    "copy": _copy,
    "cp": _copy,
    "math": _math,
    "eval": _math,
    "extract": _extract,
    "extract_regexp": _extract_regexp,
    "field_values": _field_values,
    "first": _edge(last=False),
    "format": _format,
    "last": _edge(last=True),
    "len": _len,
    "replace": _replace(regex=False),
    "replace_regexp": _replace(regex=True),
    "unpack_json": _already_read,
    "unpack_logfmt": _already_read,
}
"""LogsQL's pipe → how it is read; `filter` and `where` are read beside them."""

NEAREST: Mapping[str, str] = {
    "collapse_nums": "patterns",
    "facets": "top 10 field",
    "field_names": "the field list of the page",
    "join": "two queries",
    "offset": "the cursor of an answer",
    "stream_context": "timestamp:[… to …]",
    "union": "two queries",
    "unroll": "values(field)",
}
"""What comes nearest to pipes that cannot be translated."""

NEAREST_FUNCTION: Mapping[str, str] = {
    "count_uniq_hash": "count_distinct(a)",
    "row_any": "first(a)",
    "row_max": "last(a)",
    "row_min": "first(a)",
    "values": "values(a)",
}
