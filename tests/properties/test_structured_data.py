"""RFC 5424 on its short ways: what the pattern and the reading one by one find, and nothing else."""

from __future__ import annotations

import json
import re

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from heimdall.ingest.decode.matching import _by_pattern, _groups
from heimdall.ingest.decode.structured_data import LIFTED, StructuredData, _Gathered, _one_by_one, read_structured_data
from heimdall.ingest.decode.syslog import FORMATS

RFC5424 = FORMATS[0]

PARAMETERS = st.sampled_from(
    [
        ' a="1"', ' b="two words"', ' a="again"', ' c="]"', ' d="\\""', ' e="$1"', ' f="\t"', " broken", ' ="x"',
        ' "y"',
        ' trace_id="0af7651916cd43dd8448eb211c80319c"', ' traceId="0AF7651916cd43dd8448eb211c80319d"', ' trace_id="no"',
        ' user_id="bob"', ' user_id="-"', ' duration_ms="1.5"', ' duration_ms="nan"', ' region="eu"', '"',
    ]
)  # fmt: skip
ELEMENT = st.builds(
    lambda id_, parts: f"[{id_}{''.join(parts)}]", st.sampled_from(["x@1", "y", "z$1", "", "a=b"]), st.lists(PARAMETERS)
)
DATA = st.one_of(st.none(), st.just("-"), st.lists(ELEMENT, min_size=1, max_size=3).map("".join))
HEADER = st.sampled_from(
    ["<14>1 2026-11-22T10:00:00Z h app 7 ID ", "3 <14>1 t h app - - ", "<14>1  h app - - ", "<1>0 t h a - - ", "text "]
)
AFTER = st.sampled_from(["", " ", " message", ' \ufeffsaid "x"] then [y]', "  two", "more", ' a "] b', "\n c"])


def whole(data: StructuredData, height: int) -> list[dict[str, object]]:
    """Every record's columns and members."""
    rows: list[dict[str, object]] = []
    for row in range(height):
        member = data.members[row]
        found: dict[str, object] = json.loads("{" + member[1:] + "}") if member else {}
        found |= {name: column[row] for name, column in data.columns.items() if column[row] is not None}
        rows.append(found)
    return rows


@given(st.lists(DATA, max_size=6))
def test_parameters_are_the_same_on_the_short_way_and_one_by_one(texts: list[str | None]) -> None:
    data = pl.Series("data", texts, dtype=pl.String)
    slow = _Gathered(len(data))
    _one_by_one(data, pl.Series([i for i, text in enumerate(texts) if text not in (None, "-")], dtype=pl.UInt32), slow)
    assert whole(read_structured_data(data), len(data)) == whole(StructuredData(slow.columns, slow.members), len(data))


@given(st.lists(st.tuples(HEADER, DATA, AFTER).map(lambda parts: "".join(part or "" for part in parts)), min_size=1))
def test_headers_are_the_same_by_spaces_and_by_the_pattern(lines: list[str]) -> None:
    texts = pl.Series("line", lines)
    expected = _by_pattern(RFC5424, texts)
    quick = _groups(RFC5424, texts).select(expected.columns)
    hit = expected[RFC5424.anchor].is_not_null()
    assert (quick[RFC5424.anchor].is_not_null() == hit).all()
    assert quick.filter(hit).rows() == expected.filter(hit).rows()


@given(st.dictionaries(st.sampled_from(sorted(LIFTED)), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)))
def test_no_value_is_lost(values: dict[str, str]) -> None:
    """Either its column has it, or its attribute."""
    escaped = {name: re.sub(r'(["\\\]])', r"\\\1", value) for name, value in values.items()}
    text = "[e" + "".join(f' {name}="{value}"' for name, value in escaped.items()) + "]"
    [found] = whole(read_structured_data(pl.Series([text])), 1)
    for name, value in values.items():
        kept = found.get(name, found.get(f"syslog.structured_data.e.{name}"))
        assert float(value) == kept if isinstance(kept, float) else value == kept
