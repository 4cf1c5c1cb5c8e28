"""Conditions on the message, rewritten so that the table's indexes can answer them.

A statement says what it means: `hasAllTokens(message, ['card'])`, `hasPhrase(message, 'card declined')`,
`match(message, 'upstream \\d+')`, `positionCaseInsensitive(message, 'declin') > 0`; upper and lower case of tokens are
the same. The table knows two things about a block of messages: the words without digits (text index on
`message_words`) and whether a token occurs at all (token filter on `lower(message)`). Each condition becomes itself and
everything those two can check; a record matches afterwards if and only if it matched before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce

from sqlglot import exp

from heimdall.storage.engines.clickhouse.layout import COLUMN_BY_NAME
from heimdall.storage.engines.clickhouse.literals import required_stretches

_MESSAGE = COLUMN_BY_NAME["message"].name
_WORDS = "message_words"
_TOKEN = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_WORD = re.compile(r"[a-z\x80-\U0010ffff]+")
_REWRITTEN = frozenset({"hasAllTokens", "hasPhrase", "match", "position", "positionCaseInsensitive", ""})
MAX_HINTS = 12
"""Conditions added for one condition at most; more select nothing further and cost time on every block."""


def use_indexes(statement: exp.Query, *, exact_words: bool = False) -> exp.Query:
    """The same statement with conditions the indexes know. The argument stays as it is.

    `exact_words`: the table's words are those of `layout.WORDS`, so a word of ASCII letters is among them if and only
    if it is a token of the message, and no message is read to find that out.
    """
    if not any(call.name in _REWRITTEN for call in statement.find_all(exp.Anonymous, exp.RegexpLike)):
        return statement  # most statements; copying one costs more than parsing its query did
    changed = statement.copy()
    for node in list(changed.find_all(exp.Anonymous, exp.RegexpLike, exp.GT)):
        indexed = _indexed(node, exact_words=exact_words)
        if indexed is not node:
            node.replace(indexed)
    for where in list(changed.find_all(exp.Where)):
        where.set("this", _words_first(where.this))
    return changed


def conjuncts(test: exp.Expr) -> Iterator[exp.Expr]:
    """The conditions that must all hold, whatever parentheses stand around them."""
    if isinstance(test, exp.Paren):
        yield from conjuncts(test.this)
    elif isinstance(test, exp.And):
        yield from conjuncts(test.left)
        yield from conjuncts(test.right)
    else:
        yield test


def _words_first(test: exp.Expr) -> exp.Expr:
    """All words in one look-up, and before what reads messages: those are read where every word is."""
    looked_up: list[exp.Expr] = []
    reading: list[exp.Expr] = []
    others: list[exp.Expr] = []
    for part in dict.fromkeys(conjuncts(test)):
        reads = any(map(_is_message, part.find_all(exp.Column)))
        (looked_up if _is_words(part) else reading if reads else others).append(part)
    if not looked_up:
        return test
    words = dict.fromkeys(item.name for part in looked_up for item in part.expressions[1].expressions)
    merged = looked_up[0].copy()
    merged.expressions[1].set("expressions", [exp.Literal.string(word) for word in words])
    return _both([*others, merged, *reading])


def _is_words(node: exp.Expr) -> bool:
    if not isinstance(node, exp.Anonymous) or node.name != "hasAllTokens":
        return False
    column = node.expressions[0]
    return isinstance(column, exp.Column) and column.name == _WORDS


def _indexed(node: exp.Expr, *, exact_words: bool) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        arguments = node.expressions
        if len(arguments) == 2 and _is_message(arguments[0]):
            match node.name:
                case "hasAllTokens":
                    return _has_tokens(arguments[0], _texts(arguments[1]), exact_words=exact_words)
                case "hasPhrase":
                    return _has_phrase(arguments[0], arguments[1])
                case "match":
                    return _with_hints(node, arguments[0], required_stretches(arguments[1].name))
    if isinstance(node, exp.RegexpLike) and _is_message(node.this) and isinstance(node.expression, exp.Literal):
        return _with_hints(node, node.this, required_stretches(node.expression.name))
    if isinstance(node, exp.GT) and isinstance(node.this, exp.Anonymous):
        call = node.this
        if call.name in ("positionCaseInsensitive", "position") and _is_message(call.expressions[0]):
            return _with_hints(node, call.expressions[0], [call.expressions[1].name])
    return node


def _is_message(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name == _MESSAGE


def _texts(node: exp.Expr) -> list[str]:
    if isinstance(node, exp.Array):
        return [item.name for item in node.expressions]
    return [token.lower() for token in _TOKEN.findall(node.name)]


def _has_tokens(message: exp.Expr, tokens: list[str], *, exact_words: bool) -> exp.Expr:
    lowered = list(dict.fromkeys(map(_lower, tokens)))
    words = [token for token in lowered if _WORD.fullmatch(token)][:MAX_HINTS]
    # One with other letters may be a part of a token with digits: é of é12.
    known = {word for word in words if exact_words and word.isascii()}
    exact = [_has_token(message, token) for token in lowered if token not in known]
    return _all([*_has_words(message, lowered), *exact])


def _has_phrase(message: exp.Expr, phrase: exp.Expr) -> exp.Expr:
    tokens = [_lower(token) for token in _TOKEN.findall(phrase.name)]
    exact = exp.Anonymous(
        this="hasPhrase", expressions=[_lowered(message), exp.Literal.string(" ".join(tokens) or phrase.name)]
    )
    # Tokens of letters alone are in the text index already.
    filters = [_has_token(message, token) for token in dict.fromkeys(tokens[:MAX_HINTS]) if not _WORD.fullmatch(token)]
    return _all([*_has_words(message, tokens), *filters, exact])


def _with_hints(node: exp.Expr, message: exp.Expr, stretches: list[str]) -> exp.Expr:
    """`node` and what every text with these stretches in it must have: the tokens that lie wholly inside one."""
    tokens = [token for stretch in stretches for token in _inner_tokens(stretch)][:MAX_HINTS]
    if not tokens:
        return node
    filters = [_has_token(message, token) for token in dict.fromkeys(tokens) if not _WORD.fullmatch(token)]
    return _all([*_has_words(message, tokens), *filters, node.copy()])


def _inner_tokens(stretch: str) -> Iterator[str]:
    """Tokens with a separator on both sides: those at an end may go on outside the stretch."""
    for match in _TOKEN.finditer(stretch):
        if match.start() > 0 and match.end() < len(stretch):
            yield _lower(match[0])


def _has_words(message: exp.Expr, tokens: list[str]) -> list[exp.Expr]:
    """Letters between the digits of an id are no words to look up: `a` and `e` of `819a21e6` stand in most messages,
    and the token filter has the whole of it."""
    words = [token for token in dict.fromkeys(tokens) if _WORD.fullmatch(token)][:MAX_HINTS]
    if not words:
        return []
    column = message.copy()
    assert isinstance(column, exp.Column)
    column.set("this", exp.to_identifier(_WORDS, quoted=True))
    return [
        exp.Anonymous(
            this="hasAllTokens",
            expressions=[column, exp.Array(expressions=[exp.Literal.string(word) for word in words])],
        )
    ]


def _has_token(message: exp.Expr, token: str) -> exp.Expr:
    return exp.Anonymous(this="hasToken", expressions=[_lowered(message), exp.Literal.string(token)])


def _lowered(message: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="lower", expressions=[message.copy()])


def _lower(text: str) -> str:
    """ASCII letters only, as ClickHouse's `lower`."""
    return text.encode().lower().decode()


def _all(conditions: list[exp.Expr]) -> exp.Expr:
    return exp.Paren(this=_both(conditions)) if conditions else exp.true()


def _both(conditions: list[exp.Expr]) -> exp.Expr:
    """`exp.and_`, which would copy each of them."""
    apart = [exp.Paren(this=one) if isinstance(one, exp.Connector) else one for one in conditions]
    return reduce(lambda left, right: exp.And(this=left, expression=right), apart)
