"""The real systemd-journal-upload sends a real journal, unchanged; and what the route does with bad ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
import pytest
from debian import Unpacked, unpacked
from node_process import NodeProcess

NOW_US = 1_795_343_000_000_000


def entry(number: int, message: bytes, *more: bytes) -> bytes:
    """In export format, with a message of any bytes."""
    fields = [
        b"__REALTIME_TIMESTAMP=%d" % (NOW_US + number),
        b"__MONOTONIC_TIMESTAMP=%d" % (1_000_000 + number),
        b"_BOOT_ID=0123456789abcdef0123456789abcdef",
        b"PRIORITY=%d" % (3 if number % 10 == 0 else 6),
        b"SYSLOG_IDENTIFIER=cart",
        b"_HOSTNAME=web01",
        b"_PID=4711",
        *more,
        b"MESSAGE\n" + len(message).to_bytes(8, "little") + message if b"\n" in message or b"\xff" in message
        else b"MESSAGE=" + message,
    ]  # fmt: skip
    return b"\n".join(fields) + b"\n\n"


def make_journal(package: Unpacked, folder: Path, entries: bytes) -> None:
    (folder / "journal").mkdir()
    (folder / "export").write_bytes(entries)
    done = subprocess.run(
        [package.find("systemd-journal-remote"), "-o", folder / "journal" / "test.journal", folder / "export"],
        env=package.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def upload(package: Unpacked, folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [package.find("systemd-journal-upload"), f"--url={url}", f"--directory={folder}/journal",
         f"--save-state={folder}/state", "--follow=no"],
        env=package.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.conformance("journald", "systemd-journal-upload", "a journal, and going on where it was")
def test_systemd_journal_upload_sends_a_journal_and_goes_on_where_it_was(node: NodeProcess, tmp_path: Path) -> None:
    package = unpacked("systemd-journal-remote")
    odd = [b"two\nlines\n\nand more", b"not \xff utf-8"]
    entries = [entry(n, odd[n] if n < 2 else b"order %d =\xc3\xbc" % n) for n in range(5000)]
    make_journal(package, tmp_path, b"".join(entries))
    done = upload(package, tmp_path, node.url)
    assert done.returncode == 0, done.stderr
    node.wait_for_count(5000, "service:cart")
    row = node.search('"order 4321"')["data"][0]
    assert (row["message"], row["level"], row["instance"]) == ("order 4321 =ü", "info", "web01")
    assert row["timestamp"] == "2026-11-22T10:23:20.004321000Z"
    assert row["_PID"] == "4711"
    assert "__CURSOR" not in row
    assert node.search('"two" service:cart')["data"][0]["message"] == "two\nlines\n\nand more"
    assert node.search("heimdall.oddity:*")["data"][0]["message"] == "not � utf-8"
    assert node.count("service:cart level:error") == 500
    again = upload(package, tmp_path, node.url)
    assert again.returncode == 0, again.stderr
    assert node.count("service:cart") == 5000


def test_a_body_longer_than_any_other_is_taken_piece_by_piece(tmp_path: Path) -> None:
    """More than `ingest.max_body_bytes`, and entries around every border of a piece."""
    with NodeProcess(tmp_path / "data", environment={"HEIMDALL_INGEST__MAX_BODY_BYTES": "1000000"}) as node:
        headers = {"content-type": "application/vnd.fdo.journal"}
        one = entry(7, b"x" * 3000)

        sent = 3000
        whole = one * sent
        pieces = (whole[place : place + 50_000] for place in range(0, len(whole), 50_000))
        answer = httpx.post(f"{node.url}/upload", content=pieces, headers=headers, timeout=90)
        assert answer.status_code == 202
        node.wait_for_count(sent, "service:cart", timeout_s=60)
        endless = entry(8, b"y" * 6_000_000)
        assert httpx.post(f"{node.url}/upload", content=endless, headers=headers, timeout=90).status_code == 413


def test_what_is_no_journal_is_refused_or_kept_as_its_bytes(node: NodeProcess) -> None:
    headers = {"content-type": "application/vnd.fdo.journal"}
    assert httpx.post(f"{node.url}/upload", content=b"{}").status_code == 415
    assert httpx.post(f"{node.url}/upload", content=b"", headers=headers).status_code == 202
    broken = b"MESSAGE\n" + (2**63).to_bytes(8, "little") + b"no such size\n\n"
    body = entry(1, b"first") + broken + entry(2, b"last")
    assert httpx.post(f"{node.url}/upload", content=body, headers=headers, timeout=30).status_code == 202
    node.wait_for_count(3)
    assert node.count('"first" or "last"') == 2
    assert node.search("heimdall.oddity:*")["data"][0]["heimdall.oddity"] == ["malformed"]
