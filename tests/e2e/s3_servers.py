"""Real S3 servers on 127.0.0.1 for tests and benchmarks.

    python tests/e2e/s3_servers.py        builds versitygw with Go, into ~/.cache/heimdall-tests

moto speaks S3 with lifecycle rules and archive classes, but checks no signature; versitygw checks every signature and
checksum. Both are permissively licensed (Apache-2.0).
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from server_process import ServerProcess, free_port

KEY, SECRET, BUCKET = "tester", "not-a-secret-0123456789", "logs"
_BUILT = Path.home() / ".cache" / "heimdall-tests"


class S3Server(ServerProcess):
    """A server with an empty bucket; `stop` ends it."""

    def __init__(self, command: list[str], port: int, log: Path, environment: dict[str, str] | None = None) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env=os.environ | (environment or {})
            )
        deadline = time.monotonic() + 60
        while not _answers(port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"the S3 server did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)


def moto(folder: Path) -> S3Server:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = S3Server(command, port, folder / "moto.log")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("PUT", f"/{BUCKET}", headers={"Host": f"127.0.0.1:{port}"})
        assert connection.getresponse().status == 200
    except BaseException:
        server.stop()
        raise
    finally:
        connection.close()
    return server


def versitygw_program() -> str | None:
    """Where it is; None where it is not installed."""
    return shutil.which("versitygw") or shutil.which("versitygw", path=str(_BUILT))


def versitygw(folder: Path) -> S3Server:
    program = versitygw_program()
    assert program is not None
    (folder / "buckets" / BUCKET).mkdir(parents=True)
    port = free_port()
    keys = {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
    command = [program, "--port", f"127.0.0.1:{port}", "--quiet", "posix", str(folder / "buckets")]
    return S3Server(command, port, folder / "versitygw.log", keys)


class CountingProxy(threading.Thread):
    """Passes bytes between clients and a server, and counts those that come from the server."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.received = 0
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(1 << 18):
                if counted:
                    with self._lock:
                        self.received += len(data)
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    end.close()

    def stop(self) -> None:
        self._listener.close()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def main() -> int:
    if versitygw_program() is None:
        _BUILT.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"GOBIN": str(_BUILT)}
        subprocess.run(
            ["go", "install", "github.com/versity/versitygw/cmd/versitygw@latest"], check=True, env=environment
        )
    print(versitygw_program())
    return 0


if __name__ == "__main__":
    sys.exit(main())
