"""`ColdFiles`: the cold tier's units as Parquet files in a store, their sketches, and how ClickHouse reads them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from sqlglot import exp, parse_one

from heimdall.clock import Clock
from heimdall.model.batch import TenantId
from heimdall.storage.catalogue import Move, Unit
from heimdall.storage.engines.clickhouse.connection import Driver, Settings
from heimdall.storage.engines.clickhouse.errors import map_driver_errors
from heimdall.storage.engines.parquet import layout
from heimdall.storage.engines.parquet.sketches import Hashes, Sketches
from heimdall.storage.engines.parquet.writer import FileFacts, write_files
from heimdall.storage.objects import Objects
from heimdall.storage.schedule import Tier

FILE_ROWS = 2_000_000
"""Rows of a file, roughly. More: fewer requests for a long range. Fewer: a sketch rules out more."""

READ_SETTINGS: Settings = {
    # Gaps below this are read rather than skipped. The default for remote files, 4 MB, reads whole row groups to get
    # at one page of each column: 94 % of a file for one trace instead of about 2 %.
    "remote_read_min_bytes_for_seek": 32 * 1024,
    # Bloom filters say the same as dictionaries for a tenth of the bytes.
    "input_format_parquet_dictionary_filter_push_down": 0,
    # A store that is away is said to be away after some seconds; the defaults try 500 times.
    "s3_retry_attempts": 4,
    "s3_connect_timeout_ms": 2_000,
    "s3_request_timeout_ms": 20_000,
}

_COLLECTION = "heimdall_cold"
"""Named collection with the store's keys, so that no statement and no error text holds them."""

_HASH = parse_one("reinterpretAsUInt64(substring(MD5(v), 1, 8)) AS h", dialect="clickhouse")
"""`sketches.hash_of`, over a column."""


class ColdFiles:
    """Safe from several threads; written by the mover alone."""

    def __init__(self, objects: Objects, sketches: Sketches, driver: Driver, scratch: Path, clock: Clock) -> None:
        """`scratch` is a local folder for files on their way; whatever lies in it is thrown away."""
        self.objects = objects
        self.sketches = sketches
        self._driver = driver
        self._scratch = scratch
        self._clock = clock
        shutil.rmtree(scratch, ignore_errors=True)
        if objects.s3 is not None:
            with map_driver_errors("manage"):
                driver.command(f"DROP NAMED COLLECTION IF EXISTS {_COLLECTION}")
                driver.command(f"CREATE NAMED COLLECTION {_COLLECTION} AS {_collection(objects)}")

    # ------------------------------------------------------------------ writing

    def write(self, move: Move, rows: Iterator[pa.RecordBatch]) -> Iterator[tuple[Unit, FileFacts]]:
        """Store `rows`, sorted, of one tenant, policy and kept day, as units of a move; durable when yielded."""
        folder = self._scratch / str(move.id)
        tenant, policy, day = _whose(move)
        try:
            for place, (path, facts) in enumerate(write_files(rows, folder, FILE_ROWS)):
                unit_id = move.unit_id(place)
                key = layout.object_key(tenant, day, unit_id, uuid.uuid4().hex[:8])
                self.sketches.write(unit_id, self._hashes(path))
                digest = self.objects.put(key, path)
                path.unlink()
                yield Unit(
                    id=unit_id, tier=Tier.COLD, tenant=tenant, policy=policy, day=day, rows=facts.rows,
                    size_bytes=facts.size_bytes, oldest_ns=facts.oldest_ns, newest_ns=facts.newest_ns,
                    first_position=facts.first_position, last_position=facts.last_position, object=key, sha256=digest,
                    made_ns=self._clock.time_ns(),
                ), facts  # fmt: skip
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _hashes(self, path: Path) -> dict[str, Hashes]:
        """Hashes of the distinct values of the sketched columns of a local file."""
        found: dict[str, Hashes] = {}
        source = _file_function(str(path.resolve()))
        for name in layout.SKETCHED:
            column = exp.column(name, quoted=True)
            value = exp.Anonymous(this="toString", expressions=[column]) if name == "template_id" else column
            distinct = exp.select(exp.alias_(value, "v")).distinct().from_(source.copy())
            if name in layout.ABSENT_TEXT:
                distinct = distinct.where(exp.NEQ(this=column.copy(), expression=exp.Literal.string("")))
            statement = exp.select(_HASH.copy()).from_(distinct.subquery("d"))
            with map_driver_errors("manage"):
                hashes = self._driver.fetch(statement.sql("clickhouse"), {"max_threads": 1}).table.column("h")
            found[name] = hashes.to_numpy().astype(np.uint64)
        return found

    # ------------------------------------------------------------------ removing

    def delete(self, unit: Unit) -> None:
        self.objects.delete([unit.object])
        self.sketches.delete(unit.id)

    def discard(self, move: Move) -> None:
        """Remove whatever a move that was never committed has written."""
        tenant, _, day = _whose(move)
        folder = layout.object_key(tenant, day, 0, "").rpartition("/")[0]
        ours = [key for key in self.objects.keys(folder) if _owned(key, move)]
        self.objects.delete(ours)
        for unit_id in self.sketches.kept():
            if move.owns(unit_id):
                self.sketches.delete(unit_id)

    # ------------------------------------------------------------------ reading

    def may_hold(self, unit: Unit, equal: dict[str, tuple[bytes, ...]]) -> bool:
        """False when no record of the unit has, in each column of `equal`, one of its values."""
        return all(
            any(self.sketches.may_hold(unit.id, column, value) for value in values)
            for column, values in equal.items()
            if column in layout.SKETCHED
        )

    def table(self, units: Sequence[Unit]) -> exp.Expr:
        """A table function over the files of `units`."""
        names = [unit.object.removesuffix(".parquet") for unit in units]
        pattern = (f"{{{','.join(names)}}}" if len(names) > 1 else names[0]) + ".parquet"
        if self.objects.folder is not None:
            return _file_function(f"{self.objects.folder}/{pattern}")
        assert self.objects.s3 is not None
        prefix = f"{self.objects.s3.prefix}/" if self.objects.s3.prefix else ""
        arguments = {"filename": prefix + pattern, "format": "Parquet", "structure": layout.structure()}
        return _function(
            "s3", exp.column(_COLLECTION), *(
                exp.EQ(this=exp.column(name), expression=exp.Literal.string(value)) for name, value in arguments.items()
            )
        )  # fmt: skip


def _whose(move: Move) -> tuple[TenantId, str, int]:
    source = move.selection or move.sources[0]
    return source.tenant, source.policy, source.day


def _owned(key: str, move: Move) -> bool:
    number = key.rpartition("/")[2].partition("-")[0]
    return number.isdigit() and move.owns(int(number))


def _file_function(path: str) -> exp.Expr:
    return _function("file", *(exp.Literal.string(text) for text in (path, "Parquet", layout.structure())))


def _function(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Table(this=exp.Anonymous(this=name, expressions=list(arguments)))


def _collection(objects: Objects) -> str:
    access = objects.s3
    assert access is not None
    values = {"url": f"{access.base_url}/"}
    if access.access_key_id:
        values |= {"access_key_id": access.access_key_id, "secret_access_key": access.secret_access_key}
    else:
        values["use_environment_credentials"] = "1"
    return ", ".join(f"{name} = {exp.Literal.string(value).sql('clickhouse')}" for name, value in values.items())
