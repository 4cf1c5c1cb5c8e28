"""Where the bytes go: what each column, index and rollup takes on disk a record, after a final merge.

    python benchmarks/bytes.py [--records 1000000 | --data FILE.jsonl | --storage FOLDER]

Sends the lines to a node with its default configuration in a new folder, stops it, and merges what it stored. With
`--storage` the folder `storage` of a stopped node is looked at instead; it is merged as well. Text and ids are random
where those of `applogs.py` are, so the table says which bytes a better layout could save and which nobody can. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from applogs import applogs
from ingest import HEIMDALL, _count, _free_port, _say, _send, _wait_until_ready

_MEASURED = """
import collections, json, sys, chdb
session = chdb.connect(sys.argv[1])
session.query("OPTIMIZE TABLE heimdall.logs FINAL", "Null")
ours = "database = 'heimdall' AND table = 'logs'"

def rows(statement):
    return [json.loads(line) for line in str(session.query(statement, "JSONEachRow")).splitlines()]

parts = rows(f"SELECT sum(rows) AS records, sum(bytes_on_disk) AS bytes, count() AS parts, "
             f"groupUniqArray(part_type) AS types FROM system.parts WHERE active AND {ours}")[0]
columns = rows(f"SELECT column AS name, sum(column_bytes_on_disk) AS bytes FROM system.parts_columns "
               f"WHERE active AND {ours} GROUP BY name")
indexes = rows(f"SELECT name, sum(data_compressed_bytes) + sum(marks_bytes) AS bytes "
               f"FROM system.data_skipping_indices WHERE {ours} GROUP BY name")
rollups = rows(f"SELECT name, sum(bytes_on_disk) AS bytes FROM system.projection_parts "
               f"WHERE active AND {ours} GROUP BY name")
print(json.dumps({"parts": parts, "columns": columns, "indexes": indexes, "rollups": rollups}))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--data", type=Path)
    options.add_argument("--storage", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="heimdall-bytes-") as name:
        storage = given.storage or _stored(given.data, given.records, Path(name))
        found = _measured(storage)
    for kind in ("columns", "indexes", "rollups"):
        for label, size in found[kind].items():
            _say(f"{kind[:-1] if kind != 'indexes' else 'index':8} {label:24} {size:8.3f}")
    _say(f"{'all':8} {'':24} {found['disk_bytes_per_record']:8.3f}")
    _say("")
    _say(json.dumps({"benchmark": "bytes", **found}))


def _stored(path: Path | None, records: int, folder: Path) -> Path:
    if path is None:
        path = folder / "applogs.jsonl"
        with path.open("wb") as file:
            for chunk in applogs(records):
                file.write(chunk)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "node.log").open("wb") as log:
        node = subprocess.Popen(
            [HEIMDALL, "up", "--data", folder / "node", "--port", str(port)], stdout=log, stderr=log
        )
    try:
        _wait_until_ready(url, node, folder / "node.log")
        sent = _send(path, url, connections=2, body_bytes=4_000_000)
        while _count(url) < sent.accepted:
            pass
    finally:
        node.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            node.wait(30)
        node.kill()
    return folder / "node" / "storage"


def _measured(storage: Path) -> dict[str, Any]:
    """Bytes a record, largest first within its kind. What is under a thousandth is left out of the lists."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(storage)], check=True, capture_output=True, text=True
    )  # one process can open a storage folder at a time
    raw = json.loads(done.stdout.splitlines()[-1])
    records = int(raw["parts"]["records"])
    if not records:
        raise SystemExit(f"{storage} holds no records of the hot tier")
    if raw["parts"]["types"] != ["Wide"]:
        raise SystemExit(f"{storage} has parts so small that their columns share a file; give it a million records")
    result: dict[str, Any] = {
        "records": records,
        "parts": int(raw["parts"]["parts"]),
        "disk_bytes_per_record": round(int(raw["parts"]["bytes"]) / records, 3),
    }
    for kind in ("columns", "indexes", "rollups"):
        sizes = {row["name"]: round(int(row["bytes"]) / records, 3) for row in raw[kind]}
        kept = {name: size for name, size in sizes.items() if size >= 0.001}
        result[kind] = dict(sorted(kept.items(), key=lambda item: -item[1]))
    return result


if __name__ == "__main__":
    main()
