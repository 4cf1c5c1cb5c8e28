"""Laws of the template stage, for messages and batches of any shape."""

from __future__ import annotations

import random
import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall.model.batch import DEFAULT_TENANT, TIMESTAMP, LogBatch
from heimdall.pipeline.stages.template import MinerLimits, TemplateStage
from heimdall.pipeline.stages.template.tokens import shape

TIGHT = MinerLimits(cached_bytes=1_500, new_forms_per_batch=50, new_templates_per_batch=12, templates=20, merged_ids=30)
"""Small enough that every limit is met within a few batches."""

words = st.sampled_from(
    [
        "user",
        "root",
        "admin",
        "login",
        "failed",
        "ok",
        "from",
        "to",
        "node-7",
        "eth0",
        "x=1",
        "y=up",
        "()",
        "(a)",
        "10.0.0.1",
        "/a/b",
        "true",
    ]
)
messages = st.one_of(st.lists(words, max_size=7).map(" ".join), st.text(max_size=40).filter(lambda t: t.isprintable()))


def batch(lines: list[str]) -> LogBatch:
    times = pa.array(range(1, 1 + len(lines)), pa.int64()).cast(TIMESTAMP)
    return LogBatch(DEFAULT_TENANT, pa.table({"timestamp": times, "message": pa.array(lines, pa.large_string())}))


def run(stage: TemplateStage, spans: list[list[str]]) -> list[list[int]]:
    return [stage.process(batch(lines)).table.column("template_id").to_pylist() for lines in spans]


WORDS = re.findall(
    r"\S+",
    "user root admin bob login failed ok from to node-7 eth0 x=1 y=up () (a) (7) 10.0.0.1 /a/b true <1 sec 5 KB 'q' "
    '"z w" a.b.c host.x.y:80 k=v, [i] {j}: p|q # ## u@1 ... x. 3 4 , ;',
)


def related_spans(chance: random.Random) -> list[list[str]]:
    """Lines that are edits of each other, so that templates meet, widen, merge and are thrown out all the time."""
    statements = [chance.choices(WORDS, k=chance.randrange(10)) for _ in range(chance.randint(1, 6))]

    def line() -> str:
        words = list(chance.choice(statements))
        for _ in range(chance.randrange(3)):
            at = chance.randrange(len(words) + 1)
            words[at : at + chance.randrange(2)] = chance.choices(WORDS, k=chance.randrange(2))
        return chance.choice((" ", " ", "  ")).join(words)

    return [[line() for _ in range(chance.randrange(60))] for _ in range(6)]


@given(st.integers(0, 2**32), st.integers(0, 6), st.sampled_from([TIGHT, MinerLimits()]))
@settings(max_examples=80, deadline=None)
def test_a_restart_at_any_border_changes_nothing(seed: int, border: int, limits: MinerLimits) -> None:
    spans = related_spans(random.Random(seed))
    straight = TemplateStage(limits)
    expected = run(straight, spans)
    first = TemplateStage(limits)
    got = run(first, spans[:border])
    second = TemplateStage(limits)
    second.restore(first.snapshot())
    got += run(second, spans[border:])
    assert got == expected
    assert second.catalogue().equals(straight.catalogue())
    assert second.snapshot() == straight.snapshot()


@given(st.lists(st.lists(messages, max_size=30), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_every_record_has_an_id_that_the_catalogue_knows(spans: list[list[str]]) -> None:
    stage = TemplateStage(TIGHT)
    for lines in spans:
        stored = stage.process(batch(lines)).table.column("template_id").to_pylist()
        assert len(stored) == len(lines)
        assert all(0 < i < 2**53 for i in stored)
        rows = {row["template_id"]: row for row in stage.catalogue().to_pylist()}
        assert set(stored) <= rows.keys()
        assert all(rows[row["merged_into"]]["merged_into"] == 0 for row in rows.values() if row["merged_into"])


@given(st.lists(messages, min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_equal_messages_have_equal_ids_within_a_batch(lines: list[str]) -> None:
    stored = run(TemplateStage(), [lines + lines])[0]
    assert stored[: len(lines)] == stored[len(lines) :]


@given(st.integers(0, 2**32), st.integers(200, 12_000))
@settings(max_examples=30, deadline=None)
def test_forgetting_the_cache_changes_nothing(seed: int, cached: int) -> None:
    chance = random.Random(seed)
    spans = [
        [
            f"job {chance.choice('abcdefghijkl')} on {chance.choice('mnopq')} took {chance.randrange(9)} s"
            for _ in range(20)
        ]
        for _ in range(6)
    ]
    small, large = TemplateStage(MinerLimits(cached_bytes=cached)), TemplateStage()
    assert run(small, spans) == run(large, spans)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
@settings(max_examples=300, deadline=None)
def test_a_shape_loses_nothing_it_does_not_mean_to(masked: str) -> None:
    read = shape(masked)
    assert len(read.key) == len(read.text)
    assert read == shape(masked)
