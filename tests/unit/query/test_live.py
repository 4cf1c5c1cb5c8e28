import threading

import pyarrow as pa

from heimdall.model.batch import DEFAULT_TENANT, TIMESTAMP, LogBatch
from heimdall.query import live
from heimdall.query.languages.hql import parse

BATCH = LogBatch(
    DEFAULT_TENANT,
    pa.table(
        {
            "timestamp": pa.array([1, 2], TIMESTAMP),
            "observed_timestamp": pa.array([1, 2], TIMESTAMP),
            "severity_number": pa.array([9, 9], pa.uint8()),
            "message": pa.array(["a", "b"], pa.large_string()),
            "position": pa.array([1, 2], pa.uint64()),
            "template_id": pa.array([1, 1], pa.uint64()),
        }
    ),
)


def test_a_query_that_fails_is_told_a_gap_and_silences_nobody_else(monkeypatch):
    tail = live.LiveTail()
    woken = threading.Event()
    failing = tail.subscribe(parse("*"), DEFAULT_TENANT, lambda: None)
    healthy = tail.subscribe(parse("a"), DEFAULT_TENANT, woken.set)
    evaluate = live.evaluate

    def fail_for_one(query, frame):
        if query is failing.query:
            raise ValueError("cannot be matched")
        return evaluate(query, frame)

    monkeypatch.setattr(live, "evaluate", fail_for_one)
    tail.publish(BATCH)
    assert woken.wait(10)
    assert failing.take() == [live.Gap(2, 1, 2)]
    (lines,) = healthy.take()
    assert lines.rows.column("message").to_pylist() == ["a"]
    tail.close()
