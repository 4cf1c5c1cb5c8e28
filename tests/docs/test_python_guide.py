"""The Python guide runs from top to bottom, as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from library_logs import write_logs  # noqa: E402  # lives beside the end-to-end tests

_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_guide_runs_from_top_to_bottom(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "guides" / "python.md").read_text(encoding="utf-8")
    blocks = _BLOCK.findall(page)
    assert len(blocks) == 5
    records = write_logs(tmp_path / "logs")
    checks = f"\nassert errors.to_polars().height == 100 and by_service['n'].sum() == {records} == rows\n"
    program = "\n".join(blocks) + checks + "print('through', over_time.height)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert "order" in done.stdout
    assert "through" in done.stdout
