"""OpenTelemetry's SDKs export to Heimdall as they are, over HTTP and gRPC."""

from __future__ import annotations

import pytest

from .conftest import NodeClients, PythonClients, Receiver

PYTHON = (
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
    "opentelemetry-exporter-otlp-proto-grpc==1.45.2",
)


@pytest.mark.conformance("OTLP/HTTP", "OpenTelemetry SDK, Python", "protobuf; gzip")
@pytest.mark.conformance("OTLP/gRPC", "OpenTelemetry SDK, Python", "Export; gzip")
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("form", ["http", "grpc"])
def test_the_python_sdk_exports(receiver: Receiver, python_clients: PythonClients, form: str, compression: str) -> None:
    service = f"otlp-python-{form}-{compression}"
    address = receiver.url if form == "http" else receiver.otlp_grpc
    python_clients.run("otlp_export.py", PYTHON, form, address, service, compression)
    rows = receiver.rows(service, 700)
    assert {row["level"] for row in rows} == {"warn"}
    assert sorted(row["n"] for row in rows) == list(range(700))
    assert {row["customer_id"] for row in rows} == {f"c{n}" for n in range(9)}


@pytest.mark.conformance("OTLP/HTTP", "OpenTelemetry SDK, JavaScript", "JSON; protobuf")
@pytest.mark.conformance("OTLP/gRPC", "OpenTelemetry SDK, JavaScript", "Export")
@pytest.mark.parametrize("form", ["http", "proto", "grpc"])
def test_the_javascript_sdk_exports(receiver: Receiver, node_clients: NodeClients, form: str) -> None:
    service = f"otlp-js-{form}"
    address = receiver.otlp_grpc if form == "grpc" else receiver.url
    node_clients.run("otlp_export.mjs", form, address, service)
    rows = receiver.rows(service, 300)
    assert sorted(row["n"] for row in rows) == list(range(300))
    assert {row["message"].split()[0] for row in rows} == {"order"}
