"""Raw lines beside the records they become: `formats/<format>.txt` and `.json`, made to be read.

`python tests/golden/test_formats.py` writes the records anew, for review.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from heimdall.ingest.decode.text import decode_lines
from heimdall.model.severity import level_of

FOLDER = Path(__file__).parent / "formats"
NOW_NS = 1_795_343_400_000_000_000  # 2026-11-22T10:30:00Z


def records_of(path: Path) -> list[dict[str, object]]:
    lines = pl.Series(path.read_text(encoding="utf-8").splitlines())
    return [_shown(row) for row in decode_lines(lines, now_ns=NOW_NS).table.to_pylist()]


def _shown(row: dict[str, object]) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name, value in row.items():
        if value is None or name == "observed_timestamp":
            continue
        if name == "timestamp":
            shown["timestamp"] = value.isoformat().replace("+00:00", "Z")  # type: ignore[attr-defined]
        elif name == "severity_number":
            shown["level"] = f"{level_of(value)} ({value})"  # type: ignore[arg-type]
        elif name == "attributes":
            shown["attributes"] = json.loads(value)  # type: ignore[arg-type]
        else:
            shown[name] = value.hex() if isinstance(value, bytes) else value
    return shown


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_lines_become_these_records(path: Path) -> None:
    assert records_of(path) == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    for source in sorted(FOLDER.glob("*.txt")):
        text = json.dumps(records_of(source), indent=1, ensure_ascii=False)
        source.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
