"""A real Telegraf tails a file and sends its lines to the doors its outputs know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from debian import running
from go_programs import go_program

from .conftest import Receiver

_LINES = 50

OUTPUTS = {
    "loki": '[[outputs.loki]]\ndomain = "{url}"',
    "elasticsearch": """[[outputs.elasticsearch]]
urls = ["{elasticsearch}"]
index_name = "telegraf-%Y.%m.%d"
template_name = "telegraf\"""",
    "http": """[[outputs.http]]
url = "{url}/api/v1/logs"
data_format = "json"
json_timestamp_units = "1ns"
json_transformation = "metrics.$merge([fields, tags, {{'time': timestamp}}])"
[outputs.http.headers]
Content-Type = "application/json\"""",
}
TAIL = """
[agent]
interval = "1s"
flush_interval = "1s"
hostname = "web01"
[[inputs.tail]]
files = ["{file}"]
initial_read_offset = "beginning"
name_override = "app"
data_format = "grok"
grok_patterns = ["%{{TIMESTAMP_ISO8601:timestamp:ts-rfc3339}} %{{LOGLEVEL:level:tag}} %{{GREEDYDATA:message}}"]
"""


@pytest.mark.conformance("Loki", "Telegraf 1.37", "lines of a file, protobuf")
@pytest.mark.conformance("Elasticsearch", "Telegraf 1.37", "lines of a file, its own template")
@pytest.mark.conformance("JSON lines", "Telegraf 1.37", "lines of a file, a transformation to one object each")
@pytest.mark.parametrize("output", OUTPUTS)
def test_lines_of_a_file(receiver: Receiver, tmp_path: Path, output: str) -> None:
    program = go_program("telegraf")
    word = f"telegraf{output}"
    lines = (f"2026-11-22T10:15:30.{n:03}Z ERROR {word} declined {n}\n" for n in range(_LINES))
    (tmp_path / "app.log").write_text("".join(lines))
    to = OUTPUTS[output].format(url=receiver.url, elasticsearch=receiver.elasticsearch)
    (tmp_path / "telegraf.conf").write_text(TAIL.format(file=tmp_path / "app.log") + to)
    with running([program, "--config", str(tmp_path / "telegraf.conf")], dict(os.environ), tmp_path / "log"):
        receiver.process.wait_for_count(_LINES, word)
    row = receiver.process.search(f'"{word} declined 7"')["data"][0]
    assert row["timestamp"] == "2026-11-22T10:15:30.007000000Z"
    if output == "elasticsearch":
        assert (row["_index"], row["measurement_name"]) == ("telegraf-2026.11.22", "app")
        assert (row["app.message"], row["tag.host"]) == (f"{word} declined 7", "web01")
    else:
        assert (row["level"], row["host"]) == ("error", "web01")
    if output == "http":
        assert row["message"] == f"{word} declined 7"
