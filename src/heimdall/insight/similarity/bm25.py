"""Okapi BM25 over a column of texts, one question at a time.

Source: Robertson, Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009); k1 and b as usual there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from heimdall.insight.similarity.features import features

K1 = 1.2
B = 0.75

LINES = 8.0
"""A feature this many lines down a question counts half: what is thrown and where says more than who called."""

NAMED = 6
"""Features that `why` names."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question's features in a collection, in alphabetical order."""

    features: list[str]
    weights: FloatArray
    """Their shares of the question's similarity to itself, before saturation."""


class Collection:
    """Texts, and how common their features are among them."""

    def __init__(self, texts: pl.Series) -> None:
        found = features(texts).select("text", "feature").collect()
        self._texts = max(len(texts), 1)
        self._length = max(found.height / self._texts, 1.0)
        self._lengths = np.bincount(found["text"].to_numpy(), minlength=self._texts)
        times = found.group_by("feature", "text").agg(pl.len().alias("times")).sort("feature", "text")
        holders = times.group_by("feature", maintain_order=True).agg(pl.len())
        ends = np.cumsum(holders["len"].to_numpy())
        self._holders = dict(zip(holders["feature"].to_list(), zip(ends, holders["len"], strict=True), strict=True))
        """Of each feature, where its rows of the following two end, and how many they are."""
        self._text = times["text"].to_numpy()
        self._times = times["times"].to_numpy()

    def weighed(self, question: str) -> Weighed:
        asked = features(pl.Series([question], dtype=pl.String)).select("line", "feature").collect()
        own = asked.group_by("feature").agg(pl.col("line").min(), pl.len().alias("own")).sort("feature")
        names = own["feature"].to_list()
        holders = np.array([self._holders.get(name, (0, 0))[1] for name in names], np.float64)
        rarity = np.log(1 + (self._texts - holders + 0.5) / (holders + 0.5))
        weights = rarity / (1 + own["line"].to_numpy() / LINES)
        itself = float((weights * self._saturated(own["own"].to_numpy(), asked.height)).sum())
        return Weighed(names, weights / max(itself, 1e-12))

    def rank(self, question: Weighed) -> pl.DataFrame:
        """Columns `text` (its place) and `similarity` (0 to 1, that of the question to itself) of the texts that share
        anything with the question, the most similar first."""
        similarity = np.zeros(self._texts)
        for name, weight in zip(question.features, question.weights, strict=True):
            end, holders = self._holders.get(name, (0, 0))
            text = self._text[end - holders : end]
            similarity[text] += weight * self._saturated(self._times[end - holders : end], self._lengths[text])
        return _ordered(similarity)

    def judge(self, question: Weighed, texts: pl.Series) -> pl.DataFrame:
        """`rank` of other texts, whose features are as rare as they are in this collection, with `why`: what both have
        that weighs most."""
        known = pl.DataFrame({"feature": question.features}, schema={"feature": pl.String}).with_row_index("code")
        found = features(texts).select("text", "feature").collect()
        lengths = np.bincount(found["text"].to_numpy(), minlength=len(texts))
        shared = found.join(known, on="feature")
        pairs, times = np.unique(
            shared["text"].to_numpy().astype(np.int64) * len(known) + shared["code"].to_numpy(), return_counts=True
        )
        text, code = np.divmod(pairs, max(len(known), 1))
        part = question.weights[code] * self._saturated(times, lengths[text])
        order = np.lexsort((code, -part, text))  # codes are in alphabetical order
        named: list[list[str]] = [[] for _ in range(len(texts))]
        for place in order.tolist():
            if len(own := named[text[place]]) < NAMED:
                own.append(question.features[code[place]])
        ranked = _ordered(np.bincount(text, weights=part, minlength=len(texts)).astype(np.float64))
        why = [", ".join(named[place]) for place in ranked["text"].to_list()]
        return ranked.with_columns(pl.Series("why", why, pl.String))

    def _saturated(self, times: NDArray[np.int64], length: NDArray[np.int64] | int) -> FloatArray:
        return np.asarray(times * (K1 + 1) / (times + K1 * (1 - B + B * length / self._length)), np.float64)


@lru_cache(maxsize=4)
def collection_of(texts: tuple[str, ...]) -> Collection:
    """The same for the same texts: templates change seldom, and ten thousand take a tenth of a second to read."""
    return Collection(pl.Series(texts, dtype=pl.String))


def _ordered(similarity: FloatArray) -> pl.DataFrame:
    """Columns `text` and `similarity` of those above 0; sums that differ by their order alone are the same."""
    text = np.flatnonzero(similarity > 0)
    similar = np.minimum(similarity[text].round(12), 1.0)
    order = np.argsort(-similar, kind="stable")
    return pl.DataFrame({"text": text[order].astype(np.uint32), "similarity": similar[order]})
