"""What the library asks, whoever answers: a folder opened in this process, or a node by HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

Parameters = Mapping[str, str | int | float | None]
"""Of a question, under the names of the HTTP API; None = its default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How sure an answer is, and what it cost: the envelope."""

    exact: bool = True
    error: float | None = None
    """± bound of an estimate; None when exact."""
    scanned_rows: int = 0
    tiers: tuple[str, ...] = ()
    took_ms: float = 0.0
    partial: bool = False
    next: str | None = None
    query_id: str = ""
    cached: bool = False
    """Nothing was computed: the answer was kept, and no record of its range has changed since."""
    age_ms: float | None = None
    """Time since a cached answer was computed."""
    known_pieces: int = 0
    """Pieces of time that were kept, in an answer computed in part."""
    estimated_ms: float | None = None
    """What it was expected to take before it ran; None for kept answers and where nothing was known."""
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` as the query service has them: `attributes` and fields of a type of their own as JSON text."""

    rows: pa.Table
    facts: Facts


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of records that were appended."""

    accepted: int
    rejected: int
    errors: tuple[Mapping[str, object], ...] = ()
    """`line`, `reason` and `excerpt` of the first hundred that were rejected."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Records a tail did not show because its reader was too slow; the range can be searched."""

    records: int
    start: str
    end: str


class Backend(Protocol):
    """Safe from several threads. Errors are those of `heimdall.errors`."""

    @property
    def place(self) -> str:
        """Where the records are, for people."""

    def ask(self, route: str, parameters: Parameters) -> Page:
        """`search`, `histogram`, `facets` or `fields`."""

    def explain(self, parameters: Parameters) -> dict[str, Any]: ...

    def cancel(self, query_id: str) -> None:
        """Stop a question, if it still runs."""

    def append(self, lines: bytes) -> Appended:
        """Keep JSON lines; returns once they are durable."""

    def tail(self, q: str) -> Iterator[list[dict[str, Any]] | Missed | None]:
        """Matching records as they come, oldest first; None now and then while there are none. Closing it ends it."""

    def refresh(self) -> int:
        """Take in what files have grown by; the number of new records, 0 where nothing is read from files."""

    def close(self) -> None: ...
