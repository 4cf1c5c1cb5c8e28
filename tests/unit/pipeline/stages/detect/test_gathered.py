"""Small batches are looked at together: the same values and order as in a large one, at moments the records decide."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from heimdall.insight.detectors.sequences import SequenceSurprise
from heimdall.insight.feedback import Feedback
from heimdall.model.batch import DEFAULT_TENANT, LogBatch
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.pipeline.stages.detect.aggregate import odd_pairs
from heimdall.pipeline.stages.detect.fieldvalues import MOST_RECORDS
from heimdall.pipeline.stages.detect.gathered import Gathered, Records
from unit.pipeline.stages.detect.test_stage import INFO, READ, START_S, Kept, batch

LOGIN, BUY = 41, 42


def in_session(made: LogBatch, sessions: list[str]) -> LogBatch:
    return made.with_table(made.table.append_column("session_id", pa.array(sessions, pa.large_string())))


def one(second: int, template: int) -> LogBatch:
    return in_session(batch([("pay", template, INFO)], START_S + second, second + 1), ["s1"])


def records_of(made: LogBatch, step: int) -> Records:
    zeros = np.zeros(made.num_rows, np.int64)
    return Records(made.table, np.arange(made.num_rows), zeros + step, zeros)


def test_batches_are_taken_together_in_the_order_in_which_they_came() -> None:
    gathered = Gathered()
    assert gathered.take() is None
    for place in range(3):
        gathered.add(records_of(one(place, LOGIN + place), 9 - place))
    assert (gathered.oldest, gathered.is_full) == (7, False)
    taken = gathered.take()
    assert taken is not None
    assert taken.table.column("template_id").to_pylist() == [LOGIN, BUY, BUY + 1]
    assert taken.steps.tolist() == [9, 8, 7]
    assert gathered.take() is None
    gathered.add(records_of(batch([("pay", READ, INFO)] * MOST_RECORDS, START_S, 1), -5))
    assert (gathered.oldest, gathered.is_full) == (-5, True)


def test_order_is_seen_over_batches_of_one_record() -> None:
    stage = DetectStage(Kept(), Feedback())
    for second in range(0, 40, 2):
        for place in range(3):  # within a second of the look before it
            made = one(second, LOGIN + place)
            times = made.table.column("timestamp").cast(pa.int64()).to_numpy() + place * 10**8
            for name in ("timestamp", "observed_timestamp"):
                at = made.table.column_names.index(name)
                kind = made.table.schema.field(name)
                made = made.with_table(made.table.set_column(at, kind, pa.array(times).cast(kind.type)))
            stage.process(made)
    assert stage._tenants[DEFAULT_TENANT].sequences.events >= 20


def test_a_checkpoint_has_looked_at_all_that_was_gathered() -> None:
    stage, other = DetectStage(Kept(), Feedback()), DetectStage(Kept(), Feedback())
    for second in range(30):
        stage.process(one(second // 10, LOGIN + second % 2))
    other.restore(stage.snapshot())
    for second in range(30, 60):
        for each in (stage, other):
            each.process(one(second // 10, LOGIN + second % 2))
    assert stage.snapshot() == other.snapshot()


def test_odd_records_are_counted_by_pair_of_steps_that_are_not_over() -> None:
    made = in_session(batch([("pay", LOGIN, INFO), ("pay", READ, INFO)] * 2, START_S, 1), ["a", "a", "b", "b"])
    steps, services = np.array([5, 5, 6, 6]), np.array([3, 3, 3, 3])
    odd = odd_pairs(made.table, np.arange(4), steps, services, learnt(), after_step=4)
    assert (odd.steps.tolist(), odd.services.tolist(), odd.templates.tolist()) == ([5, 6], [3, 3], [READ, READ])
    assert odd.columns.tolist() == [[0, 0]] * 5 + [[1, 1]]
    assert odd_pairs(made.table, np.arange(4), steps, services, learnt(), after_step=5).steps.tolist() == [6]


def learnt() -> SequenceSurprise:
    """A model of sessions in which two messages take turns."""
    sequences = SequenceSurprise()
    usual = in_session(batch([("pay", LOGIN + place % 2, INFO) for place in range(4_000)], START_S, 1), ["s"] * 4_000)
    zeros = np.zeros(4_000, np.int64)
    for _ in range(6):
        assert not len(odd_pairs(usual.table, np.arange(4_000), zeros, zeros, sequences, after_step=-1))
    return sequences
