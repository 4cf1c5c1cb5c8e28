"""The requests of a window: who asks for what, from where, and everything a log line may want to say about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.app.demo import words
from heimdall.app.demo.chance import Array, FloatArray, IntArray, hex_ids, pick, unit_hash
from heimdall.app.demo.journeys import JOURNEY_NUMBER, JOURNEYS
from heimdall.app.demo.rhythm import MINUTE_NS, Campaign, Window, arrivals
from heimdall.app.demo.topology import REGIONS

USERS = 24_000
SKUS = 6_400


@dataclass(frozen=True, slots=True)
class Attack:
    """Requests of a credential-stuffing tool: a list of stolen names, tried from a pool of addresses."""

    incident: int
    start_ns: int
    end_ns: int
    requests_per_s: float
    addresses: tuple[str, ...]
    agent: str
    hit_share: float
    """Share of the stolen passwords that still work."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests as columns; all arrays and the frame have one row per request, in order of arrival."""

    start_ns: IntArray
    journey: IntArray
    region: IntArray
    hostile: IntArray
    """Number of the incident the request is part of, 0 for customers."""
    sku_place: IntArray
    """Last two digits of the article, by which some faults choose."""
    columns: pl.DataFrame
    """Text and numbers by the names that message templates use."""

    @property
    def count(self) -> int:
        return int(self.start_ns.size)


def draw_traffic(
    rng: np.random.Generator,
    window: Window,
    *,
    seed: int,
    scale: float,
    campaigns: tuple[Campaign, ...],
    attacks: tuple[Attack, ...],
) -> Traffic:
    shares = np.array([journey.share for journey in JOURNEYS])
    parts: list[tuple[IntArray, IntArray, IntArray, IntArray]] = []
    for region in range(len(REGIONS)):
        times = arrivals(rng, window, region, seed, scale, campaigns)
        kinds = rng.choice(len(JOURNEYS), size=times.size, p=shares / shares.sum()).astype(np.int64)
        parts.append((times, kinds, np.full(times.size, region, np.int64), np.zeros(times.size, np.int64)))
    for attack in attacks:
        times = _attack_times(rng, window, attack, scale)
        login = np.full(times.size, JOURNEY_NUMBER["login"], np.int64)
        parts.append((times, login, np.zeros(times.size, np.int64), np.full(times.size, attack.incident, np.int64)))
    start, journey, region_of, hostile = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(start, kind="stable")
    start, journey, region_of, hostile = start[order], journey[order], region_of[order], hostile[order]
    return _describe(rng, seed, start, journey, region_of, hostile, attacks)


def _attack_times(rng: np.random.Generator, window: Window, attack: Attack, scale: float) -> IntArray:
    first, last = max(window.start_ns, attack.start_ns), min(window.end_ns, attack.end_ns)
    if first >= last:
        return np.zeros(0, np.int64)
    count = int(rng.poisson(attack.requests_per_s * scale * (last - first) / 1e9))
    return np.sort(rng.integers(first, last, count))


