"""A real node in a process of its own, on a free port of 127.0.0.1, for tests and for `make crash`."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
from server_process import ServerProcess, free_port

_NO_OTHER_PORTS = {
    "HEIMDALL_SERVER__ALIAS_PORTS": "",
    "HEIMDALL_SOURCES__SYSLOG__PORTS": "",
    "HEIMDALL_SOURCES__FORWARD__PORTS": "",
    "HEIMDALL_SOURCES__GELF__PORTS": "",
}
"""Nodes of several tests stand on one machine: well-known ports are for the test that is about them."""


class NodeProcess(ServerProcess):
    """Starts where a `with` begins, or by `start`; one whose start fails is not left running."""

    def __init__(self, data: Path, *, environment: dict[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | _NO_OTHER_PORTS | (environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data.with_suffix(".log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self, *, wait: bool = True, timeout_s: float = 60.0) -> float:
        """Start it; seconds until `/readyz` said 200 (0 without `wait`)."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "heimdall", "up", "--data", str(self.data), "--port", str(self.port)],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        if wait:
            try:
                self.wait_until_ready(timeout_s)
            except BaseException:
                self.kill()
                raise
        return time.monotonic() - began

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(f"the node ended with {self._process.returncode}:\n{self.tail_of_log()}")
            if self._answers():
                return
            time.sleep(0.02)
        raise AssertionError(f"not ready after {timeout_s} s:\n{self.tail_of_log()}")

    def _answers(self) -> bool:
        # Not httpx: a client of its own for each try costs more than the node's start.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise AssertionError(f"the node did not stop:\n{self.tail_of_log()}") from None
        return self._process.returncode

    def tail_of_log(self, characters: int = 4000) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:] if self.log.exists() else ""

    # -- talking to it ----------------------------------------------------------------------------------------------

    def send(self, lines: bytes, **parameters: str) -> dict[str, Any]:
        return self._ask("POST", "/api/v1/logs", parameters, lines)

    def search(self, q: str, **parameters: str | int) -> dict[str, Any]:
        return self._ask("GET", "/api/v1/search", {"q": q, **parameters})

    def _ask(self, method: str, path: str, parameters: Mapping[str, str | int], body: bytes = b"") -> dict[str, Any]:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False, verify=False) as client:
            return dict(client.request(method, path, params=parameters, content=body).raise_for_status().json())

    def count(self, q: str = "*") -> int:
        return int(self.search(f"{q} | stats count() as n")["data"][0]["n"])

    def wait_for_count(self, expected: int, q: str = "*", timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while (n := self.count(q)) != expected:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{n} records match {q!r} after {timeout_s} s, not {expected}\n{self.tail_of_log()}"
                )
            time.sleep(0.05)
