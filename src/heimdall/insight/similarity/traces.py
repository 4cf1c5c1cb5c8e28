"""Records with a stack trace like another.

A frame's weight falls with its depth and rises with its rarity, as in TraceSim (Vasiliev et al., MaLTeSQuE 2020); what
two traces share is held against what either has (weighted Jaccard), so that a part missing and a part too many both
count. Compared are records that have all names of the trace, however rare they are, the newest first; and, until
there are enough that are the same, those with most of its names among the newest that have one of its innermost frames
and what was thrown; where there are few, without that.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from heimdall.insight.similarity.bm25 import NAMED
from heimdall.insight.similarity.candidates import messages_of
from heimdall.insight.similarity.stacktraces import LEAST_FRAMES, stack_names
from heimdall.query.asking import Asking
from heimdall.query.ast import And, Or, Phrase, Predicate
from heimdall.query.words import tokens

DEPTH = 6.0
"""A frame so deep below where it was thrown counts half."""

THROWN = 2.0
"""Weight of what was thrown, of the innermost frame's."""

SOUGHT = 12
"""Names the engine looks for: each costs time."""

INNERMOST = 4
"""Frames of which a record needs one: deeper ones are what all requests share."""

NEWEST = 1_000
"""Records with some of the names that are read: 2 MB of usual traces, 16 MB of the longest."""

SHORTEST = 3
"""Characters of a word the engine looks for."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A question's stack trace."""

    names: pl.DataFrame
    """Columns `name`, `shown`, `weight`, the weightiest first; a name is there as often as it occurs."""

    @classmethod
    def of(cls, text: str) -> Trace | None:
        """None where the text has none."""
        if text.count("\n") < LEAST_FRAMES - 1:
            return None
        names = _weighted(pl.Series([text], dtype=pl.String))
        return cls(names.sort("weight", descending=True, maintain_order=True)) if names.height else None

    def all_names(self, search: Predicate) -> Predicate | None:
        """Records with all names that are looked for; None where none is."""
        sought = [*self._sought(thrown=True), *self._sought(thrown=False)][:SOUGHT]
        return And((search, *_words(sought))) if sought else None

    def with_some_names(self, asking: Asking, search: Predicate, enough: int, wanted: int) -> pl.DataFrame:
        """Records with most of the names among the newest that have an innermost frame, as `messages_of` gives them:
        of those with what was thrown, or, where they are not `enough`, of all. `wanted` at most."""
        frames, thrown = self._sought(thrown=False), self._sought(thrown=True)
        sought = [*thrown, *frames][:SOUGHT]
        innermost = Or(_words((frames or thrown)[:INNERMOST]))
        some = messages_of(asking, And((search, innermost, *_words(thrown))), NEWEST)
        if some.height == NEWEST and (every := self.all_names(search)) is not None:
            some = pl.concat([messages_of(asking, every, wanted), some])  # however old they are
        elif some.height < enough:
            some = pl.concat([some, messages_of(asking, And((search, innermost)), NEWEST)])
        some = some.unique(["time", "position"], maintain_order=True)
        score = pl.sum_horizontal(
            pl.col("message").str.contains(word, literal=True).cast(pl.Float64) * weight for word, weight in sought
        )
        return some.sort(score, descending=True, maintain_order=True).head(wanted)

    def rank(self, messages: pl.Series) -> pl.DataFrame:
        """Columns `text` (its place), `similarity` (0 to 1, that of the same trace) and `why`, of those that share any
        name, the most similar first."""
        theirs = _weighted(messages)
        rarity = self._rarity(theirs, len(messages))
        own = _summed(self.names.with_columns(pl.lit(0, pl.UInt32).alias("text")), rarity).drop("text")
        other = _summed(theirs, rarity)
        total = own["weight"].sum()
        shared = other.join(own, on="name", suffix="_own").with_columns(
            pl.min_horizontal("weight", "weight_own").alias("both")
        )
        return (
            shared.sort("both", "name", descending=[True, False])
            .group_by("text", maintain_order=True)
            .agg(pl.col("both").sum(), pl.col("shown").head(NAMED).alias("why"))
            .join(other.group_by("text").agg(pl.col("weight").sum()), on="text")
            .select(
                "text",
                (pl.col("both") / (pl.col("weight") + total - pl.col("both"))).clip(0.0, 1.0).alias("similarity"),
                pl.col("why").list.join(", "),
            )
            .sort("similarity", "text", descending=[True, False])
        )

    def _rarity(self, theirs: pl.DataFrame, texts: int) -> pl.DataFrame:
        holders = theirs.group_by("name").agg(pl.col("text").n_unique().alias("holders"))
        names = pl.concat([theirs.select("name"), self.names.select("name")]).unique()
        held = pl.col("holders").fill_null(0)
        return names.join(holders, on="name", how="left").select(
            "name", (1 + (texts - held + 0.5) / (held + 0.5)).log().alias("rarity")
        )

    def _sought(self, *, thrown: bool) -> list[tuple[str, float]]:
        """(word of the message, weight), the weightiest first: of exceptions without their packages, or functions."""
        words: dict[str, float] = {}
        for shown, weight in self.names.filter(pl.col("thrown") == thrown)["shown", "weight"].iter_rows():
            word = shown.rpartition(".")[2]
            if len(word) >= SHORTEST and tokens(word):
                words.setdefault(word, weight)
        return list(words.items())


def _words(sought: list[tuple[str, float]]) -> tuple[Predicate, ...]:
    """What the words' records have. Of several tokens (`send on closed channel`) their order is not looked at: the
    engine knows from its index alone which records have a token."""
    return tuple(one if len(one.items) > 1 else one.items[0] for one in (And(_tokens(word)) for word, _ in sought))


def _tokens(word: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(token) for token in dict.fromkeys(tokens(word)))


def _weighted(texts: pl.Series) -> pl.DataFrame:
    """`stack_names` with a `weight` by depth."""
    by_depth = pl.when("thrown").then(THROWN).otherwise(1 / (1 + pl.col("depth") / DEPTH))
    return stack_names(texts).with_columns(by_depth.alias("weight")).collect()


def _summed(names: pl.DataFrame, rarity: pl.DataFrame) -> pl.DataFrame:
    """Columns `text`, `name`, `shown`, `weight`, one row a name."""
    weighed = names.join(rarity, on="name").with_columns(pl.col("weight") * pl.col("rarity"))
    return weighed.group_by("text", "name").agg(pl.col("shown").first(), pl.col("weight").sum())