def _describe(
    rng: np.random.Generator,
    seed: int,
    start: IntArray,
    journey: IntArray,
    region: IntArray,
    hostile: IntArray,
    attacks: tuple[Attack, ...],
) -> Traffic:
    count = start.size
    # Half of the visits come from a few hundred regulars: squaring bends a uniform draw towards low numbers.
    user = (rng.random(count) ** 2.2 * USERS).astype(np.int64)
    user = np.where(hostile > 0, (rng.random(count) * USERS).astype(np.int64), user)
    visit = user * 1_000_003 + start // (30 * MINUTE_NS)  # whoever returns within the half hour is the same session
    sku = (rng.random(count) ** 1.8 * SKUS).astype(np.int64)
    price = np.round(4 + 240 * unit_hash(sku, 11) ** 3, 2)
    quantity = 1 + rng.geometric(0.62, count).astype(np.int64) // 2
    items = 1 + rng.poisson(1.4, count)
    amount = np.round(price * quantity + 19.0 * (items - 1) * rng.random(count), 2)
    order_number = start // 1_000_000 % 10_000_000_000
    network = unit_hash(user, 5)
    ip = pl.select(
        pl.format(
            "{}.{}.{}.{}",
            pl.Series(np.array([81, 84, 91, 93, 109, 178, 188, 203])[(network * 8).astype(np.int64)]),
            pl.Series((unit_hash(user, 6) * 250 + 2).astype(np.int64)),
            pl.Series((unit_hash(user, 7) * 250 + 2).astype(np.int64)),
            pl.Series((unit_hash(user, 8) * 250 + 2).astype(np.int64)),
        )
    ).to_series()
    columns = pl.DataFrame(
        {
            "trace_id": hex_ids(rng, count, 16),
            "request_id": hex_ids(rng, count, 8),
            "session_id": pl.Series((unit_hash(visit, seed) * 2**52).astype(np.int64)),
            "user_number": user,
            "ip": ip,
            "agent": words.AGENTS_SERIES.gather((unit_hash(user, 9) ** 2 * len(words.AGENTS)).astype(np.int64)),
            "sku_number": sku,
            "price": price,
            "quantity": quantity,
            "items": items,
            "amount": amount,
            "order_number": order_number,
            "page": 1 + rng.geometric(0.5, count) // 2,
            "category": pick(rng, count, words.CATEGORIES),
            "words": pick(rng, count, words.SEARCHES),
            "card_brand": pick(rng, count, words.CARD_BRANDS),
            "card_last4": rng.integers(1000, 9999, count),
            "carrier": pick(rng, count, words.CARRIERS),
            "first_name": words.FIRST_NAMES_SERIES.gather(_place(user, 12, len(words.FIRST_NAMES))),
            "last_name": words.LAST_NAMES_SERIES.gather(_place(user, 13, len(words.LAST_NAMES))),
            "route_number": journey,
            "region": pl.Series(REGIONS).gather(region),
        }
    )
    columns = columns.with_columns(
        session_id=pl.format("s-{}", pl.col("session_id").map_batches(_base32, return_dtype=pl.String)),
        user_id=pl.format("u{}", pl.col("user_number") + 100_000),
        sku=pl.format("SKU-{}", pl.col("sku_number") + 10_000),
        order_id=pl.format("ORD-{}", pl.col("order_number").cast(pl.String).str.zfill(10)),
        email=pl.format(
            "{}.{}{}@example.{}",
            pl.col("first_name").str.to_lowercase(),
            pl.col("last_name").str.to_lowercase(),
            pl.col("user_number") % 97,
            pl.when(pl.col("user_number") % 3 == 0).then(pl.lit("org")).otherwise(pl.lit("com")),
        ),
    )
    columns = _attackers(rng, columns, hostile, attacks)
    return Traffic(start, journey, region, hostile, sku % 100, columns.with_columns(_request_line(), _method()))


def _place(user: IntArray, salt: int, choices: int) -> IntArray:
    return (unit_hash(user, salt) * choices).astype(np.int64)


def _base32(numbers: pl.Series) -> pl.Series:
    """Ten letters and digits per number below 2**50, the look of a session id."""
    digits = np.frombuffer(b"0123456789abcdefghjkmnpqrstvwxyz", dtype=np.uint8)
    shifts = np.arange(9, -1, -1, dtype=np.int64) * 5
    places = (numbers.to_numpy()[:, None] >> shifts) & 31
    text: Array = np.ascontiguousarray(digits[places]).view("S10").reshape(-1)
    return pl.Series(text.astype("U10"), dtype=pl.String)


def _attackers(
    rng: np.random.Generator, columns: pl.DataFrame, hostile: IntArray, attacks: tuple[Attack, ...]
) -> pl.DataFrame:
    for attack in attacks:
        mine = pl.Series(hostile == attack.incident)
        if not mine.any():
            continue
        address = pl.Series(attack.addresses).gather(rng.integers(0, len(attack.addresses), columns.height))
        columns = columns.with_columns(
            ip=pl.when(mine).then(address).otherwise(pl.col("ip")),
            agent=pl.when(mine).then(pl.lit(attack.agent)).otherwise(pl.col("agent")),
            # every try is a new visitor to the shop
            session_id=pl.when(mine).then(pl.format("s-{}", pl.col("request_id").str.slice(0, 10))).otherwise(
                pl.col("session_id")
            ),
        )  # fmt: skip
    return columns


def _request_line() -> pl.Expr:
    path = pl.lit("/")
    for number, journey in enumerate(JOURNEYS):
        text, names = words.split_template(journey.path)
        filled = pl.format(text, *[pl.col(name) for name in names]) if names else pl.lit(text)
        path = pl.when(pl.col("route_number") == number).then(filled).otherwise(path)
    return path.alias("path")


def _method() -> pl.Expr:
    return pl.lit(pl.Series([j.method for j in JOURNEYS])).gather(pl.col("route_number")).alias("method")


def wrong_password_chance(traffic: Traffic, attacks: tuple[Attack, ...]) -> FloatArray:
    """Chance that a login of each request is refused for its password."""
    chance = np.full(traffic.count, 0.045)  # people mistype
    for attack in attacks:
        chance[traffic.hostile == attack.incident] = 1 - attack.hit_share
    return chance
