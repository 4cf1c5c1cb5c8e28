"""Rows as VictoriaLogs writes them: JSON lines of texts, records with `_time`, `_msg`, `_stream` and `_stream_id`.

A record's stream is what it was pushed with: the labels of a Loki entry, the `_stream_fields` of a JSON line; records
of other doors belong to the stream of their service, instance, region and environment. Its labels have the names of
fields, so that `_stream` of an answer is a filter that finds it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import orjson
import pyarrow as pa

from heimdall.model.severity import Level
from heimdall.model.stream import LABELS_FIELD, LINE_FIELD
from heimdall.query.fields import POSITION_COLUMN, TIME_COLUMN
from heimdall.query.logql.labels import fields_of, sanitized
from heimdall.query.logql.reader import member_text
from heimdall.query.rows import plain_rows

TIME, MESSAGE, STREAM, STREAM_ID = "_time", "_msg", "_stream", "_stream_id"
OWN_NAMES = {"timestamp": TIME, "message": MESSAGE}
"""Field → what VictoriaLogs calls it."""

HIDDEN = frozenset(
    {
        "id", "observed_timestamp", "severity_number", "template_id", LABELS_FIELD, LINE_FIELD, TIME_COLUMN,
        POSITION_COLUMN,
    }
)  # fmt: skip
"""Fields that nobody sent: a record shows them when it is asked for them by name."""

STREAM_FIELDS = ("service", "instance", "region", "environment")
_TENANT = "0" * 16
_UNSET = Level.UNSET.value


@lru_cache(maxsize=4_096)
def stream_fields(marker: str | None) -> tuple[str, ...]:
    """Fields that make the stream of a record with this `LABELS_FIELD`, in HQL's names; absent ones do not count."""
    if not marker:
        return STREAM_FIELDS
    labels = marker.partition(";")[0].split(",")
    return tuple(dict.fromkeys(field for name in labels if name for field in (name, *fields_of(sanitized(name)))))


def shown_name(field: str) -> str:
    """A field of HQL as a person wrote it."""
    return field.removeprefix("attributes.")


def stream_text(pairs: Iterable[tuple[str, str]]) -> str:
    """`{a="x",b="y"}`, labels in their order."""
    return "{" + ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in sorted(pairs)) + "}"


@lru_cache(maxsize=65_536)
def stream_id(stream: str) -> str:
    """48 hex digits: a tenant's sixteen, and a hash of the stream's text."""
    return _TENANT + hashlib.blake2b(stream.encode(), digest_size=16).hexdigest()


def labels_of(values: Mapping[str, str], marker: str | None) -> dict[str, str]:
    """`values`: text by field."""
    found: dict[str, str] = {}
    for field in stream_fields(marker):
        value = values.get(shown_name(field))
        if value and (field, value) != ("level", _UNSET):
            found.setdefault(shown_name(field), value)
    return found


Writer = Callable[[pa.Table], bytes]


def record_writer(names: Sequence[str] | None, without: frozenset[str]) -> Writer:
    """Writes records as lines; `names`: only these, in their order; None = all that were sent but `without`."""

    def line(row: dict[str, object]) -> bytes:
        values = {name: member_text(value) for name, value in row.items() if (name, value) != ("level", _UNSET)}
        stream = stream_text(labels_of(values, values.get(LABELS_FIELD)).items())
        values |= {STREAM: stream, STREAM_ID: stream_id(stream)}
        for field, name in OWN_NAMES.items():
            values[name] = values.pop(field, "")
        if names is not None:
            return _line({name: values[name] for name in names if values.get(name)})
        kept = {name: value for name, value in values.items() if value and name not in HIDDEN and name not in without}
        return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS) + b"\n"

    return lambda table: b"".join(map(line, plain_rows(table)))


def write_rows(table: pa.Table) -> bytes:
    """Rows that are no records, with their columns in their order; empty values are left out, as VictoriaLogs does."""
    lines = []
    for row in plain_rows(table):
        named = ((OWN_NAMES.get(name, name), member_text(value)) for name, value in row.items())
        lines.append(_line({name: text for name, text in named if text}))
    return b"".join(lines)


def _line(values: Mapping[str, str]) -> bytes:
    return orjson.dumps(values) + b"\n"
