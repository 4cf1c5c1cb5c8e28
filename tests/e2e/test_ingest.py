"""`heimdall ingest` with a real node: files, standard input, and kill -9 of either side."""

from __future__ import annotations

import gzip
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from node_process import NodeProcess

COMMAND = [sys.executable, "-m", "heimdall", "ingest"]


def test_files_and_standard_input_become_records(shared_node: NodeProcess, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(
        "2026-11-22 10:00:00,123 ERROR [main] a.b.C: broken\n"
        "java.lang.IllegalStateException: no\n"
        "\tat a.b.C.d(C.java:1)\n"
    )
    with gzip.open(tmp_path / "app.log.1.gz", "wt") as file:
        file.write("2026-11-22 09:00:00,123 INFO [main] a.b.C: began\n")
    files = [
        *COMMAND,
        "--url",
        shared_node.url,
        "--service",
        "files_test",
        "--state",
        str(tmp_path / "state"),
        str(tmp_path / "app.log*"),
    ]
    done = subprocess.run(files, capture_output=True, text=True, timeout=60, check=True)
    assert "sent 2 records" in done.stderr
    piped = [*COMMAND, "--url", shared_node.url, "--service", "piped", "-"]
    subprocess.run(piped, input=b"one\ntwo\n", timeout=60, check=True)
    shared_node.wait_for_count(2, "service:files_test")
    (row,) = shared_node.search("service:files_test level:error")["data"]
    assert row["message"] == "broken\njava.lang.IllegalStateException: no\n\tat a.b.C.d(C.java:1)"
    assert row["exception.type"] == "java.lang.IllegalStateException"
    shared_node.wait_for_count(2, "service:piped")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_line_is_stored_once_however_sender_and_node_are_killed(node: NodeProcess, tmp_path: Path) -> None:
    rng = random.Random(7)
    log, state = tmp_path / "app.log", tmp_path / "state"
    follow = [*COMMAND, "--follow", "--state", str(state), "--url", node.url, str(log)]
    written = 0

    def write() -> None:
        nonlocal written
        with log.open("a") as file:
            for number in range(written, written + 200):
                file.write(f"2026-11-22 10:00:00 INFO number {number} of many\n")
        written += 200

    for step in range(4):
        began = time.time()
        sender = subprocess.Popen(follow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            write()
            while not any(path.stat().st_mtime > began for path in state.glob("*/*.json")):
                time.sleep(0.05)  # until it sends
            for _ in range(rng.randint(5, 25)):
                write()
                time.sleep(0.05)
            if step == 2:
                log.rename(tmp_path / "app.log.1")
                write()
            if step % 2:
                node.kill()
                node.start()
        finally:
            sender.send_signal(signal.SIGKILL)
            sender.wait()
    last = [*COMMAND, "--state", str(state), "--url", node.url, str(log)]
    subprocess.run(last, timeout=60, check=True, capture_output=True)
    node.wait_for_count(written)
    counted: Counter[str] = Counter()
    cursor = ""
    while True:
        page = node.search("* | fields message, timestamp", limit=10_000, cursor=cursor)
        counted.update(row["message"] for row in page["data"])
        if not page["next"]:
            break
        cursor = page["next"]
    assert len(counted) == written
    assert set(counted.values()) == {1}
