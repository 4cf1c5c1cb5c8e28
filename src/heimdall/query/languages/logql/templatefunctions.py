"""Functions of templates: name → what it does, least and most arguments. The piped value comes last, as in Go."""

from __future__ import annotations

import base64
import math
import urllib.parse
from collections.abc import Callable
from typing import Any

from heimdall.query.languages.logql.amounts import parse_bytes, parse_duration, parse_number
from heimdall.query.regex import compile_pattern


class TemplateFailure(Exception):
    """A function could not take what it was given; the line gets `__error__="TemplateFormatErr"`."""


def truth(value: Any) -> bool:
    return bool(value) and not (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return value
    return parse_number(str(value).strip()) or 0.0


def _integer(value: Any) -> int:
    amount = _number(value)
    return int(amount) if math.isfinite(amount) else 0


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _substring(start: Any, end: Any, text: Any) -> str:
    first, last, value = _integer(start), _integer(end), _text(text)
    if first < 0:
        return value[:last]
    return value[first:] if last < 0 or last > len(value) else value[first:last]


def _trunc(count: Any, text: Any) -> str:
    wanted, value = _integer(count), _text(text)
    return value[wanted:] if wanted < 0 else value[:wanted]


def _regex_replace(pattern: Any, text: Any, replacement: Any, *, literal: bool) -> str:
    by = _text(replacement)
    found = compile_pattern(f"(?-s){_text(pattern)}")
    if literal:
        return str(found.sub(lambda _: by, _text(text)))
    return str(found.sub(lambda match: expand(by, match), _text(text)))


def expand(template: str, match: Any) -> str:
    """Go's `$1`, `${1}`, `${name}` and `$$` in a replacement."""
    found: list[str] = []
    place = 0
    while (dollar := template.find("$", place)) >= 0:
        found.append(template[place:dollar])
        place = dollar + 1
        if template[place : place + 1] == "$":
            found.append("$")
            place += 1
            continue
        braced = template[place : place + 1] == "{"
        start = place + braced
        end = start
        while end < len(template) and (template[end].isalnum() or template[end] == "_"):
            end += 1
        name = template[start:end]
        if not name or (braced and template[end : end + 1] != "}"):
            found.append("$")
            continue
        place = end + braced
        found.append(_group(match, name))
    return "".join(found) + template[place:]


def _group(match: Any, name: str) -> str:
    try:
        return match.group(int(name) if name.isdigit() else name) or ""
    except (IndexError, KeyError):
        return ""


def _align(count: Any, text: Any, *, left: bool) -> str:
    width, value = max(0, min(_integer(count), 4096)), _text(text)
    if left:
        return value[:width].ljust(width)
    return value[max(0, len(value) - width) :].rjust(width)


def _indent(count: Any, text: Any) -> str:
    pad = " " * max(0, min(_integer(count), 4096))
    return pad + _text(text).replace("\n", "\n" + pad)


def _divide(a: Any, b: Any) -> int:
    return int(_integer(a) / _integer(b))


def _printf(form: Any, *values: Any) -> str:
    wanted = _text(form).replace("%v", "%s").replace("%q", '"%s"')
    return (wanted % tuple(values))[: 64 * 1024]


def _equal(a: Any, *others: Any) -> bool:
    return any(a == other for other in others)


def _default(by: Any, value: Any) -> Any:
    return value if truth(value) else by


def _and(*values: Any) -> Any:
    return next((value for value in values if not truth(value)), values[-1])


def _or(*values: Any) -> Any:
    return next((value for value in values if truth(value)), values[-1])


def _repeat(count: Any, text: Any) -> str:
    value = _text(text)
    return value * max(0, min(_integer(count), 64 * 1024 // max(1, len(value))))


def _duration_seconds(text: Any) -> float:
    return (parse_duration(_text(text)) or 0) / 1e9


_MANY = 64
_Entry = tuple[Callable[..., Any], int, int]

FUNCTIONS: dict[str, _Entry] = {
    "ToLower": (lambda s: _text(s).lower(), 1, 1),
    "ToUpper": (lambda s: _text(s).upper(), 1, 1),
    "Replace": (lambda s, a, b, n: _text(s).replace(a, b, _integer(n)), 4, 4),
    "Trim": (lambda s, c: _text(s).strip(_text(c)), 2, 2),
    "TrimLeft": (lambda s, c: _text(s).lstrip(_text(c)), 2, 2),
    "TrimRight": (lambda s, c: _text(s).rstrip(_text(c)), 2, 2),
    "TrimPrefix": (lambda s, p: _text(s).removeprefix(_text(p)), 2, 2),
    "TrimSuffix": (lambda s, p: _text(s).removesuffix(_text(p)), 2, 2),
    "TrimSpace": (lambda s: _text(s).strip(), 1, 1),
    "regexReplaceAll": (lambda p, s, r: _regex_replace(p, s, r, literal=False), 3, 3),
    "regexReplaceAllLiteral": (lambda p, s, r: _regex_replace(p, s, r, literal=True), 3, 3),
    "lower": (lambda s: _text(s).lower(), 1, 1),
    "upper": (lambda s: _text(s).upper(), 1, 1),
    "title": (lambda s: _text(s).title(), 1, 1),
    "trunc": (_trunc, 2, 2),
    "substr": (_substring, 3, 3),
    "contains": (lambda part, s: _text(part) in _text(s), 2, 2),
    "hasPrefix": (lambda part, s: _text(s).startswith(_text(part)), 2, 2),
    "hasSuffix": (lambda part, s: _text(s).endswith(_text(part)), 2, 2),
    "replace": (lambda a, b, s: _text(s).replace(_text(a), _text(b)), 3, 3),
    "trim": (lambda s: _text(s).strip(), 1, 1),
    "trimAll": (lambda c, s: _text(s).strip(_text(c)), 2, 2),
    "trimPrefix": (lambda p, s: _text(s).removeprefix(_text(p)), 2, 2),
    "trimSuffix": (lambda p, s: _text(s).removesuffix(_text(p)), 2, 2),
    "indent": (_indent, 2, 2),
    "nindent": (lambda n, s: "\n" + _indent(n, s), 2, 2),
    "repeat": (_repeat, 2, 2),
    "alignLeft": (lambda n, s: _align(n, s, left=True), 2, 2),
    "alignRight": (lambda n, s: _align(n, s, left=False), 2, 2),
    "int": (_integer, 1, 1),
    "float64": (lambda v: float(_number(v)), 1, 1),
    "add": (lambda *v: sum(map(_integer, v)), 1, _MANY),
    "sub": (lambda a, b: _integer(a) - _integer(b), 2, 2),
    "mul": (lambda a, *b: math.prod(map(_integer, (a, *b))), 2, _MANY),
    "div": (_divide, 2, 2),
    "mod": (lambda a, b: int(math.fmod(_integer(a), _integer(b))), 2, 2),
    "addf": (lambda *v: sum(map(_number, v)), 1, _MANY),
    "subf": (lambda a, *b: _number(a) - sum(map(_number, b)), 2, _MANY),
    "mulf": (lambda a, *b: math.prod(map(_number, (a, *b))), 2, _MANY),
    "divf": (lambda a, b: _number(a) / _number(b), 2, 2),
    "max": (lambda a, *b: max(map(_integer, (a, *b))), 1, _MANY),
    "min": (lambda a, *b: min(map(_integer, (a, *b))), 1, _MANY),
    "maxf": (lambda a, *b: max(map(_number, (a, *b))), 1, _MANY),
    "minf": (lambda a, *b: min(map(_number, (a, *b))), 1, _MANY),
    "ceil": (lambda v: float(math.ceil(_number(v))), 1, 1),
    "floor": (lambda v: float(math.floor(_number(v))), 1, 1),
    "round": (lambda v, n: round(_number(v), _integer(n)), 2, 2),
    "default": (_default, 2, 2),
    "count": (lambda p, s: sum(1 for _ in compile_pattern(f"(?-s){p}").finditer(_text(s))), 2, 2),
    "urlencode": (lambda s: urllib.parse.quote_plus(_text(s)), 1, 1),
    "urldecode": (lambda s: urllib.parse.unquote_plus(_text(s)), 1, 1),
    "b64enc": (lambda s: base64.b64encode(_text(s).encode()).decode(), 1, 1),
    "b64dec": (lambda s: base64.b64decode(_text(s)).decode(errors="replace"), 1, 1),
    "bytes": (lambda s: parse_bytes(_text(s)) or 0, 1, 1),
    "duration": (_duration_seconds, 1, 1),
    "duration_seconds": (_duration_seconds, 1, 1),
    "unixEpoch": (lambda t: str(int(t) // 10**9), 1, 1),
    "unixEpochMillis": (lambda t: str(int(t) // 10**6), 1, 1),
    "unixEpochNanos": (lambda t: str(int(t)), 1, 1),
    "printf": (_printf, 1, _MANY),
    "print": (lambda *v: "".join(map(_text, v)), 1, _MANY),
    "len": (lambda s: len(_text(s).encode()), 1, 1),
    "eq": (_equal, 2, _MANY),
    "ne": (lambda a, b: a != b, 2, 2),
    "lt": (lambda a, b: a < b, 2, 2),
    "le": (lambda a, b: a <= b, 2, 2),
    "gt": (lambda a, b: a > b, 2, 2),
    "ge": (lambda a, b: a >= b, 2, 2),
    "and": (_and, 1, _MANY),
    "or": (_or, 1, _MANY),
    "not": (lambda v: not truth(v), 1, 1),
}
