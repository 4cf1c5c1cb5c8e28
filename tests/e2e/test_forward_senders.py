"""Real Fluent Forward senders, unchanged: fluent-logger from PyPI, @fluent-org/logger and fluent-logger from npm."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fluent import sender as fluent_sender
from node_process import NodeProcess
from npm import run_script


def node_with(folder: Path, **settings: str) -> NodeProcess:
    names = {f"HEIMDALL_SOURCES__FORWARD__{name}": text for name, text in {"PORTS": "0", **settings}.items()}
    return NodeProcess(folder / "data", environment=names)


def port_of(node: NodeProcess) -> int:
    addresses = httpx.get(f"{node.url}/api/v1/node").json()["sources"]["forward"]
    return next(urlsplit(address).port or 0 for address in addresses if address.startswith("tcp:"))


@pytest.fixture(scope="module")
def forward_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with node_with(tmp_path_factory.mktemp("forward")) as node:
        yield node


@pytest.fixture(scope="module")
def key_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Wants a shared key, and has a certificate."""
    folder = tmp_path_factory.mktemp("key")
    settings = {"SHARED_KEY": "between us"}
    if shutil.which("openssl") is not None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
        settings |= {"TLS__CERTIFICATE": f"{folder}/cert.pem", "TLS__KEY": f"{folder}/key.pem"}
    with node_with(folder, **settings) as node:
        yield node


@pytest.mark.conformance("Fluent Forward", "fluent-logger (Python)", "messages with nanoseconds")
def test_fluent_logger_from_pypi(forward_node: NodeProcess) -> None:
    sender = fluent_sender.FluentSender("shop", host="127.0.0.1", port=port_of(forward_node), nanosecond_precision=True)
    for number in range(50):
        assert sender.emit("checkout", {"message": f"pypi order {number}", "level": "warn", "order": {"n": number}})
    assert sender.emit_with_time("checkout", 1_795_600_000, {"message": "pypi timed", "raw": b"\xc3\xbc"})
    sender.close()
    forward_node.wait_for_count(51, "pypi")
    row = forward_node.search('"pypi order 7"')["data"][0]
    assert (row["fluent.tag"], row["level"], row["order.n"]) == ("shop.checkout", "warn", 7)
    row = forward_node.search('"pypi timed"')["data"][0]
    assert (row["timestamp"], row["raw"]) == ("2026-11-25T09:46:40.000000000Z", "ü")


MODES = """
const { FluentClient } = require("@fluent-org/logger");
const [port, mode, compress, word] = process.argv.slice(1);
const client = new FluentClient("npm", {
  socket: { host: "127.0.0.1", port: +port, timeout: 10000 },
  eventMode: mode === "Compressed" ? "CompressedPackedForward" : mode,
  ack: { ackTimeout: 15000 }, disconnect: { waitForPending: true },
});
(async () => {
  await client.connect();
  const sent = [];
  for (let n = 0; n < 20; n++)
    sent.push(client.emit("cart", { message: `${word} ${n}`, level: "error", price: 1.5, items: ["a", "b"] }));
  await client.flush();
  await Promise.all(sent);  // resolved by the acknowledgements
  console.log("acknowledged");
  await client.disconnect();
})().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.mark.conformance(
    "Fluent Forward",
    "@fluent-org/logger (JavaScript)",
    "Message, Forward, PackedForward, CompressedPackedForward, each acknowledged",
)
@pytest.mark.parametrize("mode", ["Message", "Forward", "PackedForward", "Compressed"])
def test_every_mode_of_the_npm_logger_with_acknowledgements(mode: str, forward_node: NodeProcess) -> None:
    word = f"npm{mode.lower()}"
    out = run_script("@fluent-org/logger", MODES, str(port_of(forward_node)), mode, "", word)
    assert out.strip() == "acknowledged"
    forward_node.wait_for_count(20, word)
    row = forward_node.search(f"{word} level:error")["data"][0]
    assert (row["fluent.tag"], row["price"], row["items"]) == ("npm.cart", 1.5, ["a", "b"])


OLD_CLIENT = """
const logger = require("fluent-logger").createFluentSender("old", {
  host: process.argv[3] === "tls" ? "localhost" : "127.0.0.1", port: +process.argv[1], timeout: 10,
  requireAckResponse: true, ackResponseTimeout: 15000, milliseconds: true,
  tls: process.argv[3] === "tls", tlsOptions: { rejectUnauthorized: false },
  security: process.argv[2] ? { clientHostname: "client.example", sharedKey: process.argv[2] } : undefined,
});
logger.on("error", (error) => { console.log("refused"); process.exit(0); });
logger.emit("label", { message: `old client ${process.argv[4]}` }, (error) => {
  console.log(error ? "refused" : "acknowledged");
  logger.end();
});
"""


def old_client(port: int, key: str, transport: str, word: str) -> str:
    return run_script("fluent-logger", OLD_CLIENT, str(port), key, transport, word).splitlines()[-1]


@pytest.mark.conformance("Fluent Forward", "fluent-logger (JavaScript)", "messages, acknowledged; shared key, TLS")
def test_fluent_logger_from_npm(forward_node: NodeProcess) -> None:
    assert old_client(port_of(forward_node), "", "", "plain") == "acknowledged"
    forward_node.wait_for_count(1, '"old client plain"')


@pytest.mark.parametrize("transport", ["", "tls"])
def test_a_shared_key_is_proved_in_both_directions(transport: str, key_node: NodeProcess) -> None:
    if transport and shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    port, word = port_of(key_node), f"key{transport}"
    assert old_client(port, "between us", transport, word) == "acknowledged"
    assert old_client(port, "a guess", transport, "wrong") == "refused"
    key_node.wait_for_count(1, word)
    assert key_node.count('"old client wrong"') == 0


def test_a_heartbeat_is_answered(forward_node: NodeProcess) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heart:
        heart.settimeout(10)
        heart.sendto(b"\0", ("127.0.0.1", port_of(forward_node)))
        assert heart.recv(10) == b"\0"
    socket.create_connection(("127.0.0.1", port_of(forward_node))).close()  # a TCP heartbeat says nothing
