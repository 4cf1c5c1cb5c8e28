"""Whatever happens to a log file and its reader, every line arrives once."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from pathlib import Path

import pytest

from heimdall.clock import ManualClock
from heimdall.ingest.sources.files import FileSource
from heimdall.ingest.sources.sink import Chunk


class Killed(BaseException):
    pass


class Receiver:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._marks: dict[bytes, tuple[int, int]] = {}
        self.lines: list[str] = []
        self.deadly = 0.0

    def send(self, chunk: Chunk) -> None:
        if self._rng.random() < self.deadly:
            raise Killed
        mark = (chunk.key.epoch, chunk.key.sequence)
        if mark > self._marks.get(chunk.key.producer_id, (-1, -1)):
            self._marks[chunk.key.producer_id] = mark
            self.lines += chunk.data.decode().splitlines()
        if self._rng.random() < self.deadly:
            raise Killed


class World:
    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.log = folder / "app.log"
        self.clock = ManualClock()
        self.receiver = Receiver(self.rng)
        self.written: list[str] = []
        self.generation = 0
        self.source = self.begin()

    def begin(self) -> FileSource:
        return FileSource(
            [str(self.folder / "app.log*")], self.receiver, self.clock, checkpoint_dir=self.folder / "checkpoints"
        )

    def write(self) -> None:
        lines = [f"2026-11-22 10:00:00 INFO line {len(self.written) + n}" for n in range(self.rng.randint(1, 30))]
        with self.log.open("a") as file:
            file.write("\n".join(lines) + "\n")
        self.written += lines

    def look(self) -> None:
        self.receiver.deadly = self.rng.choice([0.0, 0.0, 0.3])
        try:
            for _ in range(self.rng.randint(1, 4)):
                self.source.poll()
                self.clock.advance(self.rng.choice([0.1, 1.0, 3.0]))
        except Killed:
            self.source = self.begin()
        self.receiver.deadly = 0.0

    def restart(self) -> None:
        self.source.close()
        self.source = self.begin()

    def rename(self) -> None:
        if self.log.exists():
            self.generation += 1
            self.log.rename(self.folder / f"app.log.{self.generation}")
            self.write()

    def copy_and_truncate(self) -> None:
        if self.log.exists() and self.log.stat().st_size:
            self.generation += 1
            shutil.copy(self.log, self.folder / f"app.log.{self.generation}")
            if self.rng.random() < 0.3:
                self.look()
            os.truncate(self.log, 0)
            self.write()

    def compress(self) -> None:
        path = self.folder / f"app.log.{self.generation}"
        if path.exists():
            self.finish()
            with gzip.open(f"{path}.gz", "wb") as file:
                file.write(path.read_bytes())
            path.unlink()

    def finish(self) -> None:
        for _ in range(12):
            while self.source.poll():
                pass
            self.clock.advance(2.5)


@pytest.mark.parametrize("seed", range(25))
def test_every_line_arrives_once(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed)
    world.write()
    world.finish()
    for _ in range(25):
        action = world.rng.choice(
            [world.write, world.write, world.write, world.look, world.look, world.look, world.restart, world.rename,
             world.copy_and_truncate, world.compress]
        )  # fmt: skip
        action()
    world.finish()
    assert sorted(world.receiver.lines) == sorted(world.written)
