"""`ClickHouseEngine`: the `SqlEngine` port on one MergeTree table."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from heimdall.clock import Clock
from heimdall.errors import InvalidInput, QueryCancelled
from heimdall.model.batch import LogBatch, Origin, TenantId
from heimdall.storage.engine import ScanRequest, SelectStatistics, TierStatistics
from heimdall.storage.engines.clickhouse import layout, leaving, profiling
from heimdall.storage.engines.clickhouse.connection import Driver, EmbeddedDriver, Settings
from heimdall.storage.engines.clickhouse.errors import map_driver_errors
from heimdall.storage.engines.clickhouse.forms import Forms
from heimdall.storage.engines.clickhouse.gate import Gate
from heimdall.storage.engines.clickhouse.origins import Origins, SpanKey
from heimdall.storage.engines.clickhouse.presence import Presence
from heimdall.storage.engines.clickhouse.rows import as_records, record_value, stored_value
from heimdall.storage.engines.clickhouse.wording import Wording
from heimdall.storage.profile import Profile, Reading
from heimdall.storage.rollups import ROLLUPS, weighs
from heimdall.storage.selection import Age, Selection
from heimdall.storage.stored import STORED_SCHEMA, storable
from heimdall.storage.versions import Versions

MEBIBYTE = 1024 * 1024

SERVER_SETTINGS: Settings = {
    # Of a node's 2 GB the engine gets 1.4; the rest is Python, the doors and the pipeline.
    "max_server_memory_usage": 1_400 * MEBIBYTE,
    # The defaults (5 GB each) are a server's. A tier of 200 M records has about 60 MB of marks.
    "mark_cache_size": 128 * MEBIBYTE,
    "primary_index_cache_size": 64 * MEBIBYTE,
    "index_mark_cache_size": 64 * MEBIBYTE,
    "text_index_tokens_cache_size": 32 * MEBIBYTE,
    "text_index_header_cache_size": 32 * MEBIBYTE,
    "text_index_postings_cache_size": 32 * MEBIBYTE,
    "query_condition_cache_size": 32 * MEBIBYTE,
    "compiled_expression_cache_size": 32 * MEBIBYTE,
    "background_pool_size": 2,  # merges: more would take cores from queries
}

INSERT_SETTINGS: Settings = {
    "max_threads": 1,
    "max_insert_threads": 1,
    # One block and so one part a partition, whatever the batch's size: its token covers it whole.
    "max_block_size": 4_000_000,
    "min_insert_block_size_rows": 0,
    "min_insert_block_size_bytes": 0,
    "max_partitions_per_insert_block": 0,
    # A string stays a string, whatever it looks like; of a key sent twice the first one counts.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "type_json_skip_duplicated_paths": 1,
    "insert_allow_materialized_columns": 1,
}

LARGE_APPEND_ROWS = 20_000
"""From here on an append to one day leaves the token filter to the first merge: at such a rate that comes within
seconds, and the filter costs an insert most. Smaller ones are indexed at once, so neither a quiet node nor an imported
month has blind spots. The index of words is never left out: it costs 0.3 µs a record, and to look for a word in 400,000
records without it takes 25 ms."""

LATER_INDEXES = "message_tokens"

SELECT_SETTINGS: Settings = {
    # By default a statement gets one thread for every free GB of the server's memory, which here is one in all: on two
    # cores everything that scans would take twice as long. What it may use is bounded by `max_memory_usage`.
    "max_threads_min_free_memory_per_thread": 0,
    # Indexes rule parts and blocks out before anything is read, not while each is: of many parts hardly one has to be
    # opened. A needle among 108 parts takes two thirds of the time.
    "use_skip_indexes_on_data_read": 0,
}

FIRST, YIELDING = 1, 10
"""A statement of the second priority pauses, up to a second at a time, while one of the first runs."""

MAX_RESULT_BYTES = 256 * MEBIBYTE
"""Largest answer of one statement; beyond it the statement fails rather than the node."""


@dataclass(frozen=True, slots=True)
class FetchedRows:
    """The `Rows` of a finished statement."""

    schema: pa.Schema
    statistics: SelectStatistics
    table: pa.Table

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self.table.to_batches())


@dataclass(slots=True)
class _Running:
    comment: str
    """Name of the statement in the engine's process list."""
    cancelled: bool = False


