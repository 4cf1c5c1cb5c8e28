"""Clients written in Rust, for tests.

python tests/e2e/rust_programs.py [NAME ...]        builds those named, or all, into ~/.cache/heimdall-tests
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_BUILT = Path.home() / ".cache" / "heimdall-tests"
_SOURCES = Path(__file__).parent / "senders" / "clients"

PROGRAMS = ("rust_loki_send",)


def rust_program(name: str) -> str:
    """Where it is. Skips the test when it is not built."""
    if not (_BUILT / name).exists():
        pytest.skip(f"{name} is not installed: python tests/e2e/rust_programs.py {name} builds it with Cargo")
    return str(_BUILT / name)


def build(name: str) -> None:
    _BUILT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / name, Path(folder) / "built"
        shutil.copytree(_SOURCES / name, source)
        manifest = ("--manifest-path", str(source / "Cargo.toml"), "--target-dir", str(built))
        subprocess.run(["cargo", "build", "--release", *manifest], check=True)
        shutil.copy(built / "release" / name, _BUILT / name)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PROGRAMS))
    for name in options.parse_args().names or PROGRAMS:
        if not (_BUILT / name).exists():
            build(name)
        print(_BUILT / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
