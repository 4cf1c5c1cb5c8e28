"""One SELECT over `logs` → tree. Nothing else is a question here, and nothing of the text ever reaches an engine."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from heimdall.errors import QuerySyntaxError
from heimdall.query.ast import Span
from heimdall.query.languages.sql.places import Places
from heimdall.query.languages.sql.select import Select
from heimdall.query.languages.translation import Gaps, Translation, check_size, translation

MAX_TOKENS = 2_000
MAX_NESTING = 16
"""Deepest parentheses. A parser that tries several readings of each takes twice as long for every further one."""

_OPEN = (TokenType.L_PAREN, TokenType.CASE, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.NOT)
_CLOSE = (TokenType.R_PAREN, TokenType.END, TokenType.R_BRACKET, TokenType.R_BRACE)
_DIALECT = "postgres"


def parse(text: str) -> Translation:
    """
    Raises:
        QuerySyntaxError: no SQL, more than one statement, no SELECT, or another table than `logs`.
    """
    check_size(text)
    statement = _statement(text)
    gaps = Gaps(text)
    places = Places(text, gaps)
    if not isinstance(statement, exp.Select):
        word = statement.key.upper()
        raise QuerySyntaxError(
            f"only SELECT can be asked, not {word}", column=1, length=max(1, len(text)), hint="SELECT … FROM logs"
        )
    try:
        select = Select(places, statement)
        search, pipes = select.search, select.pipes
    except RecursionError:
        raise _too_deep(1) from None
    except QuerySyntaxError as exc:
        if not gaps.found:
            raise
        gaps.at(Span(exc.column, exc.length), exc.message, exc.hint)
        return Translation("sql", None, None, gaps.found)
    return translation("sql", text, search, pipes, gaps)


def _statement(text: str) -> exp.Expr:
    try:
        tokens = sqlglot.tokenize(text, read=_DIALECT)
        _check(tokens)
        statements = [one for one in sqlglot.parse(text, read=_DIALECT) if one is not None]
    except RecursionError:
        raise _too_deep(1) from None
    except ParseError as exc:
        raise _syntax_error(text, exc) from None
    except SqlglotError as exc:
        raise QuerySyntaxError(f"no SQL: {str(exc)[:120]}", column=1, length=max(1, len(text))) from None
    except (ValueError, TypeError, AttributeError, IndexError, KeyError) as exc:  # sqlglot's own slips on odd text
        raise QuerySyntaxError("no SQL that can be read", column=1, length=max(1, len(text))) from exc
    if not statements:
        raise QuerySyntaxError("there is no statement", column=1, hint="SELECT … FROM logs")
    if len(statements) > 1:
        raise QuerySyntaxError("one statement at a time", column=text.find(";") + 1, hint="leave out what follows ;")
    return statements[0]


def _check(tokens: list[Token]) -> None:
    if len(tokens) > MAX_TOKENS:
        raise QuerySyntaxError(f"more than {MAX_TOKENS} words", column=tokens[MAX_TOKENS].start + 1)
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.token_type in _OPEN) - (token.token_type in _CLOSE)
        if token.token_type is TokenType.NOT and (place == 0 or tokens[place - 1].token_type is not TokenType.NOT):
            depth -= 1
        if depth > MAX_NESTING:
            raise _too_deep(token.start + 1)
        if token.text.upper() == "FIRST" and place and tokens[place - 1].text.upper() == "NULLS":
            hint = "leave NULLS FIRST out"
            raise QuerySyntaxError("missing values come last", column=token.start + 1, length=5, hint=hint)


def _too_deep(column: int) -> QuerySyntaxError:
    return QuerySyntaxError(f"nested deeper than {MAX_NESTING} levels", column=column, hint="flatten the parentheses")


def _syntax_error(text: str, error: ParseError) -> QuerySyntaxError:
    first = error.errors[0] if error.errors else {}
    word = str(first.get("highlight") or "")
    line, column = int(first.get("line") or 1), int(first.get("col") or 1)
    before = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
    place = max(0, min(before + column - max(1, len(word)), len(text)))
    what = str(first.get("description") or "no SQL").split(" but got <")[0]
    found = f", found '{word[:40]}'" if word else ""
    return QuerySyntaxError(f"{what}{found}", column=place + 1, length=max(1, len(word)), hint="SELECT … FROM logs")
