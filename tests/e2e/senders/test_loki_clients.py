"""Loki's own programs, of the last release under the Apache licence: logcli asks, Promtail sends a file."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from debian import running
from go_programs import go_program
from server_process import free_port

from .conftest import Receiver

_WITHIN_S = 30


def push(receiver: Receiver, labels: dict[str, str], lines: list[str]) -> None:
    """The first line is the newest, the others a second apart."""
    now_ns = time.time_ns()
    values = [[str(now_ns - n * 10**9), line] for n, line in enumerate(lines)]
    body = {"streams": [{"stream": labels, "values": values}]}
    httpx.post(f"{receiver.url}/loki/api/v1/push", json=body).raise_for_status()


@pytest.fixture(scope="module")
def asked(receiver: Receiver) -> Receiver:
    push(receiver, {"app": "logcli-pay", "team": "logcli"}, [f"level=error msg=declined n={n}" for n in range(20)])
    served = [json.dumps({"msg": "served", "status": 200 + n}) for n in range(7)]
    push(receiver, {"app": "logcli-web", "team": "logcli"}, served)
    receiver.process.wait_for_count(27, "team:logcli")
    return receiver


def logcli(receiver: Receiver, *arguments: str) -> str:
    command = [go_program("logcli"), f"--addr={receiver.url}", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.conformance("Loki", "logcli 1.6", "query in batches, forwards and backwards; parsers; statistics; errors")
def test_logcli_finds_lines(asked: Receiver) -> None:
    newest = [f"level=error msg=declined n={n}" for n in range(20)]
    query = ("query", '{app="logcli-pay"} |= "declined"', "--limit=50", "--batch=7", "--output=raw")
    assert logcli(asked, *query).splitlines() == newest
    assert logcli(asked, *query, "--forward").splitlines() == newest[::-1]
    parsed = logcli(asked, "query", '{app="logcli-web"} | json | status > 204', "--output=jsonl").splitlines()
    assert [json.loads(line)["labels"]["status"] for line in parsed] == ["205", "206"]
    command = [go_program("logcli"), f"--addr={asked.url}", "query", '{app="logcli-pay"}', "--limit=1", "--stats"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S).stderr
    assert "Summary.TotalLinesProcessed" in told
    assert 'Common labels: {app="logcli-pay", detected_level="error", service_name="logcli-pay", team="logcli"}' in told
    command[3] = "{app="
    refused = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S)
    assert refused.returncode == 1
    assert "parse error at line 1, col 6" in refused.stderr


@pytest.mark.conformance("Loki", "logcli 1.6", "metrics over a range and at a moment; labels, series")
def test_logcli_counts_and_lists(asked: Receiver) -> None:
    query = 'sum by (app) (count_over_time({team="logcli"}[10m]))'
    counted = json.loads(logcli(asked, "instant-query", query))
    assert {each["metric"]["app"]: each["value"][1] for each in counted} == {"logcli-pay": "20", "logcli-web": "7"}
    series = json.loads(logcli(asked, "query", query, "--step=30s"))
    assert {each["metric"]["app"] for each in series} == {"logcli-pay", "logcli-web"}
    assert all(int(value) > 0 for each in series for _, value in each["values"])
    assert {"app", "service_name", "team"} <= set(logcli(asked, "labels").split())
    assert logcli(asked, "labels", "team").split() == ["logcli"]
    assert logcli(asked, "series", '{team="logcli"}').splitlines() == [
        f'{{app="logcli-{name}", service_name="logcli-{name}", team="logcli"}}' for name in ("pay", "web")
    ]
    assert "Unique Labels:  3" in logcli(asked, "series", '{team="logcli"}', "--analyze-labels")


@pytest.mark.conformance("Loki", "logcli 1.6", "live tail")
def test_logcli_tails(asked: Receiver) -> None:
    query = ["query", '{app="logcli-tail"} |= "live"', "--tail", "--output=raw", "--no-labels", "--quiet"]
    watching = subprocess.Popen(
        [go_program("logcli"), f"--addr={asked.url}", *query],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert watching.stdout is not None
    try:
        push(asked, {"app": "logcli-tail"}, ["not this one", "live before"])
        assert watching.stdout.readline() == "live before\n"
        push(asked, {"app": "logcli-tail"}, ["live after"])
        assert watching.stdout.readline() == "live after\n"
    finally:
        watching.kill()
        watching.communicate()


@pytest.mark.conformance("Loki", "Promtail 1.6", "a file, through a pipeline of stages")
def test_promtail_sends_a_file(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_text("".join(f"2026-11-22T10:00:00.{n:09}Z error order {n} über\n" for n in range(300)))
    stages = [
        {"regex": {"expression": r"^(?P<time>\S+) (?P<severity>\S+) (?P<text>.*)$"}},
        {"timestamp": {"source": "time", "format": "RFC3339Nano"}},
        {"labels": {"level": "severity"}},
        {"output": {"source": "text"}},
    ]
    scrape = {
        "job_name": "app",
        "static_configs": [{"targets": ["localhost"], "labels": {"job": "promtail", "__path__": str(file)}}],
        "pipeline_stages": stages,
    }
    config = {
        "server": {"http_listen_address": "127.0.0.1", "http_listen_port": free_port(), "grpc_listen_port": 0},
        "positions": {"filename": str(tmp_path / "positions.yaml"), "sync_period": "1s"},
        "clients": [{"url": f"{receiver.url}/loki/api/v1/push", "batchwait": "200ms", "batchsize": 4096}],
        "scrape_configs": [scrape],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with running([go_program("promtail"), f"-config.file={tmp_path / 'config.json'}"], {}, tmp_path / "promtail.log"):
        rows = sorted(receiver.rows("promtail", 300), key=lambda row: str(row["timestamp"]))
    assert [row["message"] for row in rows] == [f"order {n} über" for n in range(300)]
    assert rows[7]["timestamp"] == "2026-11-22T10:00:00.000000007Z"
    assert {(row["level"], row["filename"]) for row in rows} == {("error", str(file))}
