"""Real syslog senders, unchanged: rsyslog, syslog-ng, logger(1) and Python's SysLogHandler; plain, TLS and UDP."""

from __future__ import annotations

import logging
import logging.handlers
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from debian import running, unpacked
from node_process import NodeProcess


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with cert.pem and key.pem for localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def syslog_node(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> Iterator[NodeProcess]:
    prefix = "HEIMDALL_SOURCES__SYSLOG__"
    settings = {"PORTS": "0", "TLS__CERTIFICATE": f"{certificate}/cert.pem", "TLS__KEY": f"{certificate}/key.pem"}
    with NodeProcess(
        tmp_path_factory.mktemp("syslog") / "data", environment={prefix + name: text for name, text in settings.items()}
    ) as node:
        yield node


@pytest.fixture(scope="module")
def port(syslog_node: NodeProcess) -> int:
    told = httpx.get(f"{syslog_node.url}/api/v1/node").json()["sources"]["syslog"]
    ports = {urlsplit(address).port for address in told}
    assert [address.partition(":")[0] for address in told] == ["tcp", "udp"]
    assert len(ports) == 1
    return ports.pop() or 0


def wait_for_socket(path: Path, log: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.05)


def feed(path: Path, *, tag: str, lines: int) -> None:
    """What a program on the machine writes, through its local syslog socket."""
    for number in range(lines):
        subprocess.run(
            ["logger", "-u", path, "-t", tag, "-p", "daemon.warning", "-i", f"{tag} says ünï {number}"], check=True
        )


RSYSLOG_ACTIONS = {
    "rsyslog-tcp": 'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp")',
    "rsyslog-octets": 'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" '
    'template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted")',
    "rsyslog-udp": 'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="udp")',
    "rsyslog-tls": 'action(type="omfwd" target="localhost" port="{port}" protocol="tcp" StreamDriver="gtls" '
    'StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost" '
    'template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted")',
}


@pytest.mark.conformance("syslog", "rsyslog", "TCP by lines and octet-counted, UDP, TLS; RFC 3164 and 5424")
@pytest.mark.parametrize("tag", RSYSLOG_ACTIONS)
def test_rsyslog(tag: str, syslog_node: NodeProcess, port: int, certificate: Path, tmp_path: Path) -> None:
    package = unpacked("rsyslog", "rsyslog-gnutls")
    local = tmp_path / "log.sock"
    modules = package.folder("usr/lib/*/rsyslog")
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(
        f'global(workDirectory="{tmp_path}" DefaultNetstreamDriverCAFile="{certificate}/cert.pem")\n'
        f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{local}")\n'
        f"{RSYSLOG_ACTIONS[tag].format(port=port)}\n"
    )
    command = [str(package.find("rsyslogd")), "-n", "-f", str(configuration), "-i", str(tmp_path / "pid")]
    log = tmp_path / "rsyslog.log"
    with running([*command, "-M", str(modules)], package.environment, log):
        wait_for_socket(local, log)
        feed(local, tag=tag, lines=5)
        syslog_node.wait_for_count(5, f"service:{tag}")
    rows = syslog_node.search(f"service:{tag}")["data"]
    assert sorted(row["message"] for row in rows) == [f"{tag} says ünï {n}" for n in range(5)]
    assert {(row["level"], row["syslog.facility.code"], row["instance"]) for row in rows} == {
        ("warn", 3, socket.gethostname().partition(".")[0])
    }
    assert all(row["process.pid"] > 0 for row in rows)


SYSLOG_NG_DESTINATIONS = {
    "ng-network": 'network("127.0.0.1" port({port}) transport("tcp"))',
    "ng-syslog": 'syslog("127.0.0.1" port({port}) transport("tcp"))',
    "ng-udp": 'network("127.0.0.1" port({port}) transport("udp"))',
    "ng-tls": 'syslog("127.0.0.1" port({port}) transport("tls") tls(peer-verify(required-untrusted)))',
}


@pytest.mark.conformance("syslog", "syslog-ng", "network and syslog drivers over TCP, UDP, TLS")
@pytest.mark.parametrize("tag", SYSLOG_NG_DESTINATIONS)
def test_syslog_ng(tag: str, syslog_node: NodeProcess, port: int, tmp_path: Path) -> None:
    package = unpacked("syslog-ng-core")
    local = tmp_path / "log.sock"
    configuration = tmp_path / "syslog-ng.conf"
    configuration.write_text(
        f'@version: 3.38\nsource s {{ unix-dgram("{local}"); }};\n'
        f"destination d {{ {SYSLOG_NG_DESTINATIONS[tag].format(port=port)}; }};\n"
        "log { source(s); destination(d); };\n"
    )
    command = [
        str(package.find("syslog-ng")), "-F", "--no-caps", "-f", str(configuration), "-R", str(tmp_path / "persist"),
        "-p", str(tmp_path / "pid"), "-c", str(tmp_path / "ctl"),
        "--module-path", str(package.folder("usr/lib/syslog-ng/*")),
    ]  # fmt: skip
    log = tmp_path / "syslog-ng.log"
    with running(command, package.environment, log):
        wait_for_socket(local, log)
        feed(local, tag=tag, lines=5)
        syslog_node.wait_for_count(5, f"service:{tag}")
    rows = syslog_node.search(f"service:{tag}")["data"]
    assert sorted(row["message"] for row in rows) == [f"{tag} says ünï {n}" for n in range(5)]
    assert {(row["level"], row["syslog.facility.code"]) for row in rows} == {("warn", 3)}


@pytest.mark.conformance("syslog", "logger(1) of util-linux", "TCP, UDP; RFC 3164 and 5424, structured data")
@pytest.mark.parametrize(
    "options",
    [["--tcp"], ["--tcp", "--octet-count"], ["--tcp", "--rfc3164"], ["--udp"], ["--udp", "--rfc3164"]],
    ids=lambda options: "".join(options),
)
def test_logger(options: list[str], syslog_node: NodeProcess, port: int) -> None:
    if shutil.which("logger") is None:
        pytest.skip("no logger(1) here")
    tag = "logger" + "".join(options)
    structured = ["--sd-id", "shop@32473", "--sd-param", 'order="a-b"'] if "--rfc3164" not in options else []
    command = ["logger", "-n", "127.0.0.1", "-P", str(port), *options, "-t", tag, "-p", "local0.err", *structured]
    subprocess.run([*command, "card declined"], check=True)
    syslog_node.wait_for_count(1, f'service:"{tag}"')
    row = syslog_node.search(f'service:"{tag}"')["data"][0]
    assert (row["message"], row["level"], row["syslog.facility.code"]) == ("card declined", "error", 16)
    if structured:
        assert row["syslog.structured_data.shop@32473.order"] == "a-b"


@pytest.mark.conformance("syslog", "SysLogHandler (Python)", "UDP, TCP, records ended by NUL")
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_python_syslog_handler(kind: socket.SocketKind, syslog_node: NodeProcess, port: int) -> None:
    """It ends records by NUL and names no host: its address stands in."""
    handler = logging.handlers.SysLogHandler(("127.0.0.1", port), socktype=kind)
    handler.ident = "checkout[4711]: "
    logger = logging.Logger("python-syslog")
    logger.addHandler(handler)
    word = f"handler{kind.name.lower().replace('_', '')}"
    for number in range(3):
        logger.error("%s order %d\nsecond line", word, number)
    handler.close()
    syslog_node.wait_for_count(3, word) if kind is socket.SOCK_DGRAM else syslog_node.wait_for_count(3, word)
    row = syslog_node.search(f"{word} service:checkout")["data"][0]
    assert (row["instance"], row["level"], row["process.pid"]) == ("127.0.0.1", "error", 4711)


def test_the_ledger_balances_and_the_source_counted_every_record(syslog_node: NodeProcess, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sender:
        sender.sendall(b"".join(b"<14>Nov 22 10:15:30 h bulk[1]: n=%d\n" % n for n in range(30_000)))
    syslog_node.wait_for_count(30_000, "service:bulk")
    total = syslog_node.count()
    metrics = httpx.get(f"{syslog_node.url}/metrics").text
    accepted = next(line for line in metrics.splitlines() if 'door="syslog",outcome="accepted"} ' in line)
    assert float(accepted.rsplit(" ", 1)[1]) == total
