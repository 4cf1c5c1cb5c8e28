"""Loki's push in JSON → records: `{"streams": [{"stream": {…}, "values": [["<ns>", "<line>", {…}]]}]}`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import Decoded, RejectedList, Together, split
from heimdall.ingest.decode.json import MAX_RECORDS
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.loki import decode_entries, parse_labels
from heimdall.ingest.decode.pairs import Even, Pairs, are_few, pairs_of
from heimdall.ingest.decode.timestamps import parse_timestamps


def decode_loki_json(body: bytes, *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """Records of one request. A malformed entry is rejected alone.

    Raises:
        InvalidInput: it is no such request.
        TooLarge: more than `MAX_RECORDS` entries.
    """
    entries = _Entries(now_ns)
    entries.gather(body)
    return entries.decoded(schemas)


def decode_loki_json_together(bodies: list[bytes], *, now_ns: int, schemas: SchemaMemory) -> Together[Decoded]:
    """Records of several small requests in one go, those of each as `decode_loki_json` reads them.

    Raises:
        InvalidInput: one of them is no such request, or has a malformed entry.
        TooLarge: more than `MAX_RECORDS` entries in one of them.
    """
    entries = _Entries(now_ns)
    counts = []
    for body in bodies:
        before = len(entries.lines)
        entries.gather(body)
        counts.append(len(entries.lines) - before)
    decoded = entries.decoded(schemas)
    if decoded.rejected_count:
        raise InvalidInput("an entry of one of the requests is malformed")
    return split(decoded.table, counts)


@dataclass(slots=True)
class _Entries:
    """Gathers entries, request by request; `decoded` makes columns of them."""

    now_ns: int
    streams: list[dict[str, str]] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    rejected: RejectedList = field(default_factory=RejectedList)

    def gather(self, body: bytes) -> None:
        try:
            sent = orjson.loads(body)
            streams = [(_labels(each), each.get("values") or _old_values(each)) for each in sent["streams"]]
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as exc:
            raise InvalidInput(f"the body is no push request in JSON: {exc}") from exc
        if sum(len(values) for _, values in streams) > MAX_RECORDS:
            raise TooLarge(f"more than {MAX_RECORDS} entries in one request; send smaller batches")
        number = 0
        for labels, values in streams:
            self.streams.append(labels)
            for entry in values:
                number += 1
                try:
                    self._add(*_entry(entry, self.now_ns))
                except (ValueError, TypeError, IndexError) as exc:
                    self.rejected.add(number, f"not an entry: {exc}", repr(entry)[:200])

    def _add(self, time_ns: int, line: str, metadata: dict[str, Any]) -> None:
        self.codes.append(len(self.streams) - 1)
        self.times.append(time_ns)
        self.lines.append(line)
        self.metadata.append(metadata)

    def decoded(self, schemas: SchemaMemory) -> Decoded:
        return decode_entries(
            self.streams,
            np.array(self.codes, np.int64),
            np.array(self.times, np.int64),
            pl.Series(self.lines, dtype=pl.String),
            _columns(self.metadata) or _pairs(self.metadata),
            np.zeros(len(self.lines), np.bool_),
            self.rejected,
            now_ns=self.now_ns,
            schemas=schemas,
        )


def _columns(metadata: list[dict[str, Any]]) -> Even | None:
    """A column a name, where all entries have the same names."""
    names = metadata[0].keys() if metadata else ()
    if not are_few(len(names), len(metadata)) or any(each.keys() != names for each in metadata):
        return None
    return Even(tuple(pl.Series(name, [_text(each[name]) for each in metadata], dtype=pl.String) for name in names))


def _pairs(metadata: list[dict[str, Any]]) -> Pairs:
    found = [(owner, name, _text(value)) for owner, members in enumerate(metadata) for name, value in members.items()]
    owners, names, texts = zip(*found, strict=True) if found else ((), (), ())
    values = json_values(pl.Series(texts, dtype=pl.String))
    return pairs_of(np.array(owners, np.int64), pl.Series(names, dtype=pl.String), values)


def _text(value: Any) -> str:
    return value if type(value) is str else orjson.dumps(value).decode()


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
