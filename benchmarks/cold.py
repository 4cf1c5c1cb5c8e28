"""The needle in the cold tier: how long one trace takes to find on S3, and which share of the bytes is read for it.

    python benchmarks/cold.py [--records 20000000] [--needles 20]

Builds Parquet files of a day's records each through the same code as the mover, on a real S3 server on this machine
(versitygw; `python tests/e2e/s3_servers.py` builds it), with a proxy between that counts every byte the server sends.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "e2e"))

from s3_servers import BUCKET, KEY, SECRET, CountingProxy, versitygw

from heimdall.clock import SystemClock
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.languages.hql import parse
from heimdall.query.sql.statement import to_sql
from heimdall.storage.config import StorageConfig
from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.opening import open_tiers
from heimdall.storage.schedule import DAY_NS, Tier
from heimdall.storage.selection import Selection
from heimdall.storage.tiered import TieredEngine

FILE_RECORDS = 1_000_000
TRACE = "reinterpretAsFixedString(sipHash128(toUInt64(intDiv(number, 10))))"
VALUES = {
    "tenant": "'default'",
    "severity_number": "toUInt8(if(cityHash64(number) % 50 = 0, 17, 9))",
    "service": "concat('service-', toString(cityHash64(number, 1) % 16))",
    "instance": "concat('instance-', toString(cityHash64(number, 2) % 64))",
    "region": "'eu-west-1'",
    "environment": "'prod'",
    "message": "concat('order ', toString(cityHash64(number, 3) % 1000000), ' took ', "
    "toString(cityHash64(number, 4) % 900), ' ms for user u', toString(cityHash64(number, 5) % 200000), "
    "' in step ', toString(number % 200))",
    "attributes": """concat('{"http":{"status_code":', toString(200 + number % 5), '}}')""",
    "trace_id": TRACE,
    "span_id": "reinterpretAsFixedString(sipHash64(number))",
    "user_id": "concat('u', toString(cityHash64(number, 5) % 200000))",
    "position": "toUInt64(number + 1)",
    "template_id": "toUInt64(1 + number % 200)",
}


def rows_statement(day: int, first: int, count: int) -> str:
    """A day's records in order of time, in the columns and types of a cold file."""
    step_ns = DAY_NS // count
    moment = f"fromUnixTimestamp64Nano(toInt64({day * DAY_NS} + (number - {first}) * {step_ns}), 'UTC')"
    values = VALUES | {"timestamp": moment, "observed_timestamp": moment}
    columns = []
    for column in layout.COLUMNS:
        kind = "String" if column.type.startswith(("JSON", "LowCardinality")) else column.type
        value = values.get(column.name) or ("NULL" if kind.startswith("Nullable") else column.absent)
        columns.append(f"CAST({value}, '{kind.replace(chr(39), chr(92) + chr(39))}') AS {column.name}")
    return f"SELECT {', '.join(columns)} FROM numbers({first}, {count})"


def build(engine: TieredEngine, records: int) -> tuple[int, float]:
    cold = engine.cold
    assert cold is not None
    began = time.monotonic()
    for number in range(records // FILE_RECORDS):
        day = 20_000 + number
        selection = Selection(
            tenant=DEFAULT_TENANT, policy="", day=day, start_ns=day * DAY_NS, end_ns=(day + 1) * DAY_NS, last_position=0
        )
        move = engine.catalogue.begin(Tier.COLD, selection=selection)
        rows = engine.hot.driver.stream(
            rows_statement(day, number * FILE_RECORDS, FILE_RECORDS), {"max_threads": 2, "max_block_size": 65_536}
        )
        made = [(unit, facts.minutes) for unit, facts in cold.write(move, rows)]
        engine.catalogue.commit(move, made)
        engine.catalogue.finish(move)
        print(f"{(number + 1) * FILE_RECORDS:,} records, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return sum(unit.size_bytes for unit in engine.catalogue.units(Tier.COLD)), time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000_000)
    parser.add_argument("--needles", type=int, default=20)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="heimdall-cold-"))
    server = versitygw(folder)
    proxy = CountingProxy(int(server.endpoint.rpartition(":")[2]))
    proxy.start()
    config = StorageConfig(
        cold_url=f"s3://{BUCKET}/bench", s3_endpoint=proxy.endpoint, s3_access_key_id=KEY, s3_secret_access_key=SECRET
    )
    engine, _ = open_tiers(config, SystemClock(), data=folder / "data")
    assert isinstance(engine, TieredEngine)
    try:
        size_bytes, built_s = build(engine, arguments.records)
        result = {
            "records": arguments.records,
            "files": len(engine.catalogue.units(Tier.COLD)),
            "size_bytes": size_bytes,
            "bytes_a_record": round(size_bytes / arguments.records, 1),
            "written_records_a_second": round(arguments.records / built_s),
            "sketch_bytes_a_record": round(
                sum(f.stat().st_size for f in (folder / "data" / "tiers" / "sketches").iterdir()) / arguments.records, 2
            ),
        }
        chance = random.Random(1)
        for kind in ("trace that is there", "trace that is nowhere", "errors of a service in 10 minutes, 100 newest"):
            result[kind] = measure(engine, proxy, kind, chance, arguments, size_bytes)
        print(json.dumps(result, indent=2))
    finally:
        engine.close()
        proxy.stop()
        server.stop()
    return 0


def measure(
    engine: TieredEngine,
    proxy: CountingProxy,
    kind: str,
    chance: random.Random,
    arguments: argparse.Namespace,
    size: int,
) -> dict[str, object]:
    times_ms: list[float] = []
    shares: list[float] = []
    for _ in range(arguments.needles):
        number = chance.randrange(arguments.records)
        start_ns = end_ns = None
        if kind.startswith("trace"):
            wanted = number if kind.endswith("there") else arguments.records * 2 + number
            found = engine.hot.driver.fetch(f"SELECT lower(hex({TRACE})) AS t FROM numbers({wanted}, 1)", {}).table
            query, limit = parse(f"trace_id:{found.column(0)[0].as_py()}"), 100
        else:
            start_ns = (20_000 + number // FILE_RECORDS) * DAY_NS + chance.randrange(130) * 600 * 10**9
            end_ns = start_ns + 600 * 10**9
            query, limit = parse(f"service:service-{number % 16} level>=error"), 100
        statement = to_sql(
            query, table=engine.table, tenant=DEFAULT_TENANT, start_ns=start_ns, end_ns=end_ns, limit=limit
        )  # fmt: skip
        before, began = proxy.received, time.monotonic()
        rows = engine.select(statement, query_id="cold", timeout_s=60, max_memory_bytes=1 << 30)
        records = sum(batch.num_rows for batch in rows)
        times_ms.append((time.monotonic() - began) * 1e3)
        shares.append((proxy.received - before) / size)
        if kind == "trace that is there":
            assert records == 10, records
        if kind == "trace that is nowhere":
            assert records == 0, records
    return {
        "p50_ms": round(statistics.median(times_ms), 1),
        "max_ms": round(max(times_ms), 1),
        "mean_read_share_percent": round(100 * statistics.mean(shares), 4),
        "max_read_share_percent": round(100 * max(shares), 4),
    }


if __name__ == "__main__":
    sys.exit(main())
