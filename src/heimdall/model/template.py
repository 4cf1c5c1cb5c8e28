"""Templates: the constant text behind messages that differ only in their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NewType

import pyarrow as pa

TemplateId = NewType("TemplateId", int)
"""1 ≤ id < 2**53, so a JSON number holds it exactly. 0 means "no template" and is never stored with a record."""

CATCH_ALL: Final = TemplateId(1)
"""Template of messages that could not be given one of their own; its text is `<*>`."""

PARAMETER: Final = "<*>"
"""How a parameter reads in a template's text."""

MINED_PREFIX_CHARS: Final = 1_000
"""Characters of a message that decide its template. Larger: more CPU on stack traces and dumps, which rarely differ
after their first lines."""


@dataclass(frozen=True, slots=True)
class Template:
    """One row of the catalogue. Times are ns since 1970 UTC, by the records' own `timestamp`."""

    id: TemplateId
    text: str
    merged_into: TemplateId
    """The template that took this one's place; 0 for a template that stands for itself. Always the final one: a
    reader that replaces an id by `merged_into` where that is not 0 has the template of today."""
    count: int
    first_seen_ns: int
    last_seen_ns: int
    example: str
    """The beginning of the first message of this template."""


@dataclass(frozen=True, slots=True)
class TemplateNames:
    """Of some ids, what the catalogue says."""

    final: dict[int, int]
    """Id → the template that took its place, of those that were merged."""
    texts: dict[int, str]
    """Id → text of the template that stands for it, of those that are known and of those that took their places."""


CATALOGUE_SCHEMA: Final = pa.schema(
    [
        pa.field("tenant", pa.string(), nullable=False),
        pa.field("template_id", pa.uint64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("merged_into", pa.uint64(), nullable=False),
        pa.field("count", pa.uint64(), nullable=False),
        pa.field("first_seen_ns", pa.int64(), nullable=False),
        pa.field("last_seen_ns", pa.int64(), nullable=False),
        pa.field("example", pa.string(), nullable=False),
    ]
)
