"""Many conditions at once find, each, exactly the records that a search for it finds."""

from __future__ import annotations

import json

import polars as pl
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from heimdall.insight.rules.columns import RuleColumns
from heimdall.insight.rules.matching import RuleSet
from heimdall.model.batch import LOG_SCHEMA, TIMESTAMP
from heimdall.query.ast import (
    And,
    Compare,
    Exists,
    Glob,
    MatchAll,
    Not,
    Operator,
    Or,
    Phrase,
    Predicate,
    Range,
    Regex,
    Word,
)
from heimdall.query.frame.evaluation import matching_rows

WORDS = [
    "error",
    "card",
    "declined",
    "Kelvin",
    "\u212aelvin",
    "42",
    "4.0",
    "x-y",
    "C:\\Win\\cmd.exe",
    "/a/b",
    "true",
    'q"q',
    "é",
]
FIELDS = [
    "service",
    "message",
    "level",
    "status",
    "http.path",
    "path",
    "a.b",
    "user_id",
    "trace_id",
    "duration_ms",
    "attributes",
]

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
values = st.one_of(texts, st.sampled_from([42, 42.0, 1e3, True, None, [1, "card"], {"b": "card"}]))
attributes = st.dictionaries(st.sampled_from(["status", "http", "path", "a.b", "a", "http.path"]), values, max_size=3)
records = st.fixed_dictionaries(
    {
        "message": texts,
        "service": st.sampled_from(["card", "pay", None]),
        "user_id": st.sampled_from(["u1", "card", None]),
        "severity_number": st.sampled_from([0, 9, 17]),
        "duration_ms": st.sampled_from([None, 1.0, 500.0]),
        "attributes": st.one_of(st.none(), attributes),
        "escaped": st.booleans(),
    }
)
patterns = st.sampled_from(["card", "(?i)kelvin", r"(?i)\\cmd\.exe$", "^card.*d$", "a|b", "er+or", "[ct]ard", r"\d+"])
fields = st.sampled_from(FIELDS)
tests: st.SearchStrategy[Predicate] = st.one_of(
    st.sampled_from(WORDS).map(Word),
    texts.map(Phrase),
    st.sampled_from(["card*", "*clin*", "c?rd"]).map(Glob),
    patterns.map(Regex),
    st.builds(
        Glob,
        st.sampled_from(["card*", "*cmd.exe", "*", "?2"]),
        fields.filter(lambda name: name not in ("level", "duration_ms")),
    ),
    st.builds(Regex, patterns, fields.filter(lambda name: name not in ("level", "duration_ms"))),
    st.builds(
        Compare,
        st.sampled_from(["service", "status", "http.path", "path", "a.b", "user_id", "message"]),
        st.sampled_from(list(Operator)),
        st.sampled_from([*WORDS, "42", "1000"]),
    ),
    st.builds(Compare, st.just("level"), st.sampled_from(list(Operator)), st.sampled_from(["error", "info", "unset"])),
    st.builds(Range, st.sampled_from(["status", "duration_ms"]), st.just("1"), st.sampled_from(["100", None])),
    fields.map(Exists),
    st.just(MatchAll()),
)
conditions = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: And(tuple(items))),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: Or(tuple(items))),
        inner.map(Not),
    ),
    max_leaves=6,
)


def text_of(row: dict[str, object]) -> str | None:
    """Attributes as doors write them, or as a sender may: with needless escapes and spaces."""
    if row["attributes"] is None:
        return None
    if not row["escaped"]:
        return json.dumps(row["attributes"], ensure_ascii=False, separators=(",", ":"))
    return json.dumps(row["attributes"]).replace("/", "\\/")


@given(st.lists(records, min_size=1, max_size=12), st.lists(conditions, min_size=1, max_size=6))
def test_conditions_together_find_what_each_alone_finds(rows: list[dict[str, object]], given_: list[Predicate]) -> None:
    times = pa.array(range(10**18, 10**18 + len(rows)), TIMESTAMP)
    columns = {
        name: pa.array([row[name] for row in rows]).cast(LOG_SCHEMA.field(name).type)
        for name in ("message", "service", "user_id", "severity_number", "duration_ms")
    }
    columns["attributes"] = pa.array([text_of(row) for row in rows], pa.large_string())
    positions, templates = (pa.array(range(1, len(rows) + 1), pa.uint64()) for _ in range(2))
    table = pa.table(
        {"timestamp": times, "observed_timestamp": times, **columns, "position": positions, "template_id": templates}
    )
    found = RuleSet(given_).match(RuleColumns(table))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    numbered = frame.with_row_index("row")
    for condition, rows_found in zip(given_, found, strict=True):
        expected = matching_rows(condition, numbered.lazy()).select("row").collect()["row"].sort().to_list()
        assert rows_found.tolist() == expected, condition
