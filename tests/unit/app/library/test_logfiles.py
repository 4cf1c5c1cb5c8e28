"""Which files are logs, and where their index goes."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from heimdall.app.library import logfiles
from heimdall.app.library.index import index_folder
from heimdall.app.library.logfiles import LogFiles
from heimdall.errors import NotFound
from heimdall.ingest.sources.content import Content


def write(path: Path, data: bytes = b"2026-11-22T10:00:00Z INFO a line\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_folder_gives_its_text_files_and_says_what_it_left_out(tmp_path: Path) -> None:
    wanted = [write(tmp_path / "a.log"), write(tmp_path / "deep" / "b[1].log")]
    wanted.append(write(tmp_path / "z.log.gz", gzip.compress(b"compressed\n")))
    write(tmp_path / ".heimdall-index" / "all" / "lock")
    write(tmp_path / ".hidden.log")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(wanted[0], "a.log")
    other = [write(tmp_path / "core.bin", b"\x7fELF\0\0"), write(tmp_path / "old.tar.gz", archive.getvalue())]
    found, skipped = LogFiles((tmp_path,)).find()
    assert sorted(found) == sorted(wanted)
    assert sorted(each.path for each in skipped) == sorted(other)


def test_a_file_that_may_not_be_read_is_not_left_out_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found, so that its reader names it."""
    shut = write(tmp_path / "shut.log")

    def refuse(path: Path) -> Content:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(logfiles, "open_content", refuse)
    assert LogFiles((tmp_path,)).find() == ([shut], [])


def test_globs_and_single_files(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.log"), write(tmp_path / "x" / "two.log")
    write(tmp_path / "notes.txt")
    assert LogFiles((tmp_path / "**" / "*.log",)).find()[0] == [one, two]
    assert LogFiles((two, one, two)).find()[0] == [two, one]


@pytest.mark.parametrize("name", ["nothing.log", "*.log"])
def test_what_names_no_file_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound, match=r"\.log"):
        LogFiles((tmp_path / name,)).find()


def test_the_index_lies_beside_the_files(tmp_path: Path) -> None:
    file = write(tmp_path / "app.log")
    assert index_folder([tmp_path]) == tmp_path / ".heimdall-index" / "all"
    own = index_folder([file])
    assert own.parent == tmp_path / ".heimdall-index"
    assert own.name.startswith("app.log-")
    assert index_folder([tmp_path / "**" / "*.log"]).parent == tmp_path / ".heimdall-index"
    assert own == index_folder([file]) != index_folder([tmp_path / "other.log"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_can_be_written_it_lies_in_the_cache(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "app.log")
    (tmp_path / "logs").chmod(0o555)
    try:
        found = index_folder([tmp_path / "logs"], {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    finally:
        (tmp_path / "logs").chmod(0o755)
    assert found.parent == tmp_path / "cache" / "heimdall" / "indexes"


def test_several_sources_share_an_index_in_the_cache(tmp_path: Path) -> None:
    files = [write(tmp_path / "a" / "1.log"), write(tmp_path / "b" / "2.log")]
    found = index_folder(files, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert found.parent == tmp_path / "cache" / "heimdall" / "indexes"


def test_import_heimdall_loads_nothing_heavy() -> None:
    script = "import sys; import heimdall; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "heimdall" in loaded
    assert [name for name in loaded if name.startswith("heimdall.")] == []
    assert not loaded & {"polars", "pyarrow", "chdb", "pandas", "fastapi", "httpx", "rich"}


def test_the_names_it_lends_are_those_it_promises() -> None:
    import heimdall

    assert set(heimdall.__all__) <= set(dir(heimdall))
    for name in heimdall.__all__:
        assert getattr(heimdall, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        heimdall.nonsense  # noqa: B018  # the look-up itself is what fails
