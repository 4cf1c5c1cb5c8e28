"""What a day of the shop looks like from outside: repeatable, rhythmic, traced, well-formed."""

from __future__ import annotations

import re
import time

import numpy as np
import orjson
import polars as pl
import pytest

from heimdall.app.demo.formats import WRITERS
from heimdall.app.demo.plan import make_plan
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS, Window
from heimdall.app.demo.shop import write_lines
from heimdall.app.demo.topology import SERVICES

ORIGIN_NS = 1_795_340_100_000_000_000
"""2026-11-22T09:35:00Z: where the back-fill ends."""

QUARTER = Window(ORIGIN_NS - 15 * MINUTE_NS, ORIGIN_NS)

SHAPES = {
    "combined": r"^(\d+\.\d+\.\d+\.\d+ - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] \"(GET|POST) \S+ HTTP/1\.1\" \d+"
    r"|\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(notice|warn|error)\] \d+#\d+: )",
    "container_cri": r"^\d{4}-\d\d-\d\dT\S+Z stderr F [IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} {1,7}\d+ [a-z_]+\.go:\d+\] ",
    "klog": r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6} {1,7}\d+ [a-z_]+\.go:\d+\] |^[IWEF]\d{4} .* main\] ",
    "logfmt": r"^ts=\d{4}-\d\d-\d\dT\S+Z level=(debug|info|warn|error) caller=\S+ version=v\S+ msg=\"[^\"]+\"",
    "log4j": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO |WARN |ERROR) \[http-exec-\d+\] \S+ - ",
    "spring": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z +(DEBUG|INFO|WARN|ERROR) 1 --- \[nio-8080-exec-\d+\] \S+ +: ",
    "kafka_log4j": r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] (INFO|WARN) .* \(kafka\.[\w.]+\)$",
    "python_logging": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - [\w.]+ - (DEBUG|INFO|WARNING|ERROR) - ",
    "node_text": r"^\[\d{4}-\d\d-\d\dT\S+Z\] (INFO|WARN|ERROR) \w+: ",
    "syslog_5424": r"^<13[0-4]>1 \d{4}-\d\d-\d\dT\S+Z postgres-(eu|us)-1 postgres \d+ - - [A-Z]+:  ",
    "syslog_3164": r"^<(28|30)>\w{3} [ \d]\d \d\d:\d\d:\d\d redis-\w\w-1 redis\[1\]: [*#-] ",
}


def test_the_same_seed_and_time_give_the_same_bytes() -> None:
    first = write_lines(make_plan(7, ORIGIN_NS), QUARTER)
    again = write_lines(make_plan(7, ORIGIN_NS), QUARTER)
    assert first.equals(again)


def test_another_seed_gives_another_day() -> None:
    one = write_lines(make_plan(7, ORIGIN_NS), QUARTER)
    other = write_lines(make_plan(8, ORIGIN_NS), QUARTER)
    assert not set(one["line"]) & set(other["line"].filter(other["line"].str.contains("trace_id")))


def test_a_day_is_about_half_a_million_lines_of_every_service(day) -> None:
    assert 400_000 < day.lines.height < 600_000
    assert set(day.lines["service"]) == {service.name for service in SERVICES}
    assert day.lines["time_ns"].is_sorted()


