"""The `Stage` port: one step between the bus and storage."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from heimdall.model.batch import LogBatch


class Stage(Protocol):
    """Deterministic given the batch and the stage's state at the span's border.

    Called by one thread at a time, span after span in bus order. What a stage learns from a span must be part of
    `snapshot()`, so that a replay after a crash gives the same records again.
    """

    name: str

    def process(self, batch: LogBatch) -> LogBatch:
        """A new batch with the same records in the same order, more columns or better values.

        Raises:
            Refused: this batch can never be processed; the runner bisects it and dead-letters the culprits.
        """

    def snapshot(self) -> bytes:
        """State after the last processed span; `b""` for a stage that learns nothing."""

    def restore(self, state: bytes) -> None:
        """Go back to a state that `snapshot` gave."""


@runtime_checkable
class PutsOff(Protocol):
    """A stage that puts work off while records wait."""

    def rest(self) -> None:
        """Called again and again while no record waits: do some of it, some hundredths of a second at most."""
