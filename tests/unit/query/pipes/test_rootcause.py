"""`| rootcause`: its words; what it answers is in `tests/unit/insight/causes`."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.shape import shape_of


def test_prints_as_it_is_written() -> None:
    assert to_text(parse("service:pay | rootcause")) == "service:pay | rootcause"


def test_it_takes_nothing_and_needs_records() -> None:
    with pytest.raises(QuerySyntaxError, match="end of the query"):
        parse("* | rootcause 5m")
    with pytest.raises(QuerySyntaxError, match="aggregated already"):
        shape_of(parse("* | stats count() | rootcause"))
