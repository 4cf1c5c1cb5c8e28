"""A real Kafka Connect worker for tests, standing alone, with connectors of Kafka's own jars."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
from server_process import ServerProcess, free_port

from kafka_broker import KafkaBroker, jars

_STARTS_WITHIN_S = 110
_WORKER = {
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    "offset.flush.interval.ms": "1000",
}


class ConnectWorker(ServerProcess):
    """Keeps its offsets in `directory`. `connectors`: name → its configuration."""

    def __init__(self, directory: Path, broker: KafkaBroker, connectors: Mapping[str, Mapping[str, str]]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = directory / "connect.log"
        worker = _WORKER | {
            "bootstrap.servers": broker.address,
            "listeners": self.url,
            "offset.storage.file.filename": str(directory / "offsets"),
        }
        files = [_written(directory / "worker.properties", worker)]
        for name, settings in connectors.items():
            files.append(_written(directory / f"{name}.properties", {"name": name, "tasks.max": "1", **settings}))
        command = [
            "java",
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            f"{jars()}:{jars('connect-mirror')}",
        ]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "org.apache.kafka.connect.cli.ConnectStandalone", *map(str, files)],
                stdout=log, stderr=log, env=os.environ | {"LOG_DIR": str(directory)},
            )  # fmt: skip
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not all(self._runs(name) for name in connectors):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"Connect did not start:\n{self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.2)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _runs(self, name: str) -> bool:
        try:
            status = httpx.get(f"{self.url}/connectors/{name}/status", timeout=5, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return False
        return [task.get("state") for task in status.get("tasks", ())] == ["RUNNING"]


def _written(path: Path, settings: Mapping[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path