def test_evenings_are_busy_and_nights_quiet(day) -> None:
    answered = day.of("gateway").filter(pl.col("line").str.contains("trace_id") & (pl.col("blame") == 0))
    by_hour = answered.group_by((pl.col("time_ns") // HOUR_NS % 24).alias("hour")).len().sort("hour")
    counts = dict(by_hour.rows())
    assert counts[19] > 3 * counts[4]
    assert counts[19] > 1.2 * counts[15]


def test_arrivals_scatter_like_a_poisson_process(day) -> None:
    """The variance of counts per second stays near their mean within a quarter of an hour."""
    late = day.of("gateway").filter(
        pl.col("line").str.contains("trace_id"), pl.col("time_ns") >= ORIGIN_NS - 30 * MINUTE_NS
    )
    seconds = ((late["time_ns"] - (ORIGIN_NS - 30 * MINUTE_NS)) // 1_000_000_000).to_numpy()
    counts = np.bincount(seconds, minlength=1800)
    assert 0.75 < counts.var() / counts.mean() < 1.35


@pytest.mark.parametrize("service", [s for s in SERVICES if WRITERS[s.writer].json], ids=lambda s: s.name)
def test_json_services_write_objects(day, service) -> None:
    records = [orjson.loads(line) for line in day.of(service.name)["line"].sample(3000, seed=1, with_replacement=True)]
    blamed = day.of(service.name).filter(pl.col("blame") > 0)["line"]
    records += [orjson.loads(line) for line in blamed]
    assert all(isinstance(record, dict) for record in records)


@pytest.mark.parametrize("service", [s for s in SERVICES if not WRITERS[s.writer].json], ids=lambda s: s.name)
def test_text_services_keep_to_their_format(day, service) -> None:
    shape = re.compile(SHAPES[service.writer])
    strange = [line for line in day.of(service.name)["line"] if not shape.match(line)]
    assert strange == []


def test_stack_traces_of_four_languages_follow_their_lines(day) -> None:
    multi_line = day.lines.filter(pl.col("line").str.contains("\n", literal=True))
    text = "\n".join(multi_line["line"].unique())
    assert "\nCaused by: java.sql.SQLTransientConnectionException: HikariPool-1" in text
    assert "\nTraceback (most recent call last):\n" in text
    assert "\ngoroutine 4127 [running]:\n" in text
    assert "\n    at async Mailer.deliver (/srv/notification/dist/mailer.js:40:5)" in text


def test_an_order_can_be_followed_through_the_services(day) -> None:
    placed = day.of("checkout").filter(pl.col("line").str.contains(r"Order ORD-\d+ placed"), pl.col("blame") == 0)
    assert placed.height > 1000
    trace = re.search(r"trace_id=([0-9a-f]{32})", placed["line"][200])[1]
    of_it = day.lines.filter(pl.col("line").str.contains(trace, literal=True))
    assert set(of_it["service"]) >= {"gateway", "web", "checkout", "inventory", "payment", "order", "shipping"}
    assert of_it["time_ns"].max() - of_it["time_ns"].min() < 30_000_000_000


def test_spans_hang_together(day) -> None:
    """A parent span that web names is one the gateway has logged, in the same trace."""
    gateway = (
        day.of("gateway")["line"].str.extract_groups(r"trace_id=([0-9a-f]{32}) span_id=([0-9a-f]{16})$").struct.unnest()
    )
    known = set(gateway.drop_nulls().rows())
    pages = day.of("web").filter(pl.col("line").str.contains("request completed"))["line"]
    for line in pages.sample(500, seed=2):
        record = orjson.loads(line)
        assert (record["trace_id"], record["parent_span_id"]) in known


def test_latency_grows_with_the_calls_below(day) -> None:
    """A page's time contains that of the query it waited for."""
    searches = {
        r["trace.id"]: r["duration_ms"]
        for r in map(
            orjson.loads, day.of("search").filter(pl.col("line").str.contains("query answered"))["line"][:2000]
        )
    }
    pages = [
        orjson.loads(line) for line in day.of("web").filter(pl.col("line").str.contains("search\\?q="))["line"][:2000]
    ]
    both = [
        (r["duration_ms"], searches[r["trace_id"]]) for r in pages if r["trace_id"] in searches and "duration_ms" in r
    ]
    assert len(both) > 500
    assert all(page > query for page, query in both)


def test_generation_costs_microseconds_a_line() -> None:
    """Measured 5 µs; three times that still back-fills a day in ten seconds of one slow core."""
    plan = make_plan(7, ORIGIN_NS)
    window = Window(ORIGIN_NS - 4 * HOUR_NS, ORIGIN_NS)
    began = time.process_time()
    lines = write_lines(plan, window)
    assert (time.process_time() - began) / lines.height < 15e-6
