"""Snippets for senders: whole, for every door there is, with the address the node was reached by."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from heimdall.api.sending import SENDERS, told
from heimdall.app.config import NodeConfig
from heimdall.app.settings import load

INGEST = Path(__file__).parents[3] / "src" / "heimdall" / "ingest" / "sources"
BARE = {"ports": {"http": 7373}, "sources": {}}
FULL = {
    "ports": {
        "http": 7373, "loki": 3100, "otlp": 4318, "otlp_grpc": 4317, "splunk": 8088, "elasticsearch": 9200,
        "victorialogs": 9428,
    },
    "sources": {
        "syslog": ["udp://0.0.0.0:5514", "tcp://0.0.0.0:5514"], "forward": ["tcp://[::]:24224"],
        "gelf": ["udp://0.0.0.0:12201"], "kafka": [], "mqtt": [],
    },
}  # fmt: skip


def snippets(node: dict[str, object]) -> dict[str, str]:
    return {str(row["name"]): str(row["snippet"]) for row in told(node, {}, "http", "logs.example", 7373)}


def test_every_door_has_a_sender() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in INGEST.rglob("*.py"))
    doors = set(re.findall(r"\.(?:take|keep|accepted)\(\s*\"(\w+)\"", text))
    doors |= set(re.findall(r"^(?:_DOOR|    name) = \"(\w+)\"", text, re.MULTILINE))
    assert len(doors) > 12
    assert doors <= {sender.door for sender in SENDERS}
    assert len({sender.name for sender in SENDERS}) == len(SENDERS)


@pytest.mark.parametrize("node", [BARE, FULL], ids=["bare", "full"])
def test_a_snippet_has_the_nodes_address_and_nothing_left_to_fill_in(node: dict[str, object]) -> None:
    for name, text in snippets(node).items():
        assert not re.search(r"<(?:url|host|port)>|None", text), name
        if name not in ("kafka", "mqtt"):
            assert "logs.example" in text, name


def test_senders_use_the_ports_that_are_open() -> None:
    bare, full = snippets(BARE), snippets(FULL)
    assert "http://logs.example:7373/loki/api/v1/push" in bare["loki"]
    assert "http://logs.example:3100/loki/api/v1/push" in full["loki"]
    assert "http://logs.example:7373/elasticsearch" in bare["elasticsearch"]
    assert '"http://logs.example:9200"' in full["elasticsearch"]
    assert 'port="5514"' in full["syslog"]
    assert "24224" in full["forward"]


def test_what_is_not_turned_on_says_what_turns_it_on() -> None:
    off = {row["name"]: row["why"] for row in told(BARE, {}, "http", "h", None) if not row["on"]}
    assert sorted(map(str, off)) == ["forward", "gelf", "kafka", "mqtt", "otlp-grpc", "syslog"]
    assert off["mqtt"] == "not turned on: sources.mqtt.topics in the node's configuration"
    assert all(row["on"] for row in told(FULL, {}, "http", "h", None))


def test_a_sender_whose_port_another_program_has_is_not_on() -> None:
    """The source runs, and what it would listen on was taken when the node began."""
    node = {"ports": {"http": 7373}, "sources": {"syslog": [], "forward": ["tcp://[::]:24224"], "kafka": []}}
    off = {row["name"]: row["why"] for row in told(node, {}, "http", "h", None) if not row["on"]}
    assert sorted(map(str, off)) == ["gelf", "mqtt", "otlp-grpc", "syslog"]
    assert off["syslog"] == "no port of sources.syslog.ports is open: another program has it, as the node's log says"
    assert off["gelf"] == "not turned on: sources.gelf.ports in the node's configuration"
    assert off["otlp-grpc"] == "not turned on: server.alias_ports in the node's configuration, or its port is taken"


def test_records_are_those_of_the_door() -> None:
    rows = {row["name"]: row for row in told(FULL, {("loki", "accepted"): 3, ("loki", "rejected"): 1}, "http", "h", 1)}
    assert (rows["loki"]["accepted"], rows["loki"]["rejected"], rows["json"]["accepted"]) == (3, 1, 0)


def test_an_address_of_ipv6_has_its_brackets() -> None:
    rows = {row["name"]: str(row["snippet"]) for row in told(FULL, {}, "https", "::1", 443)}
    assert "curl https://[::1]:443/api/v1/logs" in rows["json"]
    assert "[::1]:4317" in rows["otlp-grpc"]


@pytest.mark.parametrize(
    "name", ["otlp", "otlp-grpc", "elasticsearch", "victorialogs", "splunk", "datadog", "firehose"]
)
def test_yaml_is_yaml(name: str) -> None:
    assert isinstance(yaml.safe_load(snippets(FULL)[name]), dict)


@pytest.mark.parametrize("name", ["kafka", "mqtt"])
def test_settings_are_settings(name: str, tmp_path: Path) -> None:
    file = tmp_path / "heimdall.toml"
    file.write_text(snippets(BARE)[name], encoding="utf-8")
    assert tomllib.loads(file.read_text(encoding="utf-8"))
    config = load(NodeConfig, file, {}, {})
    assert getattr(config.sources, name).topics
