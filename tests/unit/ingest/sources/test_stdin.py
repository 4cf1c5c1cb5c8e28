from __future__ import annotations

import os
import threading
import time

from heimdall.clock import SystemClock
from heimdall.ingest.sources.sink import Chunk
from heimdall.ingest.sources.stdin import StdinSource
from heimdall.ingest.sources.tailed_file import Patience


class Receiver:
    def __init__(self) -> None:
        self.data: list[bytes] = []

    def send(self, chunk: Chunk) -> None:
        self.data.append(chunk.data)


def test_lines_of_a_pipe_arrive_up_to_its_end() -> None:
    reading, writing = os.pipe()
    receiver = Receiver()
    os.write(writing, b"one\ntwo\n\tcontinued\nno end")
    os.close(writing)
    StdinSource(reading, receiver, SystemClock()).run()
    os.close(reading)
    assert b"".join(receiver.data) == b"one\ntwo\n\tcontinued\nno end"


def test_a_line_that_comes_together_with_the_end_is_sent() -> None:
    reading, writing = os.pipe()
    receiver = Receiver()
    os.write(writing, b"one line\n")
    os.close(writing)
    StdinSource(reading, receiver, SystemClock()).run()
    os.close(reading)
    assert receiver.data == [b"one line\n"]


def test_a_record_is_sent_while_the_pipe_stays_open() -> None:
    reading, writing = os.pipe()
    receiver = Receiver()
    stop = threading.Event()
    source = StdinSource(reading, receiver, SystemClock(), patience=Patience(record_s=0.05))
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    os.write(writing, b"2026-11-22 10:00:00 INFO waiting\n")
    limit = time.monotonic() + 10
    while not receiver.data and time.monotonic() < limit:
        time.sleep(0.01)
    stop.set()
    thread.join(10)
    os.close(writing)
    os.close(reading)
    assert receiver.data == [b"2026-11-22 10:00:00 INFO waiting\n"]


def test_what_was_read_before_it_was_stopped_is_sent() -> None:
    reading, writing = os.pipe()
    receiver = Receiver()
    stop = threading.Event()
    source = StdinSource(reading, receiver, SystemClock(), patience=Patience(record_s=60, line_s=60))
    thread = threading.Thread(target=source.run, args=(stop,))
    thread.start()
    os.write(writing, b"one\ntwo\n\tcontinued")
    time.sleep(0.3)
    stop.set()
    thread.join(10)
    os.close(writing)
    os.close(reading)
    assert b"".join(receiver.data) == b"one\ntwo\n\tcontinued"
