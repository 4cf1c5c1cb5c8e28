"""A search as a condition of ClickHouse SQL on the table of records (alias `_records`).

Where an index can help, the condition has the shape the index knows: `hasAllTokens` and `hasPhrase` for the text
index on `message` (tokenizer `splitByNonAlpha`, preprocessor `lower(message)`), `trace_id = bytes`, bare columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from heimdall.model.identity import position_of, timestamp_ms_of
from heimdall.query.ast import (
    And,
    Compare,
    Exists,
    Glob,
    MatchAll,
    Not,
    Operator,
    Or,
    Phrase,
    Predicate,
    Range,
    Regex,
    Word,
)
from heimdall.query.context import Context
from heimdall.query.fields import Canonical, Storage, canonical, parse_hex, parse_identity, parse_level
from heimdall.query.literals import NS_PER_MS, parse_instant, parse_milliseconds, parse_number
from heimdall.query.sql.nodes import (
    binary,
    boolean,
    both,
    call,
    cast,
    column,
    either,
    negate,
    number,
    string,
    within,
)
from heimdall.query.sql.values import (
    Value,
    as_number,
    as_text,
    attribute,
    dynamic_text,
    field_value,
    level_test,
    present,
)
from heimdall.query.types import Type
from heimdall.query.words import glob_parts, message_glob_pattern, tokens, value_glob_pattern

_TOKENS_AT_ONCE = 32
"""Tokens in one condition; the engine takes 64."""

_Test = Callable[[exp.Expression], exp.Expression]


@dataclass(frozen=True, slots=True)
class _Condition:
    sql: exp.Expression
    unknown: bool = False
    """May be NULL where a value is missing."""


def predicate_sql(predicate: Predicate, context: Context | None = None) -> exp.Expression:
    """A condition that holds for exactly the records the predicate matches; elsewhere it is false or NULL."""
    return _condition(predicate, context or Context()).sql


def _condition(predicate: Predicate, context: Context) -> _Condition:
    match predicate:
        case MatchAll():
            return _Condition(boolean(True))
        case Word(text=text):
            return _word(text)
        case Phrase(text=text):
            return _Condition(_phrase(text))
        case Glob(pattern=pattern, field=name):
            if name is None:
                return _Condition(_message_glob(pattern))
            return _text_condition(name, lambda text: _value_glob(text, pattern))
        case Regex(pattern=pattern, field=name):
            return _text_condition(name or "message", lambda text: call("match", text, string(pattern)))
        case Compare(field=name, operator=operator, value=value):
            return _compare(name, operator, value, context)
        case Range():
            return _range(predicate, context)
        case Exists(field=name):
            return _Condition(present(field_value(name)))
        case And(items=items):
            words, others = _single_words(items)
            parts = [*words, *(_condition(item, context) for item in others)]
            return _Condition(both(*(part.sql for part in parts)), any(part.unknown for part in parts))
        case Or(items=items):
            lists, rest = _lists_of_values(items)
            parts = [*lists, *(_condition(item, context) for item in rest)]
            return _Condition(either(*(part.sql for part in parts)), any(part.unknown for part in parts))
        case Not(item=item):
            inner = _condition(item, context)
            known = call("ifNull", inner.sql, exp.false()) if inner.unknown else inner.sql
            return _Condition(negate(known))


# ---- free text ----------------------------------------------------------------------------------------------------


def _word(text: str) -> _Condition:
    words = _phrase(text)
    if (trace := parse_hex(text, 16)) is not None:
        return _Condition(either(_has_bytes("trace_id", trace), words))
    if len(text) == 36 and parse_identity(text) is not None:
        return _Condition(either(_has_identity(text), words))
    return _Condition(words)


def _lists_of_values(items: Sequence[Predicate]) -> tuple[list[_Condition], list[Predicate]]:
    """Values of one field as one `IN`, and what is left: a hundred of them cost hardly more than one."""
    by_field: dict[str, list[str]] = {}
    rest: list[Predicate] = []
    for item in items:
        if isinstance(item, Compare) and item.operator is Operator.EQ and _listable(item):
            by_field.setdefault(item.field, []).extend(
                same_texts(item.value) if canonical(item.field) is None else [item.value]
            )
        else:
            rest.append(item)
    return [_one_of(name, values) for name, values in by_field.items()], rest


def _listable(item: Compare) -> bool:
    field = canonical(item.field)
    if field is None:
        return not item.value.startswith("[")
    return field.storage is Storage.EMPTY and item.value != ""


def _one_of(name: str, values: list[str]) -> _Condition:
    value = field_value(name)
    text = value.raw if value.raw is not None else cast(value.sql, "Nullable(String)")
    return _Condition(within(text, [string(item) for item in dict.fromkeys(values)]), unknown=value.raw is None)


def _single_words(items: Sequence[Predicate]) -> tuple[list[_Condition], list[Predicate]]:
    """Words of one token each as few conditions, and what is left: the index looks several tokens up in one go."""
    found: list[str] = []
    others: list[Predicate] = []
    for item in items:
        words = tokens(item.text) if isinstance(item, Word | Phrase) else []
        if len(words) == 1 and not (isinstance(item, Word) and _names_an_id(item.text)):
            found += words
        else:
            others.append(item)
    distinct = list(dict.fromkeys(found))
    parts = [distinct[place : place + _TOKENS_AT_ONCE] for place in range(0, len(distinct), _TOKENS_AT_ONCE)]
    return [_Condition(_has_tokens(part)) for part in parts], others


def _names_an_id(text: str) -> bool:
    return parse_hex(text, 16) is not None


def _has_tokens(words: Sequence[str]) -> exp.Expression:
    return call("hasAllTokens", column("message"), exp.Array(expressions=[string(word) for word in words]))


def _phrase(text: str) -> exp.Expression:
    found = tokens(text)
    message = column("message")
    if len(found) == 1:
        return _has_tokens(found)
    if found:
        return call("hasPhrase", message, string(" ".join(found)))
    return binary(">", call("position", message, string(text)), number(0)) if text else boolean(True)


def _message_glob(pattern: str) -> exp.Expression:
    parts = glob_parts(pattern)
    longest = max(parts[::2], key=len)
    contains = binary(">", call("positionCaseInsensitive", column("message"), string(longest)), number(0))
    if len(parts) == 5 and parts[1] == parts[3] == "*" and not parts[0] and not parts[4]:
        return contains
    matches = call("match", column("message"), string(message_glob_pattern(pattern)))
    return both(contains, matches) if longest else matches


# ---- one field ----------------------------------------------------------------------------------------------------


def _text_condition(name: str, test: _Test) -> _Condition:
    value = field_value(name)
    if value.raw is not None and value.type is Type.TEXT:
        holds = test(value.raw)
        return _Condition(both(holds, present(value)) if value.key is not None else holds)
    return _Condition(test(as_text(value)), unknown=True)


def _value_glob(text: exp.Expression, pattern: str) -> exp.Expression:
    parts = glob_parts(pattern)
    if "?" in parts[1::2]:
        return call("match", text, string(value_glob_pattern(pattern)))
    escaped = [
        part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") if place % 2 == 0 else "%"
        for place, part in enumerate(parts)
    ]
    return call("like", text, string("".join(escaped)))


def _range(predicate: Range, context: Context) -> _Condition:
    parts = []
    if predicate.low is not None:
        operator = Operator.GE if predicate.include_low else Operator.GT
        parts.append(_compare(predicate.field, operator, predicate.low, context))
    if predicate.high is not None:
        operator = Operator.LE if predicate.include_high else Operator.LT
        parts.append(_compare(predicate.field, operator, predicate.high, context))
    if not parts:
        return _Condition(present(field_value(predicate.field)))
    return _Condition(both(*(part.sql for part in parts)), any(part.unknown for part in parts))


def _compare(name: str, operator: Operator, value: str, context: Context) -> _Condition:
    field = canonical(name)
    if field is None:
        return _compare_any(field_value(name), operator, value)
    match field.type:
        case Type.LEVEL:
            return _Condition(level_test(column(field.source), operator, parse_level(value) or 0))
        case Type.TIME:
            instant = parse_instant(value, context.now_ns) or 0
            return _Condition(binary(operator, column(field.source), call("fromUnixTimestamp64Nano", number(instant))))
        case Type.NUMBER:
            return _Condition(binary(operator, column(field.source), number(parse_milliseconds(value) or 0.0)), True)
        case Type.INTEGER:
            test = binary(operator, column(field.source), number(_whole(value)))
            return _Condition(test, unknown=field.storage is Storage.NULLABLE)
        case _:
            return _compare_text(field, operator, value)


def _whole(value: str) -> float:
    """The number as it is written: whole numbers keep all their digits."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else parse_number(value) or 0.0


