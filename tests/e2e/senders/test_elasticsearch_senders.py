"""Elasticsearch's clients and shippers write to Heimdall as they are."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from .conftest import NodeClients, PythonClients, Receiver, debian_program, free_port

PYTHON = {
    "elasticsearch-py 9": ("elasticsearch", "elasticsearch==9.5.1"),
    "elasticsearch-py 8": ("elasticsearch", "elasticsearch==8.19.3"),
    "opensearch-py": ("opensearchpy", "opensearch-py==3.2.0"),
}


@pytest.mark.conformance("Elasticsearch", "elasticsearch-py 9", "banner, health, helpers.bulk, single document")
@pytest.mark.conformance("Elasticsearch", "elasticsearch-py 8", "banner, health, helpers.bulk, single document")
@pytest.mark.conformance("Elasticsearch", "opensearch-py", "banner, health, helpers.bulk, single document")
@pytest.mark.parametrize("client", PYTHON)
def test_python_clients_index_in_bulk(receiver: Receiver, python_clients: PythonClients, client: str) -> None:
    library, requirement = PYTHON[client]
    service = client.replace(" ", "-")
    python_clients.run("elasticsearch_bulk.py", (requirement,), library, receiver.elasticsearch, service)
    rows = receiver.rows(service, 1001)
    bulk = [row for row in rows if row["_index"] == "logs-shop-default"]
    assert sorted(row["amount"] for row in bulk) == [n / 2 for n in range(1000)]
    assert {row["level"] for row in bulk} == {"warn"}
    assert bulk[0]["timestamp"].startswith("2026-11-22T10:00:00.")
    assert [row["message"] for row in rows if row["_index"] == "single"] == ["a single document"]


@pytest.mark.conformance("Elasticsearch", "elasticsearch-py 9", "below /elasticsearch on the main port")
def test_a_client_may_come_by_the_main_port(receiver: Receiver, python_clients: PythonClients) -> None:
    library, requirement = PYTHON["elasticsearch-py 9"]
    url = f"{receiver.url}/elasticsearch"
    python_clients.run("elasticsearch_bulk.py", (requirement,), library, url, "by-main-port")
    receiver.rows("by-main-port", 1001)


@pytest.mark.conformance("Elasticsearch", "@elastic/elasticsearch 9", "banner, bulk helper")
def test_the_javascript_client_indexes_in_bulk(receiver: Receiver, node_clients: NodeClients) -> None:
    node_clients.run("elasticsearch_bulk.mjs", receiver.elasticsearch, "es-js")
    rows = receiver.rows("es-js", 500)
    assert sorted(row["n"] for row in rows) == list(range(500))


@pytest.mark.conformance("Elasticsearch", "pino-elasticsearch", "log lines of an application")
def test_pino_writes_through_its_own_transport(receiver: Receiver, node_clients: NodeClients) -> None:
    node_clients.run("pino_elasticsearch.mjs", receiver.elasticsearch, "pino-es")
    rows = receiver.rows("pino-es", 50)
    assert {(row["level"], row["message"]) for row in rows} == {("error", "card declined")}


RSYSLOG = """
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" port="{tcp}" address="127.0.0.1")
template(name="record" type="list") {{
  constant(value="{{\\"@timestamp\\":\\"") property(name="timereported" dateFormat="rfc3339")
  constant(value="\\",\\"message\\":\\"") property(name="msg" format="json")
  constant(value="\\",\\"severity\\":\\"") property(name="syslogseverity-text")
  constant(value="\\",\\"service\\":\\"") property(name="programname" format="json")
  constant(value="\\"}}")
}}
action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" template="record" searchIndex="syslog"
       searchType="" bulkmode="on" queue.type="linkedlist" queue.dequeuebatchsize="500"
       action.resumeretrycount="-1" errorfile="{errors}")
"""


@pytest.mark.conformance("Elasticsearch", "rsyslog omelasticsearch", "bulk mode")
def test_rsyslog_ships_with_omelasticsearch(receiver: Receiver, tmp_path: Path) -> None:
    rsyslogd = debian_program("rsyslogd", "rsyslog", "rsyslog-elasticsearch")
    if not list(Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so")):
        pytest.skip("omelasticsearch.so (rsyslog-elasticsearch) is not installed")
    tcp, errors = free_port(), tmp_path / "errors"
    config = tmp_path / "rsyslog.conf"
    config.write_text(RSYSLOG.format(tcp=tcp, port=receiver.elasticsearch.rsplit(":", 1)[1], errors=errors))
    pid = tmp_path / "pid"
    rsyslog = subprocess.Popen([rsyslogd, "-n", "-f", str(config), "-i", str(pid)])
    try:
        with connected(tcp) as sender:
            for n in range(100):
                sender.sendall(f"<11>Nov 25 10:00:00 web-1 es-rsyslog: upstream {n} timed out\n".encode())
        rows = receiver.rows("es-rsyslog", 100)
    finally:
        rsyslog.terminate()
        rsyslog.wait(timeout=20)
    assert {row["_index"] for row in rows} == {"syslog"}
    assert {row["level"] for row in rows} == {"error"}
    assert not errors.exists()


def connected(port: int, within_s: float = 20.0) -> socket.socket:
    deadline = time.monotonic() + within_s
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_the_main_port_shows_the_pages_and_the_alias_the_banner(receiver: Receiver) -> None:
    assert "X-Elastic-Product" not in httpx.get(receiver.url, timeout=30).headers
    banner = httpx.get(receiver.elasticsearch, timeout=30)
    assert banner.headers["X-Elastic-Product"] == "Elasticsearch"
    assert banner.json()["version"]["build_flavor"] == "default"
    assert httpx.get(f"{receiver.elasticsearch}/readyz", timeout=30).json() == {"status": "ready"}
