"""The page on HQL has every word as the code defines it, and everything it shows works."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from heimdall.model.batch import LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD
from heimdall.query.frame.evaluation import evaluate
from heimdall.query.functions import functions
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.pipes import pipes
from heimdall.query.reference import with_words

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "hql.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```hql\n(.*?)\n```", PAGE, re.DOTALL)
_SEARCHES = PAGE.split("## The search", 1)[1].split("**Words.**", 1)[0]
SEARCHES = [
    written
    for row in re.findall(r"^\| (`.*?) \| ", _SEARCHES, re.MULTILINE)
    for written in re.findall(r"`([^`]+)`", row)
    if not written.startswith(("{100", "[100"))
]


def test_the_words_are_as_the_code_defines_them() -> None:
    """Mend with: python -m heimdall.query.reference docs/reference/hql.md"""
    assert with_words(PAGE) == PAGE


def test_every_word_has_a_section() -> None:
    headings = set(re.findall(r"^### (\S+)$", PAGE, re.MULTILINE))
    assert {*pipes(), *functions()} <= headings


@pytest.mark.parametrize("text", [*EXAMPLES, *SEARCHES])
def test_what_the_page_shows_works(text: str) -> None:
    query = parse(text)
    assert parse(to_text(query)) == query
    empty = pl.from_arrow(LOG_SCHEMA.append(POSITION_FIELD).append(TEMPLATE_FIELD).empty_table())
    assert isinstance(empty, pl.DataFrame)
    assert evaluate(query, empty.lazy()).collect().height <= 1


def test_the_page_shows_searches_at_all() -> None:
    assert len(SEARCHES) > 30
    assert len(EXAMPLES) > 50
