"""The law of the library: a folder that is opened answers as a node that was sent the same files.

The node is real, one for all examples, which are told apart by the service their lines are given.
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import heimdall
from heimdall.app.cli.client import NodeClient
from heimdall.app.cli.ingest import HttpSink
from heimdall.clock import SystemClock
from heimdall.ingest.sources.files import FileSource

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
from node_process import NodeProcess  # noqa: E402  # lives beside the end-to-end tests

_NUMBERS = itertools.count(1)
_WORDS = st.text(alphabet="abcé {}[]\"'=:<>\\/%\t0123456789", max_size=30)
_LEVELS = st.sampled_from(["INFO", "warn", "ERROR", "debug"])
_VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | _WORDS


@st.composite
def records(draw: st.DrawFn) -> str:
    """One record as its writer wrote it: JSON, plain text with a time, or a stack trace. No service is named."""
    stamp = (
        f"2026-11-22T10:{draw(st.integers(0, 59)):02d}:{draw(st.integers(0, 59)):02d}.{draw(st.integers(0, 999)):03d}Z"
    )
    match draw(st.sampled_from(["json", "text", "trace"])):
        case "json":
            fields: dict[str, Any] = draw(st.dictionaries(st.sampled_from(["n", "ok", "deep"]), _VALUES, max_size=3))
            if "deep" in fields:
                fields["deep"] = {"er": fields["deep"]}
            return json.dumps({"timestamp": stamp, "level": draw(_LEVELS), "message": draw(_WORDS), **fields})
        case "text":
            return f"{stamp} {draw(_LEVELS).upper()} {draw(_WORDS)}"
        case _:
            frames = "".join(f"\n\tat com.shop.Pay.m{n}(Pay.java:{n})" for n in range(draw(st.integers(1, 4))))
            return f"{stamp} ERROR java.lang.IllegalStateException: {draw(_WORDS).strip()}{frames}"


FILES = st.lists(
    st.tuples(st.lists(records(), min_size=1, max_size=12), st.sampled_from(["", ".gz", ".zst"])),
    min_size=1,
    max_size=4,
)

QUESTIONS = (
    "*",
    "level>=warn",
    "* | stats count() as n, max(timestamp) as last, count_distinct(message) as texts by level",
    "exists(n) | fields timestamp, n, deep.er",
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path_factory.mktemp("law") / "data") as process:
        yield process


def plain(rows: list[dict[str, Any]]) -> list[str]:
    hidden = ("id", "observed_timestamp", "template_id")
    return sorted(json.dumps({n: v for n, v in row.items() if n not in hidden}, sort_keys=True) for row in rows)


@pytest.mark.timeout(600)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(files=FILES)
def test_an_opened_folder_answers_as_a_node_that_was_sent_its_files(
    files: list[tuple[list[str], str]], node: NodeProcess
) -> None:
    service = f"example{next(_NUMBERS)}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for number, (lines, suffix) in enumerate(files):
            data = ("\n".join(lines) + "\n").encode()
            pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix]
            paths.append(folder / f"{chr(97 + number)}.log{suffix}")
            paths[-1].write_bytes(pack(data))
        with NodeClient(node.url) as client:
            sink = HttpSink(client, {"service": service})
            FileSource([str(path) for path in paths], sink, SystemClock()).drain()
        node.wait_for_count(sink.accepted, f"service:{service}")
        with heimdall.open(folder, service=service) as opened, heimdall.connect(node.url) as connected:
            for question in QUESTIONS:
                q = (
                    f"service:{service} {question}"
                    if not question.startswith("*")
                    else f"service:{service}{question[1:]}"
                )
                ours, theirs = opened.search(q), connected.search(q)
                assert plain(ours.rows()) == plain(theirs.rows())
                assert ours.to_arrow().schema == theirs.to_arrow().schema
