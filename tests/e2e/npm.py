"""Real senders from npm, installed into a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from installing import one_at_a_time


@cache
def installed(package: str) -> Path:
    """The folder to run a script in that requires `package`. Skips the test when it cannot be had."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip(f"{package} is not here: no Node.js on this machine")
    folder = Path(tempfile.gettempdir()) / f"heimdall-npm-{os.getuid()}" / package.replace("/", "+")
    with one_at_a_time("npm"):
        if not (folder / "complete").exists():
            _install(package, folder)
    return folder


def _install(package: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", package]
    if subprocess.run(command, cwd=folder, capture_output=True, timeout=100).returncode:
        pytest.skip(f"{package} cannot be had from npm here")
    (folder / "complete").touch()


def run_script(package: str, script: str, *arguments: str) -> str:
    """What the script prints."""
    done = subprocess.run(
        ["node", "-e", script, *arguments], cwd=installed(package), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
