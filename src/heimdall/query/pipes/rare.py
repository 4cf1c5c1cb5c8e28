"""`rare [N] field, …`: the values that occur least often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from heimdall.query.languages.cursor import Cursor
from heimdall.query.pipes.frequency import Frequency, parse_frequency
from heimdall.query.pipes.word import PipeWord


@dataclass(frozen=True, slots=True)
class Rare(Frequency):
    name: ClassVar[str] = "rare"
    descending: ClassVar[bool] = False


def _parse(cursor: Cursor) -> Rare:
    start = cursor.position
    fields, rows = parse_frequency(cursor)
    return Rare(fields, rows, span=cursor.span(start))


WORD = PipeWord(
    name="rare",
    syntax="rare [rows] field, …",
    doc="The values, or combinations of values, that occur least often, with their `count` and their `share` (0 to 1)"
    " of all rows that have the field.",
    example="level>=error | rare 10 service",
    parse=_parse,
)
