"""The truth file tells the truth: each planted incident shows in the lines, where and when it says."""

from __future__ import annotations

import orjson
import polars as pl
import pytest

from heimdall.app.demo.incidents import PLANNERS
from heimdall.app.demo.plan import make_plan
from heimdall.app.demo.rhythm import HOUR_NS, MINUTE_NS
from heimdall.app.demo.truth import truth_of

ORIGIN_NS = 1_795_340_100_000_000_000
"""2026-11-22T09:35:00Z: where the back-fill ends."""
START_NS = ORIGIN_NS - 24 * HOUR_NS


@pytest.fixture(scope="module")
def truth(day) -> dict:
    return truth_of(day.tape, START_NS, ORIGIN_NS)


def incident(truth: dict, kind: str) -> dict:
    [found] = [entry for entry in truth["incidents"] if entry["kind"] == kind]
    return found


def between(day, service: str, start_ns: int, end_ns: int) -> pl.DataFrame:
    return day.of(service).filter(pl.col("time_ns").is_between(start_ns, end_ns, closed="left"))


def test_every_kind_is_in_the_last_day(truth: dict) -> None:
    assert {entry["kind"] for entry in truth["incidents"]} == set(PLANNERS)
    assert all(START_NS <= entry["start_ns"] < entry["end_ns"] <= ORIGIN_NS for entry in truth["incidents"])


@pytest.mark.parametrize("kind", [kind for kind in PLANNERS if kind != "silent_service"])
def test_culprit_lines_are_where_the_truth_says(day, truth: dict, kind: str) -> None:
    entry = incident(truth, kind)
    lines = between(day, entry["culprit"]["service"], entry["start_ns"], entry["end_ns"])
    assert lines["line"].str.contains(entry["culprit"]["message"], literal=True).any()
    assert entry["start_ns"] <= entry["observed_first_ns"] < entry["end_ns"]
    assert entry["root"] in entry["lines"]
    assert entry["lines"].keys() - {"kubelet", "shipping"} <= set(entry["affected"])


@pytest.mark.parametrize("kind", ["bad_deploy", "disk_full", "memory_leak", "pool_exhaustion"])
def test_the_culprit_line_is_new(day, truth: dict, kind: str) -> None:
    entry = incident(truth, kind)
    before = between(day, entry["culprit"]["service"], START_NS, entry["start_ns"])
    assert not before["line"].str.contains(entry["culprit"]["message"], literal=True).any()


def test_pool_exhaustion_spreads_upwards(day, truth: dict) -> None:
    """postgres before payment before checkout; then the gateway answers 5xx."""
    entry = incident(truth, "pool_exhaustion")
    waiting = day.of("postgres").filter(pl.col("line").str.contains("still waiting for RowExclusiveLock"))
    no_connection = day.of("payment").filter(pl.col("line").str.contains("could not open JDBC connection"))
    failed = day.of("checkout").filter(
        pl.col("line").str.contains("failed: upstream error"), pl.col("blame") == entry["number"]
    )
    assert waiting["time_ns"].min() < no_connection["time_ns"].min() < failed["time_ns"].min()
    during = between(day, "gateway", entry["start_ns"], entry["end_ns"])
    before = between(day, "gateway", entry["start_ns"] - HOUR_NS, entry["start_ns"])
    broken = r'POST /checkout HTTP/1.1" 50[234] '
    assert during["line"].str.contains(broken).sum() >= 20
    assert before["line"].str.contains(broken).sum() <= 1


def test_bad_deploy_is_over_after_the_rollback(day, truth: dict) -> None:
    entry = incident(truth, "bad_deploy")
    deploy, rollback = entry["deploys"]
    assert (deploy["version"], rollback["version"], rollback["rollback"]) == ("v2.14.0", "v2.13.6", True)
    failing = day.of("catalogue").filter(pl.col("line").str.contains("no price list for currency CHF"))
    assert failing.height > 50
    assert failing["line"].str.contains("version=v2.14.0", literal=True).all()
    assert failing["time_ns"].max() < entry["end_ns"]


