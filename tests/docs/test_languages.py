"""The page on other languages says what their readers do: each row is translated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from heimdall.query.languages.calls import EVAL
from heimdall.query.languages.ppl.aggregates import AGGREGATES
from heimdall.query.languages.ppl.commands import COMMANDS as PPL_COMMANDS
from heimdall.query.languages.ppl.expressions import FUNCTIONS as PPL_FUNCTIONS
from heimdall.query.languages.registry import LANGUAGES, translate
from heimdall.query.languages.spl.aggregates import FUNCTIONS
from heimdall.query.languages.spl.commands import COMMANDS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "languages.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0].lower(): part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
_CELL = re.compile(r"\| (?:`` (.*?) ``|`(.*?)`) (?=\|)")


def rows(language: str) -> list[tuple[str, list[str], str]]:
    """Head of its table, cells in code, and the rest, of every row."""
    found, head = [], ""
    for line in SECTIONS[language].splitlines():
        if line.startswith("| written"):
            head = line
        elif line.startswith("| `"):
            cells = [(one or two).replace("\\|", "|") for one, two in _CELL.findall(line)]
            found.append((head, cells, line))
    return found


WORKS = [(name, *cells) for name in SECTIONS for head, cells, _ in rows(name) if head.endswith("| HQL |")]
GAPS = [(name, cells, line) for name in SECTIONS for head, cells, line in rows(name) if "| why |" in head]


def test_every_language_has_a_section() -> None:
    assert set(SECTIONS) == set(LANGUAGES) - {"hql"}
    assert len(WORKS) > 30
    assert len(GAPS) > 10


@pytest.mark.parametrize(("language", "written", "hql"), WORKS)
def test_what_the_page_translates_is_translated_so(language: str, written: str, hql: str) -> None:
    found = translate(written, language)
    assert found.gaps == ()
    assert found.hql == hql


@pytest.mark.parametrize(("language", "cells", "line"), GAPS)
def test_what_the_page_calls_a_gap_is_one(language: str, cells: list[str], line: str) -> None:
    gap = translate(cells[0], language).gaps[0]
    assert gap.word == cells[1]
    assert line.endswith(f"| {gap.why} |")


@pytest.mark.parametrize("word", [*COMMANDS, *FUNCTIONS, *EVAL])
def test_every_word_of_spl_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in SECTIONS["spl"]


@pytest.mark.parametrize("word", [*PPL_COMMANDS, *AGGREGATES, *PPL_FUNCTIONS])
def test_every_word_of_ppl_is_on_the_page(word: str) -> None:
    assert f"`{word}`" in SECTIONS["ppl"]
