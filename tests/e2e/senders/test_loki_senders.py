"""Loki's client libraries push to Heimdall as they are."""

from __future__ import annotations

import subprocess

import pytest
from rust_programs import rust_program

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


@pytest.mark.conformance("Loki", "tracing-loki (Rust)", "snappy protobuf, JSON lines opened")
def test_a_rust_program_pushes_its_events(receiver: Receiver) -> None:
    subprocess.run([rust_program("rust_loki_send"), receiver.url, "rustloki"], check=True, timeout=60)
    receiver.process.wait_for_count(50, "rustloki")
    row = receiver.process.search('"rustloki declined 7"')["data"][0]
    assert (row["service"], row["level"], row["message"]) == ("cart", "warn", "rustloki declined 7 ün")
    assert (row["n"], row["user"], row["team"]) == (7, "bob", "checkout")
