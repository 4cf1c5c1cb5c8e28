"""`| compare`: its words; what it answers is in `tests/unit/insight/comparing`."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.cache.asked import uses_templates
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.rowpipes import ends_in_row_pipe, engine_part
from heimdall.query.shape import shape_of


@pytest.mark.parametrize("text", ["* | compare", "service:pay | compare 1d", "level:error | compare 90m"])
def test_prints_as_it_is_written(text: str) -> None:
    assert to_text(parse(text)) == text


@pytest.mark.parametrize("text", ["* | compare 3", "* | compare -1h", "* | compare 0s", '* | compare "a day"'])
def test_a_shift_is_a_duration(text: str) -> None:
    with pytest.raises(QuerySyntaxError, match="how long before"):
        parse(text)


def test_it_needs_records_and_stands_last() -> None:
    with pytest.raises(QuerySyntaxError, match="aggregated already"):
        shape_of(parse("* | stats count() by service | compare"))
    with pytest.raises(QuerySyntaxError, match="last pipe"):
        ends_in_row_pipe(parse("* | compare | head 3"))
    assert engine_part(parse("service:pay | compare")) == parse("service:pay")


def test_an_answer_that_rests_on_an_earlier_window_is_not_kept() -> None:
    assert uses_templates(parse("* | compare"))
    assert not uses_templates(parse("* | top service"))
