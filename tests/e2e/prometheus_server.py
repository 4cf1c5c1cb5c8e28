"""A real Prometheus on 127.0.0.1 for tests, fed by remote write or by scraping."""

from __future__ import annotations

import http.client
import struct
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
from server_process import ServerProcess, free_port

Sent = tuple[tuple[tuple[str, str], ...], Sequence[tuple[int, float]]]
"""Labels of a series, and its samples: (ms since 1970, value)."""


class PrometheusServer(ServerProcess):
    """An empty server; `stop` ends it."""

    def __init__(self, program: str, folder: Path, config: str = "") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "prometheus.log"
        (folder / "prometheus.yml").write_text(config or "global: {}\n", encoding="utf-8")
        command = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver",
            "--log.level=warn",
        ]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder)
        deadline = time.monotonic() + 60
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"Prometheus did not start:\n{self._log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.05)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def write(self, series: Iterable[Sent]) -> None:
        body = b"".join(_field(1, _series(labels, samples)) for labels, samples in series)
        headers = {
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/api/v1/write", pa.compress(body, codec="snappy", asbytes=True), headers)
        answer = connection.getresponse()
        assert answer.status == 204, answer.read()
        connection.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)


def _series(labels: Iterable[tuple[str, str]], samples: Iterable[tuple[int, float]]) -> bytes:
    named = b"".join(_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels)
    taken = b"".join(
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(time_ms)) for time_ms, value in samples
    )
    return named + taken


def _field(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
