"""What Grafana's Prometheus data source sends to a real node; and a real Prometheus that scrapes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from go_programs import go_program
from node_process import NodeProcess
from prometheus_server import PrometheusServer

MIDNIGHT_S = 1_795_305_600
"""2026-11-22T00:00:00Z."""

NOON_S = MIDNIGHT_S + 43_200


def moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """`pay`: a record a second from 11:00 to 12:00, each tenth an error, taking 10 to 109 ms. `web`: one a minute for
    two days until noon."""
    with NodeProcess(Path(tmp_path_factory.mktemp("prometheus")) / "data") as process:
        records: list[dict[str, Any]] = [
            {
                "timestamp": moment(NOON_S - 3_600 + second + 0.5),
                "service": "pay",
                "level": "error" if second % 10 == 0 else "info",
                "message": f"paid order {second}",
                "duration_ms": 10 + second % 100,
                "cents": second % 7,
                "region": "eu",
            }
            for second in range(3_600)
        ]
        records += [
            {"timestamp": moment(NOON_S - minute * 60 - 0.5), "service": "web", "level": "info", "message": "served"}
            for minute in range(2_880)
        ]
        answer = httpx.post(f"{process.url}/api/v1/logs", json=records, timeout=30)
        assert answer.status_code == 200, answer.text
        process.wait_for_count(len(records), "*")
        yield process


def ask(node: NodeProcess, path: str, **parameters: Any) -> Any:
    answer = httpx.post(f"{node.url}/prometheus/api/v1{path}", data=parameters, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


def value(node: NodeProcess, query: str, at_s: float = NOON_S) -> dict[str, float]:
    """Values by what the labels say, `,` between them."""
    found = ask(node, "/query", query=query, time=at_s)
    assert found["resultType"] == "vector"
    return {
        ",".join(text for name, text in sorted(each["metric"].items()) if name != "__name__"): float(each["value"][1])
        for each in found["result"]
    }


def test_rates_and_increases_are_those_of_the_records(node: NodeProcess) -> None:
    rate = 'sum by (service) (rate(heimdall_log_records_total{service="pay"}[5m]))'
    assert value(node, rate)["pay"] == pytest.approx(1.0)
    errors = 'rate(heimdall_log_records_total{service="pay",level="error"}[5m])'
    assert value(node, errors)["error,pay"] == pytest.approx(0.1)
    assert "pay" in value(node, rate.replace("5m", "1m"))  # Grafana's shortest rate interval
    assert value(node, 'sum(increase(heimdall_log_records_total{service="web"}[24h]))')[""] == pytest.approx(
        1_440, abs=1
    )


def test_a_counter_begins_with_the_day_whatever_range_is_asked(node: NodeProcess) -> None:
    assert value(node, 'heimdall_log_records_total{service="web"}') == {"info,web": 720}
    assert value(node, 'heimdall_log_records_total{service="web"}', MIDNIGHT_S) == {"info,web": 1_440}
    assert value(node, 'heimdall_log_records_total{service="web"}', MIDNIGHT_S + 60) == {"info,web": 1}
    found = ask(
        node,
        "/query_range",
        query='heimdall_log_records_total{service="web"}',
        start=NOON_S - 3_600,
        end=NOON_S,
        step=1800,
    )
    assert [text for _, text in found["result"][0]["values"]] == ["660", "690", "720"]


def test_a_rate_over_midnight_misses_nothing(node: NodeProcess) -> None:
    increase = 'increase(heimdall_log_records_total{service="web"}[10m])'
    assert value(node, increase, MIDNIGHT_S + 300)["info,web"] == pytest.approx(10, rel=1e-6)


def test_a_label_that_a_matcher_names_is_there(node: NodeProcess) -> None:
    found = ask(node, "/query", query='heimdall_log_records_total{region=~".+"}', time=NOON_S)["result"]
    assert {each["metric"]["region"] for each in found} == {"eu"}
    assert sum(int(each["value"][1]) for each in found) == 3_600


def test_durations_are_a_histogram(node: NodeProcess) -> None:
    half = 'histogram_quantile(0.5, sum by (le) (rate(heimdall_log_duration_seconds_bucket{service="pay"}[30m])))'
    assert value(node, half)[""] == pytest.approx(0.0598, abs=0.002)
    mean = "rate(heimdall_log_duration_seconds_sum[30m]) / rate(heimdall_log_duration_seconds_count[30m])"
    assert value(node, mean)["pay"] == pytest.approx(0.0595)


def test_numbers_of_a_field(node: NodeProcess) -> None:
    mean = 'rate(heimdall_log_field_sum{field="cents"}[30m]) / rate(heimdall_log_field_count{field="cents"}[30m])'
    assert value(node, mean)["cents,pay"] == pytest.approx(3, abs=0.01)


def test_templates_are_counted_with_their_text(node: NodeProcess) -> None:
    found = ask(
        node, "/query", query="sum by (template) (increase(heimdall_log_template_records_total[1h]))", time=NOON_S
    )
    counts = {each["metric"]["template"]: float(each["value"][1]) for each in found["result"]}
    assert counts["served"] == pytest.approx(60, abs=1)
    (paid,) = [name for name in counts if name.startswith("paid order")]
    assert counts[paid] == pytest.approx(3_600, abs=1)


def test_what_there_is_to_ask(node: NodeProcess) -> None:
    window = {"start": NOON_S - 600, "end": NOON_S}
    names = ask(node, "/label/__name__/values", **window)
    assert "heimdall_log_records_total" in names
    assert ask(node, "/label/service/values", **window, **{"match[]": "heimdall_log_records_total"}) == ["pay", "web"]
    assert ask(node, "/labels", **window, **{"match[]": "heimdall_log_records_total"}) == [
        "__name__",
        "level",
        "service",
    ]
    found = ask(node, "/series", **window, **{"match[]": 'heimdall_log_records_total{service="web"}'})
    assert found == [{"__name__": "heimdall_log_records_total", "service": "web", "level": "info"}]
    metadata = ask(node, "/metadata", metric="heimdall_log_records_total")
    assert metadata["heimdall_log_records_total"][0]["type"] == "counter"
    assert ask(node, "/status/buildinfo")["version"] == "3.0.0"


def test_errors_have_prometheus_shape(node: NodeProcess) -> None:
    def told(path: str, **parameters: Any) -> tuple[int, str, str]:
        answer = httpx.get(f"{node.url}/api/v1{path}", params=parameters, timeout=30)
        body = answer.json()
        assert body["status"] == "error"
        return answer.status_code, body["errorType"], body["error"]

    status, kind, text = told("/query", query="sum(")
    assert (status, kind) == (400, "bad_data")
    assert text == 'invalid parameter "query": 1:5: parse error: unexpected end of input'
    assert told("/query_range", query="1", start=0, end=1)[:2] == (400, "bad_data")
    assert told("/query_range", query="1", start=0, end=12_000, step=1)[2].startswith("exceeded maximum resolution")
    assert told("/series")[2] == "no match[] parameter provided"
    assert told("/query", query="1", time="soon")[:2] == (400, "bad_data")
    assert told("/query", query="1", timeout="x")[:2] == (400, "bad_data")
    many = "heimdall_log_records_total + on () heimdall_log_records_total"
    assert told("/query", query=many, time=NOON_S)[:2] == (422, "execution")


@pytest.mark.parametrize(
    "text", ["(" * 3_000 + "1" + ")" * 3_000, "1" + "+1" * 5_000, "-" * 5_000 + "1", "sum(" * 500, "[" * 5_000]
)
def test_a_hostile_query_is_refused_while_it_is_read(node: NodeProcess, text: str) -> None:
    answer = httpx.post(f"{node.url}/prometheus/api/v1/query", data={"query": text}, timeout=30)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


def test_the_nodes_own_metrics_have_a_history(node: NodeProcess) -> None:
    deadline = time.monotonic() + 20
    while not (found := value(node, "heimdall_query_duration_seconds_count", time.time())):
        assert time.monotonic() < deadline, "no sample was taken"
        time.sleep(0.2)
    assert all(number >= 0 for number in found.values())
    assert ask(node, "/metadata", metric="heimdall_query_duration_seconds")["heimdall_query_duration_seconds"][0] == {
        "type": "histogram", "help": "Time from request to answer.", "unit": "seconds",
    }  # fmt: skip


@pytest.mark.conformance("Metrics", "Prometheus 0.316", "scrapes `/metrics`")
def test_a_real_prometheus_scrapes_the_node(node: NodeProcess, tmp_path: Path) -> None:
    program = go_program("prometheus")
    config = (
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: heimdall, static_configs: [{{targets: ['127.0.0.1:{node.port}']}}]}}]\n"
    )
    server = PrometheusServer(program, tmp_path, config)
    try:
        deadline = time.monotonic() + 30
        while True:
            targets = httpx.get(f"{server.url}/api/v1/targets").json()["data"]["activeTargets"]
            if targets and targets[0]["health"] != "unknown":
                break
            assert time.monotonic() < deadline, "never scraped"
            time.sleep(0.2)
        assert (targets[0]["health"], targets[0]["lastError"]) == ("up", "")
        query = {"query": 'heimdall_query_duration_seconds_count{job="heimdall"}'}
        found = httpx.get(f"{server.url}/api/v1/query", params=query).json()["data"]["result"]
        assert found
    finally:
        server.stop()
