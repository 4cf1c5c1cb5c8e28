"""A real Mosquitto on 127.0.0.1 for tests, and devices that publish to it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from server_process import ServerProcess, free_port

from heimdall.ingest.sources.mqtt_loop import MqttLoop

USER, PASSWORD = "tester", "not-a-secret"
_STARTS_WITHIN_S = 20
_DONE_WITHIN_S = 60


@dataclass(frozen=True)
class Keys:
    """PEM files of a certificate for 127.0.0.1 that signs itself."""

    certificate: Path
    key: Path


def mosquitto_program(name: str) -> str:
    """Path of the broker or of a client, installed where it is missing and may be; skips the test by name."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    found = shutil.which(name, path=path)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "--no-install-recommends", "mosquitto", "mosquitto-clients"]
        subprocess.run(command, capture_output=True, timeout=300, check=False)
        found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed (apt-get install mosquitto mosquitto-clients)")
    return found


class Mosquitto(ServerProcess):
    """Keeps its sessions in `directory` over `kill` and `start`: it saves them after each change."""

    def __init__(self, directory: Path, *, keys: Keys | None = None) -> None:
        self._program = mosquitto_program("mosquitto")
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {directory}/",
            "autosave_interval 1", "autosave_on_changes true", "max_queued_messages 0", "max_inflight_messages 0",
        ]  # fmt: skip
        if os.geteuid() == 0:
            lines.append("user root")  # else it becomes a user who may not write here
        if keys is None:
            lines.append("allow_anonymous true")
        else:
            passwords = directory / "passwords"
            passwords.touch()
            command = [mosquitto_program("mosquitto_passwd"), "-b", str(passwords), USER, PASSWORD]
            subprocess.run(command, check=True, capture_output=True)
            lines += [f"password_file {passwords}", f"certfile {keys.certificate}", f"keyfile {keys.key}"]
        self._config = directory / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        raise AssertionError(f"mosquitto did not start: {(self._directory / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(timeout=20)

    def publish(self, topic: str, payloads: Iterable[str], *, qos: int = 1, retain: bool = False) -> int:
        """As a device that waits until the broker has each; how many there were. `retain`: also for who comes later."""
        with _device(self.port) as client:
            sent = [client.publish(topic, payload, qos=qos, retain=retain) for payload in payloads]
            for each in sent:
                each.wait_for_publish(_DONE_WITHIN_S)
        assert all(each.is_published() for each in sent)
        return len(sent)


@contextmanager
def _device(port: int) -> Iterator[Any]:
    """Which the broker has welcomed. Its loop is ours: paho's own does without sockets of number 1024 and above."""
    from paho.mqtt.client import CallbackAPIVersion, Client

    client = Client(CallbackAPIVersion.VERSION2)
    welcomed = threading.Event()
    client.on_connect = lambda *_: welcomed.set()
    client.max_inflight_messages_set(1000)
    client.connect_async("127.0.0.1", port)
    loop = MqttLoop(client)
    loop.start()
    try:
        assert welcomed.wait(_STARTS_WITHIN_S), f"what listens on port {port} answers no MQTT"
        yield client
    finally:
        loop.stop()
