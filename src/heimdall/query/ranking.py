"""Records by how much of what is sought they have, in place of by time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from heimdall.query.ast import And, Or, Predicate, Query

WORTH_COLUMN = "_worth"

Weighed = tuple[Predicate, float]
"""A condition and what a record for which it holds is worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Which records are asked for, and what of them."""

    sought: Sequence[Weighed]
    limit: int
    without: Collection[str] = ()
    """Columns that may be null."""
    message_chars: int | None = None
    """Of messages only so many, from their beginning."""

    def within(self, search: Predicate) -> Query:
        """Records that `search` matches and of which anything that is sought holds."""
        return Query(And((search, Or(tuple(one for one, _ in self.sought)))))
