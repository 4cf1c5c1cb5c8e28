"""Query strings as HQL: what has no place in it is named, where it stood."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.registry import as_hql, translate


def test_every_gap_is_named_with_its_place() -> None:
    found = translate('error~2 a:b (c:"d e"~3 OR @timestamp:>=now-1h)', "lucene")
    assert [(gap.word, gap.column) for gap in found.gaps] == [
        ("error~2", 1),
        ('c:"d e"~3', 14),
        ("@timestamp:>=now-1h", 27),
    ]
    assert found.hql == "a:b"


def test_a_query_string_with_a_gap_does_not_run() -> None:
    with pytest.raises(QuerySyntaxError, match="fuzzy"):
        as_hql("refused error~", "lucene")


def test_no_words_find_every_record() -> None:
    assert translate("  ", "lucene").hql == "*"


@pytest.mark.parametrize(("text", "column"), [("(a", 2), ("a AND", 5), ("a:[1 TO", 7), ('"a', 1)])
def test_what_is_no_query_string_is_refused(text: str, column: int) -> None:
    with pytest.raises(QuerySyntaxError, match="Failed to parse") as caught:
        translate(text, "lucene")
    assert caught.value.column == column
