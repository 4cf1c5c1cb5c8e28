"""The journal on a real folder."""

from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import Future
from pathlib import Path

import pyarrow as pa
import pytest

from heimdall.bus.buses.journal import Damage, Journal, JournalConfig
from heimdall.bus.buses.journal.disk import PosixDisk, Space
from heimdall.clock import ManualClock
from heimdall.errors import BusUnavailable, InvalidInput, Misconfigured, Overloaded, TooLarge
from heimdall.model.batch import LogBatch, TenantId

WAIT_S = 10


def config(directory: Path, **changes: object) -> JournalConfig:
    defaults = {"segment_bytes": 64 * 1024, "min_free_bytes": 0, "max_used_share": 1.0, "recent_bytes": 0}
    return JournalConfig(directory=directory, **(defaults | changes))  # type: ignore[arg-type]


def batch(*messages: str, tenant: str = "shop") -> LogBatch:
    return LogBatch(TenantId(tenant), pa.table({"message": pa.array(messages, pa.large_string())}))


def messages(journal: Journal, position: int = 1) -> list[str]:
    frames = journal.read(position, max_bytes=1 << 30)
    return [message for frame in frames for message in frame.batch.table["message"].to_pylist()]


def segment_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.journal"))


def test_everything_is_there_again_after_closing(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path))
    for number in range(50):
        journal.append(batch(f"{number} " + "x" * 3_000, "second")).result(WAIT_S)
    journal.close()

    again = Journal(config(tmp_path))

    assert (again.recovery.records, again.end, again.damages) == (100, 101, ())
    assert [m.split()[0] for m in messages(again)[::2]] == [str(number) for number in range(50)]
    again.close()


def test_positions_go_on_after_everything_was_released(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path))
    for number in range(200):
        journal.append(batch(f"{number} " * 500)).result(WAIT_S)
    files_before = len(segment_files(tmp_path))
    journal.release(journal.end)
    journal.close()

    assert len(segment_files(tmp_path)) == 1 < files_before
    again = Journal(config(tmp_path))
    assert again.append(batch("next")).result(WAIT_S) == 201
    again.close()


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path))
    with pytest.raises(Misconfigured, match="in use"):
        Journal(config(tmp_path))
    journal.close()
    Journal(config(tmp_path)).close()


def test_damage_in_the_middle_is_reported_quarantined_and_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(config(tmp_path), ManualClock(77))
    for number in range(3):
        journal.append(batch(f"{number}", f"{number}", tenant=f"tenant-{number}")).result(WAIT_S)
    journal.close()
    (path,) = segment_files(tmp_path)
    content = bytearray(path.read_bytes())
    second = content.index(b"tenant-1")
    frame = second // 512 * 512
    content[frame + 600] ^= 0x10
    path.write_bytes(content)

    with caplog.at_level(logging.ERROR):
        again = Journal(config(tmp_path))

    assert messages(again) == ["0", "0", "2", "2"]
    (damage,) = again.damages
    assert (damage.first, damage.stop, damage.offset, damage.tenant, damage.accepted_at_ns) == (
        3,
        5,
        frame,
        "tenant-1",
        77,
    )
    assert "positions 3 to 4 are unreadable" in caplog.text
    note = json.loads((tmp_path / "quarantine" / f"{3:020d}-{5:020d}.json").read_text())
    assert Damage(**note) == damage
    kept = (tmp_path / "quarantine" / f"{3:020d}-{5:020d}.bin").read_bytes()
    assert kept == bytes(content[frame : frame + damage.length])
    assert again.append(batch("new")).result(WAIT_S) == 7
    again.close()


