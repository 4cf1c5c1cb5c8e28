"""Sorted rows in, one Parquet file out, and the facts the catalogue keeps of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from heimdall.storage.engines.parquet import layout

_MINUTE_NS = 60 * 10**9


@dataclass(slots=True)
class FileFacts:
    """What lies in a file, counted while it was written."""

    rows: int = 0
    size_bytes: int = 0
    oldest_ns: int = 2**63 - 1
    newest_ns: int = -(2**63)
    first_position: int = 2**63 - 1
    last_position: int = 0
    minutes: Counter[int] = field(default_factory=Counter)
    """Records by observed minute, ns since 1970."""

    def count(self, rows: pa.Table) -> None:
        times, positions = (
            pc.min_max(rows.column("timestamp").cast(pa.int64())).as_py(),
            pc.min_max(rows.column("position")).as_py(),
        )
        self.rows += rows.num_rows
        self.oldest_ns, self.newest_ns = min(self.oldest_ns, times["min"]), max(self.newest_ns, times["max"])
        self.first_position = min(self.first_position, positions["min"])
        self.last_position = max(self.last_position, positions["max"])
        observed = rows.column("observed_timestamp").cast(pa.int64()).to_numpy()
        minutes, counts = np.unique(observed // _MINUTE_NS, return_counts=True)
        for minute, count in zip(minutes.tolist(), counts.tolist(), strict=True):
            self.minutes[minute * _MINUTE_NS] += count


def write_files(batches: Iterator[pa.RecordBatch], folder: Path, max_rows: int) -> Iterator[tuple[Path, FileFacts]]:
    """Write `batches`, which come in the file's order, into files of at most about `max_rows` rows each.

    Yields each file once it is closed; whoever iterates may take it away. At most one row group is in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    writer: pq.ParquetWriter | None = None
    facts = FileFacts()
    path = folder
    try:
        for group in _groups(batches):
            if writer is None:
                number += 1
                path, facts = folder / f"{number}.parquet", FileFacts()
                writer = _open(path, group.schema)
            writer.write_table(group, row_group_size=layout.ROW_GROUP_ROWS)
            facts.count(group)
            if facts.rows >= max_rows:
                writer.close()
                writer = None
                facts.size_bytes = path.stat().st_size
                yield path, facts
        if writer is not None:
            writer.close()
            writer = None
            facts.size_bytes = path.stat().st_size
            yield path, facts
    finally:
        if writer is not None:
            writer.close()


def _open(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    distinct = layout.ROW_GROUP_ROWS // 4
    return pq.ParquetWriter(
        path,
        schema,
        compression=layout.COMPRESSION,
        compression_level=layout.COMPRESSION_LEVEL,
        use_dictionary=list(layout.DICTIONARIES),
        data_page_size=layout.PAGE_BYTES,
        write_statistics=True,
        write_page_index=True,
        write_page_checksum=True,  # the reader verifies every page it reads
        store_schema=False,
        sorting_columns=[
            pq.SortingColumn(schema.get_field_index("timestamp")),
            pq.SortingColumn(schema.get_field_index("position")),
        ],
        bloom_filter_options={
            name: {"ndv": distinct, "fpp": layout.FILTER_FALSE_SHARE} for name in layout.FILTERED
        },
    )  # fmt: skip


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    rows = size_bytes = 0
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, layout.ROW_GROUP_ROWS - rows)
            batch = batch.slice(part.num_rows)
            waiting.append(part)
            rows += part.num_rows
            size_bytes += part.nbytes
            if rows >= layout.ROW_GROUP_ROWS or size_bytes >= layout.ROW_GROUP_BYTES:
                yield pa.Table.from_batches(waiting)
                waiting, rows, size_bytes = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)
