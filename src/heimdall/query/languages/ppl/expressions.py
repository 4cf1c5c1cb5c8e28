"""Expressions of PPL's `eval` and `where`, its field names, and the functions it has under its own names.

Texts stand in single or double quotes, odd field names in backquotes, and dots belong to names. Names of Elastic Common
Schema stand for the fields they mean here, as at the Elasticsearch face.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from heimdall.query.ast import Call, Comparison, Expression, Literal, Operator
from heimdall.query.languages.calls import (
    SHARED,
    Meaning,
    Unfit,
    case,
    is_missing,
    like,
    match,
    plain,
    replace_pattern,
)
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.esdsl.names import name_of
from heimdall.query.languages.expressions import Dialect, ExpressionReader
from heimdall.query.languages.translation import Gaps

NAME = re.compile(r"[@_]?[^\W\d][\w@:-]*(?:\.[\w@:-]+)*|_\w+")


def field_name(name: str) -> str:
    """Heimdall's name of a field; of those that may be several, the sender's own."""
    return name_of(name).fields[0]


def _pair(arguments: Sequence[Expression]) -> tuple[Expression, Expression]:
    if len(arguments) != 2:
        raise Unfit(f"it takes 2 arguments, not {len(arguments)}")
    return arguments[0], arguments[1]


def _null_if(arguments: Sequence[Expression]) -> Expression:
    left, right = _pair(arguments)
    return Call("if", (Comparison(Operator.EQ, left, right), Literal(None), left))


def _written_time(arguments: Sequence[Expression]) -> Expression:
    """`timestamp('2026-11-22 10:15:00')`: a quoted time is one already."""
    if len(arguments) != 1 or not isinstance(arguments[0], Literal) or not isinstance(arguments[0].value, str):
        raise Unfit("only a time that is written out can stand here", 'timestamp >= "2026-11-22T10:15:00Z"')
    return arguments[0]


def _cidr(arguments: Sequence[Expression]) -> Expression:
    address, network = _pair(arguments)
    return Call("cidr_match", (address, network))


FUNCTIONS: Mapping[str, Meaning] = {
    **SHARED,
    **{name: plain(name) for name in ("year", "month", "day", "hour", "minute", "second")},
    "case": case,
    "cidrmatch": _cidr,
    "ifnull": plain("coalesce", 2),
    "isnotnull": plain("exists"),
    "isnull": is_missing,
    "ispresent": plain("exists"),
    "length": plain("length"),
    "like": like,
    "nullif": _null_if,
    "regexp_match": match,
    "regexp_replace": replace_pattern,
    "replace": replace_pattern,
    "timestamp": _written_time,
    "tonumber": plain("tonumber"),
    "tostring": plain("tostring"),
}
"""PPL's function → how it is said in HQL."""

NEAREST_FUNCTION: Mapping[str, str] = {
    "cast": "tonumber(a), tostring(a)",
    "date_add": "timestamp + 1h",
    "date_format": "bin(timestamp, 1h), hour(timestamp), tostring(timestamp)",
    "date_sub": "timestamp - 1h",
    "json_extract": "the fields of JSON are fields already: a.b.c",
    "match": "a word in the search: source=logs refused",
    "match_phrase": 'a phrase in the search: source=logs "connection refused"',
    "multi_match": "words in the search: source=logs refused",
    "query_string": "words in the search: source=logs refused",
    "simple_query_string": "words in the search: source=logs refused",
    "span": "stats … by span(timestamp, 5m)",
}
"""What comes nearest to functions that cannot be translated."""

PPL = Dialect(
    functions=FUNCTIONS,
    nearest=NEAREST_FUNCTION,
    field_name=field_name,
    text_marks="\"'",
    name_mark="`",
    dot_joins=False,
    sql_tests=True,
)


def parse_expression(cursor: Cursor, gaps: Gaps) -> Expression:
    return ExpressionReader(cursor, gaps, PPL).read()


def take_name(cursor: Cursor) -> str:
    """A field as PPL writes it, under Heimdall's name."""
    cursor.skip()
    start = cursor.position
    if cursor.peek() == "`":
        name = cursor.quoted("`")
        if not name:
            raise cursor.error("a field name is empty", start, 2)
        return field_name(name)
    found = cursor.take_match(NAME)
    if found is None:
        raise cursor.unexpected("expected a field name", "odd names go in backquotes")
    return field_name(found[0])


def take_names(cursor: Cursor) -> tuple[str, ...]:
    """Field names with commas or white space between them."""
    names = [take_name(cursor)]
    while cursor.take(",") or _at_name(cursor):
        names.append(take_name(cursor))
    return tuple(dict.fromkeys(names))


def _at_name(cursor: Cursor) -> bool:
    cursor.skip()
    return not cursor.at_word("by") and (cursor.peek() == "`" or cursor.matches(NAME) is not None)
