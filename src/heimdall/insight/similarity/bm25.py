"""Okapi BM25 over a column of texts, one question at a time.

Source: Robertson, Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009); k1 and b as usual there.
"""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from heimdall.insight.similarity.features import features

K1 = 1.2
B = 0.75

LINES = 8.0
"""A feature this many lines down a question counts half: what is thrown and where says more than who called."""

NAMED = 6
"""Features that `why` names."""


class Collection:
    """Texts, and how common their features are among them."""

    def __init__(self, texts: pl.Series) -> None:
        self._own = _counted(texts)
        self._texts = max(len(texts), 1)
        self._length = max(self._own["times"].sum() / self._texts, 1.0)
        self._holders = self._own.group_by("feature").agg(pl.len().alias("holders"))

    def rank(self, question: str) -> pl.DataFrame:
        """Columns `text` (its place), `similarity` (0 to 1, that of the question to itself) and `why` (what both have
        that weighs most), of the texts that share anything with the question, the most similar first."""
        return self._judged(question, self._own)

    def judge(self, question: str, texts: pl.Series) -> pl.DataFrame:
        """`rank` of other texts, whose features are as rare as they are in this collection."""
        return self._judged(question, _counted(texts))

    def _judged(self, question: str, counted: pl.DataFrame) -> pl.DataFrame:
        weights = (
            features(pl.Series([question], dtype=pl.String))
            .group_by("feature")
            .agg(pl.col("line").min(), pl.len().alias("own"))
            .join(self._holders.lazy(), on="feature", how="left")
            .with_columns((self._rarity(pl.col("holders").fill_null(0)) / (1 + pl.col("line") / LINES)).alias("weight"))
            .with_columns(
                (pl.col("weight") * self._saturated(pl.col("own"), pl.col("own").sum())).sum().alias("itself")
            )
        )
        part = pl.col("weight") * self._saturated(pl.col("times"), pl.col("length")) / pl.col("itself")
        return (
            counted.lazy()
            .join(weights, on="feature")
            .select("text", "feature", part.alias("part"))
            .sort("part", "feature", descending=[True, False])
            .group_by("text", maintain_order=True)
            .agg(pl.col("part").sum().clip(0.0, 1.0).alias("similarity"), pl.col("feature").head(NAMED).alias("why"))
            .with_columns(pl.col("why").list.join(", "))
            .sort("similarity", "text", descending=[True, False])
            .collect()
        )

    def _rarity(self, holders: pl.Expr) -> pl.Expr:
        return (1 + (self._texts - holders + 0.5) / (holders + 0.5)).log()

    def _saturated(self, times: pl.Expr, length: pl.Expr) -> pl.Expr:
        return times * (K1 + 1) / (times + K1 * (1 - B + B * length / self._length))


@lru_cache(maxsize=4)
def collection_of(texts: tuple[str, ...]) -> Collection:
    """The same for the same texts: templates change seldom, and ten thousand take a tenth of a second to read."""
    return Collection(pl.Series(texts, dtype=pl.String))


def _counted(texts: pl.Series) -> pl.DataFrame:
    """Columns `text`, `feature`, `times` and `length`, the number of all features of the text."""
    times = features(texts).group_by("text", "feature").agg(pl.len().alias("times"))
    return times.with_columns(pl.col("times").sum().over("text").alias("length")).collect()
