"""OTLP where its senders expect it: a second port of the same server, protobuf and JSON."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
from node_process import NodeProcess
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from server_process import free_port


def as_protobuf(service: str) -> bytes:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    name = resource.resource.attributes.add()
    name.key, name.value.string_value = "service.name", service
    record = resource.scope_logs.add().log_records.add()
    record.time_unix_nano, record.severity_number = 1_795_000_000_000_000_000, 13
    record.body.string_value = "upstream is slow"
    record.trace_id, record.span_id = bytes(range(1, 17)), bytes(range(1, 9))
    return request.SerializeToString()


def as_json(service: str) -> dict[str, object]:
    record = {
        "timeUnixNano": "1795000000000000000",
        "severityNumber": 13,
        "body": {"stringValue": "upstream is slow"},
        "traceId": bytes(range(1, 17)).hex(),
        "spanId": bytes(range(1, 9)).hex(),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}


def test_a_taken_alias_port_is_skipped_with_a_warning_and_a_free_one_takes_otlp(tmp_path: Path) -> None:
    alias = free_port()
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        taken = int(occupant.getsockname()[1])
        node = NodeProcess(tmp_path / "data", environment={"HEIMDALL_SERVER__ALIAS_PORTS": f"{taken},{alias}"})
        node.start()
    try:
        assert f"port {taken} is skipped" in node.tail_of_log()
        assert alias in httpx.get(f"{node.url}/api/v1/node").json()["ports"].values()
        url = f"http://127.0.0.1:{alias}/v1/logs"
        headers = {"content-type": "application/x-protobuf"}
        answer = httpx.post(url, content=as_protobuf("otlp-protobuf"), headers=headers, timeout=30)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
        assert ExportLogsServiceResponse.FromString(answer.content) == ExportLogsServiceResponse()
        answer = httpx.post(url, json=as_json("otlp-json"), timeout=30)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        broken = httpx.post(url, content=b"\xff\xff\xff", headers=headers, timeout=30)
        assert broken.status_code == 400
        node.wait_for_count(2, '"upstream is slow"')
        rows = {row["service"]: row for row in node.search('"upstream is slow"')["data"]}
        assert set(rows) == {"otlp-protobuf", "otlp-json"}
        told = [
            {key: value for key, value in row.items() if key not in ("id", "service", "observed_timestamp")}
            for row in rows.values()
        ]
        assert told[0] == told[1]
        assert told[0]["level"] == "warn"
        assert told[0]["trace_id"] == bytes(range(1, 17)).hex()
    finally:
        node.stop()