class ClickHouseEngine:
    """One table for all tenants, sorted by tenant first. See `layout` for its shape."""

    table = f"{layout.DATABASE}.{layout.TABLE}"
    rollups = ROLLUPS

    def __init__(self, driver: Driver, clock: Clock) -> None:
        self.driver = self._driver = driver
        self._clock = clock
        self._origins = Origins()
        self._versions = Versions()
        self._gate = Gate()
        self._running: dict[str, list[_Running]] = {}
        self._changed = threading.Condition()
        self._name = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        with map_driver_errors("manage"):
            driver.command(f"CREATE DATABASE IF NOT EXISTS {layout.DATABASE} ENGINE = Atomic")
            driver.command(layout.create_statement(layout.TABLE))
            self.presence = Presence(driver, self.table)
            self.wording = Wording.of(driver, layout.TABLE)
        self._forms = Forms()

    @classmethod
    def embedded(cls, directory: Path, clock: Clock) -> ClickHouseEngine:
        """Open the tier kept in `directory`; one per process."""
        driver = EmbeddedDriver(directory, SERVER_SETTINGS)
        try:
            return cls(driver, clock)
        except BaseException:
            driver.close()
            raise

    # ------------------------------------------------------------------ appending

    def append(self, batch: LogBatch) -> None:
        rows = storable(batch)
        if rows.num_rows == 0:
            return
        with self._gate.shared(), self._versions.appending(batch.tenant, rows.column("timestamp")):
            if batch.origin is None:
                self._insert(batch.tenant, rows, token=None)
                return
            key = SpanKey(batch.tenant, batch.origin.first, batch.origin.last)
            with self._origins.trying(key) as unsure:
                if unsure:
                    missing = self._not_stored(batch.tenant, batch.origin, rows)
                    if missing.num_rows < rows.num_rows:
                        # The token would make the engine drop these rows: it belongs to the part that is stored.
                        self._insert(batch.tenant, missing, token=None)
                        return
                    self._insert(batch.tenant, rows, token=f"{key.token()}/{uuid.uuid4().hex[:8]}")
                    return
                self._insert(batch.tenant, rows, token=key.token())

    def _insert(self, tenant: TenantId, rows: pa.Table, *, token: str | None) -> None:
        if rows.num_rows == 0:
            return
        rows = rows.combine_chunks()  # the driver makes a part of every chunk, and each part costs a merge more
        used = rows.column_names
        if self.wording.forms:
            rows = rows.append_column(layout.FORM, self._forms.of(rows.column("message")))
        names = rows.column_names
        target = exp.Schema(
            this=exp.table_(layout.TABLE, db=layout.DATABASE),
            expressions=[exp.to_identifier(name, quoted=True) for name in ("tenant", *names)],
        )
        values = exp.select(exp.Literal.string(tenant), *(stored_value(name, rows) for name in names))
        settings = dict(INSERT_SETTINGS)
        if rows.num_rows >= LARGE_APPEND_ROWS * _days(rows.column("timestamp")):
            settings["exclude_materialize_skip_indexes_on_insert"] = LATER_INDEXES
        if token is not None:
            settings["insert_deduplication_token"] = token
        else:
            settings["insert_deduplicate"] = 0
        with map_driver_errors("append"):
            self.presence.add(used)
            self._driver.insert(target, values, rows, settings)

    def _not_stored(self, tenant: TenantId, origin: Origin, rows: pa.Table) -> pa.Table:
        """The rows of a span whose positions the table does not have."""
        times = pc.min_max(rows.column("timestamp").cast(pa.int64())).as_py()
        position = exp.column("position")
        statement = (
            exp.select(position)
            .from_(self._from())
            .where(_equals("tenant", tenant))
            .where(exp.Between(this=position, low=_number(origin.first), high=_number(origin.last)))
            .where(exp.GTE(this=exp.column("timestamp"), expression=_time(times["min"])))
            .where(exp.LTE(this=exp.column("timestamp"), expression=_time(times["max"])))
        )
        with map_driver_errors("manage"):  # a failed look-up says nothing about the batch
            stored = self._driver.fetch(statement.sql("clickhouse"), {}).table
        if stored.num_rows == 0:
            return rows
        known = pc.is_in(rows.column("position"), value_set=stored.column("position").combine_chunks())
        return rows.filter(pc.invert(known))

    # ------------------------------------------------------------------ reading

    @property
    def unused(self) -> frozenset[str]:
        return self.presence.unused

    def scan(self, request: ScanRequest) -> Iterator[pa.RecordBatch]:
        yield from self.stream(scan_statement(request), request)

    def stream(
        self, statement: exp.Query, request: ScanRequest, more: Settings = MappingProxyType({})
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a statement with the columns of `request`, in its types and batches."""
        schema = pa.schema([STORED_SCHEMA.field(name) for name in request.fields])
        settings = {
            "max_block_size": request.batch_rows,
            "max_bytes_before_external_sort": 200 * MEBIBYTE,
            "max_memory_usage": 600 * MEBIBYTE,
            **more,
        }
        with map_driver_errors("select"):
            for batch in self._driver.stream(statement.sql("clickhouse"), settings):
                for start in range(0, batch.num_rows, request.batch_rows):
                    yield as_records(batch.slice(start, request.batch_rows), schema)

    def select(
        self,
        statement: exp.Query,
        *,
        query_id: str,
        timeout_s: float,
        max_memory_bytes: int,
        max_scan_bytes: int = 0,
        yields: bool = False,
    ) -> FetchedRows:
        return self.run(
            self.with_indexes(statement),
            query_id=query_id,
            timeout_s=timeout_s,
            max_memory_bytes=max_memory_bytes,
            max_scan_bytes=max_scan_bytes,
            yields=yields,
        )

    def run(
        self,
        statement: exp.Query,
        *,
        query_id: str,
        timeout_s: float,
        max_memory_bytes: int,
        max_scan_bytes: int = 0,
        yields: bool = False,
        more: Settings = MappingProxyType({}),
    ) -> FetchedRows:
        """`select` for a statement that names the indexes it uses by itself, with `more` settings."""
        running = _Running(f"{self._name}-{next(self._numbers)}")
        settings: dict[str, int | str] = {
            **SELECT_SETTINGS,
            "log_comment": running.comment,
            "max_execution_time": str(max(timeout_s, 0.001)),
            "max_memory_usage": max_memory_bytes,
            "max_bytes_before_external_group_by": max_memory_bytes // 2,
            "max_bytes_before_external_sort": max_memory_bytes // 2,
            "max_result_bytes": MAX_RESULT_BYTES,
            "max_bytes_to_read": max_scan_bytes,
            "priority": YIELDING if yields else FIRST,
            **_use_of_rollups(statement),
            **more,
        }
        text = statement.sql("clickhouse", copy=False)
        with self._changed:
            self._running.setdefault(query_id, []).append(running)
        try:
            with map_driver_errors("select"):
                if timeout_s <= 0:
                    raise QueryCancelled("no time was left to run the query")
                fetched = self._driver.fetch(text, settings)
            if running.cancelled:
                raise QueryCancelled("query was cancelled")
        finally:
            with self._changed:
                self._running[query_id].remove(running)
                if not self._running[query_id]:
                    del self._running[query_id]
                self._changed.notify_all()
        statistics = SelectStatistics(fetched.storage_rows, fetched.storage_bytes, fetched.elapsed_s)
        return FetchedRows(fetched.table.schema, statistics, fetched.table)

    def cancel(self, query_id: str) -> bool:
        with self._changed:
            targets = list(self._running.get(query_id, ()))
            for target in targets:
                target.cancelled = True
        for target in targets:
            comment = exp.Bracket(this=exp.column("Settings"), expressions=[exp.Literal.string("log_comment")])
            condition = exp.EQ(this=comment, expression=exp.Literal.string(target.comment)).sql("clickhouse")
            # A statement that has not reached the engine yet is not in its list: ask again until it is gone.
            for _ in range(50):
                with map_driver_errors("manage"):
                    self._driver.command(f"KILL QUERY WHERE {condition} ASYNC")
                if self._gone(query_id, target, wait_s=0.02):
                    break
        return bool(targets)

    def _gone(self, query_id: str, target: _Running, wait_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(
                lambda: all(one is not target for one in self._running.get(query_id, ())), wait_s
            )

    # ------------------------------------------------------------------ what a planner asks

    def profile(self) -> Profile:
        with map_driver_errors("select"):
            return profiling.profile(self._driver)

    def with_indexes(self, statement: exp.Query) -> exp.Query:
        return self.wording.indexed(statement)

    def as_read(self, statement: exp.Query) -> exp.Query:
        return self.wording.as_read(statement)

    def reading(self, statement: exp.Query) -> Reading:
        return self.reading_as_is(self.as_read(statement))

    def reading_as_is(self, statement: exp.Query, more: Settings = MappingProxyType({})) -> Reading:
        """`reading` for a statement that names the indexes it uses by itself."""
        with map_driver_errors("select"):
            return profiling.reading(self._driver, statement, {**_use_of_rollups(statement), **more})

    # ------------------------------------------------------------------ keeping house

    def statistics(self, tenant: TenantId | None = None) -> TierStatistics:
        parts = (
            exp.select("coalesce(sum(rows), 0) AS rows", "coalesce(sum(bytes_on_disk), 0) AS bytes")
            .from_(exp.table_("parts", db="system"))
            .where(_equals("database", layout.DATABASE), _equals("table", layout.TABLE), exp.column("active"))
        )
        ends = exp.select(
            "count() AS rows",
            "toUnixTimestamp64Nano(min(timestamp)) AS oldest",
            "toUnixTimestamp64Nano(max(timestamp)) AS newest",
        ).from_(self._from())
        if tenant is not None:
            ends = ends.where(_equals("tenant", tenant))
        with map_driver_errors("select"):
            size = self._driver.fetch(parts.sql("clickhouse"), {}).table.to_pylist()[0]
            seen = self._driver.fetch(ends.sql("clickhouse"), {}).table.to_pylist()[0]
        rows = int(seen["rows"])
        return TierStatistics(
            rows=rows,
            # One table for all: a tenant's share of the bytes is estimated by its share of the rows.
            size_bytes=int(size["bytes"] * rows / size["rows"]) if size["rows"] else 0,
            oldest_ns=int(seen["oldest"]) if rows else None,
            newest_ns=int(seen["newest"]) if rows else None,
        )

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        return self._versions.version(tenant, start_ns, end_ns)

    # ------------------------------------------------------------------ what moves on

    def ages(self, before_ns: int, last_position: int, named: tuple[str, ...]) -> list[Age]:
        with map_driver_errors("manage"):
            return leaving.ages(self._driver, before_ns, last_position, named)

    def count(self, selection: Selection) -> Mapping[int, int]:
        with map_driver_errors("manage"):
            return leaving.count_by_minute(self._driver, leaving.condition(selection))

    def remove(self, selection: Selection) -> None:
        with map_driver_errors("manage"), self._versions.changing(selection.tenant, selection.end_ns):
            leaving.remove(self._driver, self._gate, selection)

    def close(self) -> None:
        with map_driver_errors("manage"):
            self._driver.close()

    def _from(self, alias: str | None = None) -> exp.Table:
        return exp.table_(layout.TABLE, db=layout.DATABASE, alias=alias)


def scan_statement(request: ScanRequest) -> exp.Select:
    """What `scan` runs.

    Raises:
        InvalidInput: a column nobody has.
    """
    try:
        values = [record_value(name) for name in request.fields]
    except KeyError as exc:
        raise InvalidInput(f"scan: there is no column {exc.args[0]}") from exc
    order = [
        exp.Ordered(this=exp.column(name, table="r"), desc=request.newest_first) for name in ("timestamp", "position")
    ]
    return (
        exp.select(*values)
        .from_(exp.table_(layout.TABLE, db=layout.DATABASE, alias="r"))
        .where(_equals("tenant", request.tenant))
        .where(exp.GTE(this=exp.column("timestamp", table="r"), expression=_time(request.start_ns)))
        .where(exp.LT(this=exp.column("timestamp", table="r"), expression=_time(request.end_ns)))
        .order_by(*order)
    )


def _use_of_rollups(statement: exp.Query) -> Settings:
    """Only what counts by minutes is matched with the rollups: the attempt takes 3 to 5 ms of any other statement."""
    return {"optimize_use_projections": int(any(map(weighs, statement.find_all(exp.Select))))}


def _days(timestamps: pa.ChunkedArray) -> int:
    """How many days the records are of, and so how many parts they become."""
    days = timestamps.cast(pa.int64()).to_numpy() // layout.DAY_NS
    return 1 if days.min() == days.max() else len(np.unique(days))


def _equals(column: str, value: str) -> exp.EQ:
    return exp.EQ(this=exp.column(column), expression=exp.Literal.string(value))


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _time(value_ns: int) -> exp.Expr:
    """A time as the table's type; the constant is computed once, so it prunes like a literal."""
    value_ns = max(-(2**63), min(value_ns, 2**63 - 1))
    return exp.Anonymous(this="fromUnixTimestamp64Nano", expressions=[
        exp.Anonymous(this="toInt64", expressions=[exp.Literal.string(str(value_ns))]), exp.Literal.string("UTC")
    ])  # fmt: skip
