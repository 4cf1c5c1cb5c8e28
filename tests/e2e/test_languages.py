"""Asking a real node in another language: over HTTP and from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
from node_process import NodeProcess

LINES = [
    {"timestamp": f"2026-11-22T10:00:0{second}Z", "service": "tongues", "level": level, "message": f"line {second}"}
    for second, level in enumerate(["info", "error", "error"])
]


def heimdall(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "heimdall"), *arguments]
    return subprocess.run(command, env=os.environ | {"HEIMDALL_URL": url}, capture_output=True, text=True, timeout=60)


def test_a_node_answers_in_other_languages(shared_node: NodeProcess) -> None:
    body = "\n".join(map(json.dumps, LINES))
    httpx.post(f"{shared_node.url}/api/v1/logs", content=body, timeout=20).raise_for_status()
    questions = {
        "hql": "service:tongues level:error | stats count() as n",
        "spl": "service=tongues level=error | stats count as n",
        "ppl": "source=logs service='tongues' and level='error' | stats count() as n",
        "sql": "SELECT count(*) AS n FROM logs WHERE service = 'tongues' AND level = 'error'",
    }
    for _ in range(200):
        answer = httpx.get(
            f"{shared_node.url}/api/v1/search", params={"q": questions["hql"], "fresh": True}, timeout=20
        )
        if answer.json()["data"] == [{"n": 2}]:
            break
    for language, question in questions.items():
        asked = {"q": question, "language": language}
        answer = httpx.post(f"{shared_node.url}/api/v1/search", json=asked, timeout=20)
        assert answer.json()["data"] == [{"n": 2}], answer.text
        shown = httpx.post(f"{shared_node.url}/api/v1/translate", json=asked, timeout=20).json()["data"]
        assert shown == {"ok": True, "hql": shown["hql"], "gaps": []}
        assert shown["hql"] is not None

    found = heimdall("search", "--language", "sql", questions["sql"], "-o", "ndjson", url=shared_node.url)
    assert json.loads(found.stdout) == {"n": 2}


def test_a_word_without_a_place_is_a_refusal_that_names_it(shared_node: NodeProcess) -> None:
    asked = {"q": "error | transaction user_id", "language": "spl"}
    answer = httpx.get(f"{shared_node.url}/api/v1/search", params=asked, timeout=20)
    assert answer.status_code == 400
    assert "transaction" in answer.text
    shown = httpx.get(f"{shared_node.url}/api/v1/translate", params=asked, timeout=20).json()["data"]
    assert not shown["ok"]
    assert [(gap["word"], gap["column"]) for gap in shown["gaps"]] == [("transaction", 9)]
    wrong = httpx.get(f"{shared_node.url}/api/v1/search", params={"q": "x", "language": "cobol"}, timeout=20)
    assert wrong.status_code == 400


def test_a_tail_is_asked_in_another_language(shared_node: NodeProcess) -> None:
    with httpx.stream(
        "GET", f"{shared_node.url}/api/v1/tail", params={"q": "service=tongues", "language": "spl"}, timeout=20
    ) as tail:
        assert tail.status_code == 200
        lines = tail.iter_lines()
        body = json.dumps({"service": "tongues", "message": "seen by the tail"})
        httpx.post(f"{shared_node.url}/api/v1/logs", content=body, timeout=20).raise_for_status()
        assert any("seen by the tail" in line for line in lines)


def test_the_command_shows_hql_without_a_node() -> None:
    shown = heimdall("translate", "--from", "spl", "level=error | top service", url="http://127.0.0.1:9")
    assert (shown.returncode, shown.stdout) == (0, "level:error | top 10 service\n")
    short = heimdall("translate", "--from", "spl", "level=error | join x", url="http://127.0.0.1:9")
    assert (short.returncode, short.stdout) == (1, "level:error\n")
    assert "column 15: 'join'" in short.stderr
