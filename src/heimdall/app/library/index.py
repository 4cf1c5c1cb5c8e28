"""Where the index of some log files lies, and what it was made from.

An index is a node's data folder with three things more: `files/`, how far each file was read, `appended/`, records
that are in no file, and `index.json`, how it was made. `heimdall up --data` on it serves it.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from heimdall import __version__
from heimdall.app.library.logfiles import LogFiles, lost_since
from heimdall.durable import replacing
from heimdall.ingest.sources.checkpoints import CheckpointStore

FOLDER = ".heimdall-index"
_FILE = "index.json"
LOCK = "lock"


def is_data_folder(path: Path) -> bool:
    """Whether a node (or this library) keeps its data there."""
    return (path / "node-id").is_file() and (path / "storage").is_dir()


def index_folder(sources: Sequence[Path], environment: Mapping[str, str] = os.environ) -> Path:
    """Beside the files where that can be written, else in the user's cache; the same for the same sources."""
    first = sources[0]
    whole_folder = len(sources) == 1 and first.is_dir()
    base = first if first.is_dir() else _fixed_part(first)
    name = "all" if whole_folder else _name_of(sources)
    if len(sources) == 1 and os.access(base, os.W_OK):
        return base / FOLDER / name
    home = environment.get("XDG_CACHE_HOME")
    cache = Path(home) if home else Path.home() / ".cache"
    return cache / "heimdall" / "indexes" / _name_of(sources)


def _fixed_part(path: Path) -> Path:
    """The folder in which a glob begins to look, or a file lies."""
    folder = path.parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder


def _name_of(sources: Sequence[Path]) -> str:
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", sources[0].name)[:40].strip("-.") or "logs"
    digest = hashlib.blake2b("\n".join(map(str, sources)).encode(), digest_size=6).hexdigest()
    return f"{readable}-{digest}"


@dataclass(frozen=True, slots=True)
class Index:
    """The part of the folder that is not a node's."""

    folder: Path
    files: LogFiles
    reading: Mapping[str, str | None]
    """How lines were read: time zone, names of fields, service. Read otherwise they would say something else."""

    @property
    def checkpoints(self) -> Path:
        return self.folder / "files"

    def prepare(self, *, rebuild: bool) -> bool:
        """Empty the index when it no longer says what the files say; whether it was emptied.

        The caller holds the folder's lock, puts back what was appended, and calls `save`: until then it counts as
        empty.
        """
        self._ignore()
        if not rebuild and self._outdated() is None:
            return False
        (self.folder / _FILE).unlink(missing_ok=True)
        for entry in self.folder.iterdir():
            if entry == self._appended or entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        return True

    # ---- records that programs appended: no log file has them

    @property
    def _appended(self) -> Path:
        return self.folder / "appended"

    def keep(self, table: pa.Table) -> None:
        """Durably, for the day the index is made anew."""
        self._appended.mkdir(exist_ok=True)
        number = max((int(path.stem) for path in self._appended.glob("*.arrow")), default=0) + 1
        packed = pa.ipc.IpcWriteOptions(compression="zstd")
        with (
            replacing(self._appended / f"{number:09d}.arrow") as file,
            pa.ipc.new_stream(file, table.schema, options=packed) as writer,
        ):
            writer.write_table(table)

    def kept(self) -> Iterator[pa.Table]:
        """In the order in which they were appended."""
        for path in sorted(self._appended.glob("*.arrow")):
            with pa.ipc.open_stream(path.read_bytes()) as reader:
                yield reader.read_all()

    # ---- what it was made from

    def _outdated(self) -> str | None:
        """Why it has to be made anew; None when it can be used and extended."""
        known = self._load()
        if known is None:
            return "nothing is known of how it was made"
        if known["heimdall"] != __version__ or known["reading"] != dict(self.reading):
            return "the files were read in another way"
        paths, _ = self.files.find()
        looks = self.looks(paths)
        for path, (size, changed_ns) in known["looks"].items():
            now = looks.get(path)
            if now is not None and now[0] == size and now[1] != changed_ns:
                return f"{path} was changed in place"
        store = CheckpointStore(self.checkpoints)
        try:
            return lost_since(store.load(), paths)
        finally:
            store.close()

    def _load(self) -> dict[str, Any] | None:
        try:
            known = json.loads((self.folder / _FILE).read_bytes())
        except (OSError, ValueError):
            return None
        return known if isinstance(known, dict) and {"heimdall", "reading", "looks"} <= known.keys() else None

    def looks(self, paths: Sequence[Path]) -> dict[str, list[int]]:
        """Size and time of change of each file, to be taken before it is read."""
        found = {}
        for path in paths:
            try:
                status = path.stat()
            except OSError:
                continue
            found[str(path)] = [status.st_size, status.st_mtime_ns]
        return found

    def save(self, looks: Mapping[str, Sequence[int]]) -> None:
        about = {"heimdall": __version__, "reading": dict(self.reading), "looks": dict(looks)}
        about["sources"] = [str(path) for path in self.files.sources]
        with replacing(self.folder / _FILE, power_safe=False) as file:
            file.write(json.dumps(about).encode())

    def _ignore(self) -> None:
        """Keep the index out of repositories and backups."""
        home = self.folder.parent
        if home.name == FOLDER:
            (home / ".gitignore").write_text("*\n", encoding="ascii")
            (home / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n", encoding="ascii")
