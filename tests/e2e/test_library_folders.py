"""A folder's life under `heimdall.open`: grown, rotated, changed, shared, broken off."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from node_process import NodeProcess

import heimdall
from heimdall.errors import Misconfigured, NotFound, Unavailable
from heimdall.ingest.sources.sink import BusSink, Chunk

LINE = "2026-11-22T10:{:02d}:{:02d}Z INFO line {}\n"


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(n // 60 % 60, n % 60, n) for n in range(first, last))


def numbers(hd: heimdall.Logs) -> list[int]:
    return sorted(int(row["message"].split()[-1]) for row in hd.search('"line"', limit=None))


def at(folder: Path) -> list[int]:
    with heimdall.open(folder) as hd:
        return numbers(hd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "app.log").write_text(lines(0, 10))
    (folder / "other.log").write_text(lines(10, 20))
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Records decoded since it was asked last."""
    counts = [0]
    send = BusSink.send

    def counting(self: BusSink, chunk: Chunk) -> None:
        counts[0] += chunk.data.count(b"\n")
        send(self, chunk)

    monkeypatch.setattr(BusSink, "send", counting)

    def since() -> int:
        counts[0], found = 0, counts[0]
        return found

    return since


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_the_second_open_reads_nothing_and_growth_alone(folder: Path, read: Callable[[], int]) -> None:
    assert at(folder) == list(range(20))
    assert read() == 20
    assert at(folder) == list(range(20))
    assert read() == 0
    append(folder / "app.log", lines(20, 25))
    (folder / "new.log").write_text(lines(25, 30))
    assert at(folder) == list(range(30))
    assert read() == 10


def test_rotation_by_any_means_doubles_nothing(folder: Path, read: Callable[[], int]) -> None:
    assert at(folder) == list(range(20))
    (folder / "app.log").rename(folder / "app.log.1")
    (folder / "app.log").write_text(lines(20, 30))
    assert at(folder) == list(range(30))
    (folder / "app.log.1.gz").write_bytes(gzip.compress((folder / "app.log.1").read_bytes()))
    (folder / "app.log.1").unlink()
    assert at(folder) == list(range(30))
    assert read() == 30  # each line once


@pytest.mark.parametrize("change", ["rewritten", "shortened", "edited in place", "deleted", "a line went on"])
def test_an_index_that_says_more_than_the_files_is_made_anew(folder: Path, change: str) -> None:
    if change == "a line went on":
        append(folder / "app.log", LINE.format(10, 0, 10)[:-1])
    at(folder)
    match change:
        case "rewritten":
            (folder / "app.log").write_text(lines(50, 60))
            expected = [*range(10, 20), *range(50, 60)]
        case "shortened":
            (folder / "app.log").write_text(lines(0, 5))
            expected = [*range(5), *range(10, 20)]
        case "edited in place":
            text = (folder / "app.log").read_text().replace("line 5", "line 7")
            (folder / "app.log").write_text(text)
            expected = sorted([*range(5), 7, *range(6, 20)])
        case "deleted":
            (folder / "app.log").unlink()
            expected = list(range(10, 20))
        case _:
            append(folder / "app.log", "0\n")
            expected = sorted([*range(20), 100])
    assert at(folder) == expected


def test_what_was_appended_outlives_an_index_made_anew(folder: Path) -> None:
    with heimdall.open(folder) as hd:
        hd.append({"message": "mine", "n": 7})
        before = hd.search("mine").rows()
    with heimdall.open(folder, rebuild=True) as hd:
        after = hd.search("mine").rows()
        assert numbers(hd) == list(range(20))
    assert [(row["timestamp"], row["n"]) for row in after] == [(row["timestamp"], row["n"]) for row in before]


def test_refresh_and_tail_see_the_files_grow(folder: Path) -> None:
    with heimdall.open(folder) as hd:
        append(folder / "app.log", lines(20, 23))
        assert hd.refresh() == 3
        assert numbers(hd) == list(range(23))
        threading.Timer(0.5, append, (folder / "app.log", "2026-11-22T10:30:00Z WARN it burns\n")).start()
        assert next(hd.tail("burns"))["message"] == "it burns"
        assert len(hd.search("burns")) == 1


