"""PromQL as nobody should write it."""

from __future__ import annotations

import pytest

from heimdall.query.languages.promql import PromqlError, parse


@pytest.mark.parametrize("text", [r'"\ud80"', r'"\u"', r'"\x1"', r'"\U00110000"', r'"\ud800"', r'"\q"', r'"\400"'])
def test_what_escapes_no_character_is_refused(text: str) -> None:
    with pytest.raises(PromqlError, match="escape"):
        parse(text)
