from pathlib import Path

import pytest

from heimdall.durable import replacing


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old, and longer")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old, and longer"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_on_the_way_leaves_the_old_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"half", 0])  # type: ignore[list-item]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_else_may_read_a_private_file_whatever_lay_there(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    left_behind = tmp_path / "key.pem.partial"
    left_behind.write_bytes(b"of a process that was killed")
    left_behind.chmod(0o644)
    with replacing(path, private=True) as file:
        file.write(b"secret")
        assert left_behind.stat().st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_written_is_synced_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append((tmp_path / "a").exists()))
    with replacing(tmp_path / "a") as file:
        file.write(b"x")
    assert synced == [False, True]  # the content under its own name, then the name
    with replacing(tmp_path / "b", power_safe=False) as file:
        file.write(b"x")
    assert len(synced) == 2
