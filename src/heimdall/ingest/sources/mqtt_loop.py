"""The connection of a paho MQTT client, kept up from a thread of its own.

paho's own loop waits with `select()`, which knows no file descriptor above 1023: a node with a thousand connections
would never hear from its broker again. This one waits with what the system has best (epoll, kqueue).
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
from typing import Any

_log = logging.getLogger(__name__)

_LEAST_DELAY_S, _LONGEST_DELAY_S = 1.0, 30.0
"""From a connection that failed to the next: twice as long each time."""
_LOOK_S = 1.0
"""Between looks at the keep-alive."""


class MqttLoop:
    """Connects, reads and writes, and connects again, from `start` to `stop`.

    `client`: a `paho.mqtt.client.Client` that was told where to (`connect_async`) and has no loop yet. Its callbacks
    run in the thread; messages may be published and acknowledged from any.
    """

    def __init__(self, client: Any, name: str = "heimdall-mqtt-loop") -> None:
        self._client = client
        self._stopping = threading.Event()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        client.on_socket_register_write = lambda *_: self._wake()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye to the broker, and end."""
        self._stopping.set()
        self._client.disconnect()
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        self._waker.close()
        self._woken.close()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # so many bytes wait there that it wakes
            self._waker.send(b"\0")

    def _run(self) -> None:
        delay_s = _LEAST_DELAY_S
        while not self._stopping.is_set():
            try:
                self._client.reconnect()
            except OSError as exc:
                _log.warning("mqtt: no connection, next try in %.0f s: %s", delay_s, exc)
            else:
                if self._serve():
                    delay_s = _LEAST_DELAY_S
            self._stopping.wait(delay_s)
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    def _serve(self) -> bool:
        """Until the connection ends; whether the broker had welcomed this client."""
        client, welcomed = self._client, False
        connection = client.socket()
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while client.socket() is connection:
                writes = selectors.EVENT_WRITE if client.want_write() else 0
                selector.modify(connection, selectors.EVENT_READ | writes)
                decrypted = getattr(connection, "pending", int)()  # bytes that TLS has read already
                ready = {key.fileobj: events for key, events in selector.select(0 if decrypted else _LOOK_S)}
                if self._woken in ready:
                    self._woken.recv(4096)
                if decrypted or ready.get(connection, 0) & selectors.EVENT_READ:
                    client.loop_read()
                if client.want_write():
                    client.loop_write()
                client.loop_misc()
                welcomed = welcomed or client.is_connected()
        return welcomed