def test_damage_that_comes_while_running_is_found_by_the_reader(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path))
    for number in range(3):
        journal.append(batch(f"{number}", tenant=f"tenant-{number}")).result(WAIT_S)
    path = segment_files(tmp_path)[0]
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(b"tenant-1") // 512 * 512 + 700)
        file.write(b"\xff\xff\xff\xff")

    assert messages(journal) == ["0", "2"]
    assert [(damage.first, damage.stop) for damage in journal.damages] == [(2, 3)]
    assert messages(journal) == ["0", "2"]
    assert len(journal.damages) == 1
    journal.close()


def test_positions_that_were_reported_lost_are_not_given_again_even_if_nothing_else_tells_of_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / f"{5:020d}-{9:020d}.json").write_text("{}")
    journal = Journal(config(tmp_path))
    assert journal.append(batch("a")).result(WAIT_S) == 9
    journal.close()


def test_a_torn_tail_is_cut_and_its_positions_are_given_again(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path))
    journal.append(batch("kept")).result(WAIT_S)
    journal.append(batch("torn " + "".join(chr(33 + i * 7 % 90) for i in range(5_000)))).result(WAIT_S)
    journal.close()
    (path,) = segment_files(tmp_path)
    content = bytearray(path.read_bytes())
    end = len(content.rstrip(b"\0"))
    content[end // 512 * 512 :] = bytes(len(content) - end // 512 * 512)  # the last sector never arrived
    path.write_bytes(content)

    again = Journal(config(tmp_path))

    assert messages(again) == ["kept"]
    assert again.recovery.cut is not None
    assert again.damages == ()
    assert again.append(batch("next")).result(WAIT_S) == 2
    again.close()


def test_a_file_that_somebody_has_shortened_is_damage_and_not_a_torn_tail(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path))
    for text in ("kept", "gone"):
        journal.append(batch(text)).result(WAIT_S)
    journal.close()
    (path,) = segment_files(tmp_path)
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content[:-600])

    again = Journal(config(tmp_path))

    assert messages(again) == ["kept"]
    (damage,) = again.damages
    assert (damage.first, damage.exact) == (2, False)
    assert again.append(batch("next")).result(WAIT_S) == damage.stop
    again.close()


def test_a_spare_file_of_the_life_before_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "0000000000000009.journal").write_bytes(bytes(64 * 1024))
    journal = Journal(config(tmp_path))
    journal.append(batch("a")).result(WAIT_S)
    journal.close()
    assert [path.name for path in segment_files(tmp_path)] == ["0000000000000010.journal"]


def append_until_refused(journal: Journal, futures: list[Future[int]]) -> None:
    for _ in range(10):
        futures.append(journal.append(batch("x")))


def test_too_much_waiting_is_refused_with_a_time_to_come_back(tmp_path: Path) -> None:
    class StuckDisk(PosixDisk):
        def create(self, name: str, size: int):  # type: ignore[no-untyped-def]
            self.released.wait(WAIT_S)
            return super().create(name, size)

    disk = StuckDisk(tmp_path)
    disk.released = threading.Event()  # type: ignore[attr-defined]
    journal = Journal(config(tmp_path, max_waiting_bytes=4_096), disk=disk)
    futures: list[Future[int]] = []
    with pytest.raises(Overloaded) as refused:
        append_until_refused(journal, futures)
    assert refused.value.retry_after_s > 0
    disk.released.set()  # type: ignore[attr-defined]
    assert [future.result(WAIT_S) for future in futures] == list(range(1, len(futures) + 1))
    assert journal.append(batch("x")).result(WAIT_S) == len(futures) + 1
    journal.close()


