"""Sigma's detection items → predicates: maps are and-ed, lists or-ed, bare values are looked for anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from heimdall.insight.rules.sigma.condition import combined
from heimdall.insight.rules.sigma.logsource import LogSource
from heimdall.insight.rules.sigma.unsupported import Unsupported
from heimdall.insight.rules.sigma.values import Any_, cidr_pattern, encodings, parts_of, pattern_of, plain, windash
from heimdall.query.ast import And, Compare, Exists, Not, Operator, Or, Predicate, Regex
from heimdall.query.regex import compile_pattern

_RELATIONS = {"gt": Operator.GT, "gte": Operator.GE, "lt": Operator.LT, "lte": Operator.LE}
_TEXTUAL = frozenset(
    {"contains", "startswith", "endswith", "cased", "windash", "base64", "base64offset", "wide", "utf16", "utf16le",
     "utf16be", "neq"}
)  # fmt: skip
_KNOWN = _TEXTUAL | _RELATIONS.keys() | {"all", "re", "i", "m", "s", "cidr", "exists"}
_REASONS = {
    "fieldref": "compares two fields of one record (fieldref)",
    "expand": "has a placeholder to be filled in (expand)",
    **dict.fromkeys(("minute", "hour", "day", "week", "month", "year"), "asks for a part of a time"),
}


def detection(given: Mapping[str, Any], source: LogSource) -> Predicate:
    """The predicate of a rule's `detection`, its log source included. Raises Unsupported."""
    named = {str(name): _item(value, source) for name, value in given.items() if name not in ("condition", "timeframe")}
    conditions = given.get("condition")
    texts = conditions if isinstance(conditions, list) else [conditions]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Unsupported("it has no condition")
    found = _any([combined(str(text), named) for text in texts])
    guards = [source.condition] if source.condition is not None else []
    if source.said is not None and _holds_without_fields(found):
        guards.append(source.said)
    return _all([*guards, found])


def _holds_without_fields(predicate: Predicate) -> bool:
    """Whether a record with none of the rule's fields can match, by its words or by what it lacks."""
    match predicate:
        case And(items=items):
            return all(_holds_without_fields(item) for item in items)
        case Or(items=items):
            return any(_holds_without_fields(item) for item in items)
        case Not(item=item):
            return not _always_holds_without_fields(item)
        case Regex(field=field):
            return field in (None, "message", "attributes")
        case _:
            return False


def _always_holds_without_fields(predicate: Predicate) -> bool:
    match predicate:
        case And(items=items):
            return all(_always_holds_without_fields(item) for item in items)
        case Or(items=items):
            return any(_always_holds_without_fields(item) for item in items)
        case Not(item=item):
            return not _holds_without_fields(item)
        case _:
            return False


def _item(given: Any, source: LogSource) -> Predicate:
    if isinstance(given, Mapping):
        return _all([_field(str(name), value, source) for name, value in given.items()])
    if isinstance(given, list):
        return _any([_item(each, source) if isinstance(each, Mapping) else _anywhere(each) for each in given])
    return _anywhere(given)


def _field(name: str, given: Any, source: LogSource) -> Predicate:
    field, *modifiers = name.split("|")
    for modifier in modifiers:
        if modifier not in _KNOWN:
            raise Unsupported(_REASONS.get(modifier, f"has a modifier nobody knows here: {modifier[:40]}"))
    values = given if isinstance(given, list) else [given]
    join = _all if "all" in modifiers else _any
    own = tuple(modifier for modifier in modifiers if modifier != "all")
    if not field:
        return join([_anywhere(value, own) for value in values])
    return join([_any([_value(place, value, own) for place in source.places(field)]) for value in values])


def _value(field: str, value: Any, modifiers: tuple[str, ...]) -> Predicate:
    if value is None:
        return Not(Exists(field))
    if "exists" in modifiers:
        return Exists(field) if value else Not(Exists(field))
    for modifier, relation in _RELATIONS.items():
        if modifier in modifiers:
            return Compare(field, relation, str(value))
    if "cidr" in modifiers:
        return Regex(cidr_pattern(str(value)), field)
    if "re" in modifiers:
        return Regex(_checked(str(value), modifiers), field)
    found = _text(field, value, modifiers)
    return And((Exists(field), Not(found))) if "neq" in modifiers else found


def _text(field: str, value: Any, modifiers: tuple[str, ...]) -> Predicate:
    if isinstance(value, bool):
        return Compare(field, Operator.EQ, "true" if value else "false")
    if isinstance(value, Mapping | list):
        raise Unsupported(f"{field} has a value that is neither text nor number")
    text = str(value)
    positional = {"contains", "startswith", "endswith"} & set(modifiers)
    if text == "" and not positional:
        return Compare(field, Operator.EQ, "")
    tests: list[Predicate] = []
    for parts, cased in _texts(text, modifiers):
        whole = plain(parts)
        if whole is not None and not positional and (cased or whole.lower() == whole.upper()):
            tests.append(Compare(field, Operator.EQ, whole))
            continue
        before = [Any_()] if positional & {"contains", "endswith"} else []
        after = [Any_()] if positional & {"contains", "startswith"} else []
        pattern = pattern_of([*before, *parts, *after], cased=cased)
        tests.append(Exists(field) if pattern in ("(?i)", "") else Regex(pattern, field))
    return _any(tests)


def _texts(text: str, modifiers: tuple[str, ...]) -> list[tuple[list[Any], bool]]:
    """The texts a value stands for, in parts, and whether case matters."""
    variants = windash(text) if "windash" in modifiers else [text]
    found = []
    for variant in variants:
        encoded, forced = encodings(variant, modifiers)
        for each in encoded:
            found.append(([each] if forced else parts_of(each), forced or "cased" in modifiers))
    return found


def _anywhere(value: Any, modifiers: tuple[str, ...] = ()) -> Predicate:
    """A keyword: in the message, or in any of the sender's fields."""
    if isinstance(value, Mapping | list) or value is None:
        raise Unsupported("a keyword is neither text nor number")
    if "re" in modifiers:
        pattern = _checked(str(value), modifiers)
        return Or((Regex(pattern, None), Regex(pattern, "attributes")))
    tests: list[Predicate] = []
    for parts, cased in _texts(str(value), modifiers):
        around = [Any_(), *parts, Any_()]
        tests.append(Regex(pattern_of(around, cased=cased), None))
        tests.append(Regex(pattern_of(around, cased=cased, as_json=True), "attributes"))
    return _any(tests)


def _checked(pattern: str, modifiers: tuple[str, ...]) -> str:
    """A pattern of Sigma's for HQL, where `.` matches line breaks unless told otherwise."""
    flags = "".join(flag for flag in ("i", "m") if flag in modifiers)
    prefix = f"(?{flags})" if flags else ""
    if "s" not in modifiers and _has_dot(pattern):
        prefix += "(?-s)"
    try:
        compile_pattern(prefix + pattern)
    except ValueError as exc:
        raise Unsupported(f"a pattern is not RE2, which has no look-around and no back-references: {exc}") from exc
    return prefix + pattern


def _has_dot(pattern: str) -> bool:
    return "." in pattern.replace("\\.", "")


def _all(items: list[Predicate]) -> Predicate:
    return _joined(items, And)


def _any(items: list[Predicate]) -> Predicate:
    return _joined(items, Or)


def _joined(items: list[Predicate], join: Callable[[tuple[Predicate, ...]], Predicate]) -> Predicate:
    if not items:
        raise Unsupported("an empty list or map, which says nothing")
    different = list(dict.fromkeys(items))
    return different[0] if len(different) == 1 else join(tuple(different))
