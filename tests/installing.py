"""Tests run in several processes (`pytest -n`): what one of them installs, the others wait for."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Hold, among all processes of this user, the one place to install `what`."""
    with (Path(tempfile.gettempdir()) / f"heimdall-tests-{os.getuid()}-{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
