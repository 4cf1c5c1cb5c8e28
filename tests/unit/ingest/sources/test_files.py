from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zstandard

from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import ManualClock
from heimdall.errors import InvalidInput, Unavailable
from heimdall.ingest.sources import files
from heimdall.ingest.sources.content import Content
from heimdall.ingest.sources.files import FilesConfig, FileSource
from heimdall.ingest.sources.sink import BusSink, Chunk
from heimdall.ingest.sources.tailed_file import CHUNK_BYTES

LINE = "2026-11-22 10:00:00,123 INFO [main] a.b.C: {}\n"


class Killed(BaseException):
    """Stands for kill -9: nothing of ours runs after it."""


@dataclass
class Receiver:
    """Keeps what it is sent once per key, as the bus does, and dies when told."""

    lines: list[str] = field(default_factory=list)
    marks: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    die_before: bool = False
    die_after: bool = False
    failures: list[Exception] = field(default_factory=list)
    chunks: int = 0

    def send(self, chunk: Chunk) -> None:
        if self.die_before:
            raise Killed
        if self.failures:
            raise self.failures.pop(0)
        mark = (chunk.key.epoch, chunk.key.sequence)
        if mark > self.marks.get(chunk.key.producer_id, (-1, -1)):
            self.marks[chunk.key.producer_id] = mark
            self.lines += chunk.data.decode().splitlines()
            self.chunks += 1
        if self.die_after:
            raise Killed


@dataclass
class World:
    folder: Path
    receiver: Receiver = field(default_factory=Receiver)
    clock: ManualClock = field(default_factory=ManualClock)
    source: FileSource | None = None

    def start(self, *patterns: str) -> FileSource:
        self.source = FileSource(
            [str(self.folder / pattern) for pattern in patterns or ("app.log*",)],
            self.receiver,
            self.clock,
            config=FilesConfig(),
            checkpoint_dir=self.folder / "checkpoints",
        )
        return self.source

    def settle(self, seconds: float = 10.0) -> None:
        """Look often enough that everything open has been given up waiting for."""
        assert self.source is not None
        for _ in range(int(seconds / 2.5) + 2):
            while self.source.poll():
                pass
            self.clock.advance(2.5)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def append(path: Path, *names: object) -> list[str]:
    with path.open("a", encoding="utf-8") as file:
        for name in names:
            file.write(LINE.format(name))
    return [LINE.format(name).rstrip("\n") for name in names]


def test_a_file_is_read_to_its_end_and_then_followed(world: World) -> None:
    sent = append(world.folder / "app.log", 1, 2, 3)
    world.start()
    world.settle()
    sent += append(world.folder / "app.log", 4, 5)
    world.settle()
    assert world.receiver.lines == sent


def test_the_last_record_waits_for_lines_that_may_continue_it(world: World) -> None:
    append(world.folder / "app.log", 1, 2)
    source = world.start()
    source.poll()
    assert len(world.receiver.lines) == 1
    with (world.folder / "app.log").open("a") as file:
        file.write("java.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)\n")
    source.poll()
    assert len(world.receiver.lines) == 1
    append(world.folder / "app.log", 3)
    source.poll()
    assert world.receiver.lines[1:] == [
        LINE.format(2).rstrip("\n"), "java.lang.IllegalStateException: no", "\tat a.b.C.d(C.java:1)",
    ]  # fmt: skip


def test_a_line_without_an_end_waits_for_it(world: World) -> None:
    path = world.folder / "app.log"
    path.write_text("2026-11-22 10:00:00 INFO beg")
    source = world.start()
    source.poll()
    world.clock.advance(1)
    source.poll()
    assert world.receiver.lines == []
    with path.open("a") as file:
        file.write("un\n")
    source.poll()
    world.clock.advance(1)
    source.poll()
    assert world.receiver.lines == ["2026-11-22 10:00:00 INFO begun"]


