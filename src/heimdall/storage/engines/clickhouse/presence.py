"""Which columns of the table any record has ever had a value in.

Every column a statement names costs it time, whether it holds anything or not, and most senders fill half of them.
What no record has had need not be read. The set only grows, and is on the disk before the first record that makes it
grow: it may name a column whose records are gone, and never lacks one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.engines.clickhouse.connection import Driver
from heimdall.storage.stored import STORED_SCHEMA

TABLE = f"{layout.DATABASE}.columns"
OPTIONAL = frozenset(field.name for field in STORED_SCHEMA if field.nullable)


class Presence:
    """Safe from several threads. `records` is the table it speaks of, which must exist."""

    def __init__(self, driver: Driver, records: str) -> None:
        self._driver = driver
        self._lock = threading.Lock()
        driver.command(
            f"CREATE TABLE IF NOT EXISTS {TABLE} (name String) ENGINE = MergeTree ORDER BY name "
            "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )
        self._seen = frozenset(self._names(f"SELECT name FROM {TABLE}"))
        if not self._seen and self._names(f"SELECT '' AS name FROM {records} LIMIT 1"):
            self.add(OPTIONAL)  # records of a time when nobody kept count

    @property
    def unused(self) -> frozenset[str]:
        """Columns no record has had a value in."""
        return OPTIONAL - self._seen

    def add(self, names: Iterable[str]) -> None:
        """Say, before they are appended, that records have values in these columns. Those every record has are listed,
        too: an empty list is that of a table without records."""
        if self._seen.issuperset(names):
            return
        with self._lock:
            fresh = sorted(set(names) - self._seen)
            if not fresh:  # another append was first
                return
            values = ", ".join(f"('{name}')" for name in fresh)
            self._driver.command(f"INSERT INTO {TABLE} SELECT * FROM VALUES('name String', {values})")
            self._seen |= set(fresh)

    def _names(self, statement: str) -> list[str]:
        found: list[str] = self._driver.fetch(statement, {}).table.column("name").to_pylist()
        return found
