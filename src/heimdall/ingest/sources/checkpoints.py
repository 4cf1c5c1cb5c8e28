"""How far each file was read, kept on disk: where to go on after a stop of any kind.

A checkpoint is written, with fsync, *before* a chunk is sent, and names the chunk's end (`pending`). After a crash the
same bytes are sent again under the same key, and whoever keeps them drops what it has: no line twice, none lost.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from heimdall.durable import replacing
from heimdall.errors import Misconfigured

_LOCK_SPACE = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    producer: str
    """32 hexadecimal digits: who sends, for the receiver's memory of what it has."""
    path: str
    device: int
    inode: int
    head_bytes: int
    head: str
    """Digest of the first `head_bytes`."""
    tail: str
    """Digest of the last bytes before `offset`."""
    epoch: int = 0
    """Rises each time the file begins anew (truncated, or rewritten in place)."""
    offset: int = 0
    """Everything before it is kept."""
    pending: int | None = None
    """End of the chunk that was on its way."""
    done: bool = False
    """Read to the end, and nothing more will come."""


class CheckpointStore:
    """One small file for each log file. `directory` None keeps nothing: each start begins anew."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        if directory is not None:
            try:
                directory.mkdir(parents=True, exist_ok=True)
                self._locks = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            except OSError as exc:
                raise Misconfigured(f"checkpoints cannot be kept in {directory}: {exc.strerror}") from exc

    def claim(self, inode: int) -> bool:
        """Whether this process may read the file; False while another one does that shares the checkpoints.

        One byte of the lock file stands for each inode; the system frees it when the process ends in any way.
        """
        if self._directory is None:
            return True
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, inode % _LOCK_SPACE)
        except OSError:
            return False
        return True

    def release(self, inode: int) -> None:
        if self._directory is not None:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, inode % _LOCK_SPACE)

    def close(self) -> None:
        if self._directory is not None and self._locks >= 0:
            os.close(self._locks)
            self._locks = -1

    def load(self) -> Iterator[Checkpoint]:
        """All of them; one that cannot be read is passed over: its file is read from the start."""
        if self._directory is None:
            return
        for path in sorted(self._directory.glob("*.json")):
            try:
                yield Checkpoint(**json.loads(path.read_bytes()))
            except (ValueError, TypeError):
                continue

    def save(self, checkpoint: Checkpoint, *, durable: bool) -> None:
        """Replace the checkpoint of its producer, wholly or not at all. `durable`: also before a loss of power."""
        if self._directory is None:
            return
        with replacing(self._directory / f"{checkpoint.producer}.json", power_safe=durable) as file:
            file.write(json.dumps(asdict(checkpoint)).encode())