def test_a_line_that_never_ends_is_sent_at_last(world: World) -> None:
    (world.folder / "app.log").write_text("no newline")
    world.start()
    world.settle()
    assert world.receiver.lines == ["no newline"]


def test_rotation_by_renaming_loses_and_doubles_nothing(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(5))
    world.start("app.log")
    world.settle(0)
    sent += append(path, "written before the rename")
    path.rename(world.folder / "app.log.1")
    sent += append(world.folder / "app.log.1", "written to the old file after the rename")
    sent += append(path, "first of the new file")
    world.settle(20)
    assert sorted(world.receiver.lines) == sorted(sent)


def test_rotated_files_that_match_the_pattern_too_are_read_once(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(5))
    world.start("app.log*")
    world.settle()
    path.rename(world.folder / "app.log.1")
    sent += append(path, "new")
    world.settle(20)
    assert sorted(world.receiver.lines) == sorted(sent)


def test_copytruncate_reads_the_rest_from_the_copy(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(5))
    world.start("app.log*")
    world.settle()
    sent += append(path, "after the last look")
    shutil.copy(path, world.folder / "app.log.1")
    os.truncate(path, 0)
    sent += append(path, "after the truncation")
    world.settle(20)
    assert sorted(world.receiver.lines) == sorted(sent)


def test_a_copy_seen_before_the_truncation_is_not_read(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(5))
    world.start("app.log*")
    world.settle()
    shutil.copy(path, world.folder / "app.log.1")
    world.settle()
    os.truncate(path, 0)
    sent += append(path, "next")
    world.settle(20)
    assert sorted(world.receiver.lines) == sorted(sent)


def test_a_file_rewritten_in_place_with_more_is_read_anew(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(5))
    world.start("app.log")
    world.settle()
    fresh = [LINE.format(f"other {n}") for n in range(50)]
    with path.open("r+") as file:
        file.writelines(fresh)
    world.settle()
    assert world.receiver.lines == sent + [line.rstrip("\n") for line in fresh]


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_compressed_file_is_read_once(world: World, suffix: str) -> None:
    data = "".join(LINE.format(n) for n in range(1000)).encode()
    packed = {
        ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress,
    }[suffix](data)  # fmt: skip
    (world.folder / f"app.log.1{suffix}").write_bytes(packed)
    world.start()
    world.settle()
    world.start()
    world.settle()
    assert world.receiver.lines == data.decode().splitlines()


def test_a_file_compressed_after_rotation_is_not_read_again(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(20))
    world.start("app.log*")
    world.settle()
    path.rename(world.folder / "app.log.1")
    sent += append(world.folder / "app.log.1", "late")
    sent += append(path, "new")
    world.settle(20)
    with gzip.open(world.folder / "app.log.1.gz", "wb") as file:
        file.write((world.folder / "app.log.1").read_bytes())
    (world.folder / "app.log.1").unlink()
    world.settle(20)
    assert sorted(world.receiver.lines) == sorted(sent)


