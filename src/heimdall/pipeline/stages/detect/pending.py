"""Counts that wait until their step is over, as columns: history is thousands of steps with a few records each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from heimdall.insight.step import PairCounts, StepCounts, joined

_SMALL_PAIRS, _SMALL_BLOCKS = 20_000, 64
"""Of blocks with fewer pairs than the first, at most so many: then they become one."""


class Pending:
    """Blocks in no order, each sorted by step. Not safe from several threads."""

    def __init__(self) -> None:
        self._blocks: list[PairCounts] = []

    def __len__(self) -> int:
        """Pairs, those of a step in several blocks counted several times."""
        return sum(len(block) for block in self._blocks)

    def add(self, block: PairCounts) -> None:
        if not len(block):
            return
        self._blocks.append(block)
        small = [block for block in self._blocks if len(block) < _SMALL_PAIRS]
        if len(small) > _SMALL_BLOCKS:
            large = [block for block in self._blocks if len(block) >= _SMALL_PAIRS]
            self._blocks = [*large, joined(small)]

    def oldest(self) -> int | None:
        """The first step of which anything waits."""
        return min((int(block.steps[0]) for block in self._blocks), default=None)

    def take(self, last_step: int) -> PairCounts:
        """Everything up to this step; it waits no longer."""
        taken, left = [], []
        for block in self._blocks:
            end = int(np.searchsorted(block.steps, last_step, side="right")) if block.steps[0] <= last_step else 0
            if end:
                taken.append(block.part(0, end))
            if end < len(block):
                left.append(block.part(end, len(block)) if end else block)
        self._blocks = left
        return joined(taken)

    def since(self, first_step: int) -> Iterator[StepCounts]:
        """This step and later ones, as far as they have come; they go on waiting."""
        starts = [int(np.searchsorted(block.steps, first_step)) for block in self._blocks]
        found = joined([b.part(start, len(b)) for b, start in zip(self._blocks, starts, strict=True) if start < len(b)])
        bounds = np.flatnonzero(np.diff(found.steps, prepend=-1, append=-1))
        for start, end in pairwise(bounds.tolist()):
            yield found.part(start, end).at(int(found.steps[start]))

    def take_oldest(self, pairs: int) -> PairCounts:
        """The oldest steps, at least so many pairs of them or all."""
        steps = np.sort(np.concatenate([block.steps for block in self._blocks]))
        return self.take(int(steps[min(pairs, len(steps)) - 1]))

    def all(self) -> PairCounts:
        """Everything that waits, and goes on waiting, as one block: in a restored stage nothing lies differently."""
        whole = joined(self._blocks)
        self._blocks = [whole] if len(whole) else []
        return whole
