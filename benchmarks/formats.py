"""Text formats: lines a second from bytes to columns, format by format, in one process.

    python benchmarks/formats.py [--lines 100000] [--batch 25000] [--data FILE …]

Lines are generated: distinct users, paths, times and ids in each, as long as real ones. Every batch goes the whole
way, from bytes through recognition to the columns a bus takes. `--data` reads files of your own instead (plain or
.gz), over and over up to `--lines`. Best of three rounds; CPU is that of the process over all its threads, which on a
busy machine says more than the clock. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import decode_lines

_NOW_NS = 1_795_343_400_000_000_000
_ROUNDS = 3
_AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
)


def combined(rng: random.Random, n: int) -> str:
    address = f"{rng.randrange(1, 224)}.{rng.randrange(256)}.{rng.randrange(256)}.7"
    request = f"GET /shop/items/{rng.randrange(10**6)}?page={rng.randrange(50)} HTTP/1.1"
    status, size = rng.choice((200, 200, 304, 404)), rng.randrange(10**5)
    return (
        f'{address} - - [22/Nov/2026:10:{_clock(n)} +0000] "{request}" {status} {size} '
        f'"https://shop.example/list?c={rng.randrange(999)}" "{_AGENT}"'
    )


def log4j(rng: random.Random, n: int) -> str:
    level = rng.choice(("INFO ", "INFO ", "WARN ", "DEBUG"))
    return (
        f"2026-11-22 10:{_clock(n // 1000)},{n % 1000:03} {level} [pool-3-thread-{n % 40}] "
        f"org.example.shop.cart.CartService: reserved item {rng.randrange(10**6)} for user u{rng.randrange(200_000)}"
    )


def kafka(rng: random.Random, n: int) -> str:
    return (
        f"[2026-11-22 10:{_clock(n // 1000)},{n % 1000:03}] INFO [ReplicaFetcher replicaId={n % 3}] Truncated "
        f"partition topic-{n % 50} to offset {rng.randrange(10**9)} (kafka.server.ReplicaFetcherThread)"
    )


def syslog(rng: random.Random, n: int) -> str:
    return (
        f"<{rng.randrange(8, 192)}>Nov 22 10:{_clock(n)} web{n % 20:02} sshd[{rng.randrange(10**5)}]: failed password "
        f"for invalid user u{rng.randrange(10**5)} from 203.0.113.{n % 256} port {rng.randrange(65536)}"
    )


def _clock(second: int) -> str:
    return f"{second // 60 % 60:02}:{second % 60:02}"


def logfmt(rng: random.Random, n: int) -> str:
    return (
        f'time=2026-11-22T10:{n // 60 % 60:02}:{n % 60:02}Z level=info msg="request done {rng.randrange(10**6)}" '
        f"method=GET path=/api/v1/cart/{rng.randrange(10**4)} status=200 duration={rng.randrange(900)}ms "
        f"user_id=u{rng.randrange(200_000)} trace_id={rng.getrandbits(128):032x} bytes={rng.randrange(10**6)}"
    )


def stack_traces(rng: random.Random, n: int) -> str:
    """Every eighth line begins a record; the others are its frames."""
    if n % 8 == 0:
        return f"{log4j(rng, n)}\njava.lang.IllegalStateException: no stock for {rng.randrange(10**6)}"
    return f"\tat org.example.shop.stock.Stock.take(Stock.java:{n % 8 * 7})"


GENERATORS: dict[str, Callable[[random.Random, int], str]] = {
    "access_combined": combined,
    "log4j": log4j,
    "kafka": kafka,
    "syslog_rfc3164": syslog,
    "logfmt": logfmt,
    "stack_traces": stack_traces,
}


def batches(lines: list[str], size: int) -> Iterator[bytes]:
    for begin in range(0, len(lines), size):
        yield "\n".join(lines[begin : begin + size]).encode()


def measure(bodies: list[bytes]) -> dict[str, float]:
    lines = sum(body.count(b"\n") + 1 for body in bodies)
    wall, cpu, records = float("inf"), float("inf"), 0
    for _ in range(_ROUNDS):
        began, cpu_began = time.perf_counter(), time.process_time()
        records = sum(decode_lines(lines_of(body), now_ns=_NOW_NS).num_rows for body in bodies)
        wall = min(wall, time.perf_counter() - began)
        cpu = min(cpu, time.process_time() - cpu_began)
    return {
        "lines": lines,
        "records": records,
        "bytes_per_line": round(sum(map(len, bodies)) / lines, 1),
        "lines_per_s": round(lines / wall),
        "cpu_us_per_line": round(cpu / lines * 1e6, 2),
        "lines_per_cpu_s": round(lines / cpu),
    }


def read(path: Path) -> list[str]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return raw.decode("utf-8", "replace").splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=25_000, help="lines decoded at a time")
    parser.add_argument("--data", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    if options.data:
        sets = {path.name: list(islice(cycle(read(path)), options.lines)) for path in options.data}
    else:
        sets = {name: [make(random.Random(n), n) for n in range(options.lines)] for name, make in GENERATORS.items()}
    found = {}
    for name, lines in sets.items():
        found[name] = measure(list(batches(lines, options.batch)))
        sys.stdout.write(
            f"{name:<24}{found[name]['lines_per_s']:>10,}/s {found[name]['cpu_us_per_line']:>7} µs CPU/line\n"
        )
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    sys.stdout.write(json.dumps({"benchmark": "formats", "formats": found, "machine": machine}) + "\n")


if __name__ == "__main__":
    main()
