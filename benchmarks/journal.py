"""The journal alone: records a second acknowledged after fsync, how long an acknowledgement takes, CPU, recovery.

    python benchmarks/journal.py [--seconds 5] [--batch 2000] [--senders 8] [--rate 100000] [--directory DIR]
                                 [--recover-gib 1.0]

Senders hand over ready-made batches (about 300 bytes a record as columns: message, attributes, trace and span ids,
user, service, duration) and wait for each acknowledgement before the next one: first as fast as that goes, then
together at `--rate` records a second, which is where an acknowledgement's time says something. CPU is that of the
whole process: encoding, checksums, committer, zero-filling of new files. Files lie in `--directory` (default: the
system's folder for temporary files; choose the disk you want to know about). Beside it, in the same run, the disk
alone: the same encoded bytes written and synced by one thread. Recovery reads a journal of `--recover-gib` that was
left as after a crash, first with the files in the system's cache. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow as pa

from heimdall.bus.buses.journal import Journal, JournalConfig
from heimdall.clock import SystemClock
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, LogBatch

_START_NS = 1_700_000_000_000_000_000
_MIB = 1 << 20


def make_batch(rng: random.Random, records: int) -> LogBatch:
    names = [
        "timestamp", "observed_timestamp", "severity_number", "service", "message", "attributes", "trace_id", "span_id",
        "user_id", "duration_ms",
    ]  # fmt: skip
    schema = pa.schema([LOG_SCHEMA.field(name) for name in names])
    times = sorted(_START_NS + rng.randrange(1_000_000_000) for _ in range(records))
    messages = [
        f"GET /api/v1/cart/{rng.randrange(10**6)}/items answered {rng.choice((200, 200, 200, 404, 500))} in "
        f"{rng.randrange(10**4)} ms for user u{rng.randrange(200_000)} from 10.0.{rng.randrange(256)}.7"
        for _ in range(records)
    ]
    attributes = [
        f'{{"http.status_code":{rng.choice((200, 404, 500))},"seq":{rng.randrange(10**9)},"path":"/api/v1/cart/'
        f'{rng.randrange(10**6)}/items","bytes":{rng.randrange(10**5)},"host":"web-{rng.randrange(12)}"}}'
        for _ in range(records)
    ]
    services = pa.array([f"service-{rng.randrange(12)}" for _ in range(records)]).dictionary_encode()
    columns = [
        pa.array(times, schema.field("timestamp").type),
        pa.array([_START_NS] * records, schema.field("observed_timestamp").type),
        pa.array([rng.choice((9, 9, 9, 13, 17)) for _ in range(records)], pa.uint8()),
        services.cast(schema.field("service").type),
        pa.array(messages, pa.large_string()),
        pa.array(attributes, pa.large_string()),
        pa.array([rng.randbytes(16) for _ in range(records)], pa.binary(16)),
        pa.array([rng.randbytes(8) for _ in range(records)], pa.binary(8)),
        pa.array([f"u{rng.randrange(200_000)}" for _ in range(records)], pa.large_string()),
        pa.array([rng.random() * 100 for _ in range(records)], pa.float64()),
    ]
    return LogBatch(DEFAULT_TENANT, pa.Table.from_arrays(columns, schema=schema))


def append_for(
    journal: Journal, batches: list[LogBatch], senders: int, seconds: float, rate: float
) -> dict[str, float]:
    """`rate`: records a second of all senders together; 0 = no bound."""
    waits: list[float] = []
    sent = [0] * senders
    stop_at = time.perf_counter() + seconds

    def send(sender: int) -> None:
        number = sender
        interval_s = batches[0].num_rows * senders / rate if rate else 0.0
        due = time.perf_counter() + interval_s * sender / senders
        while (began := time.perf_counter()) < stop_at:
            if interval_s and began < due:
                time.sleep(due - began)
                began = time.perf_counter()
            due += interval_s
            batch = batches[number % len(batches)]
            journal.append(batch).result()
            waits.append(time.perf_counter() - began)
            sent[sender] += batch.num_rows
            journal.release(journal.end)
            number += senders

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    cpu, began = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    waits.sort()
    return {
        "records_per_s": round(sum(sent) / elapsed),
        "ack_p50_ms": round(waits[len(waits) // 2] * 1e3, 2),
        "ack_p99_ms": round(waits[int(len(waits) * 0.99)] * 1e3, 2),
        "ack_max_ms": round(waits[-1] * 1e3, 2),
        "cpu_us_per_record": round(cpu / sum(sent) * 1e6, 3),
        "acks": len(waits),
    }


def disk_alone(directory: Path, group_bytes: int, seconds: float) -> dict[str, float]:
    """One thread that writes `group_bytes` into zero-filled space and syncs, again and again."""
    path = directory / "disk-alone"
    group = os.urandom(group_bytes)
    with path.open("wb") as file:
        file.write(bytes(64 * _MIB))
        file.flush()
        os.fsync(file.fileno())
        syncs: list[float] = []
        stop_at = time.perf_counter() + seconds
        while (began := time.perf_counter()) < stop_at:
            os.pwrite(file.fileno(), group, len(syncs) * group_bytes % (64 * _MIB - group_bytes))
            os.fdatasync(file.fileno())
            syncs.append(time.perf_counter() - began)
    path.unlink()
    syncs.sort()
    return {
        "mb_per_s": round(len(syncs) * group_bytes / sum(syncs) / 1e6, 1),
        "sync_p50_ms": round(syncs[len(syncs) // 2] * 1e3, 2),
        "sync_p99_ms": round(syncs[int(len(syncs) * 0.99)] * 1e3, 2),
    }


def recovery(directory: Path, batches: list[LogBatch], gib: float) -> dict[str, float]:
    config = JournalConfig(directory=directory, min_free_bytes=0, max_used_share=1.0, max_waiting_bytes=256 * _MIB)
    journal = Journal(config, SystemClock())
    futures = []
    used = 0
    while used < gib * 1024 * _MIB:
        futures = [journal.append(batch) for batch in batches]
        for future in futures:
            future.result()
        used = sum(path.stat().st_size for path in directory.glob("*.journal"))
    records = journal.end - 1
    journal.close()
    began, cpu = time.perf_counter(), time.process_time()
    again = Journal(config, SystemClock())
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert again.end == records + 1
    assert again.damages == ()
    again.close()
    return {
        "gib": round(used / 1024 / _MIB, 2),
        "records": records,
        "seconds": round(elapsed, 2),
        "cpu_s": round(cpu, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=2_000, help="records a batch")
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--rate", type=float, default=100_000, help="records a second of the second run")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--recover-gib", type=float, default=1.0)
    options = parser.parse_args()
    rng = random.Random(7)
    batches = [make_batch(rng, options.batch) for _ in range(8)]
    bytes_per_record = sum(batch.table.nbytes for batch in batches) / sum(batch.num_rows for batch in batches)
    result: dict[str, object] = {
        "benchmark": "journal",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "batch_records": options.batch,
        "senders": options.senders,
        "column_bytes_per_record": round(bytes_per_record),
    }
    with tempfile.TemporaryDirectory(prefix="heimdall-journal-", dir=options.directory) as folder:
        directory = Path(folder)
        journal = Journal(JournalConfig(directory=directory / "load", min_free_bytes=0), SystemClock())
        append_for(journal, batches, options.senders, 0.5, 0)  # warm: the first files, pyarrow's imports
        result |= append_for(journal, batches, options.senders, options.seconds, 0)
        result["at_rate"] = append_for(journal, batches, options.senders, options.seconds, options.rate)
        journal.close()
        result["disk_alone_256kib"] = disk_alone(directory, _MIB // 4, options.seconds)
        if options.recover_gib > 0:
            result["recovery"] = recovery(directory / "recovery", batches, options.recover_gib)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
