"""Opening a folder of raw logs as a library: the first time, again, and after it grew.

    python benchmarks/library.py [--records 3500000] [--files 8] [--repeat 5]

Writes `--records` JSON lines of 293 B (`applogs.py`) to `--files` files, opens the folder in a process of its own
(reading, mining templates, indexing), opens it again `--repeat` times, and once more after 1 % was appended. Each
time is from `import heimdall` to the first answer. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from applogs import applogs

_PROGRAM = """
import json, resource, sys, time
began = time.perf_counter()
import heimdall
imported = time.perf_counter()
hd = heimdall.open(sys.argv[1])
opened = time.perf_counter()
rows = hd.search("* | stats count() as n").rows()[0]["n"]
answered = time.perf_counter()
pages = sum(batch.num_rows for batch, _ in zip(hd.stream("*"), range(10)))
streamed = time.perf_counter()
print(json.dumps({"records": rows, "import_s": imported - began, "open_s": opened - imported,
    "answered_s": answered - began, "streamed_rows_per_s": pages / (streamed - answered),
    "cpu_s": time.process_time(), "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
hd.close()
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=3_500_000)
    options.add_argument("--files", type=int, default=8)
    options.add_argument("--repeat", type=int, default=5)
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="heimdall-library-"))
    try:
        size = _write(folder, given.records, given.files)
        first = _opened(folder)
        again = [_opened(folder) for _ in range(given.repeat)]
        with (folder / "app-0.log").open("ab") as file:
            file.writelines(applogs(given.records // 100, seed=7))
        grown = _opened(folder)
        result = {
            "benchmark": "library",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load_average": round(os.getloadavg()[0], 1),
            "log_bytes": size,
            "index_bytes": _bytes(folder / ".heimdall-index"),
            "records": first["records"],
            "records_per_s": round(first["records"] / first["open_s"]),
            "cpu_us_per_record": round(first["cpu_s"] / first["records"] * 1e6, 1),
            "peak_mib": round(first["peak_mib"]),
            "first_open_s": round(first["open_s"], 1),
            "import_ms": round(statistics.median(run["import_s"] for run in again) * 1e3, 1),
            "second_open_s": round(statistics.median(run["open_s"] for run in again), 2),
            "second_answered_s": round(statistics.median(run["answered_s"] for run in again), 2),
            "grown_open_s": round(grown["open_s"], 2),
            "grown_records": grown["records"] - first["records"],
            "streamed_rows_per_s": round(statistics.median(run["streamed_rows_per_s"] for run in again)),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(result) + "\n")


def _write(folder: Path, records: int, files: int) -> int:
    """Chunks go round the files; bytes in all."""
    targets = [(folder / f"app-{n}.log").open("wb") for n in range(files)]
    for number, chunk in enumerate(applogs(records)):
        targets[number % files].write(chunk)
    for target in targets:
        target.close()
    return _bytes(folder)


def _opened(folder: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, folder], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
