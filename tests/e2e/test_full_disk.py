"""A real node on a disk that fills up: refused before the disk is full, nothing acknowledged lost, on it goes after."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from node_process import NodeProcess

MIB = 1 << 20
LINES = 500


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 MiB in memory."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


def body(first: int, chance: random.Random) -> bytes:
    records = (
        {"service": "filler", "seq": first + n, "message": f"r{first + n} {chance.randbytes(1000).hex()}"}
        for n in range(LINES)
    )
    return b"\n".join(json.dumps(record).encode() for record in records)


def test_a_full_disk_is_refused_in_time_and_nothing_acknowledged_is_lost(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file:
        for _ in range(120):
            file.write(bytes(MIB))
    limits = {
        "HEIMDALL_BUS__JOURNAL__MIN_FREE_BYTES": str(100 * MIB),
        "HEIMDALL_BUS__JOURNAL__SEGMENT_BYTES": str(8 * MIB),
    }
    with NodeProcess(small_disk / "data", environment=limits) as node:
        chance, acknowledged = random.Random(1), 0
        refusal: httpx.Response | None = None
        with httpx.Client(base_url=node.url, timeout=60, trust_env=False) as client:
            for _ in range(400):
                answer = client.post("/api/v1/logs", content=body(acknowledged, chance))
                if answer.status_code != 200:
                    refusal = answer
                    break
                acknowledged += LINES
            assert refusal is not None, "400 bodies went onto a disk that has no room for them"
            assert refusal.status_code in (429, 503), refusal.text
            assert int(refusal.headers["retry-after"]) >= 1
            assert "disk" in refusal.json()["error"]["message"]
            assert shutil.disk_usage(small_disk).free > 20 * MIB
            assert acknowledged > 0

            node.wait_for_count(acknowledged, "service:filler")
            assert client.get("/healthz").status_code == 200

            ballast.unlink()
            deadline = time.monotonic() + 30
            while client.post("/api/v1/logs", content=body(acknowledged, chance)).status_code != 200:
                assert time.monotonic() < deadline, "still refused although there is room"
                time.sleep(0.2)
            acknowledged += LINES
        node.wait_for_count(acknowledged, "service:filler")
        distinct = node.search("service:filler | stats count_distinct(seq) as n")["data"]
        assert distinct == [{"n": acknowledged}]
        assert node.stop() == 0
        node.start()
        assert node.count("service:filler") == acknowledged
