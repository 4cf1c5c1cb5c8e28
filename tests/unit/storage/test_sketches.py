from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from heimdall.storage.engines.parquet.sketches import Sketches, hash_of


def hashes(values: list[bytes]) -> np.ndarray:
    return np.array([hash_of(value) for value in values], np.uint64)


def test_what_is_there_is_never_ruled_out_and_little_else_is_let_through(tmp_path: Path) -> None:
    chance = random.Random(1)
    there = [chance.randbytes(16) for _ in range(5_000)]
    others = [chance.randbytes(16) for _ in range(5_000)]
    sketches = Sketches(tmp_path)
    sketches.write(7, {"trace_id": hashes(there), "user_id": hashes([b"u1"])})
    assert all(sketches.may_hold(7, "trace_id", value) for value in there)
    assert sum(sketches.may_hold(7, "trace_id", value) for value in others) < 50
    assert sketches.may_hold(7, "user_id", b"u1")
    assert not sketches.may_hold(7, "user_id", b"u2")


def test_a_column_nobody_filled_holds_nothing(tmp_path: Path) -> None:
    sketches = Sketches(tmp_path)
    sketches.write(7, {"session_id": hashes([])})
    assert not sketches.may_hold(7, "session_id", b"s")
    assert sketches.may_hold(7, "service", b"cart"), "not sketched: it may"


def test_a_sketch_that_is_lost_or_torn_rules_nothing_out(tmp_path: Path) -> None:
    sketches = Sketches(tmp_path)
    assert sketches.may_hold(1, "trace_id", b"x")
    sketches.write(2, {"trace_id": hashes([b"a"])})
    (tmp_path / "2.sketch").write_bytes(b"\x99")
    assert sketches.may_hold(2, "trace_id", b"x")
    assert sketches.kept() == [2]
    sketches.delete(2)
    assert sketches.kept() == []
