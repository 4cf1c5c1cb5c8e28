"""Real processes, real files, SIGKILL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("journal_kill.py")


def test_no_acknowledged_record_is_lost_or_doubled_by_kill_9() -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--cycles", "24"], capture_output=True, text=True, timeout=110, check=False
    )

    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    summary = json.loads(ended.stdout.splitlines()[-1])
    assert summary["kills"] == 24
    assert summary["problems"] == 0
    assert summary["acknowledged_batches"] > 24
