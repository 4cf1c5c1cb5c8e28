"""A `LogBatch` as bytes and back: one Arrow IPC stream, its buffers compressed column by column."""

from __future__ import annotations

import pyarrow as pa

from heimdall.errors import BusUnavailable, InvalidInput, TooLarge
from heimdall.model.batch import LogBatch

MAX_TENANT_BYTES = 128
MAX_RECORDS = 1 << 20
"""Records one batch may hold. When damage hides a count, this many positions are passed over so that none is reused."""


class Codec:
    """Stateless; safe from several threads. Works in the caller's thread and mostly without the interpreter lock."""

    def __init__(self, compression: str, max_batch_bytes: int) -> None:
        self._options = pa.ipc.IpcWriteOptions(
            compression=None if compression == "none" else pa.Codec(compression, **_LEVEL.get(compression, {})),
            use_threads=False,  # columns are small: handing them to a pool costs more than it saves (0.28 for 0.22 µs)
        )
        self._max_batch_bytes = max_batch_bytes

    def encode(self, batch: LogBatch) -> pa.Buffer:
        """
        Raises:
            TooLarge: more than 2**20 records, or more bytes than the configured bound.
            InvalidInput: no records, or a tenant name that does not fit into a frame header.
        """
        table = batch.table
        if batch.num_rows == 0:
            raise InvalidInput("a batch without records cannot be appended")
        if len(batch.tenant.encode()) > MAX_TENANT_BYTES:
            raise InvalidInput(f"tenant name is longer than {MAX_TENANT_BYTES} bytes")
        if batch.num_rows > MAX_RECORDS or table.nbytes > self._max_batch_bytes:
            raise TooLarge(
                f"a batch of {batch.num_rows} records and {table.nbytes} bytes is over the bus's limit of "
                f"{MAX_RECORDS} records and {self._max_batch_bytes} bytes; send smaller batches"
            )
        if any(column.num_chunks > 1 for column in table.columns):
            table = table.unify_dictionaries().combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=self._options) as writer:
            writer.write_table(table)
        return sink.getvalue()

    def decode(self, payload: bytes) -> pa.Table:
        """
        Raises:
            BusUnavailable: not a batch this version can read.
        """
        try:
            with pa.ipc.open_stream(payload) as reader:
                return reader.read_all()
        except pa.ArrowException as exc:
            raise BusUnavailable(f"a frame of the bus is not a batch: {exc}") from exc


_LEVEL = {"zstd": {"compression_level": 1}}
