"""Loki's push in JSON → records: `{"streams": [{"stream": {…}, "values": [["<ns>", "<line>", {…}]]}]}`."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import polars as pl

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.json import MAX_RECORDS
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.loki import decode_entries, parse_labels
from heimdall.ingest.decode.pairs import pairs_of
from heimdall.ingest.decode.timestamps import parse_timestamps


def decode_loki_json(body: bytes, *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of one request. A malformed entry is rejected alone.

    Raises:
        InvalidInput: it is no such request.
        TooLarge: more than `MAX_RECORDS` entries.
    """
    try:
        sent = orjson.loads(body)
        streams = [(_labels(each), each.get("values") or _old_values(each)) for each in sent["streams"]]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidInput(f"the body is no push request in JSON: {exc}") from exc
    if sum(len(values) for _, values in streams) > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} entries in one request; send smaller batches")
    rejected = RejectedList()
    codes: list[int] = []
    times: list[int] = []
    lines: list[str] = []
    owners: list[int] = []
    names: list[str] = []
    texts: list[str] = []
    number = 0
    for code, (_, values) in enumerate(streams):
        for entry in values:
            number += 1
            try:
                time, line, metadata = _entry(entry, now_ns)
            except (ValueError, TypeError, IndexError) as exc:
                rejected.add(number, f"not an entry: {exc}", repr(entry)[:200])
                continue
            for name, value in metadata.items():
                owners.append(len(lines))
                names.append(name)
                texts.append(value if isinstance(value, str) else orjson.dumps(value).decode())
            codes.append(code)
            times.append(time)
            lines.append(line)
    return decode_entries(
        [labels for labels, _ in streams],
        np.array(codes, np.int64),
        np.array(times, np.int64),
        pl.Series(lines, dtype=pl.String),
        pairs_of(
            np.array(owners, np.int64),
            pl.Series(names, dtype=pl.String),
            json_values(pl.Series(texts, dtype=pl.String)),
        ),
        np.zeros(len(lines), np.bool_),
        rejected,
        now_ns=now_ns,
        schemas=schemas,
    )


def _labels(stream: dict[str, Any]) -> dict[str, str]:
    """The current form is an object; `/api/prom/push` began with text."""
    said = stream.get("stream")
    if said is None:
        return parse_labels(stream["labels"])
    return {str(name): str(value) for name, value in said.items()}


def _old_values(stream: dict[str, Any]) -> list[Any]:
    return [(each.get("ts"), each.get("line")) for each in stream.get("entries") or ()]


def _entry(entry: Any, now_ns: int) -> tuple[int, str, dict[str, Any]]:
    """Time in ns, line, metadata; ValueError and its like with the reason."""
    time, line, *more = entry
    if not isinstance(line, str):
        raise ValueError("the line is no text")
    metadata = more[0] if more else {}
    if not isinstance(metadata, dict):
        raise ValueError("the metadata is no object")
    return _time_ns(time, now_ns), line, metadata


def _time_ns(said: Any, now_ns: int) -> int:
    if isinstance(said, int):
        ns = said
    elif isinstance(said, str) and said.isdigit():
        ns = int(said)
    else:
        found = parse_timestamps(pl.Series([str(said)]), now_ns=now_ns, zone="UTC").item()
        if found is None:
            raise ValueError(f"{str(said)[:40]!r} is no time in ns")
        ns = int(found)
    if not 0 <= ns < 2**63:
        raise ValueError("the time is out of range")
    return ns
