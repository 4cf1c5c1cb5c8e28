"""Break the journal on purpose, one line at a time, and see whether the simulation notices, or, should it
not, the directed tests beside it.

    python tests/simulation/mutants.py [--seeds 4000] [--only NAME]

Each mutant is a copy of the package with one replacement. A mutant that survives is a hole in the simulation (or says
why it changes nothing that can be seen). Exit code 1 when one survives, or when the source no longer has the line.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).resolve().parent
_SOURCE = _HERE.parents[1] / "src"
_JOURNAL = Path("heimdall/bus/buses/journal")


class Mutant(NamedTuple):
    name: str
    module: str
    old: str
    new: str


MUTANTS = (
    Mutant("no sync before the answer", "committer.py", "        file.sync()\n", ""),
    Mutant(
        "answer before the sync",
        "committer.py",
        "        file.write(begin, parts)\n        file.sync()\n        self._segments.publish(segment, frames)\n",
        "        file.write(begin, parts)\n        for waiting, frame in zip(group, frames, strict=True):\n"
        "            waiting.future.set_result(frame[0])\n        group = []\n        frames_ = frames\n"
        "        file.sync()\n        self._segments.publish(segment, frames_)\n        return 1\n",
    ),
    Mutant(
        "new file without folder sync",
        "spare.py",
        "        self._disk.sync_names()\n        return number, file\n",
        "        return number, file\n",
    ),
    Mutant(
        "failed sync ignored",
        "committer.py",
        "        file.sync()\n",
        "        with contextlib.suppress(OSError):\n            file.sync()\n",
    ),
    Mutant(
        "failed sync tried again on the same file",
        "committer.py",
        "        file.sync()\n",
        "        try:\n            file.sync()\n        except OSError:\n            file.sync()\n",
    ),
    Mutant(
        "failed write ignored",
        "committer.py",
        "        file.write(begin, parts)\n",
        "        with contextlib.suppress(OSError):\n            file.write(begin, parts)\n",
    ),
    Mutant(
        "failed file used again",
        "committer.py",
        '        _LOG.error("journal: %s failed: %s; going on with another file", name, exc)\n        self._seal()\n',
        '        _LOG.error("journal: %s failed: %s; going on with another file", name, exc)\n',
    ),
    Mutant("new file without segment header", "committer.py", "        if fresh:\n", "        if False:\n"),
    Mutant(
        "positions start anew in each segment's header",
        "committer.py",
        "                first=segment.first,\n",
        "                first=1,\n",
    ),
    Mutant(
        "durable_before runs ahead", "committer.py", "durable_before=durable", "durable_before=position + waiting.count"
    ),
    Mutant("durable_before never stated", "committer.py", "durable_before=durable", "durable_before=1"),
    Mutant(
        "zero sectors not counted",
        "layout.py",
        "    whole = len(payload) // SECTOR * SECTOR\n",
        "    return 0\n    whole = 0\n",
    ),
    Mutant("payload not checked", "scan.py", "value(payload) != header.payload_crc or ", ""),
    Mutant(
        "header not checked", "layout.py", "    if value(copy[: HEADER_COPY - 4]) != crc:\n        return None\n", ""
    ),
    Mutant(
        "second header copy not used",
        "layout.py",
        "    return _parse_frame_copy(second), False\n",
        "    return None, False\n",
    ),
    Mutant("frames elsewhere accepted", "scan.py", " or header.offset != offset", ""),
    Mutant("bad frame ends the log", "scan.py", "            yield hole\n", "            return\n"),
    Mutant(
        "damage of the last group taken for a torn write",
        "scan.py",
        "zeros > header.zero_sectors,",
        "True,",
    ),
    Mutant(
        "torn write taken for damage",
        "scan.py",
        "zeros > header.zero_sectors,",
        "False,",
    ),
    Mutant(
        "void frames of a failed segment replayed",
        "recovery.py",
        "            void_from = found.first if void_from is None else min(void_from, found.first)\n",
        "            void_from = None\n",
    ),
    Mutant(
        "hole passed over in silence",
        "verdict.py",
        "        self.damages.append(\n",
        "        [].append(\n",
    ),
    Mutant(
        "last group served without a second sync",
        "recovery.py",
        "    _write_again(disk, verdict.segments, durable)\n",
        "",
    ),
    Mutant(
        "last group synced but not written again",
        "recovery.py",
        "                    file.write(offset, [file.read(offset, min(_COPY_STEP, stop - offset))])\n",
        "                    pass\n",
    ),
    Mutant("cut tail left in place", "recovery.py", "        _zero(disk, *verdict.cut)\n", "        pass\n"),
    Mutant("newest segment deleted too", "segments.py", " and self._list[0] is not self.last else None", " else None"),
    Mutant(
        "release deletes one segment too many",
        "segments.py",
        "oldest.end <= position else",
        "oldest.first <= position else",
    ),
    Mutant(
        "files deleted without folder sync between",
        "log.py",
        "                    self._disk.sync_names()\n",
        "",
    ),
    Mutant(
        "reader checks nothing",
        "scan.py",
        "        if header.stop <= from_position:\n",
        "        if previous_crc is None:\n",
    ),
    Mutant(
        "misdirected frames ignored",
        "verdict.py",
        "        if stop > self.position:\n",
        "        if False:\n",
    ),
    Mutant(
        "full disk not noticed",
        "admission.py",
        "        if free < self._config.min_free_bytes:\n",
        "        if False:\n",
    ),
)


def survives(mutant: Mutant, seeds: int) -> str | None:
    """None when the simulation notices, else why not."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(_SOURCE / "heimdall", copy / "heimdall", ignore=shutil.ignore_patterns("__pycache__", "static"))
        path = copy / _JOURNAL / mutant.module
        text = path.read_text()
        if text.count(mutant.old) != 1:
            return f"its line is in {mutant.module} {text.count(mutant.old)} times"
        path.write_text(text.replace(mutant.old, mutant.new))
        environment = os.environ | {"PYTHONPATH": str(copy)}
        command = [sys.executable, str(_HERE / "crash.py"), "--seeds", str(seeds), "--enough", "1"]
        try:
            ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            sys.stdout.write(f"caught   {mutant.name}: does not end\n")
            return None
        if ended.returncode == 0:
            told = [str(_HERE / name) for name in ("test_recovery.py", "test_sweep.py")]
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *told]
            told_run = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=300, check=False
            )
            if told_run.returncode == 0:
                return "not noticed"
            failed = [line for line in told_run.stdout.splitlines() if line.startswith("FAILED")] or ["?"]
            sys.stdout.write(f"caught   {mutant.name}: by a directed test only: {failed[0]}\n")
            return None
    noticed = [line for line in ended.stdout.splitlines() if line.startswith("seed")] or [ended.stderr[-200:]]
    sys.stdout.write(f"caught   {mutant.name}: {noticed[0]}\n")
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6_000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    alive = 0
    for mutant in chosen:
        why = survives(mutant, options.seeds)
        if why is not None:
            alive += 1
            sys.stdout.write(f"SURVIVED {mutant.name}: {why}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - alive} of {len(chosen)} caught\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
