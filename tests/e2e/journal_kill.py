"""Kill a real process that appends to a real journal, again and again: `python tests/e2e/journal_kill.py`.

Each cycle forks a child that opens the journal (which recovers what the one before left) and appends from three
threads, telling its parent of every acknowledged batch; the parent sends SIGKILL at a random time, often during
recovery. Then another child reads everything back. Last line: one JSON object; exit code 1 when an acknowledged record
is missing, is there twice, or is out of order, or when a batch is there in part.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pyarrow as pa

from heimdall.bus.buses.journal import Journal, JournalConfig
from heimdall.clock import SystemClock
from heimdall.model.batch import LogBatch, TenantId

_SENDERS = 3
_SCHEMA = pa.schema([pa.field("message", pa.large_string(), nullable=False)])


def config(directory: Path) -> JournalConfig:
    """Small files, so that many kills fall into making one."""
    return JournalConfig(directory=directory, segment_bytes=256 * 1024, min_free_bytes=0, max_used_share=1.0)


def append_until_killed(directory: Path, cycle: int, out: int) -> None:
    journal = Journal(config(directory), SystemClock())
    os.write(out, b"open\n")

    def send(sender: int) -> None:
        for number in count():
            key = f"{cycle}.{sender}.{number}"
            records = 1 + number % 5
            filling = "x" * (number * 37 % 900)
            table = pa.table([[f"{key} {i} {filling}" for i in range(records)]], schema=_SCHEMA)
            first = journal.append(LogBatch(TenantId("t"), table)).result()
            os.write(out, f"{first} {key} {records}\n".encode())

    threads = [threading.Thread(target=send, args=(sender,), daemon=True) for sender in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def read_everything(directory: Path, out: int) -> None:
    journal = Journal(config(directory), SystemClock())
    with os.fdopen(os.dup(out), "w") as lines:
        position = 1
        while position < journal.end:
            for frame in journal.read(position, max_bytes=8 << 20):
                messages = frame.batch.table["message"].to_pylist()
                key = messages[0].split(" ", 1)[0]
                whole = [message.split(" ")[:2] for message in messages] == [
                    [key, str(i)] for i in range(len(messages))
                ]
                lines.write(f"{frame.first} {key} {len(messages) if whole else -1}\n")
                position = frame.first + frame.count
        lines.write(f"damages {len(journal.damages)} {journal.end}\n")
    journal.close()


def run_child(work: Callable[[int], None], kill_after_s: float | None, *, once_open: bool = False) -> list[str]:
    """Lines the child wrote before it ended or was killed; a last line that is cut off is left out.

    `once_open`: the time until the kill starts with the child's first line.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work(writing)
        finally:
            os._exit(0)
    os.close(writing)
    deadline = None if kill_after_s is None or once_open else time.monotonic() + kill_after_s
    written = bytearray()
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if left == 0.0:
            os.kill(child, signal.SIGKILL)
            deadline = None
        ready, _, _ = select.select([reading], [], [], left)
        if ready:
            piece = os.read(reading, 1 << 16)
            if not piece:
                break
            if once_open and kill_after_s is not None and not written:
                deadline = time.monotonic() + kill_after_s
            written += piece
    os.close(reading)
    os.waitpid(child, 0)
    return written.decode().split("\n")[:-1]


def disagreements(acknowledged: dict[str, tuple[int, int]], found: list[str]) -> Iterator[str]:
    seen: dict[str, tuple[int, int]] = {}
    order: dict[tuple[str, str], int] = {}
    expected = 1
    for line in found:
        if line.startswith("damages"):
            _, damages, end = line.split()
            if damages != "0":
                yield f"{damages} places are called damaged"
            if int(end) != expected:
                yield f"the log ends at {end}, its records at {expected}"
            continue
        first, key, records = line.split()
        if key in seen:
            yield f"{key} is there twice"
        if int(records) < 0:
            yield f"{key} is there in part"
        if int(first) != expected:
            yield f"{key} is at {first} instead of {expected}"
        expected = int(first) + int(records)
        seen[key] = (int(first), int(records))
        cycle, sender, number = key.split(".")
        if order.get((cycle, sender), -1) >= int(number):
            yield f"{key} is out of order"
        order[cycle, sender] = int(number)
    for key, place in acknowledged.items():
        if seen.get(key) != place:
            yield f"{key} was acknowledged at {place} and found at {seen.get(key)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    acknowledged: dict[str, tuple[int, int]] = {}
    problems: list[str] = []
    in_recovery = 0
    pa.table([["x"]], names=["warm"])  # pyarrow imports more on first use: here, so that no child has to
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="heimdall-kill-") as folder:
        directory = Path(folder) / "journal"
        for cycle in range(options.cycles):
            once_open = rng.random() < 0.6
            kill_after_s = rng.uniform(0, 0.25) if once_open else rng.uniform(0, 0.06)
            lines = run_child(
                lambda out, cycle=cycle: append_until_killed(directory, cycle, out), kill_after_s, once_open=once_open
            )
            in_recovery += not lines
            for line in lines:
                if line != "open":
                    first, key, records = line.split()
                    acknowledged[key] = (int(first), int(records))
            if cycle % 10 == 9 or cycle == options.cycles - 1:
                found = run_child(lambda out: read_everything(directory, out), None)
                problems += disagreements(acknowledged, found) if found else ["the journal cannot be read"]
    summary = {
        "kills": options.cycles,
        "kills_before_open": in_recovery,
        "acknowledged_batches": len(acknowledged),
        "acknowledged_records": sum(records for _, records in acknowledged.values()),
        "problems": len(problems),
        "seconds": round(time.monotonic() - started, 1),
    }
    for problem in problems[:10]:
        sys.stdout.write(problem + "\n")
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
