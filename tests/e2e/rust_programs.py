"""Clients written in Rust, for tests.

python tests/e2e/rust_programs.py [NAME ...]        builds those named, or all, into ~/.cache/heimdall-tests
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from built_programs import BUILT, SOURCES, build_named

PROGRAMS = ("rust_loki_send",)


def rust_program(name: str) -> str:
    """Where it is. Skips the test when it is not built."""
    if not (BUILT / name).exists():
        pytest.skip(f"{name} is not installed: python tests/e2e/rust_programs.py {name} builds it with Cargo")
    return str(BUILT / name)


def build(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / name, Path(folder) / "built"
        shutil.copytree(SOURCES / name, source)
        manifest = ("--manifest-path", str(source / "Cargo.toml"), "--target-dir", str(built))
        subprocess.run(["cargo", "build", "--release", *manifest], check=True)
        shutil.copy(built / "release" / name, BUILT / name)


if __name__ == "__main__":
    build_named(__doc__, PROGRAMS, build)
