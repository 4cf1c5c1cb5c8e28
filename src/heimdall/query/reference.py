"""The reference's sections on fields, pipes and functions, written from the definitions themselves.

`python -m heimdall.query.reference docs/reference/hql.md` puts them into the page, between its two marks.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from heimdall.query.fields import CANONICAL
from heimdall.query.functions import functions
from heimdall.query.functions.definition import Function
from heimdall.query.pipes import pipes

BEGIN, END = "<!-- words: begin -->\n", "<!-- words: end -->\n"
_WIDTH = 120


def words() -> str:
    """Markdown of every canonical field, pipe, aggregate and function."""
    return "\n".join(_lines()) + "\n"


def with_words(page: str) -> str:
    """The page with its part between the marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{words()}{END}{after}"


def _lines() -> Iterator[str]:
    yield from ("## Fields every record can have", "", "| field | holds | |", "|---|---|---|")
    for field in CANONICAL:
        yield f"| `{field.name}` | {field.type.value} | {field.doc} |"
    yield from ("", "## Pipes", "")
    for name, word in pipes().items():
        yield from (f"### {name}", "", *(f"    {syntax}" for syntax in word.syntax.split(" · ")), "")
        yield from _paragraph(word.doc)
        yield from _example(word.example)
    yield from ("## Aggregates", "", "In `stats` and `timechart`. Rows without a value do not count.", "")
    yield from _functions(aggregates=True)
    yield from ("## Functions", "", "In every expression. A missing argument gives a missing value.", "")
    yield from _functions(aggregates=False)


def _functions(*, aggregates: bool) -> Iterator[str]:
    for name, function in functions().items():
        if function.aggregate is aggregates:
            yield from (f"### {name}", "", f"    {function.signature} → {_gives(function)}", "")
            yield from _paragraph(function.doc)
            yield from _example(function.example)


def _gives(function: Function) -> str:
    return "the type of what it is given" if callable(function.gives) else function.gives.value


def _paragraph(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, break_on_hyphens=False, break_long_words=False)
    yield ""


def _example(text: str) -> Iterator[str]:
    yield from ("```hql", text, "```", "")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_words(path.read_text(encoding="utf-8")), encoding="utf-8")
