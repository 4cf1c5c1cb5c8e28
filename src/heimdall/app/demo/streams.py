"""The shop's lines in order of time: windows joined, with late lines of one window kept for the next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from heimdall.app.demo.plan import Plan
from heimdall.app.demo.rhythm import Window
from heimdall.app.demo.shop import LINES_SCHEMA, STREAMS, write_lines

_SERVICE_OF = pl.Series("service", [instance.service for instance in STREAMS])


@dataclass(slots=True)
class Seen:
    """What an incident has left in the lines so far."""

    first_ns: int
    last_ns: int
    lines: Counter[str] = field(default_factory=Counter)
    """By service."""


class Tape:
    """Runs a plan forward from a moment. Not for use from several threads."""

    def __init__(self, plan: Plan, start_ns: int, scale: float = 1.0) -> None:
        self.plan = plan
        self.written_to_ns = start_ns
        """All lines before this have been worked out."""
        self.seen: dict[int, Seen] = {}
        self._scale = scale
        self._late = pl.DataFrame(schema=LINES_SCHEMA)

    def write_to(self, end_ns: int) -> None:
        """Work out the next window, up to `end_ns`."""
        lines = write_lines(self.plan, Window(self.written_to_ns, end_ns), self._scale)
        self._late = pl.concat([self._late, lines]).sort("time_ns", maintain_order=True)
        self.written_to_ns = end_ns

    def take_to(self, end_ns: int) -> pl.DataFrame:
        """Lines of before `end_ns` that have not been taken yet, sorted by time."""
        place = int(self._late["time_ns"].search_sorted(end_ns, side="left"))
        taken, self._late = self._late[:place], self._late[place:]
        self._note(taken)
        return taken

    def _note(self, lines: pl.DataFrame) -> None:
        blamed = lines.filter(pl.col("blame") > 0)
        if blamed.is_empty():
            return
        counts = (
            blamed.with_columns(service=_SERVICE_OF.gather(blamed["stream"]))
            .group_by("blame", "service", maintain_order=True)
            .agg(first=pl.col("time_ns").min(), last=pl.col("time_ns").max(), lines=pl.len())
        )
        for number, service, first, last, count in counts.rows():
            seen = self.seen.setdefault(number, Seen(first, last))
            seen.first_ns = min(seen.first_ns, first)
            seen.last_ns = max(seen.last_ns, last)
            seen.lines[service] += count