def _compare_text(field: Canonical, operator: Operator, value: str) -> _Condition:
    if operator is Operator.EQ and field.storage is Storage.BYTES:
        decoded = parse_hex(value, field.width)
        if decoded is not None:
            return _Condition(_has_bytes(field.source, decoded))
        return _Condition(binary("=", dynamic_text(attribute(field.name)), string(value)), unknown=True)
    if field.storage is Storage.DERIVED and operator in (Operator.EQ, Operator.NE):
        same = _has_identity(value)
        return _Condition(same if operator is Operator.EQ else negate(same))
    own = field_value(field.name)
    if own.raw is None:
        return _Condition(binary(operator, own.sql, string(value)), unknown=True)
    test = binary(operator, own.raw, string(value))
    if field.storage is Storage.ALWAYS:
        return _Condition(test)
    if operator is Operator.EQ:
        return _Condition(test if value else boolean(False))
    return _Condition(both(test, present(own)))


def _compare_any(own: Value, operator: Operator, value: str) -> _Condition:
    amount = parse_milliseconds(value)
    if operator in (Operator.EQ, Operator.NE):
        spellings = same_texts(value)
        text = dynamic_text(own.sql) if value.startswith("[") else cast(own.sql, "Nullable(String)")
        tests = [binary(operator, text.copy(), string(spelling)) for spelling in spellings]
        return _Condition(either(*tests) if operator is Operator.EQ else both(*tests), unknown=True)
    if amount is not None:
        return _Condition(binary(operator, as_number(own), number(amount)), unknown=True)
    return _Condition(binary(operator, as_text(own), string(value)), unknown=True)


