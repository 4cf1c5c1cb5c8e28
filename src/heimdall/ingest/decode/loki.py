"""Loki's push: streams of lines with labels → records. What the protobuf and the JSON form have in common.

| sent | kept as |
|---|---|
| the line | message; a JSON object in it is opened |
| the entry's time | timestamp |
| labels and structured metadata with the names of canonical fields | their columns: metadata before labels |
| a service under another of the names Loki knows it by | service |
| every other label and metadata | an attribute under its own name; text |
| no level anywhere | what stands out in the line |

Source: Grafana Loki HTTP API, "Ingest logs"; configuration of `discover_service_name`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.canonical import KINDS, Kind
from heimdall.ingest.decode.decoded import Decoded, RejectedList
from heimdall.ingest.decode.fields import EARLIEST_NS, MAX_AHEAD_NS, Canonical, Fields, canonical, finished
from heimdall.ingest.decode.hints import NO_HINTS
from heimdall.ingest.decode.json_merge import merged_objects
from heimdall.ingest.decode.json_nested import unwrapped
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.json_text import json_values
from heimdall.ingest.decode.oddity import ODDITY_FIELD, Oddity
from heimdall.ingest.decode.pairs import (
    Even,
    Pairs,
    constant,
    joined,
    joined_texts,
    objects_of,
    objects_over,
    over,
    taken,
)
from heimdall.ingest.decode.protobuf_fields import Mask, Places
from heimdall.ingest.decode.recognise import sniffed_levels
from heimdall.model.batch import LOG_SCHEMA
from heimdall.model.stream import LABELS_FIELD, LINE_FIELD

SERVICE_LABELS = (
    "service_name", "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container",
    "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name",
)  # fmt: skip
"""Where Loki looks for a service's name, the first that is there."""

_SEPARATORS = frozenset(',;"\\')
"""A name with one of these is not listed among the names of labels; no sender of Loki's has such."""

_LEVEL_LABELS = ("level", "severity", "detected_level", "log_level", "lvl")
_FROM_LABELS = frozenset(name for name in KINDS if name not in ("timestamp", "message"))
_FROM_METADATA = frozenset(
    name for name, kind in KINDS.items() if kind in (Kind.TEXT, Kind.WORD, Kind.LEVEL, Kind.HEX_16, Kind.HEX_8)
)


def decode_entries(
    streams: Sequence[dict[str, str]],
    stream: Places,
    times: Places,
    lines: pl.Series,
    metadata: Pairs | Even,
    odd: Mask,
    rejected: RejectedList,
    *,
    now_ns: int,
    schemas: SchemaMemory,
) -> Decoded:
    """Records of entries; entry i has `lines[i]` at `times[i]` ns in `streams[stream[i]]`.

    `odd`: entries with bytes that are no UTF-8. `metadata`: text values as JSON.
    """
    count = len(lines)
    if not count:
        return rejected.decoded(finished(LOG_SCHEMA.empty_table().select(["timestamp"]), now_ns=now_ns))
    of_streams, members = _labels(streams, now_ns)
    columns: dict[str, pa.Array] = {
        name: of_streams[name].combine_chunks().take(pa.array(stream)) for name in of_streams.column_names
    }
    plausible = (times >= EARLIEST_NS) & (times <= now_ns + MAX_AHEAD_NS)
    late = np.flatnonzero(~plausible & (times != 0))
    names = frozenset(name for labels in members for name in labels)
    outer = [orjson.dumps(labels).decode() if labels else "" for labels in members]
    columns, objects, own_names = _attributes(
        columns, metadata, _beside(times, late, odd), streams, stream, outer, names, now_ns
    )
    columns["attributes"] = _large(objects)
    columns["message"] = _large(lines)
    if "severity_number" not in columns or columns["severity_number"].null_count:
        columns["severity_number"] = _levels(columns.get("severity_number"), lines)
    some = {name: columns[name] for name in LOG_SCHEMA.names if name in columns and columns[name].null_count < count}
    own = pl.Series([True]).new_from_index(0, count)
    opened = unwrapped(Canonical(pa.table(some), own, names | own_names), now_ns=now_ns, schemas=schemas).table
    ready = _with_original(opened, lines)
    return rejected.decoded(finished(_at(ready, times, plausible, now_ns), now_ns=now_ns))


