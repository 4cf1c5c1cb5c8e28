"""A record's whole road through the public interface of a real node."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import threading
import time

import httpx
import pyarrow as pa
import pyarrow.ipc
import pytest
from node_process import NodeProcess

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines(service: str, n: int = 10) -> bytes:
    return b"".join(
        json.dumps(
            {
                "timestamp": f"2026-11-22T10:00:{i % 60:02d}.{i:09d}Z",
                "level": "error" if i % 5 == 0 else "info",
                "service": service,
                "message": f"card {i} declined by issuer after {i * 7} ms",
                "trace_id": TRACE if i == 3 else None,
                "user_id": f"u{i % 3}",
                "http": {"status_code": 500 if i % 5 == 0 else 200},
                "seq": i,
            }
        ).encode()
        + b"\n"
        for i in range(n)
    )


@pytest.fixture(scope="module")
def shop(shared_node: NodeProcess) -> NodeProcess:
    answer = shared_node.send(lines("shop"))
    assert answer == {"accepted": 10, "rejected": 0, "errors": []}
    shared_node.wait_for_count(10, "service:shop")
    return shared_node


def test_a_row_has_canonical_names_and_the_senders_own(shop):
    answer = shop.search("service:shop seq:3")
    (row,) = answer["data"]
    assert row["timestamp"] == "2026-11-22T10:00:03.000000003Z"
    assert row["level"] == "info"
    assert row["message"] == "card 3 declined by issuer after 21 ms"
    assert row["trace_id"] == TRACE
    assert row["user_id"] == "u0"
    assert row["http.status_code"] == 200
    assert row["seq"] == 3
    assert row["template_id"] > 0
    assert {"exact", "error", "scanned_rows", "tiers", "took_ms", "partial", "next"} <= set(answer)
    assert (answer["exact"], answer["error"], answer["partial"], answer["tiers"]) == (True, None, False, ["hot"])


def test_rows_come_newest_first_and_pages_join_up(shop):
    whole = shop.search("service:shop")["data"]
    assert [row["seq"] for row in whole] == list(range(9, -1, -1))
    first = shop.search("service:shop", limit=4)
    second = shop.search("service:shop", limit=4, cursor=first["next"])
    third = shop.search("service:shop", limit=4, cursor=second["next"])
    assert first["data"] + second["data"] + third["data"] == whole
    assert third["next"] is None
    assert shop.search("service:shop", limit=3, rank=5)["data"] == whole[5:8]


def test_an_aggregate_has_its_alias(shop):
    assert shop.search("service:shop | stats count() as n")["data"] == [{"n": 10}]
    by_user = shop.search("service:shop | stats count() as n by user_id | sort user_id")["data"]
    assert by_user == [{"user_id": "u0", "n": 4}, {"user_id": "u1", "n": 3}, {"user_id": "u2", "n": 3}]
    assert shop.search("service:shop http.status_code:500 | top 1 user_id")["data"][0]["user_id"] in {"u0", "u2"}


def test_a_regex_a_phrase_and_a_range_find_their_records(shop):
    assert shop.count("service:shop message:/card [0-4] /") == 5
    assert shop.count('service:shop "declined by issuer"') == 10
    assert shop.count("service:shop level>=error") == 2
    assert shop.count("service:shop seq:[2 to 4]") == 3
    assert shop.count(f"service:shop trace_id:{TRACE}") == 1
    assert (
        len(shop.search("service:shop", **{"from": "2026-11-22T10:00:08Z", "to": "2026-11-22T10:00:09Z"})["data"]) == 1
    )


def test_the_histogram_counts_every_record_once(shop):
    parameters = {"q": "service:shop", "from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:01:00Z", "interval": "10s"}
    answer = httpx.get(f"{shop.url}/api/v1/histogram", params=parameters, timeout=30).json()
    assert [bucket["total"] for bucket in answer["data"]] == [10, 0, 0, 0, 0, 0]
    assert answer["data"][0]["counts"] == {"error": 2, "info": 8}
    assert (answer["total"], answer["interval_ms"]) == (10, 10_000)


def test_facets_and_fields_describe_the_records(shop):
    facets = httpx.get(
        f"{shop.url}/api/v1/facets", params={"q": "service:shop", "fields": "user_id"}, timeout=30
    ).json()
    (user,) = facets["data"]
    assert user["distinct"] == 3
    assert user["values"][0] == {"value": "u0", "count": 4}
    fields = httpx.get(f"{shop.url}/api/v1/fields", params={"q": "service:shop"}, timeout=30).json()["data"]
    assert {"http.status_code", "seq", "service", "message"} <= {field["name"] for field in fields}


def test_templates_are_listed_and_held_against_the_time_before(shop):
    parameters = {"q": "service:shop", "from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:01:00Z"}
    listed = httpx.get(f"{shop.url}/api/v1/patterns", params=parameters | {"interval": "10s"}, timeout=30).json()
    assert sum(row["count"] for row in listed["data"]) == listed["total"] == 10
    assert all(row["template"] and sum(row["counts"]) == row["count"] for row in listed["data"])
    answer = httpx.get(f"{shop.url}/api/v1/compare", params=parameters, timeout=30)
    assert (answer.status_code, answer.json()["data"]["volume"]["count"]) == (200, 10)
    assert answer.json()["baseline_to"] == "2026-11-22T10:00:00.000000000Z"


def test_every_form_of_answer_has_the_same_rows(shop):
    parameters = {"q": "service:shop | fields seq, message", "limit": 3}

    def get(accept: str) -> httpx.Response:
        headers = {"Accept": accept}
        return httpx.get(f"{shop.url}/api/v1/search", params=parameters, headers=headers, timeout=30).raise_for_status()

    expected = [(row["seq"], row["message"]) for row in get("application/json").json()["data"]]
    ndjson = get("application/x-ndjson")
    assert [(row["seq"], row["message"]) for row in map(json.loads, ndjson.text.splitlines())] == expected
    assert ndjson.headers["X-Heimdall-Exact"] == "true"
    table = list(csv.DictReader(io.StringIO(get("text/csv").text)))
    assert [(int(row["seq"]), row["message"]) for row in table] == expected
    arrow = pa.ipc.open_stream(get("application/vnd.apache.arrow.stream").content).read_all()
    assert list(zip(arrow.column("seq").to_pylist(), arrow.column("message").to_pylist(), strict=True)) == expected


def test_a_broken_query_names_its_place_and_mend(shop):
    response = httpx.get(f"{shop.url}/api/v1/search", params={"q": "* | statz count()"}, timeout=30)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "query_syntax"
    assert error["column"] == 5
    assert "stats" in error["hint"]
    assert error["request_id"] == response.headers["X-Request-Id"]
    parsed = httpx.get(f"{shop.url}/api/v1/parse", params={"q": "* | statz count()"}, timeout=30).json()["data"]
    assert (parsed["ok"], parsed["column"]) == (False, 5)
    assert httpx.get(f"{shop.url}/api/v1/parse", params={"q": "level:error"}, timeout=30).json()["data"]["ok"]


def test_an_unknown_parameter_or_route_is_our_error_with_its_name(shop):
    response = httpx.get(f"{shop.url}/api/v1/search", params={"query": "x"}, timeout=30)
    assert response.status_code == 400
    assert "query" in response.json()["error"]["message"]
    missing = httpx.get(f"{shop.url}/api/v1/nothing", timeout=30)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    cancelled = httpx.delete(f"{shop.url}/api/v1/queries/none", timeout=30)
    assert (cancelled.status_code, cancelled.json()["error"]["code"]) == (404, "not_found")


def test_explain_and_complete_answer(shop):
    plan = httpx.get(f"{shop.url}/api/v1/explain", params={"q": "service:shop | top 3 user_id"}, timeout=30).json()[
        "data"
    ]
    assert "SELECT" in json.dumps(plan)
    assert "stats" in completions(shop, "* | st")
    shop.send(b'{"service":"completable","message":"just now"}\n')
    deadline = time.monotonic() + 20  # values are learnt from a sample that is renewed every few seconds
    while "completable" not in completions(shop, "service:compl"):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def completions(node: NodeProcess, q: str) -> list[str]:
    words = httpx.get(f"{node.url}/api/v1/complete", params={"q": q}, timeout=30).json()["data"]
    return [word["label"] for word in words]


def test_the_ledger_balances_and_no_record_is_dead(shop):
    rows = httpx.get(f"{shop.url}/api/v1/ledger", timeout=30).json()["data"]
    assert sum(row["stored"] for row in rows) == shop.count()
    assert all(row["balanced"] for row in rows)
    assert httpx.get(f"{shop.url}/api/v1/deadletters", timeout=30).json()["data"] == []


def test_the_node_tells_about_itself(shop):
    assert httpx.get(f"{shop.url}/healthz", timeout=30).status_code == 200
    node = httpx.get(f"{shop.url}/api/v1/node", timeout=30).json()
    assert node["records"] >= 10
    assert node["url"] == shop.url
    metrics = httpx.get(f"{shop.url}/metrics", timeout=30)
    assert metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert metrics.text.endswith("# EOF\n")
    assert "heimdall_pipeline_stored_records_total" in metrics.text
    paths = httpx.get(f"{shop.url}/openapi.json", timeout=30).json()["paths"]
    assert {"/api/v1/search", "/api/v1/logs", "/v1/logs", "/api/v1/tail", "/api/v1/deadletters/replay"} <= set(paths)


def test_a_live_tail_shows_what_matches_as_it_is_stored(shop):
    seen: list[dict[str, object]] = []
    connected = threading.Event()

    def watch() -> None:
        parameters = {"q": "service:tailed level:error"}
        with httpx.stream("GET", f"{shop.url}/api/v1/tail", params=parameters, timeout=30) as response:
            event = ""
            for line in response.iter_lines():
                connected.set()
                name, _, value = line.partition(": ")
                event = value if name == "event" else event
                if name == "data" and event == "lines":
                    seen.extend(json.loads(value)["rows"])
                    if len(seen) == 2:
                        return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert connected.wait(10)
    shop.send(lines("tailed"))
    watcher.join(10)
    assert [row["seq"] for row in seen] == [0, 5]
    aggregating = httpx.get(f"{shop.url}/api/v1/tail", params={"q": "* | stats count()"}, timeout=30)
    assert aggregating.status_code == 400


def test_what_was_stored_is_there_after_a_restart_with_the_same_ids_and_templates(node):
    node.send(lines("kept"))
    node.wait_for_count(10)
    before = node.search("service:kept")["data"]
    assert node.stop() == 0
    node.start()
    assert node.search("service:kept")["data"] == before
    node.send(lines("kept"))
    node.wait_for_count(20)
    templates = {row["template_id"] for row in node.search("service:kept")["data"]}
    assert templates == {row["template_id"] for row in before}


def test_acknowledged_records_survive_a_kill_before_they_are_stored(node):
    node.send(lines("killed", 1000))
    node.kill()
    node.start()
    node.wait_for_count(1000, "service:killed")
    rows = httpx.get(f"{node.url}/api/v1/ledger", timeout=30).json()["data"]
    assert sum(row["accepted"] for row in rows) == 1000
    assert all(row["balanced"] for row in rows)


def test_a_second_node_on_the_same_folder_is_refused(node):
    second = subprocess.run(
        [sys.executable, "-m", "heimdall", "up", "--data", str(node.data), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 2
    assert "in use by another node" in second.stderr


def heimdall(*arguments: str, url: str = "http://127.0.0.1:1") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heimdall", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={"HEIMDALL_URL": url})


def test_the_command_line_searches_and_says_what_went_wrong(shop):
    found = heimdall("search", "service:shop seq:3", "-o", "json", url=shop.url)
    assert found.returncode == 0, found.stderr
    assert [row["seq"] for row in json.loads(found.stdout)["data"]] == [3]
    plain = heimdall("search", "service:shop seq:3", url=shop.url)
    assert "INFO" in plain.stdout
    assert "card 3 declined" in plain.stdout
    assert "\x1b" not in plain.stdout
    wrong = heimdall("search", "* | statz", url=shop.url)
    assert (wrong.returncode, "column 5" in wrong.stderr) == (1, True)
    nobody = heimdall("search", "*")
    assert (nobody.returncode, "heimdall up" in nobody.stderr) == (1, True)
    assert heimdall("search", "--nonsense").returncode == 2
    assert heimdall("ledger", url=shop.url).returncode == 0
    assert "no dead letters" in heimdall("deadletters", "list", url=shop.url).stdout


def test_files_are_sent_once_and_resumed_where_they_ended(shop, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("2026-11-22 10:00:00,123 ERROR no route\n2026-11-22 10:00:01,456 INFO fine\n", encoding="utf-8")
    state = ("--state", str(tmp_path / "state"), "--service", "filed")
    assert heimdall("ingest", str(log), *state, url=shop.url).stderr.strip() == "sent 2 records"
    assert "nothing new" in heimdall("ingest", str(log), *state, url=shop.url).stderr
    with log.open("a", encoding="utf-8") as file:
        file.write("2026-11-22 10:00:02,789 WARN slow\n")
    assert heimdall("ingest", str(log), *state, url=shop.url).stderr.strip() == "sent 1 record"
    shop.wait_for_count(3, "service:filed")
    newest = shop.search("service:filed")["data"][0]
    assert (newest["timestamp"], newest["level"]) == ("2026-11-22T10:00:02.789000000Z", "warn")
    assert heimdall("ingest", str(tmp_path / "none.log"), url=shop.url).returncode == 2


def test_standard_input_is_sent_too(shop):
    command = [sys.executable, "-m", "heimdall", "ingest", "-", "--service", "stdin"]
    done = subprocess.run(
        command, input=b"one\ntwo\n", capture_output=True, timeout=60, check=True, env={"HEIMDALL_URL": shop.url}
    )
    assert b"sent 2 records" in done.stderr
    shop.wait_for_count(2, "service:stdin")


def test_an_unknown_setting_stops_the_start_with_a_suggestion(tmp_path):
    file = tmp_path / "heimdall.toml"
    file.write_text("[server]\nprot = 1\n", encoding="utf-8")
    checked = heimdall("config", "check", "--config", str(file))
    assert (checked.returncode, "did you mean server.port?" in checked.stderr) == (2, True)


def test_records_are_searchable_within_a_second(shop):
    took_s = []
    for sent in range(1, 6):
        began = time.monotonic()
        shop.send(lines("fast", 1))
        shop.wait_for_count(sent, "service:fast")
        took_s.append(time.monotonic() - began)
    assert min(took_s) < 1, "of five, since a busy machine may be late"
