"""The answer of a log query: lines under their streams, and where each label of a line comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import polars as pl

from heimdall.query.ast import Field, Query
from heimdall.query.languages.hql import to_text
from heimdall.query.languages.logql.ast import LogQuery, Stage
from heimdall.query.logql.labels import shown_by
from heimdall.query.logql.push import push
from heimdall.query.logql.ranges import Reading
from heimdall.query.logql.reader import BASE, PAGE_ROWS, PARSED, lines_of, pages
from heimdall.query.logql.stages import apply
from heimdall.query.pipes.sort import Sort


class Direction(StrEnum):
    BACKWARD = "backward"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Line:
    time_ns: int
    text: str
    stream: dict[str, str]
    metadata: dict[str, str]
    parsed: dict[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """All labels as one set."""
        return self.stream | self.metadata | self.parsed


def find_lines(query: LogQuery, limit: int, direction: Direction, reading: Reading) -> list[Line]:
    """The newest lines, newest first, or the oldest, oldest first."""
    pushed = push(query)
    found: list[pl.DataFrame] = []
    rows = 0
    request = replace(reading.request, limit=PAGE_ROWS if pushed.stages else max(1, min(limit, PAGE_ROWS)))
    wanted = replace(reading, request=request)
    frames = (
        pages(reading.search, pushed.search, request, None, reading.cost)
        if direction is Direction.BACKWARD
        else _oldest_first(Query(pushed.search, (Sort(((Field("timestamp"), False),)),)), wanted)
    )
    for frame in frames:
        kept = apply(frame, pushed.stages).head(limit - rows)
        if kept.height:
            found.append(kept)
            rows += kept.height
        if rows >= limit:
            break
    return [line for frame in found for line in split(frame)]


def _oldest_first(query: Query, reading: Reading) -> Iterator[pl.DataFrame]:
    """Pages of a sorted answer; each goes on behind the last moment of the one before, so that none is read again."""
    start_ns = reading.request.start_ns
    request = replace(reading.request, q=to_text(query))
    seen_at_last = 0
    while True:
        answer = reading.search(replace(request, start_ns=start_ns, limit=min(10_000, request.limit + seen_at_last)))
        reading.cost.scanned_rows += answer.scanned_rows
        frame = lines_of(answer.rows, None)
        fresh = frame.slice(seen_at_last)
        reading.cost.rows += fresh.height
        reading.cost.bytes += int(fresh["line"].str.len_bytes().sum() or 0)
        yield fresh
        if answer.next is None or not fresh.height:
            return
        last_ns = int(frame["t"][-1])
        same = int((frame["t"] == last_ns).sum())
        seen_at_last = same if start_ns != last_ns else frame.height
        start_ns = last_ns
        if seen_at_last >= 10_000:
            return  # ten thousand lines of one very moment


def tailed(frame: pl.DataFrame, stages: Sequence[Stage]) -> list[Line]:
    return list(split(apply(frame, stages)))


def split(frame: pl.DataFrame) -> Iterator[Line]:
    """Lines of a frame with their labels taken apart."""
    base, parsed = _columns(frame, BASE), _columns(frame, PARSED)
    rows = zip(frame["t"].to_list(), frame["line"].to_list(), frame["marker"].to_list(), strict=True)
    for place, (time_ns, text, marker) in enumerate(rows):
        of_stream = shown_by(marker).stream
        made = {name: value for name, values in parsed if (value := values[place])}
        own = {name: value for name, values in base if (value := values[place]) and name not in made}
        yield Line(
            time_ns,
            text,
            {name: value for name, value in own.items() if name in of_stream},
            {name: value for name, value in own.items() if name not in of_stream},
            made,
        )


def _columns(frame: pl.DataFrame, prefix: str) -> list[tuple[str, list[str | None]]]:
    return [(name[2:], frame[name].to_list()) for name in frame.columns if name.startswith(prefix)]
