"""From "how far off" to "how rarely that far off": conformal p-values by bounded histograms, for many series at once.

A score says little by itself; its rank among the scores the same series had before does. Under exchangeability the
rank is a valid p-value (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005). Ranks end at
1 / (n + 1), so beyond a high quantile the exceedances are taken to fall off exponentially (Siffer et al., KDD 2017,
with shape 0): that tells a record that is a little above everything so far from one far above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Rows = NDArray[np.int64]

BINS = 128
"""Bins of a histogram, four to an octave: 32 octaves between the smallest and the largest score told apart."""
_PER_OCTAVE = 4
_FIRST_BIN = 72
"""Where the first score of a row falls. More room below than above, because a higher one moves the histogram up."""
_REACH = 2.0 ** ((BINS - _FIRST_BIN) / _PER_OCTAVE)
"""Scores from here on, in units of the first, lie above the last bin."""
_MAX_EVIDENCE = 30.0
"""-log10 p of the rarest; past it "once in the age of the universe" and "never" are the same alarm."""


class TailBank:
    """Histograms of non-negative scores, one for each of `rows × votes`; about 1 kB each.

    `half_life` is the number of scores after which a histogram's counts are halved: what was normal once is forgotten,
    and counts stay bounded.
    """

    def __init__(self, votes: int, *, quantile: float = 0.98, half_life: int = 20_000) -> None:
        self._votes = votes
        self._quantile = quantile
        self._half_life = half_life
        self._counts = np.zeros((0, votes, BINS), np.float32)
        self._sums = np.zeros((0, votes, BINS), np.float32)
        self._scales = np.zeros((0, votes), np.float64)

    def grow(self, rows: int) -> None:
        """Make room for rows 0 … `rows` - 1; new ones know nothing."""
        more = rows - len(self._scales)
        if more > 0:
            empty = np.zeros((more, self._votes, BINS), np.float32)
            self._counts = np.concatenate([self._counts, empty])
            self._sums = np.concatenate([self._sums, empty])
            self._scales = np.concatenate([self._scales, np.zeros((more, self._votes))])

    def evidence(self, rows: Rows, scores: FloatArray) -> FloatArray:
        """-log10 of the p-value of `scores`, shape (len(rows), votes), among what the rows have learnt. 0 = usual.

        NaN in, 0 out: no score, no evidence.
        """
        counts, scales = self._counts[rows], self._scales[rows]
        above = np.cumsum(counts[..., ::-1], axis=-1, dtype=np.float32)[..., ::-1]
        total = above[..., 0].astype(np.float64)
        relative = np.divide(scores, scales, out=np.zeros(scores.shape), where=scales > 0)
        bins, place = _place(np.nan_to_num(relative))
        at = bins[..., None]
        inside = np.take_along_axis(counts, at, -1)[..., 0]
        rank = np.take_along_axis(above, at, -1)[..., 0] - place * inside
        p = (rank + 1.0) / (total + 1.0)
        threshold, excess = self._tail(rows, counts, above, total)
        tail = -np.log10(1 - self._quantile) + (relative - threshold) / excess / np.log(10)
        found = np.where((relative > threshold) & (total > 3 / (1 - self._quantile) ** 0.5), tail, -np.log10(p))
        # Where every score was 0 so far, any other is above all of them.
        found = np.where(scales <= 0, np.where(scores > 0, np.log10(total + 1), 0.0), found)
        found = np.where(np.isnan(scores), 0.0, found)
        return np.clip(found, 0.0, _MAX_EVIDENCE)

    def learn(self, rows: Rows, scores: FloatArray) -> None:
        """Add one score per row and vote; rows are distinct. NaN teaches nothing."""
        known = ~np.isnan(scores)
        fresh = known & (self._scales[rows] <= 0) & (scores > 0)
        self._scales[rows] = np.where(fresh, scores, self._scales[rows])
        scales = self._scales[rows]
        relative = np.divide(scores, scales, out=np.zeros(scores.shape), where=known & (scales > 0))
        for place in np.argwhere(relative >= _REACH):
            self._move_up(int(rows[place[0]]), int(place[1]), float(scores[tuple(place)]))
        scales = self._scales[rows]
        relative = np.divide(scores, scales, out=np.zeros(scores.shape), where=known & (scales > 0))
        bins, _ = _place(relative)
        row, vote = np.nonzero(known)
        at = (rows[row], vote, bins[row, vote])
        self._counts[at] += 1
        self._sums[at] += relative[row, vote]
        self._forget(rows)

    def teach(self, rows: Rows, scores: FloatArray) -> None:
        """`learn` for many scores of a row at once, shape (len(rows), votes); rows may repeat, no score is NaN."""
        row, vote = np.nonzero((scores > 0) & (self._scales[rows] <= 0))
        # Written in reverse order, so the first score of each row stays.
        self._scales[rows[row[::-1]], vote[::-1]] = scores[row[::-1], vote[::-1]]
        most = np.zeros(self._scales.shape)
        np.maximum.at(most, rows, scores)
        for place in np.argwhere(most >= np.maximum(self._scales, 1e-300) * _REACH):
            self._move_up(int(place[0]), int(place[1]), float(most[tuple(place)]))
        scales = self._scales[rows]
        relative = np.divide(scores, scales, out=np.zeros(scores.shape), where=scales > 0)
        bins, _ = _place(relative)
        votes = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
        at = (np.broadcast_to(rows[:, None], scores.shape), votes, bins)
        np.add.at(self._counts, at, np.float32(1))
        np.add.at(self._sums, at, relative.astype(np.float32))
        while self._forget(np.unique(rows)):
            pass

    def scored(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether each row and vote ever had a score above 0."""
        return np.asarray(self._scales[rows] > 0, np.bool_)

    def learnt(self, rows: Rows) -> FloatArray:
        """How many scores each row and vote has behind it (halved with age)."""
        learnt: FloatArray = self._counts[rows].sum(axis=-1, dtype=np.float64)
        return learnt

    def _tail(
        self, rows: Rows, counts: NDArray[np.float32], above: NDArray[np.float32], total: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """(quantile, mean excess over it), in units of the row's scale."""
        wanted = (1 - self._quantile) * total
        at = (np.sum(above > wanted[..., None], axis=-1) - 1).clip(0)[..., None]
        inside = np.take_along_axis(counts, at, -1)[..., 0]
        beyond = np.take_along_axis(above, at, -1)[..., 0] - inside
        low, high = _edge(at[..., 0]), _edge(at[..., 0] + 1)
        share = np.clip((wanted - beyond) / np.maximum(inside, 1e-9), 0.0, 1.0)
        threshold = high - (high - low) * share
        sums = np.cumsum(self._sums[rows][..., ::-1], axis=-1)[..., ::-1]
        own = np.take_along_axis(self._sums[rows], at, -1)[..., 0]
        rest = np.take_along_axis(sums, at, -1)[..., 0] - own
        part = share * inside * (threshold + high) / 2
        excess = (rest + part) / np.maximum(beyond + share * inside, 1e-9) - threshold
        return threshold, np.maximum(excess, 0.02 * threshold + 1e-12)

    def _move_up(self, row: int, vote: int, score: float) -> None:
        """Make room above: a score larger than the histogram reaches; the lowest bins become one."""
        octaves = max(
            1, int(np.ceil(np.log2(score / self._scales[row, vote]))) - (BINS - _FIRST_BIN) // _PER_OCTAVE + 2
        )
        shift = min(octaves * _PER_OCTAVE, BINS)
        for table, unit in ((self._counts, 1.0), (self._sums, 2.0**-octaves)):
            old = table[row, vote].copy()
            table[row, vote] = 0
            table[row, vote, : BINS - shift] = old[shift:]
            table[row, vote, 0] += old[:shift].sum()
            table[row, vote] *= unit
        self._scales[row, vote] *= 2.0**octaves

    def _forget(self, rows: Rows) -> bool:
        """Halve the counts of what is full; False when nothing was."""
        full = self._counts[rows].sum(axis=-1) >= 2 * self._half_life
        if not full.any():
            return False
        row, vote = np.nonzero(full)
        self._counts[rows[row], vote] *= 0.5
        self._sums[rows[row], vote] *= 0.5
        return True

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        return {"counts": self._counts, "sums": self._sums, "scales": self._scales}

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._counts = np.array(arrays["counts"], np.float32)
        self._sums = np.array(arrays["sums"], np.float32)
        self._scales = np.array(arrays["scales"], np.float64)


def _place(relative: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """(bin, place within it from 0 to 1) of scores in units of their scale."""
    with np.errstate(divide="ignore"):
        height = np.log2(np.maximum(relative, 1e-300)) * _PER_OCTAVE + _FIRST_BIN
    bins = np.clip(np.floor(height), 0, BINS - 1).astype(np.int64)
    return bins, np.clip(height - bins, 0.0, 1.0)


def _edge(bins: NDArray[np.int64]) -> FloatArray:
    """Lower edge of a bin; the lowest begins at 0."""
    edges: FloatArray = np.where(bins <= 0, 0.0, 2.0 ** ((bins - _FIRST_BIN) / _PER_OCTAVE))
    return edges
