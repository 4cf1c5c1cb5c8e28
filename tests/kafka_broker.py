"""A real Apache Kafka on 127.0.0.1 for tests: one node in KRaft mode, its jars from Maven Central."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from server_process import ServerProcess, free_port

from maven import class_path

VERSION = "4.1.1"
_BROKER = ("kafka_2.13", "connect-runtime", "connect-file")
_CLUSTER = "4L6g3nShT-eMCtK--X86sw"
_STARTS_WITHIN_S = 110
"""A few seconds, but on a machine that is busy with other things."""
_JAVA = ("-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

USER, PASSWORD = "tester", "not-a-secret"


@dataclass(frozen=True)
class Keys:
    """PEM files of a certificate for 127.0.0.1 that signs itself."""

    certificate: Path
    key: Path


def jars(*artifacts: str) -> str:
    """A class path of the broker, or of other `artifacts` with all they need.

    Skips the test, naming what is missing, when they cannot be had.
    """
    wanted = [f"org.apache.kafka:{name}:{VERSION}" for name in artifacts or _BROKER]
    return class_path("-".join(("kafka", VERSION, *artifacts)), *wanted)


class KafkaBroker(ServerProcess):
    """Keeps its data in `directory` over `kill` and `start`; `keys` opens a second listener with TLS and SASL."""

    def __init__(self, directory: Path, *, keys: Keys | None = None) -> None:
        self._jars = jars()
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.secure_address = f"127.0.0.1:{free_port()}"
        self._log = directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        listeners = {"PLAINTEXT": self.address} | ({"SASL_SSL": self.secure_address} if keys else {})
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": ",".join(
                [*(f"{k}://{v}" for k, v in listeners.items()), f"CONTROLLER://127.0.0.1:{controller}"]
            ),
            "advertised.listeners": ",".join(f"{k}://{v}" for k, v in listeners.items()),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "log.dirs": str(directory / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "broker.session.timeout.ms": "6000",  # how long a killed one is waited for when it comes back
            "broker.heartbeat.interval.ms": "1000",
        }
        if keys is not None:
            settings |= _secured(keys)
        self._properties = directory / "server.properties"
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self._run("kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(self._properties))
        self.start()

    def start(self) -> None:
        command = ["java", *_JAVA, "-cp", self._jars, "kafka.Kafka", str(self._properties)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"Kafka did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """It answers nobody until `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()

    def topic(self, partitions: int = 1, **settings: str) -> str:
        """A new topic's name; words of its settings are joined by underscores."""
        from confluent_kafka.admin import AdminClient, NewTopic

        name = f"t{uuid.uuid4().hex[:12]}"
        config = {key.replace("_", "."): value for key, value in settings.items()}
        admin = AdminClient({"bootstrap.servers": self.address})
        admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(30)
        return name

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"LOG_DIR": str(self._directory)}

    def _run(self, *words: str) -> None:
        command = ["java", "-Xmx128m", "-cp", self._jars, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=60, env=self._environment)

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            AdminClient({"bootstrap.servers": self.address, "log_level": 0}).list_topics(timeout=5)
        except (OSError, KafkaException):
            return False
        return True


def _secured(keys: Keys) -> dict[str, str]:
    store = keys.certificate.with_name("broker.pem")
    pkcs8 = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", str(keys.key)], check=True, capture_output=True
    ).stdout
    store.write_bytes(pkcs8 + keys.certificate.read_bytes())
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{login} user_{USER}="{PASSWORD}";',
    }