def test_times_without_a_zone_are_read_in_the_zone_given(tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_text("2026-07-01 12:00:00 INFO summer\n")
    for zone, expected in (("Europe/Berlin", "10:00"), (None, "12:00")):
        with heimdall.open(file, time_zone=zone, service="shop") as hd:
            (row,) = hd.search("service:shop")
            assert row["timestamp"][11:16] == expected


def test_opening_again_shares_and_the_last_one_closes(folder: Path) -> None:
    first = heimdall.open(folder)
    append(folder / "app.log", lines(20, 21))
    second = heimdall.open(folder)
    first.close()
    first.close()
    assert numbers(second) == list(range(21))
    second.close()
    with pytest.raises(Unavailable, match="closed"):
        second.search("*")
    third = heimdall.open(folder)
    del third  # as when a notebook's cell runs again
    assert at(folder.parent / "logs" / "other.log") == list(range(10, 20))


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="typo"):
        heimdall.open(tmp_path / "typo")


def test_another_process_is_named(folder: Path) -> None:
    program = f"import heimdall, sys; hd = heimdall.open({str(folder)!r}); print('ready', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == b"ready\n"
    try:
        with pytest.raises(Misconfigured, match=f"process {other.pid}"):
            heimdall.open(folder)
    finally:
        other.stdin.close()
        assert other.wait(30) == 0
        other.stdout.close()
    assert at(folder) == list(range(20))


def test_killed_while_reading_and_opened_again(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "big.log").write_text(lines(0, 150_000))
    program = f"import heimdall; heimdall.open({str(logs)!r})"
    for _ in range(2):
        reader = subprocess.Popen([sys.executable, "-c", program])
        journal = logs / ".heimdall-index" / "all" / "files"
        deadline = time.monotonic() + 30
        while (
            not any(json.loads(path.read_bytes())["offset"] for path in journal.glob("*.json"))
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        os.kill(reader.pid, signal.SIGKILL)
        reader.wait()
    assert at(logs) == list(range(150_000))


def test_a_data_folder_is_opened_as_it_is_and_a_running_node_is_named(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data") as node:
        node.send(lines(0, 5).encode())
        node.wait_for_count(5)
        with pytest.raises(Misconfigured, match=r"heimdall\.connect"):
            heimdall.open(tmp_path / "data")
        with heimdall.connect(node.url) as hd:
            assert numbers(hd) == list(range(5))
    with heimdall.open(tmp_path / "data") as hd:
        assert numbers(hd) == list(range(5))
    with pytest.raises(Unavailable, match="no node answers"):
        heimdall.connect(node.url)


def test_an_index_can_lie_elsewhere_and_be_served_by_a_node(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    heimdall.open(folder, index=index).close()
    assert not (folder / ".heimdall-index").exists()
    with NodeProcess(index) as node:
        assert node.count() == 20
    shutil.rmtree(folder)
    with heimdall.open(index) as hd:
        assert numbers(hd) == list(range(20))


def test_nothing_is_said_where_nobody_looks(folder: Path) -> None:
    program = f"import heimdall; heimdall.open({str(folder)!r}).close()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_ctrl_c_cancels_a_question_and_the_logs_stay_usable(folder: Path) -> None:
    program = f"""
import heimdall, os, signal, threading, time
hd = heimdall.open({str(folder)!r})
ask = hd._backend._parts.queries.search
def slow(request):
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with hd._backend._parts.queries._executor.job(request) as job:
        while not job.cancelled:
            time.sleep(0.01)
    print("cancelled\\n", end="")  # one write: two threads print
    return ask(request)
hd._backend._parts.queries.search = slow
try:
    hd.search("*")
except KeyboardInterrupt:
    print("interrupted\\n", end="")
hd._backend._parts.queries.search = ask
print(len(hd.search("*")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert sorted(done.stdout.split()) == ["20", "cancelled", "interrupted"], done.stderr
