"""What waits for its step comes out once, in order, added up."""

from __future__ import annotations

import numpy as np

from heimdall.insight.step import COLUMNS, PairCounts, joined
from heimdall.pipeline.stages.detect.pending import Pending


def block(rng: np.random.Generator, pairs: int) -> PairCounts:
    keys = np.sort(rng.choice(40 * 10, pairs, replace=False))
    return PairCounts(
        keys // 10, keys % 10 // 5, (keys % 5).astype(np.uint64), rng.integers(0, 9, (len(COLUMNS), pairs)) * 1.0
    )


def test_many_small_blocks_come_out_as_one_in_order() -> None:
    rng = np.random.default_rng(1)
    blocks, pending = [block(rng, 20) for _ in range(300)], Pending()
    for one in blocks:
        pending.add(one)
    assert len(pending) <= 65 * 20 + 400
    assert pending.oldest() == 0
    whole, early, late = joined(blocks), pending.take(19), pending.all()
    assert pending.oldest() == 20
    assert (early.steps.max(), late.steps.min()) == (19, 20)
    for name in ("steps", "services", "templates"):
        both = np.concatenate([getattr(early, name), getattr(late, name)])
        np.testing.assert_array_equal(both, getattr(whole, name))
    np.testing.assert_array_equal(np.concatenate([early.columns, late.columns], axis=1), whole.columns)


def test_the_oldest_are_taken_by_whole_steps() -> None:
    pending = Pending()
    pending.add(block(np.random.default_rng(2), 400))
    assert len(pending.take_oldest(11)) == 20
    assert pending.oldest() == 2
    assert len(pending.take_oldest(1_000)) == 380
    assert pending.oldest() is None
