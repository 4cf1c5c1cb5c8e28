"""Rules and alerts on a real node: from a log line to a signed webhook, over HTTP, and over kill -9."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from node_process import NodeProcess

RULES = """
[[rule]]
id = "declines"
name = "Many declined cards"
severity = "P2"
kind = "threshold"
condition = '"card declined"'
group_by = ["service"]
threshold = 5
window = "5m"

[[rule]]
id = "refusals"
name = "Many refused loans"
severity = "P1"
kind = "threshold"
condition = '"loan refused"'
group_by = ["service"]
threshold = 5
window = "5m"
"""


class Receiver(ThreadingHTTPServer):
    """Takes webhooks; `broken`: answers 503 as long as it is set."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.broken = False
        self.asked: list[tuple[str, list[str]]] = []
        self.got: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.headers["Idempotency-Key"], body["services"]))
        if not self.server.broken:
            self.server.got.append(body)
        self.send_response(503 if self.server.broken else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[NodeProcess]:
    """One for all tests of this file: each speaks of services of its own."""
    tmp_path = tmp_path_factory.mktemp("alerting")
    (tmp_path / "rules.toml").write_text(RULES)
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    (tmp_path / "alerting.toml").write_text(
        f'[[channel]]\nname = "ops"\nkind = "webhook"\nurl = "{url}"\nsecret = "s"\nallow_private = true\n'
        '[route]\nchannels = ["ops"]\n'
    )
    settings = {
        "HEIMDALL_ALERTING__FILE": str(tmp_path / "alerting.toml"),
        "HEIMDALL_ALERTING__RULES": str(tmp_path / "rules.toml"),
    }
    with NodeProcess(tmp_path / "data", environment=settings) as own:
        yield own


@pytest.fixture(autouse=True)
def nothing_told(receiver: Receiver) -> None:
    receiver.got.clear()
    receiver.asked.clear()


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"timestamp": time.time()} | record).encode() + b"\n" for record in records)


def until(found: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (answer := found()):
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.02)
    return answer


def test_a_log_line_becomes_a_webhook_and_an_incident_that_is_looked_after(
    node: NodeProcess, receiver: Receiver
) -> None:
    declined = {"service": "payment", "message": "card declined by bank", "level": "warn"}
    node.send(lines(*[declined] * 4))
    node.wait_for_count(4, "service:payment")
    assert httpx.get(f"{node.url}/api/v1/alerts?service=payment").json()["data"] == []
    node.send(lines(declined))
    (told,) = until(lambda: list(receiver.got), "webhook")
    assert (told["event"], told["severity"], told["services"]) == ("trigger", "P2", ["payment"])
    assert told["shown"][0]["examples"] == ["card declined by bank"]
    (alert,) = httpx.get(f"{node.url}/api/v1/alerts?state=open&service=payment").json()["data"]
    assert (alert["rule"], alert["value"]) == ("declines", 5.0)
    assert node.search(alert["query"])["data"]
    incident = f"{node.url}/api/v1/incidents/{alert['incident']}"
    assert [entry["kind"] for entry in httpx.get(incident).json()["timeline"]] == ["opened", "notified"]
    httpx.post(incident, json={"action": "acknowledge", "author": "kim"}).raise_for_status()
    until(lambda: len(receiver.got) == 2, "acknowledgement")
    assert receiver.got[1]["acknowledged_by"] == "kim"
    assert httpx.post(incident, json={"action": "resolve"}).json()["state"] == "resolved"
    until(lambda: len(receiver.got) == 3, "end")
    assert receiver.got[2]["event"] == "resolve"


def test_rules_are_kept_tried_and_deleted_over_http(node: NodeProcess, receiver: Receiver) -> None:
    node.send(lines(*[{"service": "cart", "message": f"checkout failed {n}", "level": "error"} for n in range(7)]))
    node.wait_for_count(7, "service:cart")
    rule = {"id": "t", "name": "Checkout fails", "kind": "threshold", "condition": "checkout level>=error"}
    tried = httpx.post(
        f"{node.url}/api/v1/rules/test", json={"rule": rule | {"threshold": 7}, "from": "-5m"}, timeout=60
    ).json()
    assert (tried["alerts"], tried["records"], tried["complete"]) == (1, 7, True)
    never = httpx.post(
        f"{node.url}/api/v1/rules/test", json={"rule": rule | {"threshold": 8}, "from": "-5m"}, timeout=60
    ).json()
    assert never["alerts"] == 0
    assert httpx.post(f"{node.url}/api/v1/rules", json=rule).json() == {"kept": ["t"]}
    node.send(lines({"service": "cart", "message": "checkout failed again", "level": "error"}))
    until(lambda: receiver.got, "webhook")
    assert httpx.delete(f"{node.url}/api/v1/rules/t").status_code == 204
    assert [own["id"] for own in httpx.get(f"{node.url}/api/v1/rules").json()["data"]] == ["declines", "refusals"]
    wrong = httpx.post(f"{node.url}/api/v1/rules", json=rule | {"condition": "a | head 5"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "query_syntax")


def test_a_scheduled_query_becomes_an_alert(node: NodeProcess, receiver: Receiver) -> None:
    rule = {
        "id": "few", "name": "Slow services", "kind": "scheduled", "every": "1s", "group_by": ["service"],
        "condition": "duration_ms:* | stats avg(duration_ms) as mean by service | where mean > 100",
    }  # fmt: skip
    httpx.post(f"{node.url}/api/v1/rules", json=rule).raise_for_status()
    node.send(
        lines({"service": "a", "message": "m", "duration_ms": 500}, {"service": "b", "message": "m", "duration_ms": 5})
    )
    (told,) = until(lambda: list(receiver.got), "webhook")
    assert told["services"] == ["a"]
    assert httpx.delete(f"{node.url}/api/v1/rules/few").status_code == 204


def test_a_silence_keeps_an_alert_untold(node: NodeProcess, receiver: Receiver) -> None:
    body = {"matchers": {"service": "/pay.*/"}, "to": "1h", "author": "kim"}
    made = httpx.post(f"{node.url}/api/v1/silences", json=body)
    assert made.status_code == 201
    node.send(lines(*[{"service": "payroll", "message": "card declined by bank"}] * 6))
    (alert,) = until(lambda: httpx.get(f"{node.url}/api/v1/alerts?service=payroll").json()["data"], "alert")
    assert alert["silenced"] is True
    assert receiver.got == []
    assert httpx.delete(f"{node.url}/api/v1/silences/{made.json()['id']}").status_code == 204
    until(lambda: receiver.got, "webhook once the silence has ended")


def test_a_killed_node_forgets_no_count_and_no_notification(node: NodeProcess, receiver: Receiver) -> None:
    receiver.broken = True
    declined = {"service": "bank", "message": "loan refused"}
    node.send(lines(*[declined] * 4))
    node.wait_for_count(4, "service:bank")
    node.kill()
    node.start()
    node.send(lines(declined))
    until(lambda: [key for key, services in receiver.asked if services == ["bank"]], "try")
    node.kill()
    receiver.broken = False
    node.start()
    (told,) = until(lambda: [each for each in receiver.got if each["services"] == ["bank"]], "webhook")
    assert told["event"] == "trigger"
    tried = {key for key, services in receiver.asked if services == ["bank"]}
    assert len(tried) == 1, "tried again under the same key"
    (alert,) = httpx.get(f"{node.url}/api/v1/alerts?service=bank").json()["data"]
    assert (alert["times_opened"], alert["value"]) == (1, 5.0)
