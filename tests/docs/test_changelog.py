"""Changelog fragments have a form that a release can gather."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FRAGMENTS = sorted((Path(__file__).parents[2] / "changelog.d").iterdir())
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\.(added|changed|deprecated|removed|fixed|security)\.md")


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_is_named_after_its_kind_and_says_something_short(fragment: Path) -> None:
    assert _NAME.fullmatch(fragment.name)
    text = fragment.read_text(encoding="utf-8").strip()
    assert 20 < len(text) < 900
    assert not text.startswith("#")
