"""The logging drivers of Docker Engine's own code send what a container writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from go_programs import go_program
from node_process import NodeProcess

_LINES = 30
_ID = "8f2c1a9d0b7e"


@dataclass(frozen=True)
class Doors:
    node: NodeProcess

    def address(self, door: str, transport: str) -> str:
        addresses = httpx.get(f"{self.node.url}/api/v1/node", timeout=30).json()["sources"][door]
        return next(urlsplit(each).netloc for each in addresses if each.startswith(transport))

    def rows(self, word: str, driver: str, *options: str) -> list[dict[str, Any]]:
        """What comes of lines of text, and of one of JSON at the end: by the number in them."""
        lines = [f"2026-11-22 10:15:30,123 ERROR [main] shop.Cart - {word} declined {n}" for n in range(_LINES)]
        lines.append(json.dumps({"level": "warn", "message": f"{word} as JSON", "n": 7}))
        done = subprocess.run(
            [go_program("docker_logs"), driver, *options],
            input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.node.wait_for_count(_LINES + 1, word)
        rows = [self.node.search(f'"{word} declined {n}"')["data"][0] for n in (0, _LINES - 1)]
        return rows + list(self.node.search(f'"{word} as JSON"')["data"])


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    ports = {f"HEIMDALL_SOURCES__{door}__PORTS": "0" for door in ("SYSLOG", "FORWARD", "GELF")}
    with NodeProcess(tmp_path_factory.mktemp("docker") / "data", environment=ports) as node:
        yield Doors(node)


@pytest.mark.conformance("Splunk HEC", "Docker Engine 29's driver", "inline, raw, JSON; gzip; labels and environment")
def test_splunk(doors: Doors) -> None:
    """It asks by OPTIONS whether anybody is there before a container starts."""
    to = (f"splunk-url={doors.node.url}", "splunk-token=any")
    text, _, opened = doors.rows("hecinline", "splunk", *to, "tag={{.Name}}", "labels=com.example.team", "env=STAGE")
    assert (text["level"], text["tag"], text["source"]) == ("error", "cart-1", "stdout")
    assert (text["attrs.com.example.team"], text["attrs.STAGE"]) == ("checkout", "test")
    assert text["message"].endswith("hecinline declined 0")
    assert (opened["level"], opened["message"], opened["n"]) == ("warn", "hecinline as JSON", 7)
    *_, nested = doors.rows("hecjson", "splunk", *to, "splunk-format=json", "splunk-gzip=true")
    assert (nested["level"], nested["line.message"], nested["line.n"]) == ("warn", "hecjson as JSON", 7)
    text, *_ = doors.rows("hecraw", "splunk", *to, "splunk-format=raw")
    assert text["message"].startswith(f"{_ID} 2026-11-22 10:15:30,123 ERROR")


@pytest.mark.conformance("GELF", "Docker Engine 29's driver", "UDP, TCP")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_gelf(doors: Doors, transport: str) -> None:
    to = f"gelf-address={transport}://{doors.address('gelf', transport)}"
    text, _, opened = doors.rows(f"gelf{transport}", "gelf", to, "tag={{.Name}}")
    assert (text["container_name"], text["image_name"], text["tag"]) == ("cart-1", "shop/cart:1.4", "cart-1")
    assert (opened["level"], opened["n"]) == ("warn", 7)


@pytest.mark.conformance("Fluent Forward", "Docker Engine 29's driver", "messages; acknowledged, with nanoseconds")
@pytest.mark.parametrize("options", [(), ("fluentd-request-ack=true", "fluentd-sub-second-precision=true")])
def test_fluentd(doors: Doors, options: tuple[str, ...]) -> None:
    word = f"forward{len(options)}"
    to = f"fluentd-address={doors.address('forward', 'tcp')}"
    text, _, opened = doors.rows(word, "fluentd", to, "tag=docker.{{.Name}}", *options)
    assert (text["container_name"], text["fluent.tag"], text["source"]) == ("/cart-1", "docker.cart-1", "stdout")
    assert (opened["level"], opened["message"], opened["n"]) == ("warn", f"{word} as JSON", 7)
    assert text["timestamp"].endswith(".000000000Z") is not bool(options)


@pytest.mark.conformance("syslog", "Docker Engine 29's driver", "UDP, TCP; its default form, RFC 3164 and 5424")
@pytest.mark.parametrize("form", ["", "rfc3164", "rfc5424", "rfc5424micro"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_syslog(doors: Doors, transport: str, form: str) -> None:
    """Its default form, that of syslog(3), names no host."""
    to = f"syslog-address={transport}://{doors.address('syslog', transport)}"
    word = f"syslog{transport}{form}"
    text, _, json_ = doors.rows(word, "syslog", to, "tag={{.Name}}", *([f"syslog-format={form}"] if form else []))
    assert (text["service"], text["level"]) == ("cart-1", "info")
    assert text["message"] == f"2026-11-22 10:15:30,123 ERROR [main] shop.Cart - {word} declined 0"
    assert json_["service"] == "cart-1"
    assert json.loads(json_["message"])["n"] == 7
    assert (text["instance"] == "127.0.0.1") is (form == "")


@pytest.mark.conformance("Kubernetes, Docker", "Docker Engine 29's json-file driver", "its file")
def test_what_the_json_file_driver_writes_can_be_followed(doors: Doors, tmp_path: Path) -> None:
    """The file of the default driver, read as `heimdall ingest` reads it."""
    file = tmp_path / f"{_ID}-json.log"
    said = "".join(f"jsonfile order {n} ün\n" for n in range(_LINES))
    subprocess.run(
        [go_program("docker_logs"), "json-file", f"path={file}"], input=said, text=True, check=True, timeout=60
    )
    doors.node.send(file.read_bytes())
    doors.node.wait_for_count(_LINES, "jsonfile")
    row = doors.node.search('"jsonfile order 7"')["data"][0]
    assert (row["message"], row["stream"]) == ("jsonfile order 7 ün", "stdout")
