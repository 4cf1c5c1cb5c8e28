"""`| similar`: its words; what it answers is in `tests/unit/insight/similarity`."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.shape import shape_of


def test_prints_as_it_is_read() -> None:
    assert to_text(parse('service:pay | similar "a \\"b\\" | c"')) == 'service:pay | similar 20 "a \\"b\\" | c"'
    assert to_text(parse('* | similar 5 "at a.b.C.d(C.java:1)\n\tat e.F.g"')) == (
        '* | similar 5 "at a.b.C.d(C.java:1)\n\tat e.F.g"'
    )


@pytest.mark.parametrize(
    ("query", "told"),
    [("* | similar x", "quotation marks"), ("* | similar", "quotation marks"), ('* | similar 0 "x"', "1 to 1,000 rows"),
     ('* | similar 1001 "x"', "1 to 1,000 rows"), ('* | similar "x', "not closed")],
)  # fmt: skip
def test_what_it_takes_is_a_text_and_perhaps_a_number(query: str, told: str) -> None:
    with pytest.raises(QuerySyntaxError, match=told):
        parse(query)


def test_it_needs_records() -> None:
    with pytest.raises(QuerySyntaxError, match="aggregated already"):
        shape_of(parse('* | stats count() | similar "x"'))


def test_records_keep_their_columns_and_gain_two() -> None:
    names = [name for name, _ in shape_of(parse('* | similar "x"')).answer()]
    assert "message" in names
    assert names[-2:] == ["similarity", "why"]
