"""Whatever bytes a journal's files hold, what it gives out is what was put in."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.bus.buses.journal.config import JournalConfig
from heimdall.bus.buses.journal.log import JournalLog
from heimdall.bus.codec import Codec
from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError
from heimdall.model.batch import LOG_SCHEMA, LogBatch, TenantId
from simulation.simdisk import SimulatedDisk, Tally

CONFIG = JournalConfig(directory=Path("any"), segment_bytes=8 * 1024, min_free_bytes=0, max_used_share=1.0)

payloads = st.lists(st.binary(min_size=1, max_size=2_000), min_size=1, max_size=12)
edits = st.lists(
    st.tuples(st.integers(0, 10**9), st.binary(min_size=1, max_size=1_500)), min_size=1, max_size=6
)  # where, and what is written there


@pytest.fixture(autouse=True)
def quiet() -> object:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def start(disk: SimulatedDisk) -> JournalLog:
    return JournalLog(CONFIG, ManualClock(), disk, threads=False)


def filled(payloads: list[bytes]) -> SimulatedDisk:
    disk = SimulatedDisk(random.Random(0), Tally())
    log = start(disk)
    for number, payload in enumerate(payloads):
        log.committer.submit(payload, count=1 + number % 3, decoded_bytes=len(payload), tenant=b"t%d" % number)
        if number % 2:
            log.committer.commit_pending()
    log.close()
    return disk


@given(payloads)
def test_what_is_appended_is_read_after_a_restart(payloads: list[bytes]) -> None:
    log = start(filled(payloads))
    got = list(log.entries(1, 1 << 30))
    assert [payload for _, payload in got] == payloads
    assert [(header.records, header.tenant) for header, _ in got] == [
        (1 + number % 3, f"t{number}") for number in range(len(payloads))
    ]
    assert log.damages == ()


@given(payloads, edits)
def test_files_overwritten_anywhere_never_give_a_changed_record_and_never_crash(
    payloads: list[bytes], edits: list[tuple[int, bytes]]
) -> None:
    disk = filled(payloads)
    before = {header.first: payload for header, payload in start(disk).entries(1, 1 << 30)}
    images = [disk.files[name] for name in sorted(disk.files)]
    for where, written in edits:
        inode = images[where % len(images)]
        begin = where // len(images) % (len(inode.cache) - len(written))
        inode.cache[begin : begin + len(written)] = written
        inode.durable[:] = inode.cache
    try:
        log = start(disk)
        got = {header.first: payload for header, payload in log.entries(1, 1 << 30)}
        log.committer.submit(b"next", count=1, decoded_bytes=4, tenant=b"t")
        log.committer.commit_pending()
    except HeimdallError:
        return
    assert got.items() <= before.items()
    assert max(before, default=0) < log.end
    gone = [first for first in before if first not in got]
    said = [(damage.first, damage.stop) for damage in log.damages]
    assert all(any(first <= lost < stop for first, stop in said) or log.recovery.cut for lost in gone)


texts = st.text(max_size=40)
names = st.one_of(st.none(), st.sampled_from(["cart", "web", "größe", ""]))


@given(st.lists(st.tuples(texts, names, st.one_of(st.none(), st.floats(allow_nan=False))), min_size=1, max_size=30))
def test_a_table_comes_back_from_its_bytes(rows: list[tuple[str, str | None, float | None]]) -> None:
    schema = pa.schema([LOG_SCHEMA.field(name) for name in ("message", "service", "duration_ms")])
    services = pa.array([row[1] for row in rows], pa.string()).dictionary_encode()
    table = pa.Table.from_arrays(
        [
            pa.array([row[0] for row in rows], pa.large_string()),
            services.cast(schema.field("service").type),
            pa.array([row[2] for row in rows], pa.float64()),
        ],
        schema=schema,
    )
    for compression in ("lz4", "zstd", "none"):
        codec = Codec(compression, 1 << 20)
        again = codec.decode(codec.encode(LogBatch(TenantId("t"), table)))
        assert again.equals(table)
        assert again.schema.equals(schema)
