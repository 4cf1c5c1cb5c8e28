"""Records with a stack trace like another.

A frame's weight falls with its depth and rises with its rarity, as in TraceSim (Vasiliev et al., MaLTeSQuE 2020); what
two traces share is held against what either has (weighted Jaccard), so that a part missing and a part too many both
count. Compared are the records that have most of what was thrown and of the innermost frames, the newest first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from heimdall.insight.similarity.bm25 import NAMED, FloatArray
from heimdall.insight.similarity.stacktraces import LEAST_FRAMES, IntArray, stack_names
from heimdall.query.ast import And, Phrase, Predicate
from heimdall.query.ranking import Weighed
from heimdall.query.words import tokens

DEPTH = 6.0
"""A frame so deep below where it was thrown counts half."""

THROWN = 2.0
"""Weight of what was thrown, of the innermost frame's."""

SOUGHT = 4
"""Names the engine looks for one by one: each costs it a millisecond or two to plan, and deeper frames are what all
requests share."""

SOUGHT_THROWN = 2
"""Exceptions among them where there are frames enough."""

SOUGHT_TOGETHER = 12
"""Names of a whole trace, from where it was thrown to its end, that the engine looks for as one: as many as an index
looks up at once."""

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

    def sought(self) -> list[Weighed]:
        """What the engine looks for: what was thrown, the innermost frames, and all of it together."""
        thrown, frames = self._sought(thrown=True), self._sought(thrown=False)
        names = [*thrown[: max(SOUGHT_THROWN, SOUGHT - len(frames))], *frames][:SOUGHT]
        apart = [(_words(word), weight) for word, weight in names]
        spread = [*thrown[:SOUGHT_THROWN], *_spread(frames, SOUGHT_TOGETHER - SOUGHT_THROWN)]
        whole = {word: weight for word, weight in spread if len(tokens(word)) == 1}
        deeper = sum(weight for word, weight in whole.items() if word not in dict(names))
        return [*apart, (And(tuple(map(_words, whole))), deeper)] if deeper else apart

    def rank(self, messages: pl.Series) -> pl.DataFrame:
        """Columns `text` (its place), `similarity` (0 to 1, that of the same trace) and `why`, of those that share any
        name, the most similar first."""
        theirs = _weighted(messages)
        size = len(messages)
        names = pl.concat([theirs["name"], self.names["name"]]).to_arrow().cast(pa.large_string()).dictionary_encode()
        codes: IntArray = names.indices.to_numpy().astype(np.int64)
        kinds = len(names.dictionary)
        pair, first, of_pair = np.unique(
            theirs["text"].to_numpy() * np.int64(kinds) + codes[: theirs.height], return_index=True, return_inverse=True
        )
        text, name = np.divmod(pair, max(kinds, 1))
        holders = np.bincount(name, minlength=kinds)
        rarity = np.log(1 + (size - holders + 0.5) / (holders + 0.5))
        own = np.bincount(codes[theirs.height :], self.names["weight"].to_numpy(), kinds) * rarity
        other = np.bincount(of_pair, theirs["weight"].to_numpy(), len(pair)) * rarity[name]
        both = np.minimum(other, own[name])
        shared = np.bincount(text, both, size)
        either = np.bincount(text, other, size) + own.sum() - shared
        found = np.flatnonzero(shared)
        return pl.DataFrame(
            {
                "text": found.astype(np.uint32),
                "similarity": np.clip(shared[found] / either[found], 0.0, 1.0),
                "why": _weightiest(text, both, theirs["shown"].gather(first)),
            }
        ).sort("similarity", "text", descending=[True, False])

    def _sought(self, *, thrown: bool) -> list[tuple[str, float]]:
        """(word of the message, weight), the weightiest first: of exceptions without their packages, or functions.
        Those the index knows by themselves, that is without digits, if there are any."""
        words: dict[str, float] = {}
        for shown, weight in self.names.filter(pl.col("thrown") == thrown)["shown", "weight"].iter_rows():
            word = shown.rpartition(".")[2]
            if len(word) >= SHORTEST and tokens(word):
                words.setdefault(word, weight)
        known = [(word, weight) for word, weight in words.items() if "".join(tokens(word)).isalpha() and word.isascii()]
        return known or list(words.items())


def _spread(names: list[tuple[str, float]], most: int) -> list[tuple[str, float]]:
    """So many of them at most, as far from each other as may be."""
    if len(names) <= most:
        return names
    return [names[round(place * (len(names) - 1) / (most - 1))] for place in range(most)]


def _words(word: str) -> Predicate:
    """What records with the word have. Of several tokens (`send on closed channel`) their order is not looked at: the
    engine knows from its index alone which records have a token."""
    items = tuple(Phrase(token) for token in dict.fromkeys(tokens(word)))
    return And(items) if len(items) > 1 else items[0]


def _weighted(texts: pl.Series) -> pl.DataFrame:
    """`stack_names` with a `weight` by depth."""
    by_depth = pl.when("thrown").then(THROWN).otherwise(1 / (1 + pl.col("depth") / DEPTH))
    return stack_names(texts).with_columns(by_depth.alias("weight"))


def _weightiest(text: IntArray, both: FloatArray, shown: pl.Series) -> list[str]:
    """The weightiest names that are shared, of each text that shares any."""
    rows = pl.DataFrame({"text": text, "both": both, "shown": shown}).filter(pl.col("both") > 0)
    by_weight = rows.sort("text", "both", "shown", descending=[False, True, False])
    return (
        by_weight.group_by("text", maintain_order=True)
        .agg(pl.col("shown").head(NAMED).str.join(", "))["shown"]
        .to_list()
    )
