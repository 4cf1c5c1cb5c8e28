"""Elasticsearch's clients read from Heimdall as they are."""

from __future__ import annotations

import pytest

from .conftest import NodeClients, PythonClients, Receiver
from .test_elasticsearch_senders import PYTHON


@pytest.mark.conformance(
    "Elasticsearch queries",
    "elasticsearch-py 9",
    "search, count, msearch, get, helpers.scan, search_after in a point in time, aggregations, mapping, field_caps,"
    " cat.indices, errors",
)
@pytest.mark.conformance("Elasticsearch queries", "elasticsearch-py 8", "the same")
@pytest.mark.conformance("Elasticsearch queries", "opensearch-py", "the same, with its own points in time")
@pytest.mark.parametrize("client", PYTHON)
def test_python_clients_read_what_they_wrote(receiver: Receiver, python_clients: PythonClients, client: str) -> None:
    library, requirement = PYTHON[client]
    index = f"read-{client.replace(' ', '-')}"
    python_clients.run("elasticsearch_search.py", (requirement,), library, receiver.elasticsearch, index)


@pytest.mark.conformance("Elasticsearch queries", "elasticsearch-py 9", "below /elasticsearch on the main port")
def test_a_reader_may_come_by_the_main_port(receiver: Receiver, python_clients: PythonClients) -> None:
    library, requirement = PYTHON["elasticsearch-py 9"]
    url = f"{receiver.url}/elasticsearch"
    python_clients.run("elasticsearch_search.py", (requirement,), library, url, "read-main-port")


@pytest.mark.conformance(
    "Elasticsearch queries",
    "@elastic/elasticsearch 9",
    "search with highlight, msearch, count, the scroll helper, aggregations with top_hits, errors",
)
def test_the_javascript_client_reads_what_it_wrote(receiver: Receiver, node_clients: NodeClients) -> None:
    node_clients.run("elasticsearch_search.mjs", receiver.elasticsearch, "read-es-js")