def test_leaking_instance_uses_ever_more_memory_until_it_is_killed(day, truth: dict) -> None:
    entry = incident(truth, "memory_leak")
    name = entry["title"].split()[0]
    usage = [
        (record["memory_usage"])
        for line in between(day, "search", entry["start_ns"], entry["end_ns"]).filter(pl.col("instance") == name)[
            "line"
        ]
        if "memory_usage" in (record := orjson.loads(line))
    ]
    tenth = len(usage) // 10
    means = [sum(usage[i * tenth : (i + 1) * tenth]) / tenth for i in range(10)]
    assert means == sorted(means)
    assert usage[-2] > 0.95
    killed = day.of("kubelet")["line"].str.contains(f"pod {name} terminated: OOMKilled", literal=True)
    assert killed.sum() == 1


def test_stuffing_comes_from_the_listed_addresses_and_mostly_fails(day, truth: dict) -> None:
    entry = incident(truth, "credential_stuffing")
    logins = day.of("gateway").filter(pl.col("blame") == entry["number"], pl.col("line").str.contains('"POST /login'))
    logins = logins.filter(~pl.col("line").str.contains("limiting requests", literal=True))
    addresses = logins["line"].str.extract(r"^(\S+) ")
    statuses = logins["line"].str.extract(r'HTTP/1.1" (\d+)')
    assert set(addresses) <= set(entry["addresses"])
    assert (statuses == "401").mean() > 0.6
    assert 3 <= (statuses == "200").sum() <= 80


def test_silent_service_says_nothing_and_others_go_on(day, truth: dict) -> None:
    entry = incident(truth, "silent_service")
    assert between(day, entry["root"], entry["start_ns"], entry["end_ns"]).is_empty()
    assert between(day, entry["root"], entry["start_ns"] - 5 * MINUTE_NS, entry["start_ns"]).height > 20
    assert between(day, entry["root"], entry["end_ns"], entry["end_ns"] + 5 * MINUTE_NS).height > 20
    assert between(day, "web", entry["start_ns"], entry["end_ns"]).height > 100


def test_disk_fills_before_the_database_stops_writing(day, truth: dict) -> None:
    entry = incident(truth, "disk_full")
    used = day.of("postgres").with_columns(pct=pl.col("line").str.extract(r"disk ([\d.]+)% used, ").cast(pl.Float64))
    used = used.drop_nulls("pct")
    at_start = used.filter(pl.col("time_ns") < entry["start_ns"])["pct"].tail(1).item()
    first_error = day.of("postgres").filter(pl.col("line").str.contains("No space left"))["time_ns"].min()
    at_error = used.filter(pl.col("time_ns") < first_error)["pct"].tail(1).item()
    assert at_start < 58
    assert at_error > 99
    assert used["pct"].tail(1).item() < 58


def test_benign_events_are_listed_and_leave_errors_alone(day, truth: dict) -> None:
    kinds = [entry["kind"] for entry in truth["benign"]]
    assert kinds.count("deploy") == 4
    assert {"campaign", "nightly_batch"} <= set(kinds)
    for deploy in (entry for entry in truth["benign"] if entry["kind"] == "deploy"):
        window = between(day, deploy["service"], deploy["at_ns"] - MINUTE_NS, deploy["at_ns"] + 4 * MINUTE_NS)
        assert window["line"].str.contains(f"starting {deploy['service']} version {deploy['version']}").any()


def test_live_incidents_come_every_twenty_to_forty_minutes() -> None:
    plan = make_plan(7, ORIGIN_NS, 24 * HOUR_NS)
    live = [entry.start_ns for entry in plan.incidents if entry.start_ns >= ORIGIN_NS]
    gaps = [(b - a) / MINUTE_NS for a, b in zip(live, live[1:], strict=False)]
    assert live[0] == ORIGIN_NS + 4 * MINUTE_NS
    assert min(gaps) >= 20
    assert max(gaps) <= 40


def test_a_longer_plan_begins_with_the_shorter_one() -> None:
    short, long = make_plan(7, ORIGIN_NS, 4 * HOUR_NS), make_plan(7, ORIGIN_NS, 30 * HOUR_NS)
    assert long.incidents[: len(short.incidents)] == short.incidents