def same_texts(value: str) -> list[str]:
    """Spellings that count as equal to a value: itself, and for a number its shortest form."""
    amount = parse_number(value)
    if amount is None:
        return [value]
    shortest = str(int(amount)) if amount == int(amount) and abs(amount) < 1e15 else repr(amount)
    return [value] if shortest == value else [value, shortest]


def _has_bytes(name: str, value: bytes) -> exp.Expression:
    decoded = call("toFixedString", call("unhex", string(value.hex())), number(len(value)))
    return binary("=", column(name), decoded)


def _has_identity(text: str) -> exp.Expression:
    """The time window the id names, so that only its granules are read; then the very position."""
    identity = parse_identity(text)
    if identity is None:
        return boolean(False)
    start_ns = timestamp_ms_of(identity) * NS_PER_MS
    if start_ns + NS_PER_MS >= 1 << 63:
        return boolean(False)
    conditions = [binary("<", column("timestamp"), call("fromUnixTimestamp64Nano", number(start_ns + NS_PER_MS)))]
    if start_ns:  # times before 1970 count as 0 in an id
        conditions.append(binary(">=", column("timestamp"), call("fromUnixTimestamp64Nano", number(start_ns))))
    position = call("bitAnd", column("position"), number((1 << 62) - 1))
    return both(*conditions, binary("=", position, number(position_of(identity))))
