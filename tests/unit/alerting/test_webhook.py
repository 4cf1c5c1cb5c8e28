"""The webhook on a real server of this machine: signed, told apart by key, kept from inner networks."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from heimdall.alerting.notification import Event, Notification, notification_of
from heimdall.alerting.notifiers.outbound import LONGEST_ANSWER, Outbound, is_private
from heimdall.alerting.notifiers.webhook import Webhook
from heimdall.clock import ManualClock
from heimdall.errors import Misconfigured, Refused, Unavailable

TOLD = Notification(
    key="i-1", event=Event.TRIGGER, incident="i", tenant="default", title="T", severity="P1", services=["a"],
    started_at="2025-11-24T12:00:00Z", alerts=1, shown=[], flapping=False, storm=False, acknowledged_by="", url="",
)  # fmt: skip


class Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_notification_is_signed_and_has_its_key(receiver: Receiver) -> None:
    hook = Webhook(Outbound(receiver.url, "channel ops", allow_private=True), "s3cret", ManualClock())
    hook.send(TOLD)
    hook.close()
    ((headers, body),) = receiver.got
    assert notification_of(body) == TOLD
    assert headers["Idempotency-Key"] == "i-1"
    assert headers["Host"] == f"localhost:{receiver.server_port}"
    expected = hmac.new(b"s3cret", b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Heimdall-Signature"] == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize(("status", "error"), [(500, Unavailable), (429, Unavailable), (404, Refused), (302, Refused)])
def test_answers_say_whether_to_try_again(receiver: Receiver, status: int, error: type[Exception]) -> None:
    receiver.status = status
    outbound = Outbound(receiver.url, "channel ops", allow_private=True)
    with pytest.raises(error, match=str(status)):
        outbound.post(b"{}", {})
    assert len(receiver.got) == 1, "a redirect is not followed"
    outbound.close()


def test_inner_networks_are_refused_unless_allowed(receiver: Receiver) -> None:
    outbound = Outbound(receiver.url, "channel ops")
    with pytest.raises(Refused, match="inside a network"):
        outbound.post(b"{}", {})
    assert receiver.got == []
    outbound.close()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "100.64.0.1", "0.0.0.0", "::1", "fe80::1%eth0",
     "fd00::1", "::ffff:10.0.0.1", "224.0.0.1", "2002:a00:1::"],
)  # fmt: skip
def test_private_addresses_are_known(address: str) -> None:
    assert is_private(address)


def test_public_addresses_are_known() -> None:
    assert not any(map(is_private, ("1.1.1.1", "2606:4700:4700::1111")))


@pytest.mark.parametrize("url", ["ftp://a.example", "https://user:pw@a.example", "nonsense", "file:///etc/passwd"])
def test_other_addresses_are_refused_at_the_start(url: str) -> None:
    with pytest.raises(Misconfigured):
        Outbound(url, "channel ops")


def test_an_answer_without_an_end_is_not_read_to_the_end() -> None:
    """It would fill the memory; what was taken was taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent: list[int] = []

        def answer() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
                while True:
                    sent.append(connection.send(b"x" * 65_536))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        outbound = Outbound(f"http://127.0.0.1:{server.getsockname()[1]}/", "channel c", allow_private=True)
        assert len(outbound.post(b"{}", {})) == LONGEST_ANSWER
        outbound.close()
        thread.join(timeout=10)
        assert sum(sent) < 64 << 20
