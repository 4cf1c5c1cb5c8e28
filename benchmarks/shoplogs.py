"""A month of a platform's logs as JSON lines, any stretch of it by itself: the data of `billion.py`.

16 services on 64 instances, 200 messages, 200,000 users, traces of ten records that stand among those of 15 others.
Record `i` of `n` is the same whichever stretch it is made in, so a question can name what one record holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from applogs import _hex, _quoted

SPAN_NS = 30 * 24 * 3600 * 10**9
USERS = 200_000
LEVELS = ("DEBUG", "INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "WARN", "WARN", "ERROR")
SERVICES = (
    "gateway", "frontend", "checkout", "payment", "cart", "auth", "search", "inventory", "email", "shipping",
    "recommend", "catalog", "order", "billing", "session", "warehouse",
)  # fmt: skip
ACTIONS = (
    "accepted", "archived", "assigned", "cancelled", "charged", "checked", "confirmed", "created", "declined",
    "delivered", "dispatched", "expired", "fetched", "flagged", "forwarded", "merged", "notified", "packed", "parsed",
    "queued", "refunded", "rejected", "reserved", "restored", "retried",
)  # fmt: skip
THINGS = ("order", "parcel", "invoice", "voucher", "session", "basket", "catalogue entry", "stock movement")


@dataclass(frozen=True, slots=True)
class Month:
    """`records` of them in even steps over the 30 days from `start_ns` (unix) on."""

    records: int
    start_ns: int

    @property
    def step_ns(self) -> int:
        return SPAN_NS // self.records

    def fields(self, first: int, count: int) -> pl.DataFrame:
        """Records `first` and after, a column each: index, time, level, service, instance, message, …"""
        index = pl.Series(range(first, first + count), dtype=pl.UInt64)
        # 160 records in turn are 16 traces of ten
        trace = index // 160 * 16 + index % 16
        bits, span, low, high = index.hash(1), index.hash(2), trace.hash(3), trace.hash(4)
        frame = pl.DataFrame({"index": index, "bits": bits, "own": trace.hash(5)})
        bit = pl.col("bits")
        # Zipf's law, nearly: the first of the messages are a hundred times as frequent as the last
        kind = ((bit // 2**3 % 1000).cast(pl.Float64) / 1000).pow(2) * (len(ACTIONS) * len(THINGS))
        return frame.with_columns(
            trace_id=_hex(high) + _hex(low),
            span_id=_hex(span),
            time=self.start_ns + pl.col("index") * self.step_ns,
            level=_choice(LEVELS, bit // 2**20),
            service=_choice(SERVICES, pl.col("own") + pl.col("index") // 16 % 10 // 3),
            user_id=pl.format("u{}", pl.col("own") % USERS),
            took_ms=bit // 2**30 % 2000,
            kind=kind.floor().cast(pl.UInt32),
        ).with_columns(
            instance=pl.format("{}-{}", "service", bit // 2**44 % 4),
            message=pl.format(
                "{} {} ref-{} by worker {} in {} ms",
                _choice(THINGS, pl.col("kind") // len(ACTIONS)),
                _choice(ACTIONS, pl.col("kind") % len(ACTIONS)),
                pl.Series("reference", _hex(index.hash(6))).str.head(12),
                bit // 2**50 % 32,
                "took_ms",
            ),
        )

    def lines(self, first: int, count: int) -> bytes:
        """The same as JSON lines, about 290 bytes each."""
        values = {
            "_time": pl.col("time").cast(pl.String),
            "level": _quoted(pl.col("level")),
            "service": _quoted(pl.col("service")),
            "instance": _quoted(pl.col("instance")),
            "trace_id": _quoted(pl.col("trace_id")),
            "span_id": _quoted(pl.col("span_id")),
            "user_id": _quoted(pl.col("user_id")),
            "took_ms": pl.col("took_ms").cast(pl.String),
            "build": _quoted(pl.format("2026.{}.{}", pl.col("bits") // 2**55 % 4, pl.col("bits") // 2**57 % 7)),
            "_msg": _quoted(pl.col("message")),
        }
        members = [pl.concat_str(pl.lit(f'"{name}":'), value) for name, value in values.items()]
        line = pl.concat_str(pl.lit("{"), pl.concat_str(members, separator=","), pl.lit("}"))
        text = self.fields(first, count).select(line.str.join("\n")).item()
        return f"{text}\n".encode()


def _choice(choices: tuple[str, ...], number: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(choices)).gather((number % len(choices)).cast(pl.UInt32))
