"""The shop at work: everything its services write in a window of time, as lines of their own formats."""

from __future__ import annotations

from collections import defaultdict

import polars as pl

from heimdall.app.demo.calls import run_calls
from heimdall.app.demo.chance import generator
from heimdall.app.demo.deploys import sayings_of, version_of
from heimdall.app.demo.formats import WRITERS
from heimdall.app.demo.incidents import Incident
from heimdall.app.demo.lines import BLOCK_SCHEMA, render_line, render_routine
from heimdall.app.demo.plan import Plan
from heimdall.app.demo.rhythm import MINUTE_NS, Window
from heimdall.app.demo.sayings import render_saying
from heimdall.app.demo.services import SCRIPTS
from heimdall.app.demo.topology import INSTANCES, REGIONS, SERVICES, Instance
from heimdall.app.demo.traffic import draw_traffic, wrong_password_chance
from heimdall.app.demo.vitals import Vitals

STREAMS: tuple[Instance, ...] = tuple(instance for service in SERVICES for instance in INSTANCES[service.name])
"""All instances; a stream number is a place in this tuple."""

_FIRST_STREAM: dict[str, int] = {name: STREAMS.index(instances[0]) for name, instances in INSTANCES.items()}

LINES_SCHEMA = {"time_ns": pl.Int64, "stream": pl.Int64, "line": pl.String, "blame": pl.Int64}

_LONGEST_REQUEST_NS = 5 * MINUTE_NS
"""No call starts later than this after its request came in."""


def write_lines(plan: Plan, window: Window, scale: float = 1.0) -> pl.DataFrame:
    """Lines that originate in `window`, sorted by time: columns of `LINES_SCHEMA`.

    A pure function of its arguments. Requests that arrive late in the window leave lines after its end.
    `blame` is the number of the incident a line is a symptom of, 0 for none. `scale` multiplies the customers.
    """
    rng = generator(plan.seed, window.start_ns // 1_000_000, (window.end_ns - window.start_ns) // 1_000_000)
    near = [
        i for i in plan.incidents if i.start_ns < window.end_ns + _LONGEST_REQUEST_NS and i.end_ns > window.start_ns
    ]
    attacks = tuple(attack for incident in near for attack in incident.attacks)
    vitals = Vitals(plan.seed, plan.campaigns, tuple(change for incident in near for change in incident.changes))
    traffic = draw_traffic(
        rng, window, seed=plan.seed, scale=scale, campaigns=plan.campaigns, attacks=attacks
    )  # fmt: skip
    effects = tuple(effect for incident in near for effect in incident.effects)
    log = run_calls(rng, traffic, window, effects, wrong_password_chance(traffic, attacks))

    blocks: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
    for service, script in SCRIPTS.items():
        for line in script.lines:
            calls = log.by_operation.get((service, line.op))
            if calls is not None:
                block = render_line(line, script, calls, log, traffic, rng)
                if block is not None:
                    blocks[service].append(block)
        for routine in script.routines:
            block = render_routine(routine, service, window, vitals, rng)
            if block is not None:
                blocks[service].append(block)
    for incident in near:
        for episode in incident.episodes:
            part = episode.within(window)
            if part is not None:
                block = render_routine(episode.routine, episode.service, part, vitals, rng)
                if block is not None:
                    blocks[episode.service].append(block.with_columns(blame=pl.lit(episode.blame, dtype=pl.Int64)))
    sayings = [saying for incident in near for saying in incident.sayings]
    sayings += [saying for deploy in plan.deploys for saying in sayings_of(deploy)]
    for saying in sayings:
        if window.start_ns <= saying.time_ns < window.end_ns:
            blocks[saying.service].append(render_saying(saying))

    written = [_write(service, parts, plan) for service, parts in blocks.items()]
    if not written:
        return pl.DataFrame(schema=LINES_SCHEMA)
    lines = _without_silenced(pl.concat(written), near)
    return lines.sort("time_ns", maintain_order=True)


def _write(service: str, parts: list[pl.DataFrame], plan: Plan) -> pl.DataFrame:
    """Blocks of one service → its lines."""
    instances = INSTANCES[service]
    block = pl.concat([part.select(pl.col(name).cast(dtype) for name, dtype in BLOCK_SCHEMA.items()) for part in parts])
    block = block.with_columns(
        service=pl.lit(service),
        instance_name=pl.Series([instance.name for instance in instances]).gather(block["instance"]),
        region=pl.Series([REGIONS[instance.region] for instance in instances]).gather(block["instance"]),
        version=version_of(service, plan.deploys),
    )
    writer = WRITERS[next(s.writer for s in SERVICES if s.name == service)]
    return pl.DataFrame(
        {
            "time_ns": block["time_ns"],
            "stream": block["instance"] + _FIRST_STREAM[service],
            "line": writer.write(block),
            "blame": block["blame"],
        }
    )


def _without_silenced(lines: pl.DataFrame, incidents: list[Incident]) -> pl.DataFrame:
    for incident in incidents:
        for silence in incident.silences:
            streams = [number for number, instance in enumerate(STREAMS) if instance.service == silence.service]
            hushed = pl.col("time_ns").is_between(silence.start_ns, silence.end_ns, closed="left")
            lines = lines.filter(~(pl.col("stream").is_in(streams) & hushed))
    return lines
