"""Phrases, found without reading messages.

Where a message has a form (`forms`), it has a phrase of words without digits if and only if its form has. So a select
that needs nothing else of the message becomes a union: records with a form, of which the dictionary of forms is looked
through, and those without, whose messages are read.
"""

from __future__ import annotations

import re

from sqlglot import exp

from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.engines.clickhouse.branches import (
    JSON,
    all_of,
    branch,
    columns,
    read_union,
    reading,
    take_conditions,
)

_MESSAGE = "message"
_NO_WORD = re.compile(r"[^A-Za-z]+")


def by_forms(statement: exp.Query, table: str = layout.TABLE, *, all_formed: bool = False) -> exp.Query:
    """The same statement, phrases looked for in the forms of `table` where that spares messages. The argument stays as
    it is. `all_formed`: as if no record were without a form."""
    if not any(map(_is_phrase, statement.find_all(exp.Anonymous))):
        return statement
    places = [place for place, select in enumerate(reading(statement, table)) if _spares_messages(select)]
    if not places:
        return statement
    changed = statement.copy()
    selects = list(reading(changed, table))
    for place in places:
        _split(selects[place], all_formed=all_formed)
    return changed


def _spares_messages(select: exp.Select) -> bool:
    """Whether its conditions ask of messages only what forms know, a phrase among it, and whether nothing else reads
    the messages of the records that match.

    From a union attributes are read whole, from the table by single keys. A page of whole records is cut from the table
    faster than from two halves: of a month of 10 million records the latest 100 took 145 ms, by forms 269
    (`benchmarks/billion.py`).
    """
    where = select.args.get("where")
    if where is None or select.args.get("prewhere") is not None:
        return False
    asked = [column for column in where.find_all(exp.Column) if column.name == _MESSAGE]
    calls = [column.parent for column in asked]
    if not (all(map(_words, calls)) and any(map(_is_phrase, calls))):
        return False
    rest = select.copy()
    rest.set("where", None)
    return not {_MESSAGE, JSON.name} & set(columns(rest))


def _split(select: exp.Select, *, all_formed: bool) -> None:
    table = select.args["from_"].this
    alias = table.alias or table.name
    test = take_conditions(select)
    assert test is not None
    names = columns(select)
    form = exp.column(layout.FORM, table=alias)
    none = exp.Literal.string("")
    formed = all_of(exp.NEQ(this=form, expression=none), test.transform(_by_form))
    unformed = all_of(exp.EQ(this=form.copy(), expression=none.copy()), test)
    tests = (formed,) if all_formed else (formed, unformed)
    read_union(select, alias, [branch(table.copy(), alias, names, one) for one in tests])


def _is_phrase(call: exp.Expr | None) -> bool:
    return isinstance(call, exp.Anonymous) and call.name == "hasPhrase"


def _words(call: exp.Expr | None) -> list[str]:
    """The words a condition asks for, in ASCII letters; none if it asks for anything else."""
    if not isinstance(call, exp.Anonymous):
        return []
    asked = call.expressions[1]
    if call.name == "hasPhrase":
        found = [word for word in _NO_WORD.split(asked.name) if word]
        return found if asked.name.isascii() and not re.search("[0-9]", asked.name) else []
    if call.name == "hasAllTokens" and isinstance(asked, exp.Array):
        found = [item.name for item in asked.expressions]
        return found if all(word.isascii() and word.isalpha() for word in found) else []
    return []


def _by_form(node: exp.Expr) -> exp.Expr:
    """The index of words leads to the blocks, the form decides where they follow each other."""
    if not _is_phrase(node):
        return node
    words = [word.lower() for word in _words(node)]
    message = node.expressions[0]
    texts = exp.Array(expressions=[exp.Literal.string(word) for word in dict.fromkeys(words)])
    has_words = exp.Anonymous(this="hasAllTokens", expressions=[message.copy(), texts])
    if len(words) == 1:
        return has_words
    form = exp.column(layout.FORM, table=message.args.get("table"))
    lowered = exp.Anonymous(this="lower", expressions=[form])
    phrase = exp.Anonymous(this="hasPhrase", expressions=[lowered, exp.Literal.string(" ".join(words))])
    return exp.Paren(this=exp.and_(has_words, phrase))
