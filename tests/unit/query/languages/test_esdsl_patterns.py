"""Lucene's regular expressions as RE2's."""

from __future__ import annotations

import pytest

from heimdall.query.languages.esdsl.faults import Fault
from heimdall.query.languages.esdsl.names import names_of
from heimdall.query.languages.esdsl.patterns import of_lucene
from heimdall.query.languages.esdsl.terms import regexp
from heimdall.query.regex import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("pay(ment)?", "payment", "paym"),
        ("a^b$", "a^b$", "ab"),
        ('"a.b"c', "a.bc", "axbc"),
        ("x@", "x and more", "y"),
        ("[^a]b", "cb", "ab"),
        (r"a\.b", "a.b", "axb"),
        (r"\d+", "42", "x"),
        ("a#", "never", "a"),
        ("(a|b){2}", "ab", "a"),
    ],
)
def test_a_pattern_fits_the_whole_value(pattern: str, fits: str, fits_not: str) -> None:
    found = compile_pattern(f"^(?:{of_lucene(pattern)})$")
    assert found.search(fits) or fits == "never"
    assert not found.search(fits_not)


@pytest.mark.parametrize("pattern", [".", "[^x]", r"\S", r"\W|.", r"\D"])
def test_in_a_word_nothing_fits_what_stands_between_words(pattern: str) -> None:
    found = compile_pattern(f"^(?:{of_lucene(pattern, in_word=True)})$")
    assert found.search("a")
    assert found.search("é")
    assert not found.search(" ")
    assert not found.search("-")


@pytest.mark.parametrize("pattern", ["~a", "a&b", "<1-10>"])
def test_what_re2_has_not_is_named(pattern: str) -> None:
    with pytest.raises(Fault, match="is not supported"):
        of_lucene(pattern)


@pytest.mark.parametrize("field", [None, "service.name"])
@pytest.mark.parametrize("pattern", ["[400 TO", "a)|(b", "(", "[a-"])
def test_what_is_left_open_does_not_close_with_what_stands_around_it(pattern: str, field: str | None) -> None:
    (name,) = names_of([field] if field else None)
    with pytest.raises(Fault, match="regular expression cannot be read"):
        regexp(name, pattern)
