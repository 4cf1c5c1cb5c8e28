"""Literals are promises: where one is absent, nothing matches."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from heimdall.insight.rules.literals import pattern_literals


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?i)\\cmd\.exe$", ["\\cmd.exe"]),
        ("^abc.*def", ["abc", "def"]),
        ("colou?r", ["colo", "r"]),
        ("ab+c", ["ab", "c"]),
        ("a|b", []),
        ("x(a|b)yz", ["x", "yz"]),
        ("[abc]def", ["def"]),
        ("ab{0,2}cd", ["a", "cd"]),
        (r"\d+ms", ["ms"]),
        (r"\Qa|b\E", []),
        (r"ab\x41", []),
    ],
)
def test_stretches_are_found(pattern: str, expected: list[str]) -> None:
    assert pattern_literals(pattern) == expected


@given(
    st.lists(
        st.sampled_from(
            [*"abA1", r"\.", ".", "*", "+", "?", "|", "(", ")", "[ab]", "{1,2}", "^", "$", "(?i)", r"\d", r"\b"]
        ),
        max_size=12,
    ),
    st.text("abA1.", max_size=12),
)
def test_a_match_has_every_stretch(parts: list[str], text: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile("".join(parts), options)
    except re2.error:
        return
    if compiled.search(text):
        assert all(piece.lower() in text.lower() for piece in pattern_literals("".join(parts)))
