"""Splunk's logging libraries send to Heimdall as they are."""

from __future__ import annotations

import pytest

from .conftest import NodeClients, PythonClients, Receiver


@pytest.mark.conformance("Splunk HEC", "splunk-handler", "events in batches, text")
def test_a_python_logging_handler_sends(receiver: Receiver, python_clients: PythonClients) -> None:
    port = str(receiver.process.port)
    requirements = ("splunk-handler==3.0.0",)
    python_clients.run("splunk_handler_log.py", requirements, "127.0.0.1", port, "hec-python")
    rows = receiver.rows("hec-python", 100, field="source")
    assert {row["message"] for row in rows} == {f"ERROR card {n} declined" for n in range(100)}
    assert {(row["level"], row["index"], row["sourcetype"]) for row in rows} == {("error", "main", "text")}


@pytest.mark.conformance("Splunk HEC", "splunk-logging (JavaScript)", "events in batches, metadata")
def test_the_javascript_library_sends(receiver: Receiver, node_clients: NodeClients) -> None:
    node_clients.run("splunk_logging.mjs", receiver.url, "hec-js")
    rows = receiver.rows("hec-js", 50, field="source")
    assert {(row["message"], row["level"], row["host"]) for row in rows} == {("card declined", "error", "web-1")}
