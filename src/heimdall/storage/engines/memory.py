"""`MemoryEngine`: records as Arrow tables in this process; gone when it ends. For tests, trials and small nodes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.clock import Clock
from heimdall.errors import BatchRefused, InvalidInput
from heimdall.model.batch import LogBatch, TenantId
from heimdall.storage.engine import ScanRequest, TierStatistics
from heimdall.storage.selection import Age, Selection, kept_day
from heimdall.storage.stored import STORED_SCHEMA, storable
from heimdall.storage.versions import Versions

_MINUTE_NS = 60 * 10**9
_HOUR_NS = 3_600 * 10**9
_TIMES = ("timestamp", "observed_timestamp")


class MemoryEngine:
    """Each appended batch stays one immutable table; readers see the list of them as it was when they began."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tables: dict[TenantId, tuple[pa.Table, ...]] = {}
        self._origins: set[tuple[TenantId, int, int]] = set()
        self._versions = Versions()

    def append(self, batch: LogBatch) -> None:
        rows = _canonical(storable(batch))
        with self._versions.appending(batch.tenant, rows.column("timestamp")), self._lock:
            if batch.origin is not None:
                key = (batch.tenant, batch.origin.first, batch.origin.last)
                if key in self._origins:
                    return
                self._origins.add(key)
            if rows.num_rows:
                self._tables[batch.tenant] = (*self._tables.get(batch.tenant, ()), rows)

    def scan(self, request: ScanRequest) -> Iterator[pa.RecordBatch]:
        for name in request.fields:
            if name not in STORED_SCHEMA.names:
                raise InvalidInput(f"scan: there is no column {name}")
        rows = self.table(request.tenant, request.start_ns, request.end_ns)
        order = "descending" if request.newest_first else "ascending"
        places = pc.sort_indices(rows, sort_keys=[("timestamp", order), ("position", order)])
        schema = pa.schema([STORED_SCHEMA.field(name) for name in request.fields])
        for start in range(0, len(places), request.batch_rows):
            page = rows.select(request.fields).take(places.slice(start, request.batch_rows)).combine_chunks()
            columns = [_one(page.column(at)) for at in range(len(schema))]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def table(self, tenant: TenantId, start_ns: int, end_ns: int) -> pa.Table:
        """All columns of `STORED_SCHEMA` of the records in [start_ns, end_ns), in no particular order."""
        with self._lock:
            tables = self._tables.get(tenant, ())
        found = [table.filter(_between(table.column("timestamp"), start_ns, end_ns)) for table in tables]
        return pa.concat_tables([STORED_SCHEMA.empty_table(), *found]).unify_dictionaries()

    def frame(self, tenant: TenantId, start_ns: int, end_ns: int) -> pl.LazyFrame:
        """The same records for `heimdall.query.frame.evaluation.evaluate`."""
        frame = pl.from_arrow(self.table(tenant, start_ns, end_ns))
        assert isinstance(frame, pl.DataFrame)
        return frame.lazy()

    def statistics(self, tenant: TenantId | None = None) -> TierStatistics:
        with self._lock:
            if tenant is None:
                tables = [table for kept in self._tables.values() for table in kept]
            else:
                tables = list(self._tables.get(tenant, ()))
        ends = [pc.min_max(table.column("timestamp").cast(pa.int64())).as_py() for table in tables]
        return TierStatistics(
            rows=sum(table.num_rows for table in tables),
            size_bytes=0,
            oldest_ns=min((end["min"] for end in ends), default=None),
            newest_ns=max((end["max"] for end in ends), default=None),
        )

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        return self._versions.version(tenant, start_ns, end_ns)

    def ages(self, before_ns: int, last_position: int, named: tuple[str, ...]) -> list[Age]:
        found: Counter[tuple[TenantId, str, int, int]] = Counter()
        with self._lock:
            tables = dict(self._tables)
        for tenant, kept in tables.items():
            for table in kept:
                old = pc.less_equal(table.column("position"), pa.scalar(last_position, pa.uint64()))
                for name in _TIMES:
                    old = pc.and_(old, _between(table.column(name), None, before_ns))
                rows = table.filter(old)
                columns = (rows.column(name).cast(pa.int64()).to_pylist() for name in _TIMES)
                for policy, time_ns, seen_ns in zip(_policies(rows, named), *columns, strict=True):
                    found[tenant, policy, kept_day(time_ns, seen_ns), time_ns // _HOUR_NS] += 1
        return [
            Age(
                tenant=tenant, policy=policy, day=day, rows=rows,
                start_ns=max(hour * _HOUR_NS, -(2**63)), end_ns=min((hour + 1) * _HOUR_NS, 2**63 - 1),
            )
            for (tenant, policy, day, hour), rows in found.items()
        ]  # fmt: skip

    def count(self, selection: Selection) -> Mapping[int, int]:
        counts: Counter[int] = Counter()
        with self._lock:
            tables = self._tables.get(selection.tenant, ())
        for table in tables:
            rows = table.filter(_selected(table, selection))
            counts.update(
                at_ns // _MINUTE_NS * _MINUTE_NS
                for at_ns in rows.column("observed_timestamp").cast(pa.int64()).to_pylist()
            )
        return dict(counts)

    def remove(self, selection: Selection) -> None:
        with self._versions.changing(selection.tenant, selection.end_ns), self._lock:
            tables = self._tables.get(selection.tenant, ())
            rest = (table.filter(pc.invert(_selected(table, selection))) for table in tables)
            self._tables[selection.tenant] = tuple(table for table in rest if table.num_rows)

    def close(self) -> None:
        with self._lock:
            self._tables.clear()


def _policies(rows: pa.Table, named: tuple[str, ...]) -> list[str]:
    return [policy if policy in named else "" for policy in rows.column("retention_policy").to_pylist()]


def _selected(rows: pa.Table, selection: Selection) -> pa.Array:
    """Which rows a selection means. Small tables of tests and trials: row by row."""
    times, seen = (rows.column(name).cast(pa.int64()).to_pylist() for name in _TIMES)
    last_ns = 2**63 - 1
    columns = zip(times, seen, rows.column("position").to_pylist(), _policies(rows, selection.named), strict=True)
    return pa.array(
        [
            selection.start_ns <= time_ns
            and (time_ns < selection.end_ns or selection.end_ns >= last_ns)
            and position <= selection.last_position
            and policy == selection.policy
            and kept_day(time_ns, seen_ns) == selection.day
            for time_ns, seen_ns, position, policy in columns
        ],
        pa.bool_(),
    )


def _one(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)


def _between(times: pa.ChunkedArray, start_ns: int | None, end_ns: int) -> pa.ChunkedArray:
    numbers = times.cast(pa.int64())
    inside = pc.less(numbers, pa.scalar(min(end_ns, 2**63 - 1), pa.int64()))
    if start_ns is not None:
        inside = pc.and_(inside, pc.greater_equal(numbers, pa.scalar(max(start_ns, -(2**63)), pa.int64())))
    return inside


def _canonical(rows: pa.Table) -> pa.Table:
    """All columns of `STORED_SCHEMA`; what says nothing (empty text, zero ids, `{}`) is null, as in every engine."""
    columns: list[pa.ChunkedArray] = []
    for field in STORED_SCHEMA:
        if field.name not in rows.column_names:
            columns.append(pa.chunked_array([pa.nulls(rows.num_rows, field.type)]))
            continue
        column = rows.column(field.name)
        if field.name == "attributes":
            column = pa.chunked_array([_objects(column)], field.type)
        elif field.nullable and pa.types.is_fixed_size_binary(field.type):
            zero = pa.scalar(bytes(field.type.byte_width), field.type)
            column = pc.if_else(pc.equal(column, zero), pa.scalar(None, field.type), column)
        elif field.nullable and (pa.types.is_large_string(field.type) or pa.types.is_dictionary(field.type)):
            plain = column.cast(pa.large_string())
            plain = pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.large_string()), plain)
            column = pc.dictionary_encode(plain.cast(pa.string())) if pa.types.is_dictionary(field.type) else plain
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=STORED_SCHEMA)


def _objects(column: pa.ChunkedArray) -> pa.Array:
    """Attribute objects; each distinct text is checked once."""
    absent: dict[str, bool] = {}
    for text in pc.unique(column).to_pylist():
        if text is None:
            continue
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as exc:
            raise BatchRefused(f"attributes are not JSON: {exc}: {text[:80]!r}") from exc
        if value is not None and not isinstance(value, dict):
            raise BatchRefused(f"attributes are not a JSON object: {text[:80]!r}")
        absent[text] = not value
    return pa.array([None if text is None or absent[text] else text for text in column.to_pylist()], pa.large_string())
