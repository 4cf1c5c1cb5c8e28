"""The folder a node keeps everything in."""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path
from typing import IO

from heimdall.errors import Misconfigured


class DataFolder:
    """The node's folder, locked against a second node for as long as this object lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock: IO[str] = (path / "lock").open("a+", encoding="utf-8")
        except OSError as exc:
            raise Misconfigured(
                f"cannot write to data folder {path}: {exc.strerror}; choose another with --data"
            ) from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise Misconfigured(
                f"data folder {path} is in use by another node (process {owner}); stop it or choose another with --data"
            ) from exc
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    @property
    def node_id(self) -> str:
        """Names the data, not the address: whoever remembers what it sent here remembers it by this."""
        file = self.path / "node-id"
        if not file.exists():
            file.write_text(uuid.uuid4().hex, encoding="ascii")
        return file.read_text(encoding="ascii").strip()

    def release(self) -> None:
        self._lock.close()
