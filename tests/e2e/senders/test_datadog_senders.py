"""Datadog's API client submits logs to Heimdall."""

from __future__ import annotations

import pytest

from .conftest import PythonClients, Receiver


@pytest.mark.conformance("Datadog", "datadog-api-client (Python)", "validate, v2 logs in gzip")
def test_the_api_client_submits(receiver: Receiver, python_clients: PythonClients) -> None:
    python_clients.run("datadog_submit.py", ("datadog-api-client==2.62.0",), receiver.url, "datadog-python")
    rows = receiver.rows("datadog-python", 50)
    assert {row["ddsource"] for row in rows} == {"shop"}
