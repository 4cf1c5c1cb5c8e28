"""Sessions of records that name a trace, a request, a session, a thread or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import FindingKind
from heimdall.insight.step import STEP_S
from heimdall.model.batch import LogBatch
from heimdall.pipeline.stages.detect import DetectStage
from heimdall.pipeline.stages.detect.sessions import WRITERS_OF, sessions_of
from unit.pipeline.stages.detect.test_fieldvalues import with_attributes
from unit.pipeline.stages.detect.test_stage import INFO, READ, START_S, Kept, batch


def test_the_narrowest_key_of_each_record_says_its_session() -> None:
    rows = [("pay", READ, INFO)] * 7 + [("cart", READ, INFO)]
    held: list[dict[str, Any]] = [
        {"pid": 1}, {"pid": 1}, {"pid": 1}, {"thread.name": "w-1"}, {"thread": {"name": "x"}}, {"pid": 7}, {"pid": 7},
        {"pid": 7},
    ]  # fmt: skip
    made = with_attributes(
        batch(rows, START_S, 1), held, request_id=[None, "r1", "r1", None, None, None, None, None],
        session_id=["s1", "s1", None, None, None, None, None, None],
    )  # fmt: skip
    traces = pa.array([bytes(15) + b"\1", *[None] * 7], pa.binary(16))
    found = sessions_of(made.table.append_column("trace_id", traces)).tolist()
    trace, request, same, thread, nothing, process, same_process, other_service = found
    assert trace == int.from_bytes(bytes(7) + b"\1", "little") ^ 0
    assert request == same != 0
    assert process == same_process != 0
    assert nothing == 0
    assert len({trace, request, thread, process, other_service}) == 5


def test_a_flood_without_traces_is_looked_at_in_part_and_nothing_in_it_is_nothing() -> None:
    rows = [("pay", READ, INFO)] * (WRITERS_OF + 10)
    plain = batch(rows, START_S, 1)
    assert not sessions_of(plain.table).any()
    found = sessions_of(with_attributes(plain, [{"pid": 5}] * len(rows)).table)
    assert np.count_nonzero(found) == WRITERS_OF


class Workers:
    """A service whose four threads each go through the same five steps, again and again."""

    def __init__(self, stage: DetectStage) -> None:
        self._stage, self._step, self._rng = stage, 0, np.random.default_rng(4)

    def run(self, steps: int, swapped: bool = False) -> None:
        for _ in range(steps):
            order = [10, 12, 11, 14, 13] if swapped else [10, 11, 12, 13, 14]
            turns = np.repeat(np.arange(4), 10 + self._rng.integers(0, 3))
            self._rng.shuffle(turns)
            done = [0, 0, 0, 0]
            rows, held = [], []
            for thread in turns.tolist():
                rows.append(("pay", order[done[thread] % 5], INFO))
                held.append({"thread.name": f"worker-{thread}"})
                done[thread] += 1
            self._stage.process(self._batch(rows, held))
            self._step += 1

    def _batch(self, rows: list[tuple[str, int, int]], held: list[dict[str, Any]]) -> LogBatch:
        return with_attributes(batch(rows, START_S + self._step * STEP_S, self._step * 1_000 + 1), held)


def test_an_order_that_threads_rarely_have_is_told_and_their_usual_one_is_not() -> None:
    kept = Kept()
    workers = Workers(DetectStage(kept, Feedback()))
    workers.run(900)
    assert kept.findings == []
    workers.run(6, swapped=True)
    workers.run(2)
    assert [finding.kind for finding in kept.findings] == [FindingKind.ORDER]
