"""Over HTTP into a node, as any sender would: one connection, repeats when the node says it is busy."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from heimdall.errors import Refused, Unavailable

_TIMEOUT_S = 60.0
"""A node that checks its disk may take long to answer; longer than this it is gone."""
_ATTEMPTS = 30
_PAUSE_S = 1.0


class HttpSender:
    """Posts bodies to `/api/v1/logs`; every thread has a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def __call__(self, body: bytes, content_type: str, parameters: Mapping[str, str]) -> None:
        """Send one body; returns when it is acknowledged.

        Raises:
            Unavailable: the node did not take it after many attempts.
            Refused: the node says it never will.
        """
        path = f"/api/v1/logs?{urlencode(parameters)}" if parameters else "/api/v1/logs"
        for _ in range(_ATTEMPTS):
            try:
                status, answer, pause_s = self._post(path, body, content_type)
            except (OSError, http.client.HTTPException):
                self._local.connection.close()
                time.sleep(_PAUSE_S)
                continue
            if status < 300:
                return
            if status not in (429, 502, 503, 504):
                raise Refused(f"the node answered {status} to {path}: {answer[:300]!r}")
            time.sleep(pause_s)
        raise Unavailable(f"{self._host}:{self._port} did not take the demo's lines")

    def close(self) -> None:
        """Close what any thread has opened; a connection that is used again opens itself again."""
        for connection in self._open:
            connection.close()

    def _post(self, path: str, body: bytes, content_type: str) -> tuple[int, bytes, float]:
        connection = self._local.__dict__.get("connection")
        if connection is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
            self._local.connection = connection
            self._open.append(connection)
        connection.request("POST", path, body, {"Content-Type": content_type})
        response = connection.getresponse()
        answer = response.read()
        try:
            pause_s = min(float(response.headers.get("Retry-After", "")), 10.0)
        except ValueError:
            pause_s = _PAUSE_S
        return response.status, answer, pause_s
