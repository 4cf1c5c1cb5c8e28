"""Real GELF senders, unchanged: graypy from PyPI and gelf-pro from npm, over UDP (chunked too) and TCP."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from urllib.parse import urlsplit

import graypy
import httpx
import pytest
from node_process import NodeProcess
from npm import run_script


@pytest.fixture(scope="module")
def gelf_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(
        tmp_path_factory.mktemp("gelf") / "data", environment={"HEIMDALL_SOURCES__GELF__PORTS": "0"}
    ) as node:
        yield node


@pytest.fixture(scope="module")
def port(gelf_node: NodeProcess) -> int:
    addresses = httpx.get(f"{gelf_node.url}/api/v1/node").json()["sources"]["gelf"]
    return urlsplit(addresses[0]).port or 0


@pytest.mark.conformance("GELF", "graypy (Python)", "UDP plain, compressed and in chunks; TCP")
@pytest.mark.parametrize("kind", ["udp", "udp-plain", "tcp"])
def test_graypy(kind: str, gelf_node: NodeProcess, port: int) -> None:
    handler: logging.Handler
    if kind == "tcp":
        handler = graypy.GELFTCPHandler("127.0.0.1", port, localname="web01")
    else:
        handler = graypy.GELFUDPHandler("127.0.0.1", port, localname="web01", compress=kind == "udp")
    logger = logging.Logger("shop.cart")
    logger.addHandler(handler)
    word = f"graypy{kind.replace('-', '')}"
    for number in range(20):
        logger.warning("%s order %d ünï", word, number, extra={"user_id": f"u{number}", "amount": 12.5})
    try:
        raise ValueError("x" * 30_000)  # larger than a datagram chunk
    except ValueError:
        logger.exception("%s failed", word)
    handler.close()
    gelf_node.wait_for_count(21, word)
    row = gelf_node.search(f'"{word} order 7"')["data"][0]
    assert (row["message"], row["level"], row["instance"]) == (f"{word} order 7 ünï", "warn", "web01")
    assert (row["user_id"], row["amount"]) == ("u7", 12.5)
    failed = gelf_node.search(f'"{word} failed"')["data"][0]
    assert failed["level"] == "error"
    assert "Traceback" in failed["full_message"]


@pytest.mark.conformance("GELF", "graypy (Python)", "HTTP")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_graypy_over_http(gelf_node: NodeProcess) -> None:
    handler = graypy.GELFHTTPHandler("127.0.0.1", gelf_node.port, localname="web01", timeout=30)
    logger = logging.Logger("shop.cart")
    logger.addHandler(handler)
    logger.warning("graypyhttp order", extra={"amount": 1})
    gelf_node.wait_for_count(1, "graypyhttp")
    assert gelf_node.search("graypyhttp")["data"][0]["instance"] == "web01"
    assert httpx.post(f"{gelf_node.url}/gelf", content=b"no json").status_code == 400
    gc.collect()  # its connection is never closed


GELF_PRO = """
const log = require("gelf-pro");
const [port, adapter, word] = process.argv.slice(1);
log.setConfig({
  adapterName: adapter, adapterOptions: { host: "127.0.0.1", port: +port }, fields: { service: "cart" },
});
(async () => {
  for (let n = 0; n < 10; n++)
    await new Promise((done, failed) => log.error(`${word} order ${n}`, { amount: n, blob: "x".repeat(n * 1000) },
      (error) => error ? failed(error) : done()));
})();
"""


@pytest.mark.conformance("GELF", "gelf-pro (JavaScript)", "UDP, TCP")
@pytest.mark.parametrize("adapter", ["udp", "tcp"])
def test_gelf_pro(adapter: str, gelf_node: NodeProcess, port: int) -> None:
    word = f"gelfpro{adapter}"
    run_script("gelf-pro", GELF_PRO, str(port), adapter, word)
    gelf_node.wait_for_count(10, word)
    row = gelf_node.search(f'"{word} order 9"')["data"][0]
    assert (row["service"], row["level"], row["amount"], len(row["blob"])) == ("cart", "error", 9, 9000)
