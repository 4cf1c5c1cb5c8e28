"""PromQL's answers are those of a real Prometheus over the same series.

`PROMQL_QUERIES=10000` is the size of a release; `PROMQL_SEED` another one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest
from go_programs import go_program
from prometheus_server import PrometheusServer

from heimdall.clock import ManualClock
from heimdall.errors import InvalidInput
from heimdall.query.languages.promql import PromqlError
from heimdall.query.promql.service import ExecutionFailed, PrometheusService
from heimdall.query.promql.source import SeriesInMemory
from properties.promql_queries import Queries, series

QUERIES = int(os.environ.get("PROMQL_QUERIES", "60"))
SEED = int(os.environ.get("PROMQL_SEED", "4"))
START_S = 1_795_341_600
SPAN_S = 5_400
AT_S = START_S + 3_000
STEP_S = 97


@pytest.fixture(scope="module")
def made() -> SeriesInMemory:
    return SeriesInMemory(series(Random(SEED), START_S * 1_000, SPAN_S * 1_000))


@pytest.fixture(scope="module")
def service(made: SeriesInMemory) -> PrometheusService:
    return PrometheusService(made, ManualClock(AT_S * 10**9))


@pytest.fixture(scope="module")
def prometheus(made: SeriesInMemory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    program = go_program("prometheus")
    with PrometheusServer(program, tmp_path_factory.mktemp("prometheus")) as server:
        server.write(
            (each.labels, list(zip((each.times_ns // 10**6).tolist(), each.values.tolist(), strict=True)))
            for each in made.series
        )
        with httpx.Client(base_url=f"{server.url}/api/v1", timeout=60) as client:
            yield client


def test_instant_answers(service: PrometheusService, prometheus: httpx.Client) -> None:
    queries = Queries(Random(SEED), AT_S)
    for _ in range(QUERIES):
        text = queries.vector(3)
        theirs = asked(prometheus, "/query", query=text, time=AT_S)
        ours = answered(lambda text=text: service.query(text, AT_S * 10**9, timeout_s=60))
        compare(text, ours, theirs)


def test_answers_over_a_range(service: PrometheusService, prometheus: httpx.Client) -> None:
    queries = Queries(Random(SEED + 1), AT_S)
    end_s = AT_S + 20 * STEP_S
    for _ in range(QUERIES):
        text = queries.vector(2)
        theirs = asked(prometheus, "/query_range", query=text, start=AT_S, end=end_s, step=STEP_S)
        ours = answered(
            lambda text=text: service.query_range(text, AT_S * 10**9, end_s * 10**9, STEP_S * 10**9, timeout_s=60)
        )
        compare(text, ours, theirs)


@pytest.mark.parametrize(
    "text",
    [
        "", "load +", "load[5m] + 1", "rate(load)", "sum(load[5m])", "{}", '{job=~".*"}', "load{", "load)", "foo(load)",
        "1 == 1", "load and 1", "load offset", "(load)[5m]", "load offset 1m[5m]", "rate(load[5m], 1)", "load @ x",
        "sum by (load)", "topk(load)", "load + on (job) 1", "load + bool load", '"a" + load', 'load{job="a}', "1h2h",
        'load{job=~"("}', "load[0s]", "load + on (job) group_left (job) load", "absent()", "-'a'", "load[5m:0s]",
        'load{__name__="x"}', "time(1)", "load{a!b}", "5x", "@", "load or", "sum(,load)",
    ],
)  # fmt: skip
def test_what_prometheus_refuses_is_refused(text: str, service: PrometheusService, prometheus: httpx.Client) -> None:
    theirs = asked(prometheus, "/query", query=text, time=AT_S)
    assert theirs == "bad_data"
    assert answered(lambda: service.query(text, AT_S * 10**9, timeout_s=60)) == "bad_data"


@pytest.mark.parametrize(
    "text",
    [
        "1", "-0", "1e21", "1e-7", "123456789.125", "0x1f", "Inf", "-inf", "nan", '"text"', "`raw\\n`", '"\\u00e9\\t"',
        "1e20 / 3", "5m", "1d2h", "2 ^ 3 ^ 2", "-2 ^ 2", "1 + 2 * 3 % 4", "10 % -3", "-7 % 3", "0 / 0", "1 / 0",
        "1 > bool 2", "pi()", "time()", "scalar(load)", "vector(3)", "+1", "sum(load) without ()", "load[2m]",
        "load[1m:20s]", 'count by (job) ({__name__=~".+"})', "hour()", "SUM(load) BY (job)", "1 # what\n+ 1",
    ],
)  # fmt: skip
def test_forms_of_values(text: str, service: PrometheusService, prometheus: httpx.Client) -> None:
    theirs = asked(prometheus, "/query", query=text, time=AT_S)
    ours = answered(lambda: service.query(text, AT_S * 10**9, timeout_s=60))
    if isinstance(theirs, dict) and theirs["resultType"] in ("scalar", "string"):
        assert ours == theirs
    else:
        compare(text, ours, theirs)


def asked(client: httpx.Client, path: str, **parameters: Any) -> Any:
    body = client.post(path, data=parameters).json()
    return body["data"] if body["status"] == "success" else body["errorType"]


def answered(ask: Any) -> Any:
    try:
        found = ask()
    except ExecutionFailed:
        return "execution"
    except (PromqlError, InvalidInput):
        return "bad_data"
    return {"resultType": found.kind, "result": found.result}


def compare(text: str, ours: Any, theirs: Any) -> None:
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs, text
        return
    assert ours["resultType"] == theirs["resultType"], text
    if theirs["resultType"] == "scalar":
        assert close(ours["result"][1], theirs["result"][1]), text
        return
    mine, other = by_labels(ours["result"]), by_labels(theirs["result"])
    assert mine.keys() == other.keys(), text
    for labels, points in other.items():
        assert [at for at, _ in mine[labels]] == [at for at, _ in points], (text, labels)
        for (at, a), (_, b) in zip(mine[labels], points, strict=True):
            assert close(a, b), (text, labels, at, a, b)


def by_labels(result: list[Any]) -> dict[tuple[tuple[str, str], ...], list[Any]]:
    found = {}
    for each in result:
        key = tuple(sorted(each["metric"].items()))
        assert key not in found
        found[key] = each["values"] if "values" in each else [each["value"]]
    return found


def close(a: str, b: str) -> bool:
    x, y = float(a), float(b)
    return math.isnan(x) and math.isnan(y) or x == y or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9)
