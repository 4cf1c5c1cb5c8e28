"""From calls and clocks to log lines: templates that services declare, filled for whole columns at once.

A service's module lists its `Line`s (said about a call) and `Routine`s (said by the clock). Rendering picks the calls
a line is about, gathers the columns its placeholders name and formats them in one go. The result is a *block*, a
frame with the columns of `BLOCK_SCHEMA`, which a writer of `formats/` turns into the service's own spelling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.app.demo.calls import CallLog, Calls
from heimdall.app.demo.chance import BoolArray, FloatArray, IntArray, unit_hash
from heimdall.app.demo.effects import STATUS_OF, Outcome
from heimdall.app.demo.formats import WRITERS
from heimdall.app.demo.rhythm import DAY_NS, HOUR_NS, Window, every
from heimdall.app.demo.topology import INSTANCES, SERVICE_NUMBER, SERVICES
from heimdall.app.demo.traffic import Traffic
from heimdall.app.demo.vitals import Vitals
from heimdall.app.demo.words import split_template

BLOCK_SCHEMA: dict[str, type[pl.DataType]] = {
    "time_ns": pl.Int64, "instance": pl.Int64, "level": pl.String, "logger": pl.String, "message": pl.String,
    "trace_id": pl.String, "span_id": pl.String, "parent_span_id": pl.String, "user_id": pl.String,
    "session_id": pl.String, "request_id": pl.String, "duration_ms": pl.Float64, "extra": pl.String,
    "stack": pl.String, "thread": pl.Int64, "blame": pl.Int64,
}  # fmt: skip

BROKEN = (
    Outcome.UPSTREAM, Outcome.TIMEOUT, Outcome.UNAVAILABLE, Outcome.POOL, Outcome.CLIENTS, Outcome.DEFECT,
    Outcome.TRANSIENT, Outcome.DISK,
)  # fmt: skip
"""Outcomes that are the shop's fault."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A number made up for one line."""

    name: str
    low: float
    high: float
    decimals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a service says about one of its calls."""

    op: str
    level: str
    logger: str
    message: str
    """With placeholders: columns of the traffic, of the call (duration_ms, status, attempt, outcome), or draws."""
    outcomes: tuple[Outcome, ...] = (Outcome.OK,)
    at: float = 1.0
    """Place within the call: 0 its start, 1 its end."""
    share: float = 1.0
    slower_than_ms: float = 0.0
    degraded: bool | None = None
    missed: bool | None = None
    retried: bool | None = None
    hostile: bool | None = None
    fields: tuple[str, ...] = ()
    """Structured fields, `name` or `name=column`; writers of plain text leave them out."""
    draws: tuple[Draw, ...] = ()
    stack: str = ""
    """Stack trace that follows the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """What an instance says by itself, every so often."""

    period_s: float
    level: str
    logger: str
    message: str
    """With placeholders: columns of the vitals (cpu, mem_mib, …), `tick`, `instance_name`, or draws."""
    share: float = 1.0
    ranks: tuple[int, ...] | None = None
    """Instances that say it; None: all."""
    daily_h: tuple[float, float] | None = None
    """Only between these hours UTC; `tick` then counts from the first."""
    jitter: float = 0.0
    """Part of the period by which a line may be late."""
    fields: tuple[str, ...] = ()
    draws: tuple[Draw, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What one service has to say, and which ids it knows."""

    lines: tuple[Line, ...] = ()
    routines: tuple[Routine, ...] = ()
    knows: tuple[str, ...] = ("user_id",)
    """Which of user_id, session_id, request_id its lines carry."""


def render_line(
    line: Line, script: Script, calls: Calls, log: CallLog, traffic: Traffic, rng: np.random.Generator
) -> pl.DataFrame | None:
    chosen = np.flatnonzero(_chosen(line, calls, traffic, rng))
    if chosen.size == 0:
        return None
    request = calls.request[chosen]
    duration_ns = calls.end_ns[chosen] - calls.start_ns[chosen]
    source = traffic.columns.select(_wanted(line, script, traffic.columns))[request]
    source = source.with_columns(
        duration_ms=pl.Series(np.round(duration_ns / 1e6, 3)),
        took_ms=pl.Series(np.maximum(duration_ns // 1_000_000, 1)),
        status=pl.Series(STATUS_OF[calls.outcome[chosen]]),
        attempt=pl.Series(calls.attempt[chosen]),
        instance_name=pl.Series([instance.name for instance in INSTANCES[calls.service]]).gather(
            calls.instance[chosen]
        ),
        span_id=log.span_ids.gather(calls.span[chosen]),
        parent_span_id=log.span_ids.gather(calls.parent[chosen]),
        **_drawn(line.draws, chosen.size, rng),
    )
    ids = {name: pl.col(name) if name in script.knows else pl.lit("") for name in _IDS}
    return source.select(
        time_ns=pl.Series(calls.start_ns[chosen] + (duration_ns * line.at).astype(np.int64)),
        instance=pl.Series(calls.instance[chosen]),
        level=pl.lit(line.level),
        logger=_filled(line.logger),
        message=_filled(line.message),
        trace_id=pl.col("trace_id"),
        span_id=pl.col("span_id"),
        parent_span_id=pl.col("parent_span_id"),
        **ids,
        duration_ms=pl.col("duration_ms") if line.at >= 1 else pl.lit(None, dtype=pl.Float64),
        extra=_extra(line.fields, calls.service, source),
        stack=_filled(line.stack),
        thread=pl.Series(1 + (calls.span[chosen] * 7919) % 24),
        blame=pl.Series(calls.blame[chosen]),
    )


def render_routine(
    routine: Routine, service: str, window: Window, vitals: Vitals, rng: np.random.Generator
) -> pl.DataFrame | None:
    times, ranks, ticks = _occasions(routine, service, window, rng)
    if times.size == 0:
        return None
    source = vitals.at(service, ranks, times, wanted=_placeholders(routine.message, routine.logger, routine.fields))
    source = source.with_columns(tick=pl.Series(ticks), **_drawn(routine.draws, times.size, rng))
    return announce(
        service=service, level=routine.level, logger=routine.logger, message=routine.message, times_ns=times,
        ranks=ranks, blame=source["blame"].to_numpy(), source=source, fields=routine.fields,
    )  # fmt: skip


def announce(
    *,
    service: str,
    level: str,
    logger: str,
    message: str,
    times_ns: IntArray,
    ranks: IntArray,
    blame: IntArray,
    source: pl.DataFrame | None = None,
    fields: tuple[str, ...] = (),
    stack: str = "",
) -> pl.DataFrame:
    """A block of lines that belong to no request; `source` has the placeholders' columns, one row per line."""
    names = pl.Series([instance.name for instance in INSTANCES[service]])
    if source is None:
        source = pl.DataFrame({"time_ns": times_ns})
    source = source.with_columns(instance_name=names.gather(ranks))
    return source.select(
        time_ns=pl.Series(times_ns, dtype=pl.Int64),
        instance=pl.Series(ranks, dtype=pl.Int64),
        level=pl.lit(level),
        logger=_filled(logger),
        message=_filled(message),
        **{name: pl.lit("") for name in ("trace_id", "span_id", "parent_span_id", *_IDS)},
        duration_ms=pl.lit(None, dtype=pl.Float64),
        extra=_extra(fields, service, source),
        stack=_filled(stack),
        thread=pl.lit(1, dtype=pl.Int64),
        blame=pl.Series(blame, dtype=pl.Int64),
    )


_IDS = ("user_id", "session_id", "request_id")


def _chosen(line: Line, calls: Calls, traffic: Traffic, rng: np.random.Generator) -> BoolArray:
    chosen: BoolArray = np.isin(calls.outcome, [int(outcome) for outcome in line.outcomes])
    if line.slower_than_ms:
        chosen &= (calls.end_ns - calls.start_ns) > line.slower_than_ms * 1e6
    if line.degraded is not None:
        chosen &= calls.degraded == line.degraded
    if line.missed is not None:
        chosen &= calls.missed == line.missed
    if line.retried is not None:
        chosen &= (calls.attempt > 1) == line.retried
    if line.hostile is not None:
        chosen &= (traffic.hostile[calls.request] > 0) == line.hostile
    if line.share < 1:
        chosen &= rng.random(chosen.size) < line.share
    return chosen


def _occasions(
    routine: Routine, service: str, window: Window, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    ranks = routine.ranks if routine.ranks is not None else tuple(range(len(INSTANCES[service])))
    times_of: list[IntArray] = []
    ranks_of: list[IntArray] = []
    salt = SERVICE_NUMBER[service] * 100 + int(routine.period_s)
    for rank in ranks:
        phase = float(unit_hash(np.array([rank]), salt)[0])
        times = every(routine.period_s, window, phase)
        if routine.daily_h is not None:
            hour = (times % DAY_NS) / HOUR_NS
            times = times[(hour >= routine.daily_h[0]) & (hour < routine.daily_h[1])]
        if routine.share < 1:
            times = times[rng.random(times.size) < routine.share]
        if routine.jitter:
            times = times + (rng.random(times.size) * routine.jitter * routine.period_s * 1e9).astype(np.int64)
        times_of.append(times)
        ranks_of.append(np.full(times.size, rank, np.int64))
    all_times = np.concatenate(times_of)
    first_ns = 0 if routine.daily_h is None else int(routine.daily_h[0] * HOUR_NS)
    ticks = (all_times % DAY_NS - first_ns) // int(routine.period_s * 1e9)
    return all_times, np.concatenate(ranks_of), ticks


def _placeholders(*templates: str | tuple[str, ...]) -> set[str]:
    names: set[str] = set()
    for template in templates:
        if isinstance(template, str):
            names.update(split_template(template)[1])
        else:
            names.update(entry.partition("=")[2] or entry for entry in template)
    return names


def _wanted(line: Line, script: Script, columns: pl.DataFrame) -> list[str]:
    named = _placeholders(line.message, line.logger, line.stack, line.fields) | {"trace_id", *script.knows}
    return [name for name in columns.columns if name in named]


def _drawn(draws: tuple[Draw, ...], count: int, rng: np.random.Generator) -> dict[str, pl.Series]:
    drawn: dict[str, pl.Series] = {}
    for draw in draws:
        values: FloatArray = draw.low + (draw.high - draw.low) * rng.random(count)
        drawn[draw.name] = pl.Series(np.round(values, draw.decimals) if draw.decimals else values.astype(np.int64))
    return drawn


def _filled(template: str) -> pl.Expr:
    text, names = split_template(template)
    return pl.format(text, *[pl.col(name) for name in names]) if names else pl.lit(text)


def _extra(fields: tuple[str, ...], service: str, source: pl.DataFrame) -> pl.Expr:
    """`,"name":value` or ` name=value` for each field, as the service's format has it; numbers bare."""
    writer = SERVICES[SERVICE_NUMBER[service]].writer
    as_json = WRITERS[writer].json
    if not fields or not (as_json or writer == "logfmt"):
        return pl.lit("")
    text: list[str] = []
    columns: list[pl.Expr] = []
    for entry in fields:
        name, _, column = entry.partition("=")
        dtype = source.schema[column or name]
        quoted = dtype == pl.String and as_json
        text.append((f',"{name}":' if as_json else f" {name}=") + ('"{}"' if quoted else "{}"))
        columns.append(pl.col(column or name))
    return pl.format("".join(text), *columns)
