"""The tree as HQL text: `parse(to_text(query)) == query`."""

from __future__ import annotations

import re

from heimdall.query.ast import (
    AllOf,
    And,
    AnyOf,
    Arithmetic,
    Call,
    Compare,
    Comparison,
    Duration,
    Exists,
    Expression,
    Field,
    Glob,
    Literal,
    MatchAll,
    Minus,
    Negate,
    Not,
    Operator,
    Or,
    Pattern,
    Phrase,
    Predicate,
    Query,
    Range,
    Regex,
    Within,
    Word,
)
from heimdall.query.literals import print_duration

SEARCH_FIELD = re.compile(r"[^\W\d][\w.@/-]*|@[\w.@/-]*")
"""A field name that needs no quotes in a search."""

EXPRESSION_FIELD = re.compile(r"(?:[^\W\d]|@)[\w@]*(?:\.[\w@]+)*")
"""A field name that needs no backquotes in an expression."""

RESERVED = frozenset({"and", "or", "not", "in", "by", "as", "true", "false", "null", "from"})

_PLAIN_VALUE = re.compile(r"[\w@+.-][\w@+.:/#%&;=-]*")
_PLAIN_BOUND = re.compile(r"[\w@+.-][\w@+.:-]*")
_ESCAPED = re.compile(r"[\s()|\"\\*?]")
_RELATION = frozenset(":=<>!")


def to_text(query: Query) -> str:
    parts = [] if isinstance(query.search, MatchAll) and not query.pipes else [predicate_text(query.search)]
    return " | ".join([*parts, *(pipe.to_text() for pipe in query.pipes)]) or "*"


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def regex_text(pattern: str) -> str:
    return "/" + re.sub(r"\\.|/", lambda m: "\\/" if m[0] == "/" else m[0], pattern, flags=re.DOTALL) + "/"


# ---- search -------------------------------------------------------------------------------------------------------


def predicate_text(predicate: Predicate) -> str:
    match predicate:
        case MatchAll():
            return "*"
        case Word(text=text):
            return _bare(text, wildcards=False)
        case Phrase(text=text):
            return quote(text)
        case Glob(pattern=pattern, field=field):
            if field is None:
                return _bare(pattern, wildcards=True)
            return f"{_field(field)}{'=' if field == 'message' else ':'}{_bare(pattern, wildcards=True)}"
        case Regex(pattern=pattern, field=field):
            return regex_text(pattern) if field is None else f"{_field(field)}:{regex_text(pattern)}"
        case Compare(field=field, operator=operator, value=value):
            sign = ":" if operator is Operator.EQ and field != "message" else operator.value
            return f"{_field(field)}{sign}{value if _PLAIN_VALUE.fullmatch(value) else quote(value)}"
        case Range(field=field, low=low, high=high, include_low=include_low, include_high=include_high):
            left, right = "[" if include_low else "{", "]" if include_high else "}"
            return f"{_field(field)}:{left}{_bound(low)} to {_bound(high)}{right}"
        case Exists(field=field):
            return f"{_field(field)}:*"
        case Not(item=item):
            return f"not {_grouped(item, And, Or)}"
        case And(items=items):
            return " ".join(_grouped(item, And, Or) for item in items)
        case Or(items=items):
            return " or ".join(_grouped(item, Or) for item in items)


def _grouped(predicate: Predicate, *kinds: type) -> str:
    text = predicate_text(predicate)
    return f"({text})" if isinstance(predicate, kinds) else text


def _field(name: str) -> str:
    return name if SEARCH_FIELD.fullmatch(name) else quote(name)


def _bound(value: str | None) -> str:
    if value is None:
        return "*"
    return value if _PLAIN_BOUND.fullmatch(value) and value.lower() != "to" else quote(value)


def _bare(text: str, *, wildcards: bool) -> str:
    r"""A word without quotes. With `wildcards`, `*`, `?` and `\` in it already have their meaning."""
    parts: list[str] = []
    place = 0
    while place < len(text):
        char = text[place]
        if wildcards and char == "\\":
            parts.append(text[place : place + 2])
            place += 2
            continue
        leading = place == 0 and char in "-/[{"
        relation = char in _RELATION and (place == 0 or SEARCH_FIELD.fullmatch(text[:place]) is not None)
        special = _ESCAPED.match(char) is not None and not (wildcards and char in "*?")
        parts.append(f"\\{char}" if leading or relation or special else char)
        place += 1
    word = "".join(parts)
    return f"\\{word}" if word.lower() in ("and", "or", "not") else word


# ---- expressions --------------------------------------------------------------------------------------------------

_ANY, _ALL, _NEGATE, _COMPARISON, _SUM, _PRODUCT, _UNARY, _ATOM = range(8)
_PRECEDENCE = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}


def expression_text(expression: Expression) -> str:
    return _expression(expression)[0]


def _expression(expression: Expression) -> tuple[str, int]:
    """Text and how tightly its outermost operator binds."""
    match expression:
        case Literal(value=value):
            return _literal(value), _ATOM
        case Duration(nanoseconds=nanoseconds):
            return print_duration(nanoseconds), _ATOM
        case Pattern(pattern=pattern):
            return regex_text(pattern), _ATOM
        case Field(name=name):
            return field_text(name), _ATOM
        case Call(name=name, arguments=arguments):
            return f"{name}({', '.join(map(expression_text, arguments))})", _ATOM
        case Arithmetic(operator=operator, left=left, right=right):
            level = _PRECEDENCE[operator]
            return f"{_inside(left, level)} {operator} {_inside(right, level + 1)}", level
        case Minus(item=item):
            bare_number = isinstance(item, Literal | Duration)
            return f"-({expression_text(item)})" if bare_number else f"-{_inside(item, _UNARY)}", _UNARY
        case Comparison(operator=operator, left=left, right=right):
            return f"{_inside(left, _SUM)} {operator.value} {_inside(right, _SUM)}", _COMPARISON
        case Within(item=item, choices=choices):
            return f"{_inside(item, _SUM)} in ({', '.join(map(expression_text, choices))})", _COMPARISON
        case Negate(item=item):
            return f"not {_inside(item, _NEGATE)}", _NEGATE
        case AllOf(items=items):
            return " and ".join(_inside(item, _NEGATE) for item in items), _ALL
        case AnyOf(items=items):
            return " or ".join(_inside(item, _ALL) for item in items), _ANY


def _inside(expression: Expression, level: int) -> str:
    text, own = _expression(expression)
    return text if own >= level else f"({text})"


def _literal(value: str | float | bool | None) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case _:
            return repr(value)


def field_text(name: str) -> str:
    if EXPRESSION_FIELD.fullmatch(name) and name.lower() not in RESERVED:
        return name
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def field_list(names: tuple[str, ...]) -> str:
    return ", ".join(map(field_text, names))