def _beside(times: Places, late: Places, odd: Mask) -> Pairs:
    """What an entry has besides its metadata: times a log cannot have, and marks."""
    rows = np.flatnonzero(odd)
    parts = [
        constant("entry_time", late, pl.Series(times[late]).cast(pl.String)),
        constant(ODDITY_FIELD, late, _marks(Oddity.TIME_OUT_OF_RANGE, len(late))),
        constant(ODDITY_FIELD, rows, _marks(Oddity.INVALID_UTF8, len(rows))),
    ]
    return joined(parts)


def _attributes(
    columns: dict[str, pa.Array],
    metadata: Pairs | Even,
    beside: Pairs,
    streams: Sequence[dict[str, str]],
    stream: Places,
    outer: Sequence[str],
    outer_names: frozenset[str],
    now_ns: int,
) -> tuple[dict[str, pa.Array], pl.Series, frozenset[str]]:
    """`columns` with what the metadata says; attributes as JSON objects, the stream's labels first; names of their own.

    `outer`: the labels that are left, a JSON object a stream or empty; `outer_names`: all of their names.
    """
    count = len(stream)
    if isinstance(metadata, Even):
        own_names = frozenset(column.name for column in metadata.columns)
        found, rest = metadata.taken(_FROM_METADATA)
        merged, unfit = _with_metadata(columns, found, now_ns)
        if unfit is None and not len(beside) and outer_names.isdisjoint(own_names):
            readable = _label_names(streams, stream, [column.name for column in metadata.columns])
            objects = objects_over([*rest, readable.alias(LABELS_FIELD)], outer, stream)
            return merged, cast(pl.Series, objects), own_names | {LABELS_FIELD}
        metadata = metadata.pairs()
    found, left = taken(metadata, _FROM_METADATA, count)
    columns, unfit = _with_metadata(columns, found, now_ns)
    readable = json_values(_label_names(streams, stream, metadata))
    left = joined([left, beside, constant(LABELS_FIELD, np.arange(count), readable)])
    objects = over(objects_of(left, count), left, outer, outer_names, stream)
    if unfit is not None:
        objects = merged_objects(objects, unfit, None)
    return columns, objects, frozenset(left.names) | frozenset(found)


