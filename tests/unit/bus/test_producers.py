from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.bus.buses.journal import Journal, JournalConfig
from heimdall.bus.port import ProducerKey
from heimdall.bus.producers import REMEMBERED_S, ProducerMemory
from heimdall.errors import BusUnavailable, Overloaded
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, LogBatch

SENDER = b"sender-of-16-byt"
WAIT_S = 10


def batch(*messages: str) -> LogBatch:
    now = [1_700_000_000_000_000_000] * len(messages)
    columns = {"timestamp": now, "observed_timestamp": now, "severity_number": [9] * len(now), "message": messages}
    arrays = [pa.array(values, LOG_SCHEMA.field(name).type) for name, values in columns.items()]
    return LogBatch(
        DEFAULT_TENANT, pa.Table.from_arrays(arrays, schema=pa.schema([LOG_SCHEMA.field(n) for n in columns]))
    )


def messages(journal: Journal) -> list[str]:
    return [m for frame in journal.read(1, max_bytes=1 << 30) for m in frame.batch.table["message"].to_pylist()]


def journal(folder: Path) -> Journal:
    return Journal(JournalConfig(directory=folder, segment_bytes=64 << 10, min_free_bytes=0))


def test_what_was_kept_is_known_after_a_restart(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.append(batch("a"), producer=ProducerKey(SENDER, 3, 100)).result(WAIT_S)
    first.close()
    second = journal(tmp_path)
    assert second.append(batch("a"), producer=ProducerKey(SENDER, 3, 100)).result(WAIT_S) == 0
    assert second.append(batch("b"), producer=ProducerKey(SENDER, 3, 101)).result(WAIT_S) == 2
    second.close()


def test_what_was_kept_is_known_after_its_segment_was_deleted(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.append(batch("a"), producer=ProducerKey(SENDER, 0, 100)).result(WAIT_S)
    for number in range(40):
        first.append(batch("x" * 8192 + f"{number}")).result(WAIT_S)
    first.release(first.end)
    assert "a" not in messages(first)
    first.close()
    second = journal(tmp_path)
    assert second.append(batch("a"), producer=ProducerKey(SENDER, 0, 100)).result(WAIT_S) == 0
    second.close()


def test_a_producer_sends_one_batch_at_a_time() -> None:
    memory = ProducerMemory(now_s=lambda: 0.0)
    under_way: Future[int] = Future()
    assert memory.once(ProducerKey(SENDER, 0, 1), lambda: under_way) is under_way
    assert memory.once(ProducerKey(SENDER, 0, 1), Future) is under_way
    with pytest.raises(Overloaded):
        memory.once(ProducerKey(SENDER, 0, 2), Future)
    under_way.set_exception(BusUnavailable("the disk fails"))
    again: Future[int] = Future()
    assert memory.once(ProducerKey(SENDER, 0, 1), lambda: again) is again


def test_silent_producers_are_forgotten_in_the_end(tmp_path: Path) -> None:
    now = [1000.0]
    memory = ProducerMemory({SENDER: (0, 5)}, now_s=lambda: now[0])
    now[0] += REMEMBERED_S + 1
    memory.save(tmp_path / "producers.json")
    fresh = ProducerMemory(now_s=lambda: now[0])
    fresh.load(tmp_path / "producers.json")
    kept: Future[int] = Future()
    assert fresh.once(ProducerKey(SENDER, 0, 5), lambda: kept) is kept


def test_a_damaged_memory_file_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "producers.json").write_text('[["zz", 1]]')
    ProducerMemory(now_s=lambda: 0.0).load(tmp_path / "producers.json")
