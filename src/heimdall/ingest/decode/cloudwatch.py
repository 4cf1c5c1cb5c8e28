"""CloudWatch Logs subscriptions → records: envelopes of one stream's events, as Firehose, Kinesis and Lambda get them.

An event's message is read like a line anywhere: a JSON object, or text of any known format. Its account, group and
stream stay with it under OpenTelemetry's names, its id as `log.record.uid`; its own time counts where the message has
none, and the last part of the group's name is the service where it names none (`/aws/lambda/checkout`).
Source: Amazon CloudWatch Logs User Guide, "Real-time processing of log data with subscriptions".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from heimdall.ingest.decode.json import joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.payloads import (
    PayloadsDecoded,
    decode_payloads,
    in_schema_order,
    told_by_members,
    with_times,
    with_words,
)

ID_FIELD = "log.record.uid"
GROUP_FIELD = "aws.log.group.names"
_MEMBERS = ("cloud.provider", "cloud.account.id", GROUP_FIELD, "aws.log.stream.names", ID_FIELD)

_EVENT = pa.struct([("id", pa.string()), ("timestamp", pa.int64()), ("message", pa.string())])
_SCHEMA = pa.schema(
    [
        ("messageType", pa.string()),
        ("owner", pa.string()),
        ("logGroup", pa.string()),
        ("logStream", pa.string()),
        ("logEvents", pa.list_(_EVENT)),
    ]
)


@dataclass(frozen=True, slots=True)
class CloudWatchEvents:
    """Events as columns. Satisfies `heimdall.ingest.decode.payloads.Envelopes`."""

    values: Sequence[bytes]
    frame: pl.DataFrame
    """Of each: `owner`, `group`, `stream`, `id` (String, no nulls), `time_ms` (Int64, 0 = none)."""

    @property
    def member_names(self) -> Sequence[str]:
        return _MEMBERS

    def at(self, places: Sequence[int]) -> Self:
        return type(self)([self.values[i] for i in places], self.frame[list(places)])

    def members(self) -> pl.Series:
        origins = self.frame.select("owner", "group", "stream").unique(maintain_order=True)
        texts = [
            "," + orjson.dumps(dict(zip(_MEMBERS, ("aws", owner, [group], [stream]), strict=False))).decode()[1:-1]
            for owner, group, stream in origins.iter_rows()
        ]
        origins = origins.with_columns(pl.Series("text", texts, dtype=pl.String))
        of_each = self.frame.join(origins, on=["owner", "group", "stream"], how="left", maintain_order="left")["text"]
        ids = pl.Series([orjson.dumps(id_).decode() for id_ in self.frame["id"].to_list()], dtype=pl.String)
        return pl.select(pl.concat_str(pl.lit(of_each), pl.lit(f',"{ID_FIELD}":'), pl.lit(ids))).to_series()

    def filled(self, table: pa.Table, *, now_ns: int, in_order: bool) -> pa.Table:
        told = self.frame if in_order else self._in_order_of(table)
        table = with_times(table, told["time_ms"].fill_null(0).to_numpy() * np.int64(1_000_000), now_ns=now_ns)
        services = told["group"].str.strip_chars_end("/").str.extract(r"([^/]+)$")
        return in_schema_order(with_words(table, "service", services))

    def _in_order_of(self, table: pa.Table) -> pl.DataFrame:
        """The event behind each row: its group and its id tell."""
        rows = pl.DataFrame(
            {"group_text": told_by_members(table, GROUP_FIELD), "id_text": told_by_members(table, ID_FIELD)}
        )
        known = self.frame.with_columns(group_text=_json_inside("group"), id_text=_json_inside("id"))
        once = known.unique(rows.columns, keep="first")
        return rows.join(once, on=rows.columns, how="left", maintain_order="left")


def _json_inside(column: str) -> pl.Expr:
    """As JSON writes it between its quotes."""
    return pl.col(column).map_batches(
        lambda texts: pl.Series([orjson.dumps(text).decode()[1:-1] for text in texts.to_list()], dtype=pl.String),
        return_dtype=pl.String,
    )


def is_subscription(data: bytes) -> bool:
    """Whether it looks like an envelope; `decode_cloudwatch` has the last word."""
    head = data[:4096].lstrip()
    return head[:1] == b"{" and b'"messageType"' in data and b'"logEvents"' in data


def decode_cloudwatch(
    envelopes: Sequence[bytes], *, now_ns: int, schemas: SchemaMemory
) -> tuple[PayloadsDecoded, tuple[int, ...]]:
    """Records of all events, and places of what is no envelope. Control messages, which only try the way, have none."""
    flat = [envelope.translate(_ONE_LINE) for envelope in envelopes]
    table = _read(flat)
    broken: tuple[int, ...] = ()
    if table is None:  # some of them is none: one by one
        tables = [_read([each]) for each in flat]
        broken = tuple(place for place, each in enumerate(tables) if each is None)
        good = [each for each in tables if each is not None]
        table = pa.concat_tables(good) if good else _SCHEMA.empty_table()
    table = table.filter(pc.equal(table["messageType"], "DATA_MESSAGE"))
    events = _events(table)
    if not len(events.values):
        return PayloadsDecoded(joined([])), broken
    return decode_payloads(events, "auto", now_ns=now_ns, schemas=schemas), broken


_ONE_LINE = bytes.maketrans(b"\n\r", b"  ")


def _read(lines: Sequence[bytes]) -> pa.Table | None:
    """A row for each; None when some line is no envelope."""
    body = b"\n".join(lines)
    try:
        body.decode()
        table = pj.read_json(
            pa.BufferReader(body),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + 1),
            parse_options=pj.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        return None
    if table.num_rows != len(lines) or table["messageType"].null_count or b"\0" in body:
        return None
    return table.combine_chunks()


def _events(table: pa.Table) -> CloudWatchEvents:
    lists = table["logEvents"].combine_chunks() if table.num_rows else pa.array([], _SCHEMA.field("logEvents").type)
    owners = pc.list_parent_indices(lists)
    events = pc.list_flatten(lists)
    messages = pc.fill_null(pc.struct_field(events, "message"), "").cast(pa.binary()).to_pylist()
    columns = {"owner": "owner", "group": "logGroup", "stream": "logStream"}
    frame = pl.DataFrame(
        {name: pl.Series(pl.from_arrow(table[column].take(owners))) for name, column in columns.items()}
        | {
            "id": pl.Series(pl.from_arrow(pc.struct_field(events, "id"))),
            "time_ms": pl.Series(pl.from_arrow(pc.struct_field(events, "timestamp"))),
        },
        schema={name: pl.String for name in (*columns, "id")} | {"time_ms": pl.Int64},
    )
    texts = pl.col(*columns, "id").fill_null("")
    in_time = pl.col("time_ms").is_between(0, 1 << 42)
    return CloudWatchEvents(messages, frame.with_columns(texts, pl.when(in_time).then("time_ms").otherwise(0)))
