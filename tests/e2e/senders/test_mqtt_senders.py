"""Devices publish to a broker that a node subscribes to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from node_process import NodeProcess

from mqtt_broker import Mosquitto, mosquitto_program

from .conftest import Receiver

_WITHIN_S = 30


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest.fixture(scope="module")
def subscriber(broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A node, whose subscription the broker knows: it has sent a first message through."""
    with NodeProcess(
        tmp_path_factory.mktemp("subscriber") / "data",
        environment={
            "HEIMDALL_SOURCES__MQTT__BROKER": broker.address,
            "HEIMDALL_SOURCES__MQTT__TOPICS": "{service}/{instance}/log",
        },
    ) as process:
        broker.publish("probe/x/log", ["there"], retain=True)
        process.wait_for_count(1, "service:probe")
        yield Receiver(process, "", "")


@pytest.mark.conformance("MQTT", "mosquitto_pub 2.0", "lines of standard input, quality of service 1 and 2")
def test_mosquitto_pub(broker: Mosquitto, subscriber: Receiver) -> None:
    publish = [mosquitto_program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(broker.port), "-l"]
    for qos in ("1", "2"):
        lines = "".join(f'{{"level":"error","message":"line {n}","qos":{qos}}}\n' for n in range(25))
        topic = f"press/p{qos}/log"
        subprocess.run([*publish, "-q", qos, "-t", topic], input=lines.encode(), check=True, timeout=_WITHIN_S)
    rows = subscriber.rows("press", 50)
    assert {(row["instance"], row["qos"]) for row in rows} == {("p1", 1), ("p2", 2)}
    assert {row["level"] for row in rows} == {"error"}


@pytest.mark.conformance("MQTT", "paho-mqtt (Python)", "MQTT 3.1.1, quality of service 1, text and JSON")
def test_paho(broker: Mosquitto, subscriber: Receiver) -> None:
    broker.publish("oven/o1/log", ["WARN door open", '{"message":"door shut"}'])
    assert sorted(row["message"] for row in subscriber.rows("oven", 2))[-1] == "door shut"
