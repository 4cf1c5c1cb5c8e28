"""Pipes by names that other languages have: the answer says what is written here, and that it is HQL."""

from __future__ import annotations

import pytest

from heimdall.errors import QuerySyntaxError
from heimdall.query.languages.hql.parser import _OTHER_NAMES, parse
from heimdall.query.pipes import pipes


@pytest.mark.parametrize("name", list(_OTHER_NAMES))
def test_a_pipe_by_another_name_is_answered_with_one_that_is_understood(name: str) -> None:
    assert name not in pipes()
    with pytest.raises(QuerySyntaxError) as caught:
        parse(f"* | {name} 10")
    hint = caught.value.hint
    assert hint is not None
    parse("* " + hint[hint.index("|") :])