def test_a_damaged_compressed_file_gives_what_can_be_read(world: World) -> None:
    data = "".join(LINE.format(random.Random(n).random()) for n in range(20_000)).encode()
    packed = gzip.compress(data)
    (world.folder / "app.log.gz").write_bytes(packed[: len(packed) // 2])
    world.start()
    world.settle()
    whole = data.decode().splitlines()
    assert 1000 < len(world.receiver.lines) < len(whole)
    assert world.receiver.lines[:1000] == whole[:1000]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_acknowledgement_neither_loses_nor_doubles(world: World, moment: str) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(100))
    world.start()
    setattr(world.receiver, f"die_{moment}", True)
    with pytest.raises(Killed):
        world.settle()
    setattr(world.receiver, f"die_{moment}", False)
    sent += append(path, "written while nobody looked")
    world.start()
    world.settle()
    assert world.receiver.lines == sent


def test_a_restart_after_rotation_finds_the_old_file(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, *range(30))
    world.start("app.log")
    world.receiver.die_after = True
    with pytest.raises(Killed):
        world.settle()
    world.receiver.die_after = False
    sent += append(path, "after the kill")
    path.rename(world.folder / "app.log.1")
    sent += append(path, "new file")
    world.start("app.log")
    world.settle(20)
    assert world.receiver.lines == sent


def test_a_busy_receiver_gets_the_same_chunk_again(world: World) -> None:
    sent = append(world.folder / "app.log", 1, 2, 3)
    world.receiver.failures = [Unavailable("not yet"), Unavailable("not yet")]
    for failure in world.receiver.failures:
        failure.retry_after_s = 0.001  # type: ignore[attr-defined]
    world.start().drain()
    assert world.receiver.lines == sent


def test_a_refused_chunk_is_counted_and_passed_over(world: World) -> None:
    append(world.folder / "app.log", 1)
    world.receiver.failures = [InvalidInput("never")]
    source = world.start()
    source.drain()
    assert (source.refused_chunks, world.receiver.lines) == (1, [])


def test_draining_sends_open_ends_at_once_and_the_next_time_only_what_is_new(world: World) -> None:
    path = world.folder / "app.log"
    path.write_text(LINE.format(1) + "\tcontinued\nno end")
    world.start().drain()
    assert world.receiver.lines == [LINE.format(1).rstrip("\n"), "\tcontinued", "no end"]
    more = append(path, "x")
    world.start().drain()
    assert world.receiver.lines[3:] == more


def test_a_damaged_checkpoint_is_passed_over(world: World) -> None:
    folder = world.folder / "checkpoints"
    folder.mkdir()
    (folder / "00.json").write_text('{"producer": 1')
    (folder / "01.json").write_text(json.dumps({"unknown": 1}))
    sent = append(world.folder / "app.log", 1)
    world.start().drain()
    assert world.receiver.lines == sent


def test_a_line_of_a_hundred_megabytes_is_cut_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    size = 100 << 20
    with path.open("wb") as file:
        file.write(b"before\n")
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\nafter\n")
    bus = MemoryBus()
    FileSource([str(path)], BusSink(bus, ManualClock()), ManualClock()).drain()
    rows = [row for frame in bus.read(1, max_bytes=1 << 30) for row in frame.batch.table.to_pylist()]
    assert [len(row["message"]) for row in rows] == [6, 1 << 20, 5]
    assert json.loads(rows[1]["attributes"])["heimdall.original_bytes"] == size


def test_files_larger_than_a_chunk_arrive_whole(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    lines = [f"2026-11-22 10:00:00 INFO number {n} {'y' * 100}" for n in range(CHUNK_BYTES // 60)]
    path.write_text("\n".join(lines) + "\n")
    receiver = Receiver()
    FileSource([str(path)], receiver, ManualClock()).drain()
    assert receiver.chunks > 1
    assert receiver.lines == lines


def test_records_reach_the_bus_decoded(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    append(path, "hello")
    bus = MemoryBus()
    FileSource([str(path)], BusSink(bus, ManualClock(), service="shop"), ManualClock()).drain()
    (frame,) = bus.read(1, max_bytes=1 << 20)
    row = frame.batch.table.to_pylist()[0]
    assert (row["message"], row["service"], row["severity_number"]) == ("hello", "shop", 9)


def test_a_file_another_process_reads_is_left_to_it_and_taken_over_when_it_ends(world: World) -> None:
    path = world.folder / "app.log"
    sent = append(path, 1, 2)
    (world.folder / "checkpoints").mkdir()
    held = f"""
import fcntl, os, sys
locks = os.open({str(world.folder / "checkpoints" / "lock")!r}, os.O_RDWR | os.O_CREAT)
fcntl.lockf(locks, fcntl.LOCK_EX, 1, {path.stat().st_ino})
print("held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        world.start()
        world.settle()
        assert world.receiver.lines == []
        other.communicate()
    world.settle()
    assert world.receiver.lines == sent


def test_arrays_and_utf_16_are_read_as_lines_once(world: World) -> None:
    (world.folder / "list.json").write_text('[\n  {"msg": "one"},\n  {"msg": "two"}\n]\n')
    with gzip.open(world.folder / "more.json.gz", "wt") as file:
        file.write('[{"msg":"three"},{"msg":"four"}]')
    (world.folder / "windows.log").write_bytes("\ufeffzürich\r\nbern\r\n".encode("utf-16-le"))
    for _ in range(2):
        world.start("list.json", "more.json.gz", "windows.log").drain()
    told = [line for line in world.receiver.lines if line.strip()]
    assert told == ['{"msg":"one"}', '{"msg":"two"}', '{"msg":"three"}', '{"msg":"four"}', "zürich", "bern"]


def test_damaged_files_are_named_when_they_are_read_out(world: World) -> None:
    packed = gzip.compress(b"".join(LINE.format(n).encode() for n in range(9000)))
    (world.folder / "cut.log.gz").write_bytes(packed[: len(packed) // 2])
    (world.folder / "not.log.gz").write_bytes(b"2026-11-22 10:00:00 INFO plain\n")
    (world.folder / "good.log.gz").write_bytes(gzip.compress(b"one\n"))
    source = FileSource([str(world.folder / "*.gz")], world.receiver, world.clock)
    source.drain()
    assert sorted(path.name for path in source.damaged) == ["cut.log.gz", "not.log.gz"]


def test_what_is_no_text_is_passed_over_when_asked_to(world: World) -> None:
    (world.folder / "program").write_bytes(bytes(range(256)) * 8)
    (world.folder / "hole.log").write_bytes(bytes(4096) + b"after a truncation\n")
    config = FilesConfig(skip_binary=True)
    source = FileSource([str(world.folder / "*")], world.receiver, world.clock, config=config)
    source.drain()
    assert list(source.binary) == [world.folder / "program"]
    assert [line.strip("\0") for line in world.receiver.lines] == ["after a truncation"]


def test_what_cannot_be_read_is_named_once_and_read_when_it_can_be(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    (world.folder / "app.log").symlink_to("app.log")  # opening it fails for root, too
    world.start()
    world.settle()
    assert world.source is not None
    assert list(world.source.unreadable) == [world.folder / "app.log"]
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        f"{world.folder / 'app.log'} cannot be read"
    ]
    (world.folder / "app.log").unlink()
    sent = append(world.folder / "app.log", 1)
    world.settle()
    assert world.receiver.lines == sent
    assert not world.source.unreadable


@pytest.mark.parametrize("pattern", ["shut/app.log", "shut/*.log"])
def test_a_file_without_permission_is_named_and_read_once_it_may_be(
    world: World, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    (world.folder / "shut").mkdir()
    sent = append(world.folder / "shut" / "app.log", 1)

    def refuse(path: Path, **_: object) -> Content:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(files, "open_content", refuse)
        source = world.start(pattern)
        source.drain()
        assert source.unreadable == {world.folder / "shut" / "app.log": "Permission denied"}
    world.start(pattern).drain()
    assert world.receiver.lines == sent


def test_a_folder_that_cannot_be_looked_into_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.folder / "open" / "shut").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "shut")
    source = world.start("open/**")
    source.drain()
    assert list(source.unreadable) == [world.folder / "open" / "shut"]


def test_csv_that_grows_has_each_row_once(world: World) -> None:
    table = world.folder / "table.csv"
    table.write_text("time,level,message\n2026-11-22T10:00:00Z,info,one\n2026-11-22T10:00:01Z,in")
    world.start("table.csv")
    world.settle()
    assert [json.loads(line)["message"] for line in world.receiver.lines] == ["one"]
    with table.open("a") as file:
        file.write("fo,two\n2026-11-22T10:00:02Z,warn,three\n")
    world.settle()
    world.start("table.csv").drain()
    assert [json.loads(line)["message"] for line in world.receiver.lines] == ["one", "two", "three"]
