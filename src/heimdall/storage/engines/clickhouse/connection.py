"""Statements to ClickHouse and Arrow back: the driver behind a small protocol, embedded (chDB) today.

A server's driver will be a second class with the same five methods; nothing above this module knows which one it is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa
import pyarrow.ipc as ipc
from sqlglot import exp

from heimdall.errors import Misconfigured

Settings = Mapping[str, int | str]

OUTPUT_SETTINGS: Settings = {
    "output_format_arrow_fixed_string_as_fixed_byte_array": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    "output_format_arrow_compression_method": "none",
    "output_format_native_write_json_as_string": 1,
}

MAX_QUERY_BYTES = 16 * 1024 * 1024
"""Of a statement's text. One over a year of the cold tier names thousands of files."""

_WARM_UP_AFTER_S = 1.0
"""chDB imports pandas when it first sees an Arrow table, half a second the first append should not wait for. A start
should not wait for it either: seconds after opening, by when a node is usually ready."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole result; `storage_*` is what the tables had to read for it."""

    table: pa.Table
    storage_rows: int
    storage_bytes: int
    elapsed_s: float


class Driver(Protocol):
    """Safe from several threads; statements of different threads run side by side."""

    def command(self, sql: str) -> None:
        """Run a statement without a result."""

    def run(self, sql: str, settings: Settings) -> None:
        """`command` for a statement that copies many rows, within settings of its own."""

    def insert(self, target: exp.Schema, values: exp.Select, rows: pa.Table, settings: Settings) -> None:
        """Insert `values`, which select from `rows` and have no FROM of their own, into `target`."""

    def fetch(self, sql: str, settings: Settings) -> Fetched:
        """Run a read-only statement and return all of its result."""

    def stream(self, sql: str, settings: Settings) -> Iterator[pa.RecordBatch]:
        """Run a read-only statement and yield its result as it is read; closing the iterator stops it."""

    def close(self) -> None:
        """Wait for running statements, then release files."""


def setting_clause(settings: Settings) -> str:
    """` SETTINGS a = 1, b = 'x'`; values are numbers or quoted."""
    if not settings:
        return ""
    return " SETTINGS " + ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())


def _literal(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class EmbeddedDriver:
    """chDB: ClickHouse inside this process, one directory per process, as many connections as there are callers."""

    _IDLE_CONNECTIONS = 16  # each is a session of some kilobytes; more callers than this open and close their own

    def __init__(self, directory: Path, server_settings: Settings) -> None:
        """
        Raises:
            Misconfigured: the directory cannot be used, or this process has another one open.
        """
        import chdb

        self._connect = cast("Callable[[str], Any]", chdb.connect)
        location = str(directory.resolve())
        if "?" in location:
            raise Misconfigured(f"storage directory {location}: a name with '?' cannot be used")
        self._location = f"{location}?" + "&".join(f"{name}={value}" for name, value in server_settings.items())
        self._lock = threading.Lock()
        self._nothing_running = threading.Condition(self._lock)
        self._idle: dict[bool, list[Any]] = {False: [], True: []}
        self._running = 0
        self._closed = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._anchor = self._connect(self._location)  # keeps the engine up while others come and go
        except Exception as exc:
            raise Misconfigured(f"storage directory {location} cannot be opened: {exc}") from exc
        self._warming = threading.Timer(_WARM_UP_AFTER_S, self._warm_up)
        self._warming.daemon = True
        self._warming.start()

    def command(self, sql: str) -> None:
        with self._connection(read_only=False) as connection:
            connection.query(sql, "Null")

    def run(self, sql: str, settings: Settings) -> None:
        self.command(sql + setting_clause(settings))

    def insert(self, target: exp.Schema, values: exp.Select, rows: pa.Table, settings: Settings) -> None:
        # `Python(rows)` reads the Arrow table held by the variable of that name in this frame, without a copy.
        source = exp.Table(this=exp.Anonymous(this="Python", expressions=[exp.column("rows")]))
        statement = exp.Insert(this=target, expression=values.from_(source)).sql("clickhouse")
        with self._connection(read_only=False) as connection:
            connection.query(statement + setting_clause(settings), "Null")

    def fetch(self, sql: str, settings: Settings) -> Fetched:
        with self._connection(read_only=True) as connection:
            result = connection.query(sql + setting_clause({**OUTPUT_SETTINGS, **settings}), "ArrowStream")
            table = ipc.open_stream(pa.py_buffer(result.bytes())).read_all()
            return Fetched(table, result.storage_rows_read(), result.storage_bytes_read(), result.elapsed())

    def stream(self, sql: str, settings: Settings) -> Iterator[pa.RecordBatch]:
        with self._connection(read_only=True) as connection:
            result = connection.send_query(sql + setting_clause({**OUTPUT_SETTINGS, **settings}), "Arrow")
            try:
                while (chunk := result.fetch()) is not None:
                    yield from ipc.open_file(pa.py_buffer(chunk.bytes())).read_all().to_batches()
            finally:
                result.close()

    def _warm_up(self) -> None:
        rows = pa.table({"n": pa.array([1], pa.int64())})
        with contextlib.suppress(Exception), self._connection(read_only=False) as connection:
            connection.query("SELECT n FROM Python(rows)", "Null")
        del rows

    def close(self) -> None:
        """As `Driver.close`; chDB 4.4 itself keeps about five threads and twelve files (their counters below /proc) of
        each directory that was ever opened, and raises the soft limit of files to the hard one. A node opens one; a
        process that opens hundreds, as tests do, needs a hard limit of some thousands."""
        self._warming.cancel()
        self._warming.join()
        with self._nothing_running:
            self._closed = True
            self._nothing_running.wait_for(lambda: self._running == 0)
            for idle in self._idle.values():
                for connection in idle:
                    connection.close()
                idle.clear()
        self._anchor.close()

    @contextmanager
    def _connection(self, *, read_only: bool) -> Iterator[Any]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._running += 1
            connection = self._idle[read_only].pop() if self._idle[read_only] else None
        keep = False
        try:
            if connection is None:
                connection = self._connect(self._location)
                connection.query(f"SET max_query_size = {MAX_QUERY_BYTES}", "Null")
                if read_only:
                    connection.query("SET readonly = 2", "Null")
            yield connection
            keep = True
        finally:
            with self._nothing_running:
                self._running -= 1
                if keep and not self._closed and len(self._idle[read_only]) < self._IDLE_CONNECTIONS:
                    self._idle[read_only].append(connection)
                elif connection is not None:
                    connection.close()
                self._nothing_running.notify_all()
