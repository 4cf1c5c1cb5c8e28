"""Raw files, one per instance as a disk would have them, for people who want to look or to feed another tool."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl

from heimdall.app.demo.plan import make_plan
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS
from heimdall.app.demo.shop import STREAMS
from heimdall.app.demo.streams import Tape
from heimdall.app.demo.truth import truth_of, write_truth
from heimdall.clock import Clock

CHUNK_NS = 6 * HOUR_NS
"""Window of a back-fill: large enough that fixed costs vanish, small enough for about 100 MB of memory."""


def write_files(directory: Path, *, hours: int, seed: int, clock: Clock, scale: float = 1.0) -> int:
    """Write the last `hours` up to the current minute; returns the number of records.

    `<instance>.log` holds the lines; `truth.json` what was planted; `labels.ndjson` one object per record that is a
    symptom: its file, its number in that file (records from 1; a stack trace belongs to its record), the incident.
    """
    directory.mkdir(parents=True, exist_ok=True)
    origin = clock.time_ns() // MINUTE_NS * MINUTE_NS
    start = origin - hours * HOUR_NS
    tape = Tape(make_plan(seed, origin), start, scale)
    written = [0] * len(STREAMS)
    for instance in STREAMS:
        (directory / f"{instance.name}.log").write_bytes(b"")
    with (directory / "labels.ndjson").open("wb") as labels:
        while tape.written_to_ns < origin:
            tape.write_to(min(tape.written_to_ns + CHUNK_NS, origin))
            lines = tape.take_to(tape.written_to_ns)
            for (stream,), part in lines.group_by("stream", maintain_order=True):
                place = int(stream)
                name = f"{STREAMS[place].name}.log"
                with (directory / name).open("ab") as file:
                    file.write((part["line"].str.join("\n").item() + "\n").encode())
                numbers = part.with_row_index("record", offset=written[place] + 1).filter(pl.col("blame") > 0)
                for record, incident in numbers.select("record", "blame").rows():
                    labels.write(orjson.dumps({"file": name, "record": record, "incident": incident}) + b"\n")
                written[place] += part.height
    write_truth(directory / "truth.json", truth_of(tape, start, origin))
    return sum(written)
