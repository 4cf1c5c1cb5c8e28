"""Real senders and servers from Debian's packages, unpacked into a folder: nothing is installed, nothing is started."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from installing import one_at_a_time

_FILE = re.compile(r"'[^']+' ([a-z0-9.+-]+)_\S+\.deb ")


@dataclass(frozen=True)
class Unpacked:
    """A package and what it needs beyond what the system has."""

    root: Path

    def find(self, name: str) -> Path:
        """A file of one of the packages, or the system's own."""
        for base in (self.root, Path("/")):
            for folder in ("usr/sbin", "usr/bin", "usr/lib/systemd", "lib/systemd"):
                if (base / folder / name).exists():
                    return base / folder / name
        raise AssertionError(f"no {name} in {self.root}")

    def folder(self, pattern: str) -> Path:
        """The first folder that matches, `usr/lib/*/rsyslog`."""
        return next(found for base in (self.root, Path("/")) for found in base.glob(pattern))

    @property
    def environment(self) -> dict[str, str]:
        libraries = [*self.root.glob("usr/lib/*-linux-gnu"), *self.root.glob("lib/*-linux-gnu")]
        libraries += [
            folder
            for folder in (*self.root.glob("usr/lib/*"), *self.root.glob("usr/lib/*/*"))
            if any(folder.glob("lib*.so*"))
        ]
        libraries += [*self.root.glob("usr/lib/*-linux-gnu/systemd"), *self.root.glob("lib/systemd")]
        return os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}


@cache
def unpacked(package: str, *more: str) -> Unpacked:
    """Skips the test when the package cannot be had."""
    if shutil.which("apt-get") is None:
        pytest.skip(f"{package} is not here: no apt-get on this machine")
    root = Path(tempfile.gettempdir()) / f"heimdall-debian-{os.getuid()}" / package
    with one_at_a_time("debian"):
        if not (root / "complete").exists():
            _fetch(root, [package, *more])
    return Unpacked(root)


def _fetch(root: Path, packages: list[str]) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    listing = _run(["apt-get", "install", "--reinstall", "--print-uris", "-qq", "-y", *packages], root)
    if listing is None:
        _run(["apt-get", "update", "-qq"], root)
        listing = _run(["apt-get", "install", "--reinstall", "--print-uris", "-qq", "-y", *packages], root)
    names = _FILE.findall(listing or "")
    if listing is None or (names and _run(["apt-get", "download", "-qq", *names], root) is None):
        pytest.skip(f"{packages[0]} cannot be had from Debian's packages here")
    for archive in root.glob("*.deb"):
        assert _run(["dpkg-deb", "-x", str(archive), str(root)], root) is not None
        archive.unlink()
    (root / "complete").touch()


def _run(command: list[str], folder: Path) -> str | None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    return done.stdout if done.returncode == 0 else None


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server for as long as the block; what it says is in `log`."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
