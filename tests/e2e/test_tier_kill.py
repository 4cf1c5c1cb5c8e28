"""`kill -9` of a process that moves records between tiers: each is there once afterwards, and the ledger is right."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = str(Path(__file__).parent / "tier_mover.py")
KILLS = 3
LAST_DAY = 6


def run(doing: str, folder: Path, *more: str) -> str:
    return subprocess.run(
        [sys.executable, PROGRAM, doing, str(folder), *more], capture_output=True, text=True, check=True, timeout=120
    ).stdout  # fmt: skip


def show(folder: Path) -> dict[str, Any]:
    return dict(json.loads(run("show", folder)))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_moves_survive_kill_9(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    run("fill", tmp_path)
    filled = show(tmp_path)
    total = len(filled["positions"])
    assert filled["where"] == {"hot": total, "warm": 0, "cold": 0}
    for _ in range(KILLS):
        mover = subprocess.Popen(
            [sys.executable, PROGRAM, "move", str(tmp_path), str(LAST_DAY)], stdout=subprocess.PIPE, text=True
        )
        assert mover.stdout is not None
        for _ in range(chance.randrange(1, 14)):
            if not mover.stdout.readline():
                break
        mover.kill()
        mover.stdout.read()
        mover.stdout.close()
        mover.wait()
    after = show(tmp_path)
    assert len(after["positions"]) == len(set(after["positions"])), f"a record is there twice (seed {seed})"
    run("move", tmp_path, str(LAST_DAY))
    final = show(tmp_path)
    positions = final["positions"]
    assert len(positions) == len(set(positions)), f"a record is there twice (seed {seed})"
    # By then days 0 (all) to 2 (the policy with 3 days) have gone in part; the ledger knows exactly how many.
    assert final["expired"] > 0
    assert final["stored"] == len(positions), f"seed {seed}"
    assert final["stored"] + final["expired"] == total
    assert final["balanced"]
    assert final["owed"] == 0
    assert sum(final["where"].values()) == len(positions)
    assert final["where"]["cold"] > 0
