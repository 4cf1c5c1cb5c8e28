"""Dead letters: accepted records that storage refused, kept whole with the reason until someone replays them.

Raw bytes are the records as an Arrow IPC stream (zstd), exactly as the bus held them, with their positions: a replay
stores each record under the identity it always had, and moves its ledger count from dead-lettered to stored.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.ipc

from heimdall.errors import NotFound
from heimdall.model.batch import LOG_SCHEMA, POSITION_FIELD, LogBatch, Origin, TenantId
from heimdall.pipeline.state import PipelineState

_EXCERPT_CHARACTERS = 200
_KEPT = frozenset({*LOG_SCHEMA.names, POSITION_FIELD.name})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    id: int
    time_ns: int
    tenant: TenantId
    stage: str
    reason: str
    records: int
    first: int
    last: int
    excerpt: str


class DeadLetters:
    """Reads dead letters; they are written by the runner, in the transaction that commits their span."""

    def __init__(self, state: PipelineState) -> None:
        self._state = state

    def list(self, limit: int = 100) -> list[DeadLetter]:
        """Newest first."""
        rows = self._state.rows(f"SELECT {_COLUMNS} FROM dead_letter ORDER BY id DESC LIMIT ?", (limit,))
        return [_letter(row) for row in rows]

    def get(self, letter_id: int) -> tuple[DeadLetter, bytes]:
        """A letter and its raw bytes.

        Raises:
            NotFound: there is none of that id, or it was replayed.
        """
        rows = self._state.rows(f"SELECT {_COLUMNS}, raw FROM dead_letter WHERE id = ?", (letter_id,))
        if not rows:
            raise NotFound(f"no dead letter {letter_id}; list them with: heimdall deadletters list")
        *fields, raw = rows[0]
        return _letter(tuple(fields)), bytes(raw)  # type: ignore[call-overload]

    def size_bytes(self) -> int:
        return int(str(self._state.rows("SELECT coalesce(sum(length(raw)), 0) FROM dead_letter")[0][0]))


_COLUMNS = "id, time_ns, tenant, stage, reason, records, first, last, excerpt"


def _letter(row: tuple[object, ...]) -> DeadLetter:
    letter_id, time_ns, tenant, stage, reason, records, first, last, excerpt = row
    return DeadLetter(
        int(str(letter_id)), int(str(time_ns)), TenantId(str(tenant)), str(stage), str(reason),
        int(str(records)), int(str(first)), int(str(last)), str(excerpt),
    )  # fmt: skip


def bury(transaction: sqlite3.Connection, batch: LogBatch, *, stage: str, reason: str, time_ns: int) -> None:
    """Keep `batch` (which has positions) as one dead letter, without what stages added: a replay adds it again."""
    batch = batch.with_table(batch.table.select([name for name in batch.table.column_names if name in _KEPT]))
    positions = batch.table.column("position")
    excerpt = str(batch.table.column("message")[0].as_py())[:_EXCERPT_CHARACTERS] if batch.num_rows else ""
    _insert(
        transaction, time_ns, batch.tenant, stage, reason, batch.num_rows,
        positions[0].as_py(), positions[-1].as_py(), excerpt, encode(batch.table),
    )  # fmt: skip


def bury_gap(transaction: sqlite3.Connection, tenant: TenantId, first: int, last: int, *, time_ns: int) -> None:
    """Note acknowledged positions the bus could not read back; their bytes lie in the bus's quarantine."""
    reason = "the bus could not read these positions back; see its quarantine folder"
    _insert(transaction, time_ns, tenant, "bus", reason, last - first + 1, first, last, "", b"")


def _insert(transaction: sqlite3.Connection, *values: object) -> None:
    transaction.execute(
        "INSERT INTO dead_letter (time_ns, tenant, stage, reason, records, first, last, excerpt, raw)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def encode(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def decode(letter: DeadLetter, raw: bytes) -> LogBatch:
    """The records of a letter, ready to go through the stages again."""
    with pa.ipc.open_stream(raw) as reader:
        return LogBatch(letter.tenant, reader.read_all(), Origin(letter.first, letter.last))
