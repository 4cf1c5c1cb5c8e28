"""`top [N] field, …`: the values that occur most often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heimdall.query.languages.cursor import Cursor
from heimdall.query.pipes.frequency import Frequency, parse_frequency
from heimdall.query.pipes.word import PipeWord


@dataclass(frozen=True, slots=True)
class Top(Frequency):
    name: ClassVar[str] = "top"
    descending: ClassVar[bool] = True


def _parse(cursor: Cursor) -> Top:
    start = cursor.position
    fields, rows = parse_frequency(cursor)
    return Top(fields, rows, span=cursor.span(start))


WORD = PipeWord(
    name="top",
    syntax="top [rows] field, …",
    doc="The values, or combinations of values, that occur most often, with their `count` and their `share` (0 to 1) of"
    " all rows that have the field.",
    example="level>=error | top 10 service",
    parse=_parse,
)
