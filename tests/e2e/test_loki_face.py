"""What Grafana's Loki data source and Logs Drilldown send to a real node, and what they are told.

Written from Loki's HTTP API and Grafana's requests: each test is one of their calls with the exact JSON of the answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from node_process import NodeProcess

START_S = 1_795_341_600
"""2026-11-22T10:00:00Z."""

END_S = START_S + 600
NS = 10**9
RANGE = {"start": str(START_S * NS), "end": str(END_S * NS)}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PAY = {"app": "pay", "env": "prod", "level": "error"}
WEB = {"service_name": "web", "pod": "w-1"}
DECLINED = 'level=error msg="card  declined" status=402 took=250ms\t\u00e9'


def at(second: int) -> str:
    return str((START_S + second) * NS)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(Path(tmp_path_factory.mktemp("loki")) / "data") as process:
        streams = [
            {"stream": PAY, "values": [[at(n * 60), DECLINED, {"trace_id": TRACE, "user": "u 1"}] for n in range(5)]},
            {
                "stream": WEB,
                "values": [
                    [at(30 + n * 60), json.dumps({"msg": "served", "status": 200 + n, "a": {"b": 1.50}})]
                    for n in range(5)
                ],
            },
        ]
        answer = httpx.post(
            f"{process.url}/loki/api/v1/push", json={"streams": streams}, headers={"X-Scope-OrgID": "fake"}
        )
        assert answer.status_code == 204, answer.text
        process.wait_for_count(10, "*")
        yield process


def get(node: NodeProcess, path: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx.Response:
    return httpx.get(f"{node.url}/loki/api/v1{path}", params=parameters, headers=headers or {}, timeout=30)


def data(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "success"
    return body.get("data")


def test_the_data_source_is_healthy(node: NodeProcess) -> None:
    """Grafana wants one frame with the value 2."""
    for send in (httpx.get, httpx.post):
        where = {"params": {"query": "vector(1)+vector(1)", "time": "1795339222.065"}}
        if send is httpx.post:
            where = {"data": where["params"]}
        told = data(send(f"{node.url}/loki/api/v1/query", **where))
        assert told["resultType"] == "vector"
        assert told["result"] == [{"metric": {}, "value": [1795339222.065, "2"]}]
        assert told["stats"]["summary"]["totalEntriesReturned"] == 0


def test_labels_their_values_and_series(node: NodeProcess) -> None:
    assert data(get(node, "/labels", **RANGE)) == ["app", "env", "level", "pod", "service_name"]
    assert data(get(node, "/labels", query='{pod="w-1"}', **RANGE)) == ["pod", "service_name"]
    assert data(get(node, "/label/service_name/values", **RANGE)) == ["pay", "web"]
    assert data(get(node, "/label/app/values", query='{env="prod"}', **RANGE)) == ["pay"]
    assert data(get(node, "/series", **{"match[]": '{app="pay"}'}, **RANGE)) == [PAY | {"service_name": "pay"}]


def test_where_nothing_is_there_is_no_data(node: NodeProcess) -> None:
    assert get(node, "/labels", start="1000", end="2000").json() == {"status": "success"}


def test_lines_come_back_as_they_were_pushed(node: NodeProcess) -> None:
    told = data(get(node, "/query_range", query='{app="pay"} |= "declined"', limit=2, **RANGE))
    labels = PAY | {"service_name": "pay", "detected_level": "error", "trace_id": TRACE, "user": "u 1"}
    assert told["result"] == [{"stream": labels, "values": [[at(240), DECLINED], [at(180), DECLINED]]}]
    told = data(get(node, "/query_range", query='{pod="w-1"}', limit=1, direction="forward", **RANGE))
    line = '{"msg": "served", "status": 200, "a": {"b": 1.5}}'
    assert told["result"] == [{"stream": WEB | {"detected_level": "unknown"}, "values": [[at(30), line]]}]


def test_labels_are_told_apart_on_request(node: NodeProcess) -> None:
    flags = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
    query = '{pod="w-1"} | json | status > 203 | line_format "{{.status}} {{.a_b}}"'
    told = data(get(node, "/query_range", flags, query=query, **RANGE))
    parts = {
        "structuredMetadata": {"detected_level": "unknown"},
        "parsed": {"msg": "served", "status": "204", "a_b": "1.5"},
    }
    assert told["encodingFlags"] == ["categorize-labels"]
    assert told["result"] == [{"stream": WEB, "values": [[at(270), "204 1.5", parts]]}]


def test_metrics_over_a_range(node: NodeProcess) -> None:
    query = "sum by (service_name) (count_over_time({service_name=~`.+`}[5m]))"
    told = data(get(node, "/query_range", query=query, step="300", **RANGE))
    assert told["resultType"] == "matrix"
    assert told["result"] == [
        {"metric": {"service_name": "pay"}, "values": [[START_S, "1"], [START_S + 300, "4"]]},
        {"metric": {"service_name": "web"}, "values": [[START_S + 300, "5"]]},
    ]
    query = '100 * sum(rate({app="pay"} | logfmt | status = 402 [5m])) / sum(rate({service_name=~".+"}[5m]))'
    told = data(get(node, "/query", query=query, time=str(START_S + 300)))
    assert told["result"] == [{"metric": {}, "value": [START_S + 300, "44.44444444444445"]}]
    query = 'quantile_over_time(0.5, {app="pay"} | logfmt | unwrap duration(took) [10m]) by (app)'
    told = data(get(node, "/query", query=query, time=str(END_S - 1)))
    assert told["result"] == [{"metric": {"app": "pay"}, "value": [END_S - 1, "0.25"]}]


def test_volumes_and_statistics(node: NodeProcess) -> None:
    size = len(DECLINED.encode())
    told = data(get(node, "/index/volume", query='{service_name=~".+"}', limit=10, **RANGE))
    assert told == {
        "resultType": "vector",
        "result": [
            {"metric": {"service_name": "pay"}, "value": [END_S, str(5 * size)]},
            {"metric": {"service_name": "web"}, "value": [END_S, str(5 * 49)]},
        ],
    }
    told = data(
        get(node, "/index/volume_range", query='{app="pay"}', targetLabels="detected_level", step="5m", **RANGE)
    )
    assert told == {
        "resultType": "matrix",
        "result": [{"metric": {"detected_level": "error"}, "values": [[START_S, str(5 * size)]]}],
    }
    answer = get(node, "/index/stats", query='{app="pay"}', **RANGE)
    assert answer.json() == {"streams": 1, "chunks": 1, "bytes": 5 * size, "entries": 5}


def test_drilldown_sees_fields_and_patterns(node: NodeProcess) -> None:
    told = get(node, "/detected_fields", query='{app="pay"}', **RANGE).json()
    assert told["limit"] == 1000
    assert {field["label"]: (field["type"], field["cardinality"], field["parsers"]) for field in told["fields"]} == {
        "detected_level": ("string", 1, None),
        "level_extracted": ("string", 1, ["logfmt"]),
        "msg": ("string", 1, ["logfmt"]),
        "status": ("int", 1, ["logfmt"]),
        "took": ("duration", 1, ["logfmt"]),
        "trace_id": ("string", 1, None),
        "user": ("string", 1, None),
    }
    told = get(node, "/detected_field/status/values", query='{pod="w-1"}', limit=3, **RANGE).json()
    assert told == {"values": ["204", "203", "202"], "limit": 3}
    told = get(node, "/detected_field/nothing/values", query='{pod="w-1"}', **RANGE).json()
    assert told == {"values": [], "limit": 1000}
    told = get(node, "/detected_labels", query="", **RANGE).json()
    assert {"label": "service_name", "cardinality": 2} in told["detectedLabels"]
    told = data(get(node, "/patterns", query='{app="pay"}', step="300s", **RANGE))
    assert [each["samples"] for each in told] == [[[START_S, 5]]]
    assert "declined" in told[0]["pattern"]
    assert "402" not in told[0]["pattern"]
    limits = get(node, "/drilldown-limits").json()
    assert (limits["limits"]["max_query_series"], limits["pattern_ingester_enabled"]) == (500, True)


def test_what_surrounds_a_query(node: NodeProcess) -> None:
    assert data(get(node, "/format_query", query="{a='b'}".replace("'", '"'))) == '{a="b"}'
    assert get(node, "/status/buildinfo").json()["version"].startswith("3.")
    assert httpx.get(f"{node.url}/ready").text == "ready\n"
    assert httpx.get(f"{node.url}/prometheus/api/v1/rules").json() == {"status": "success", "data": {"groups": []}}


REFUSALS = [
    ("/query_range", {"query": "{a"}, "parse error at line 1, col 3: syntax error: unexpected $end, "
     "expecting = or != or =~ or !~"),
    ("/query", {"query": '{a="b"}'}, "log queries are not supported as an instant query type, "
     "please change your query to a range query type"),
    ("/query_range", {"query": '{a="b"}', "limit": "5001"}, "max entries limit per query exceeded, "
     "limit > max_entries_limit_per_query (5001 > 5000)"),
    ("/query_range", {"query": "vector(1)", "start": "1", "end": "20000", "step": "1"}, "exceeded maximum resolution "
     "of 11,000 points per time series. Try increasing the value of the step parameter"),
    ("/query_range", {"query": "vector(1)", "start": "5", "end": "1"},
     "end timestamp must not be before or equal to start time"),
    ("/query_range", {"query": '{a="b"}', "direction": "up"}, "invalid direction 'up'"),
    ("/query_range", {"query": '{a="b"}', "start": "soon"}, 'could not parse "soon" as a time'),
]  # fmt: skip


@pytest.mark.parametrize(("path", "parameters", "text"), REFUSALS)
def test_refusals_are_plain_text(node: NodeProcess, path: str, parameters: dict[str, str], text: str) -> None:
    answer = get(node, path, **parameters)
    assert (answer.status_code, answer.text) == (400, text)
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_failed_parser_stops_a_metric_until_it_is_told_to_skip(node: NodeProcess) -> None:
    query = 'sum(count_over_time({app="pay"} | json {skip} [10m]))'
    answer = get(node, "/query", query=query.replace("{skip}", ""), time=str(END_S))
    assert answer.status_code == 400
    assert answer.text.startswith("pipeline error: 'JSONParserErr' for series: '{")
    told = data(get(node, "/query", query=query.replace("{skip}", '| __error__=""'), time=str(END_S)))
    assert told["result"] == []


def test_a_tail_shows_lines_as_they_are_stored(node: NodeProcess) -> None:
    async def tail() -> dict[str, Any]:
        url = (
            node.url.replace("http", "ws")
            + "/loki/api/v1/tail?query="
            + '{job="t"} | logfmt | n > 1'.replace(" ", "%20")
        )
        async with websockets.connect(url) as socket, httpx.AsyncClient() as http:
            body = {"streams": [{"stream": {"job": "t"}, "values": [[at(1), "n=1"], [at(2), "n=2"]]}]}
            await asyncio.sleep(0.5)
            await http.post(f"{node.url}/loki/api/v1/push", json=body)
            return json.loads(await asyncio.wait_for(socket.recv(), 20))

    labels = {"job": "t", "service_name": "t", "detected_level": "unknown", "n": "2"}
    assert asyncio.run(tail()) == {"streams": [{"stream": labels, "values": [[at(2), "n=2"]]}]}


def test_a_tail_of_no_query_is_closed_with_the_reason(node: NodeProcess) -> None:
    async def tail() -> None:
        async with websockets.connect(node.url.replace("http", "ws") + "/loki/api/v1/tail?query={a") as socket:
            await socket.recv()

    with pytest.raises(websockets.ConnectionClosed) as told:
        asyncio.run(tail())
    assert told.value.rcvd is not None
    assert (told.value.rcvd.code, told.value.rcvd.reason[:30]) == (1008, "parse error at line 1, col 3: ")
