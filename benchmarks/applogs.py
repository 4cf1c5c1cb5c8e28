"""Application logs as JSON lines, made a column at a time: the data set of the ingest and query benchmarks.

    python benchmarks/applogs.py 4000000 applogs.jsonl [--seed 42]

Ten fields, about 290 bytes a record, 24 hours in even steps, 15 services in 4 regions, 12 weighted messages with
their own numbers, random 128-bit trace ids and 64-bit span ids, 200,000 users. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

START_NS = 1_763_700_000_000_000_000  # 2025-11-21T04:40:00Z
SPAN_NS = 24 * 3600 * 10**9
CHUNK_RECORDS = 100_000

SERVICES = (
    "checkout", "payment", "cart", "auth", "search", "frontend", "inventory", "email", "shipping", "ads", "recommend",
    "user", "order", "gateway", "billing",
)  # fmt: skip
REGIONS = ("eu-west-1", "us-east-1", "us-east-2", "ap-south-1")
PATHS = ("/api/v1/orders", "/api/v1/cart", "/api/v2/search", "/login", "/static/app.js", "/api/v1/users/me", "/healthz")
METHODS = ("GET", "POST", "PUT", "DELETE")
STATUSES = ("200", "200", "200", "201", "204", "404", "500")

MESSAGES: tuple[tuple[int, str, str, tuple[str, ...]], ...] = (
    (30, "INFO", "HTTP {} {} completed with {} in {} ms for user {}", ("method", "path", "status", "ms", "big")),
    (18, "INFO", "Cache hit for key session:{} ttl={}s", ("span", "count")),
    (14, "DEBUG", "SQL query finished rows={} took={}ms stmt=SELECT * FROM orders WHERE id={}", ("count", "ms", "big")),
    (8, "INFO", "Order {} placed by customer {} total={}.{} EUR", ("big", "count", "ms", "cents")),
    (4, "WARN", "Slow upstream response from 10.{}.{}.{}:8080 took {} ms (threshold 500 ms)", ("a", "b", "c", "ms")),
    (1, "ERROR", "Connection refused to postgres-{}.db.svc:5432 after {} retries", ("shard", "cents")),
    (1, "ERROR", "Unhandled exception in worker {}: ValueError: invalid literal for int() with base 10: 'x{}'",
     ("shard", "short")),
    (10, "INFO", "Published message {} to topic orders.v2 partition {} offset {}", ("short", "shard", "big")),
    (6, "INFO", "Token issued for client web-{} scope=read:{} expires_in=3600", ("cents", "method")),
    (4, "DEBUG", "GC pause {}ms heap={}MB young gen collection #{}", ("cents", "count", "big")),
    (3, "WARN", "Retrying request {} attempt {} of 5 backoff={}ms", ("short", "shard", "count")),
    (6, "INFO", "Health check OK uptime={}s goroutines={}", ("big", "count")),
)  # fmt: skip
"""Weight, level, text, and what fills its gaps."""


def applogs(records: int, seed: int = 42, chunk_records: int = CHUNK_RECORDS) -> Iterator[bytes]:
    """The lines, `chunk_records` at a time, each chunk ending in a newline."""
    step_ns = SPAN_NS // max(records, 1)
    for first in range(0, records, chunk_records):
        yield _chunk(first, min(chunk_records, records - first), step_ns, seed)


def _chunk(first: int, count: int, step_ns: int, seed: int) -> bytes:
    index = pl.Series(range(first, first + count), dtype=pl.UInt64)
    bits = [index.hash(seed + turn) for turn in range(4)]
    x, trace_high, trace_low = bits[0], bits[1], bits[2]
    weights = [weight for weight, *_ in MESSAGES]
    bounds = [sum(weights[: place + 1]) for place in range(len(weights))]
    draw = bits[3] % bounds[-1]
    frame = pl.DataFrame({"x": x, "draw": draw, "index": index}).with_columns(
        span=_hex(x), trace=_hex(trace_high) + _hex(trace_low)
    )
    frame = frame.with_columns(
        service=_pick(SERVICES, pl.col("x") // 2**40),
        region=_pick(REGIONS, pl.col("x") // 2**44),
        method=_pick(METHODS, pl.col("x")),
        path=_pick(PATHS, pl.col("x") // 2**3),
        status=_pick(STATUSES, pl.col("x") // 2**5),
        ms=pl.col("x") // 2**9 % 1500,
        big=pl.col("x") // 2**20 % 1_000_000,
        count=pl.col("x") // 2**30 % 4000,
        cents=pl.col("x") // 2**7 % 100,
        a=pl.col("x") % 256,
        b=pl.col("x") // 2**8 % 256,
        c=pl.col("x") // 2**16 % 256,
        shard=pl.col("x") % 8,
        short=pl.col("span").str.head(8),
        user=pl.col("x") // 2**20 % 200_000,
        pod=pl.col("x") // 2**46 % 500,
        version=pl.format("1.{}.{}", pl.col("x") // 2**50 % 5, pl.col("x") // 2**52 % 9),
        time=START_NS + pl.col("index") * step_ns,
    )
    kind = sum((pl.col("draw") >= bound).cast(pl.Int32) for bound in bounds[:-1])
    parts = frame.with_columns(kind=kind).partition_by("kind", as_dict=True)
    lines = pl.concat([_lines(part, *MESSAGES[int(key[0])][1:]) for key, part in parts.items()])
    text = lines.sort("index")["line"].str.join("\n").item()
    return f"{text}\n".encode()


def _lines(part: pl.DataFrame, level: str, message: str, gaps: tuple[str, ...]) -> pl.DataFrame:
    values = {
        "_time": pl.col("time").cast(pl.String),
        "level": pl.lit(f'"{level}"'),
        "service": _quoted(pl.col("service")),
        "region": _quoted(pl.col("region")),
        "pod": _quoted(pl.format("{}-{}", "service", pl.col("pod").cast(pl.String).str.zfill(5))),
        "trace_id": _quoted(pl.col("trace")),
        "span_id": _quoted(pl.col("span")),
        "user_id": _quoted(pl.format("u{}", "user")),
        "version": _quoted(pl.col("version")),
        "_msg": _quoted(pl.format(message, *gaps)),
    }
    members = [pl.concat_str(pl.lit(f'"{name}":'), value) for name, value in values.items()]
    line = pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=","), pl.lit("}"))
    return part.select("index", line=line)


def _quoted(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit('"'), text, pl.lit('"'))


def _hex(bits: pl.Series) -> pl.Series:
    raw = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), len(bits), [None, bits.to_arrow().buffers()[1]])
    hexed = pl.from_arrow(raw.cast(pa.large_binary()))
    assert isinstance(hexed, pl.Series)
    return hexed.bin.encode("hex")


def _pick(choices: tuple[str, ...], number: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(choices)).gather((number % len(choices)).cast(pl.UInt32))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("records", type=int)
    options.add_argument("path", type=Path)
    options.add_argument("--seed", type=int, default=42)
    given = options.parse_args()
    with given.path.open("wb") as file:
        for chunk in applogs(given.records, given.seed):
            file.write(chunk)
    sys.stdout.write(f"{given.path}: {given.records:,} records, {given.path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