def parse_labels(text: str) -> dict[str, str]:
    """`{job="a", level="info"}` as Loki's agents write it.

    Raises:
        InvalidInput: it is none.
    """
    place = _skip(text, 0)
    if text[place : place + 1] != "{":
        raise InvalidInput(f'error parsing labels: {text[:80]!r} is no label set; write {{job="app"}}')
    labels: dict[str, str] = {}
    place = _skip(text, place + 1)
    while text[place : place + 1] != "}":
        equals = text.find("=", place)
        start = _skip(text, equals + 1)
        end = start + 1
        while end < len(text) and text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        name = text[place:equals].strip() if equals >= 0 else ""
        if not name or text[start : start + 1] != '"' or end >= len(text):
            raise InvalidInput(f'error parsing labels: {text[:80]!r}; write {{name="value", other="value"}}')
        labels[name] = _unescaped(text[start : end + 1])
        place = _skip(text, end + 1)
        if text[place : place + 1] == ",":
            place = _skip(text, place + 1)
    return labels


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def _unescaped(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        return str(orjson.loads(quoted))
    except orjson.JSONDecodeError:
        return quoted[1:-1]  # Go knows escapes that JSON does not; they stay as they are written


def _labels(streams: Sequence[dict[str, str]], now_ns: int) -> tuple[pa.Table, list[dict[str, str]]]:
    """Canonical columns of each stream, and the labels that are left."""
    told: list[dict[str, str]] = []
    for labels in streams:
        service = next((labels[name] for name in SERVICE_LABELS if labels.get(name)), None)
        level = next((labels[name] for name in _LEVEL_LABELS if labels.get(name)), None)
        kept = {"service": service, "level": level} | {
            name: value for name, value in labels.items() if name in _FROM_LABELS and name not in ("service", "level")
        }
        told.append({name: value for name, value in kept.items() if value is not None})
    names = list(dict.fromkeys(name for each in told for name in each))
    frame = pl.DataFrame(
        {name: [each.get(name) for each in told] for name in names}, schema=dict.fromkeys(names, pl.String)
    )
    raw = pl.Series([""], dtype=pl.String).new_from_index(0, len(streams))
    found = canonical(Fields(frame, len(streams), raw=lambda: raw), now_ns=now_ns, hints=NO_HINTS).table
    columns = [name for name in found.column_names if name in _FROM_LABELS]
    ids = {name for name in columns if name not in ("service", "severity_number")}
    members = [_left(labels, each, ids) for labels, each in zip(streams, told, strict=True)]
    return found.select(columns), members


def _left(labels: dict[str, str], told: dict[str, str], taken_names: set[str]) -> dict[str, str]:
    """Labels that no column says: the one that named the service goes only when it is no more than that."""
    gone = {"service", "service_name", "level", "detected_level"} | taken_names
    return {name: value for name, value in labels.items() if name not in gone}


def _with_metadata(
    columns: dict[str, pa.Array], found: dict[str, pl.Series], now_ns: int
) -> tuple[dict[str, pa.Array], pl.Series | None]:
    """The entry's own word before that of its stream; and what does not fit its column, as JSON objects."""
    if not found:
        return columns, None
    frame = pl.DataFrame([values.alias(name) for name, values in found.items()])
    raw = pl.Series([""], dtype=pl.String).new_from_index(0, frame.height)
    table = canonical(Fields(frame, frame.height, raw=lambda: raw), now_ns=now_ns, hints=NO_HINTS).table
    merged = dict(columns)
    for name in found:
        if name in table.column_names:
            own = table[name].combine_chunks()
            merged[name] = _first(own, columns[name]) if name in columns else own
    return merged, cast(pl.Series, pl.from_arrow(table["attributes"])) if "attributes" in table.column_names else None


def _first(one: pa.Array, other: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(one.type):
        return pc.coalesce(one.dictionary_decode(), other.dictionary_decode()).dictionary_encode()
    return pc.coalesce(one, other)


def _levels(stated: pa.Array | None, lines: pl.Series) -> pa.Array:
    sniffed = sniffed_levels(lines)
    if stated is not None:
        own = cast(pl.Series, pl.from_arrow(stated))
        sniffed = pl.select(pl.coalesce(pl.lit(own), pl.lit(sniffed))).to_series()
    return sniffed.cast(pl.UInt8).to_arrow()


def _label_names(streams: Sequence[dict[str, str]], stream: Places, metadata: Pairs | Sequence[str]) -> pl.Series:
    """For each entry the names it can be read by again: those of its stream and of its metadata.

    `metadata`: pairs, or the names that all entries have.
    """
    own = [",".join(_listed(labels)) for labels in streams]
    if not isinstance(metadata, Pairs):
        same = ",".join(_listed(metadata))
        texts = pl.Series([f"{names};{same}" if same else names for names in own], dtype=pl.String)
        return texts.gather(pl.Series(stream))
    text = pl.Series(own, dtype=pl.String).gather(pl.Series(stream))
    if len(metadata):
        known = pl.Series(["" if _SEPARATORS & set(name) else name for name in metadata.names], dtype=pl.String)
        offsets = np.searchsorted(metadata.owner, np.arange(len(stream) + 1))
        text = text + ";" + joined_texts(known.gather(pl.Series(metadata.codes)), offsets)
    return text.str.strip_suffix(";")


def _listed(names: Iterable[str]) -> list[str]:
    return [name for name in names if not _SEPARATORS & set(name)]


def _with_original(table: pa.Table, lines: pl.Series) -> pa.Table:
    """Lines that were opened and are no longer the message stay as they came, in an attribute."""
    message = cast(pl.Series, pl.from_arrow(table["message"]))
    rows = (message != lines).arg_true()
    if not len(rows):
        return table
    members = pl.DataFrame({LINE_FIELD: lines.gather(rows)}).select(pl.struct(LINE_FIELD).struct.json_encode())
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(lines))
    originals = nothing.scatter(rows, members.to_series())
    known = "attributes" in table.column_names
    objects = cast(pl.Series, pl.from_arrow(table["attributes"])) if known else nothing
    attributes = _large(merged_objects(originals, objects, [LINE_FIELD]))
    if known:
        return table.set_column(table.column_names.index("attributes"), "attributes", attributes)
    return table.append_column("attributes", attributes)


def _marks(mark: Oddity, count: int) -> pl.Series:
    return pl.Series([f'["{mark}"]'], dtype=pl.String).new_from_index(0, count)


def _at(table: pa.Table, times: Places, plausible: Mask, now_ns: int) -> pa.Table:
    """The time of the entry counts, whatever the line says."""
    stamps = pa.array(np.where(plausible, times, now_ns), pa.int64()).cast(LOG_SCHEMA.field("timestamp").type)
    if "timestamp" in table.column_names:
        return table.set_column(table.column_names.index("timestamp"), "timestamp", stamps)
    return table.add_column(0, "timestamp", stamps)


def _large(values: pl.Series) -> pa.Array:
    array = values.to_arrow().cast(pa.large_string())
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
