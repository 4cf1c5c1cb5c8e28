"""A month of a platform's logs as JSON lines, any stretch of it by itself: the data of `billion.py`.

16 services on 64 instances, 200 statements that log, 200,000 users, traces of ten records that stand among those of 15
others. Beside what a service says each message has a reference of its own, a worker and a duration.
Record `i` of `n` is the same whichever stretch it is made in, so a question can name what one record holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from applogs import _hex, _quoted

SPAN_NS = 30 * 24 * 3600 * 10**9
USERS = 200_000
LEVELS = ("DEBUG", "INFO", "INFO", "INFO", "INFO", "INFO", "INFO", "WARN", "WARN", "ERROR")
SAID = {
    "gateway": (
        "request routed upstream", "connection reset by client", "upstream answered late", "rate limit reached",
        "certificate reloaded from disk", "body larger than allowed", "retrying against second backend",
        "health probe passed", "unknown host header refused", "keepalive idle too long", "websocket upgraded",
        "circuit opened towards backend",
    ),
    "frontend": (
        "page rendered on server", "asset missing in bundle", "template fragment cached",
        "hydration mismatch reported", "locale fell back to default", "feature flag evaluated",
        "consent banner dismissed", "redirect loop detected", "image resized on demand", "stale manifest served",
        "navigation preload hit", "beacon dropped by browser",
    ),
    "checkout": (
        "basket turned into order", "address failed validation", "shipping option chosen",
        "voucher applied at checkout", "total recomputed after change", "step abandoned by visitor",
        "tax table looked up", "duplicate submit ignored", "guest account created silently",
        "stock reserved for order", "terms accepted again", "idempotency key reused",
    ),
    "payment": (
        "card authorised by acquirer", "card declined for insufficient funds", "capture scheduled overnight",
        "refund booked", "issuer asked for challenge", "challenge timed out", "token vault answered slowly",
        "fraud score above threshold", "settlement file written", "currency converted at daily rate",
        "mandate revoked by bank", "chargeback received",
    ),
    "cart": (
        "item put into cart", "item removed from cart", "quantity raised", "cart merged after login",
        "cart expired unseen", "price changed while in cart", "saved for later", "cart restored from cookie",
        "gift wrapping requested", "limit of items exceeded", "cart shard rebalanced", "optimistic lock lost",
    ),
    "auth": (
        "password accepted", "password rejected", "session token issued", "session token revoked",
        "second factor demanded", "signing key rotated", "login throttled for address",
        "account locked after attempts", "recovery mail requested", "federated identity linked",
        "scope denied by policy", "refresh token replayed",
    ),
    "search": (
        "query parsed", "spelling corrected", "shard answered partially", "facet counts computed",
        "index segment merged", "synonyms reloaded", "ranking model swapped", "nothing found for query",
        "suggestion list served", "slow scorer aborted", "replica promoted to primary", "crawl batch indexed",
    ),
    "inventory": (
        "stock level adjusted", "stock below reorder point", "reservation released", "supplier feed imported",
        "counting difference found", "pallet scanned at gate", "lot quarantined by inspector", "bin location changed",
        "negative stock prevented", "snapshot of stock taken", "reorder proposal sent", "unit of measure unknown",
    ),
    "email": (
        "message queued for delivery", "message accepted by relay", "mailbox full at recipient",
        "bounce classified hard", "unsubscribe link followed", "newsletter chunk rendered",
        "signature domain verified", "greylisted by remote server", "attachment stripped",
        "complaint forwarded by provider", "suppression list consulted", "spool drained after outage",
        "preview text missing",
    ),
    "shipping": (
        "label printed", "parcel handed to carrier", "carrier rejected address", "tracking event received",
        "parcel delivered to neighbour", "customs form attached", "weight differs from declaration",
        "pickup window missed", "return label issued", "route optimised for van", "depot capacity reached",
        "parcel reported lost", "delivery attempted without success",
    ),
    "recommend": (
        "candidates retrieved", "model inference finished", "embedding cache missed", "cold start fallback used",
        "experiment bucket assigned", "feedback event consumed", "similar items precomputed",
        "feature store unreachable", "diversity filter applied", "popularity decay updated", "batch scoring skipped",
        "gradient step diverged", "seen items excluded",
    ),
    "catalog": (
        "product published", "product withdrawn from sale", "variant created", "media uploaded to bucket",
        "description translated by vendor", "attribute schema migrated", "category tree rebuilt",
        "price list activated", "import row refused", "slug collision resolved", "bundle composition changed",
        "barcode checksum wrong", "brand page regenerated",
    ),
    "order": (
        "order confirmed", "order split across warehouses", "order cancelled by customer", "order put on hold",
        "partial delivery allowed", "line backordered", "state transition refused", "saga compensated",
        "outbox event relayed", "duplicate order suspected", "export to ledger finished", "archived after retention",
        "pick list generated",
    ),
    "billing": (
        "invoice issued", "invoice overdue", "dunning letter scheduled", "payment matched with invoice",
        "credit note written", "rounding difference booked", "tax number verified abroad",
        "statement rendered as document", "direct debit collected", "subscription renewed", "proration calculated",
        "ledger period closed", "currency gain realised",
    ),
    "session": (
        "session started", "session extended", "session evicted under memory pressure",
        "fingerprint changed within session", "replica lagging behind", "key space notification lost",
        "sticky cookie reissued", "bot traffic suspected", "geography jumped implausibly", "device remembered",
        "concurrent login noticed", "anonymous visitor promoted", "heartbeat overdue",
    ),
    "warehouse": (
        "robot docked", "robot battery low", "shelf brought to picker", "pick confirmed by light", "conveyor jammed",
        "tote misrouted", "wave released to floor", "packing station idle", "scanner lost network",
        "aisle blocked for safety", "forklift entered zone", "temperature out of range", "inventory drone landed",
    ),
}  # fmt: skip
"""Service → what its statements say, the frequent ones first; 200 in all."""

SERVICES = tuple(SAID)


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
        # Zipf's law, nearly: the first statements of a service are several times as frequent as its last
        rank = ((bit // 2**3 % 1000).cast(pl.Float64) / 1000).pow(2)
        return (
            frame.with_columns(
                trace_id=_hex(high) + _hex(low),
                span_id=_hex(span),
                time=self.start_ns + pl.col("index") * self.step_ns,
                level=_choice(LEVELS, bit // 2**20),
                service=_choice(SERVICES, pl.col("own") + pl.col("index") // 16 % 10 // 3),
                user_id=pl.format("u{}", pl.col("own") % USERS),
                took_ms=bit // 2**30 % 2000,
                rank=rank,
            )
            .with_columns(
                instance=pl.format("{}-{}", "service", bit // 2**44 % 4),
                said=_said(pl.col("service"), pl.col("rank")),
            )
            .with_columns(
                message=pl.format(
                    "{} ref-{} by worker {} in {} ms",
                    "said",
                    pl.Series("reference", _hex(index.hash(6))).str.head(12),
                    bit // 2**50 % 32,
                    "took_ms",
                ),
            )
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


def _said(service: pl.Expr, rank: pl.Expr) -> pl.Expr:
    """What a service says: `rank` from 0 to below 1 among its statements."""
    counts = [len(said) for said in SAID.values()]
    firsts = [sum(counts[:number]) for number in range(len(counts))]
    first, count = (service.replace_strict(SERVICES, numbers, return_dtype=pl.UInt32) for numbers in (firsts, counts))
    every = pl.Series([text for said in SAID.values() for text in said])
    return pl.lit(every).gather(first + (rank * count).floor().cast(pl.UInt32))
