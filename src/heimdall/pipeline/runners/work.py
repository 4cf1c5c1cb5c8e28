"""A span on its way from the stages to storage, and what both sides of the runner share."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
from prometheus_client import Histogram

from heimdall.errors import Unavailable
from heimdall.model.batch import LogBatch, Origin
from heimdall.pipeline.span import Span

_log = logging.getLogger(__name__)

SPAN_SECONDS = Histogram(
    "heimdall_pipeline_span_seconds", "Time of a span in stages and storage.", ["hop"], unit="seconds"
)


@dataclass(slots=True)
class Refusal:
    """A record that a stage or the engine does not take."""

    batch: LogBatch
    stage: str
    reason: str


@dataclass(slots=True)
class Work:
    span: Span
    processed: list[LogBatch]
    refused: list[Refusal] = field(default_factory=list)
    checkpoint: dict[str, bytes] | None = None
    """The stages' state behind this span, to be saved once the span is committed."""
    store: bool = True
    """False where there is nothing to store: the stages catch up with what storage has, or only a state is saved."""

    @property
    def size_bytes(self) -> int:
        return sum(batch.table.nbytes for batch in self.processed)


class Life:
    """Whether the runner's threads go on. One that fails stops the others."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    def guarded(self, loop: Callable[[], None]) -> None:
        """Run a thread's loop; what it raises is kept in `failure`."""
        try:
            loop()
        except BaseException as exc:
            if not (self.stopping.is_set() and isinstance(exc, Unavailable)):
                _log.exception("the pipeline stopped; records stay safe on the bus until the node is restarted")
            self.failure = exc
            self.stopping.set()


def halves(batch: LogBatch) -> tuple[LogBatch, LogBatch]:
    middle = batch.num_rows // 2
    return part(batch, 0, middle), part(batch, middle, batch.num_rows - middle)


def part(batch: LogBatch, offset: int, length: int) -> LogBatch:
    table: pa.Table = batch.table.slice(offset, length)
    positions = table.column("position")
    return LogBatch(batch.tenant, table, Origin(positions[0].as_py(), positions[-1].as_py()))