@pytest.mark.parametrize(
    ("free_bytes", "changes"),
    [(5_000, {"min_free_bytes": 10_000}), (20_000, {"min_free_bytes": 0, "max_used_share": 0.9})],
)
def test_a_disk_above_its_high_water_mark_refuses_before_it_is_full(
    tmp_path: Path, free_bytes: int, changes: dict[str, float]
) -> None:
    class FullDisk(PosixDisk):
        free_bytes = 1 << 40

        def space(self) -> Space:
            return Space(self.free_bytes, max(1_000_000, self.free_bytes))

    disk, clock = FullDisk(tmp_path), ManualClock()
    journal = Journal(config(tmp_path, **changes), clock, disk=disk)
    journal.append(batch("there is room")).result(WAIT_S)
    disk.free_bytes = free_bytes
    clock.advance(1)
    with pytest.raises(Overloaded):
        journal.append(batch("no room"))
    disk.free_bytes = 1 << 40
    clock.advance(1)
    journal.append(batch("room again")).result(WAIT_S)
    assert messages(journal) == ["there is room", "room again"]
    journal.close()


def test_batches_over_a_limit_are_refused_by_name_of_the_limit(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path, max_batch_bytes=10_000))
    with pytest.raises(TooLarge, match="10000 bytes"):
        journal.append(batch("x" * 20_000))
    with pytest.raises(InvalidInput, match="tenant"):
        journal.append(batch("x", tenant="t" * 200))
    journal.close()
    journal = Journal(config(tmp_path))
    with pytest.raises(TooLarge, match="segment"):
        journal.append(batch(str(list(range(60_000)))))
    journal.close()


def test_a_read_that_the_disk_refuses_loses_nothing(tmp_path: Path) -> None:
    class MoodyDisk(PosixDisk):
        broken = False

        def open(self, name: str):  # type: ignore[no-untyped-def]
            if self.broken:
                raise OSError(5, "Input/output error")
            return super().open(name)

    disk = MoodyDisk(tmp_path)
    journal = Journal(config(tmp_path), disk=disk)
    journal.append(batch("a")).result(WAIT_S)
    disk.broken = True
    with pytest.raises(BusUnavailable):
        messages(journal)
    disk.broken = False
    assert messages(journal) == ["a"]
    assert journal.damages == ()
    journal.close()


def test_settings_that_cannot_work_stop_at_start_up(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="segment_bytes"):
        JournalConfig(directory=tmp_path, segment_bytes=1_000)
    with pytest.raises(Misconfigured, match="max_used_share"):
        JournalConfig(directory=tmp_path, max_used_share=3)
    with pytest.raises(Misconfigured, match="group_bytes"):
        JournalConfig(directory=tmp_path, group_bytes=0)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(Misconfigured, match="cannot be used"):
        Journal(config(blocked / "below"))


def test_a_reader_that_keeps_up_reads_no_disk(tmp_path: Path) -> None:
    class CountingDisk(PosixDisk):
        opened = 0

        def open(self, name: str):  # type: ignore[no-untyped-def]
            self.opened += 1
            return super().open(name)

    disk = CountingDisk(tmp_path)
    journal = Journal(config(tmp_path, recent_bytes=1 << 20), disk=disk)
    for text in ("a", "b", "c"):
        journal.append(batch(text, text + text)).result(WAIT_S)
    before = disk.opened
    frames = list(journal.read(1, max_bytes=1 << 20))
    assert disk.opened == before
    journal.close()
    reopened = Journal(config(tmp_path))
    from_disk = list(reopened.read(1, max_bytes=1 << 20))
    reopened.close()
    assert [(f.first, f.count, f.tenant, f.accepted_at_ns, f.batch) for f in frames] == [
        (f.first, f.count, f.tenant, f.accepted_at_ns, f.batch) for f in from_disk
    ]


def test_what_no_longer_fits_into_memory_comes_from_the_disk_and_then_from_memory(tmp_path: Path) -> None:
    journal = Journal(config(tmp_path, recent_bytes=3 * batch("message 10").table.nbytes))
    sent = [f"message {n}" for n in range(10, 20)]
    for text in sent:
        journal.append(batch(text)).result(WAIT_S)
    assert messages(journal) == sent
    assert messages(journal, 9) == sent[8:]
    journal.release(10)
    assert messages(journal, 9) == sent[8:]  # still on the disk: its segment is not full
    journal.close()
