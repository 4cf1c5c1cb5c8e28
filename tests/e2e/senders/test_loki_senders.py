"""Loki's client libraries push to Heimdall as they are."""

from __future__ import annotations

import pytest

from .conftest import NodeClients, PythonClients, Receiver


@pytest.mark.conformance("Loki", "python-logging-loki-v2", "JSON, one entry a request, tags as labels")
def test_a_python_logging_handler_pushes(receiver: Receiver, python_clients: PythonClients) -> None:
    python_clients.run("loki_handler.py", ("python-logging-loki-v2==1.1.1",), receiver.url, "loki-python")
    rows = receiver.rows("loki-python", 20)
    assert {row["level"] for row in rows} == {"error"}
    assert {row["message"] for row in rows} == {f"card declined {n}" for n in range(20)}


@pytest.mark.conformance("Loki", "pino-loki", "JSON, batches, JSON lines opened")
def test_pino_pushes_through_its_own_transport(receiver: Receiver, node_clients: NodeClients) -> None:
    node_clients.run("pino_loki.mjs", receiver.url, "loki-pino")
    rows = receiver.rows("loki-pino", 50)
    assert {(row["level"], row["message"]) for row in rows} == {("error", "card declined")}
    assert sorted(row["n"] for row in rows) == list(range(50))


@pytest.mark.conformance("Loki", "winston-loki", "snappy protobuf; JSON")
@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_winston_pushes_in_both_forms(receiver: Receiver, node_clients: NodeClients, form: str) -> None:
    service = f"loki-winston-{form}"
    node_clients.run("winston_loki.mjs", receiver.url, service, form)
    rows = receiver.rows(service, 50)
    assert {row["level"] for row in rows} == {"warn"}
    assert {row["pod"] for row in rows} == {"web-1"}
