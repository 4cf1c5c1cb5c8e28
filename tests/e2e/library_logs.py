"""Log files of several kinds, as a folder of them looks in life."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import zstandard

MINUTE = "2026-11-22T10:{:02d}"


def write_logs(folder: Path) -> int:
    """Five files in three formats, two of them compressed; returns the number of records."""
    folder.mkdir(parents=True, exist_ok=True)
    shop = [
        json.dumps(
            {
                "timestamp": f"{MINUTE.format(n // 10)}:{n % 60:02d}.{n:03d}Z",
                "level": ("info", "info", "warn", "error")[n % 4],
                "service": ("cart", "payment")[n % 2],
                "message": f"order {n} took {n * 3} ms",
                "http": {"status": 200 + n % 3},
                "mixed": n if n % 5 else f"text {n}",
            }
        )
        for n in range(400)
    ]
    (folder / "shop.jsonl").write_text("\n".join(shop[:200]) + "\n", encoding="utf-8")
    (folder / "shop.jsonl.1.gz").write_bytes(gzip.compress("\n".join(shop[200:]).encode() + b"\n"))
    access = [
        f"192.0.2.{n % 9} - - [22/Nov/2026:10:{n % 60:02d}:30 +0000] "
        f'"GET /item/{n} HTTP/1.1" {200 if n % 7 else 500} {n}'
        for n in range(150)
    ]
    (folder / "web").mkdir(exist_ok=True)
    (folder / "web" / "access.log").write_text("\n".join(access) + "\n", encoding="utf-8")
    trace = "\n".join(
        f"2026-11-22 10:{n:02d}:01,000 ERROR [main] com.shop.Pay: failed {n}\njava.lang.IllegalStateException: no\n"
        f"\tat com.shop.Pay.run(Pay.java:{n})\n\tat java.lang.Thread.run(Thread.java:1)"
        for n in range(30)
    )
    (folder / "pay.log.zst").write_bytes(zstandard.compress(trace.encode() + b"\n"))
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\0\0")
    return 400 + 150 + 30
