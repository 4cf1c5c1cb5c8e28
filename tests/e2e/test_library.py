"""One suite over a folder that is opened and a node that is connected to: they hold the same files."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from library_logs import write_logs
from node_process import NodeProcess

import heimdall
from heimdall.errors import InvalidInput, QuerySyntaxError, TooLarge

RECORDS = 580
START = datetime(2026, 11, 22, tzinfo=UTC)
END = "2026-11-23T00:00:00Z"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[heimdall.Logs]:
    folder = tmp_path_factory.mktemp("opened")
    assert write_logs(folder) == RECORDS
    with heimdall.open(folder) as hd:
        yield hd


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[heimdall.Logs]:
    folder = tmp_path_factory.mktemp("connected")
    write_logs(folder / "logs")
    with NodeProcess(folder / "data") as node:
        files = sorted(str(path) for path in (folder / "logs").rglob("*") if path.is_file() and path.suffix != ".png")
        command = [
            sys.executable,
            "-m",
            "heimdall",
            "ingest",
            "--state",
            str(folder / "state"),
            "--url",
            node.url,
            *files,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        node.wait_for_count(RECORDS)
        with heimdall.connect(node.url) as hd:
            yield hd


@pytest.fixture(params=["opened", "connected"])
def hd(request: pytest.FixtureRequest) -> heimdall.Logs:
    logs: heimdall.Logs = request.getfixturevalue(request.param)
    return logs


def search(hd: heimdall.Logs, q: str, **options: Any) -> heimdall.Result:
    """Of what the files hold, not of what other tests append."""
    return hd.search(q, from_=START, to=END, **options)


# ---- the same answers


def stable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what depends on when and in which order files were read."""
    kept = [{n: v for n, v in row.items() if n not in ("id", "observed_timestamp", "template_id")} for row in rows]
    return sorted(kept, key=repr)


QUESTIONS: dict[str, Callable[[heimdall.Logs], heimdall.Result]] = {
    "all": lambda hd: search(hd, "*"),
    "words": lambda hd: search(hd, '"took" level>=warn'),
    "stack traces": lambda hd: search(hd, "exists(exception.type)"),
    "stats": lambda hd: search(hd, "* | stats count() as n, max(timestamp) as last by service, level"),
    "a field of two types": lambda hd: search(hd, "exists(mixed) | fields mixed, http.status"),
    "times": lambda hd: search(hd, "* | timechart span=5m count() by level"),
    "nothing": lambda hd: search(hd, "nosuchword"),
    "histogram": lambda hd: hd.histogram("*", from_=START, to=END, interval="10m"),
    "histogram of all": lambda hd: hd.histogram("*", from_=START, to=END, buckets=4, by=None),
    "facets": lambda hd: hd.facets("service:cart", ["level", "http.status"], from_=START, to=END),
    "fields": lambda hd: hd.fields("service:cart", from_=START, to=END),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_folder_and_a_node_answer_alike(question: str, opened: heimdall.Logs, connected: heimdall.Logs) -> None:
    ours, theirs = QUESTIONS[question](opened), QUESTIONS[question](connected)
    assert stable(ours.rows()) == stable(theirs.rows())
    assert ours.to_arrow().schema == theirs.to_arrow().schema
    assert (ours.exact, ours.partial, ours.more, ours.tiers) == (
        theirs.exact,
        theirs.partial,
        theirs.more,
        theirs.tiers,
    )
    assert {name: value for name, value in ours.extra.items() if name != "sampled_rows"} == {
        name: value for name, value in theirs.extra.items() if name != "sampled_rows"
    }


# ---- what either gives


def test_rows_come_as_every_kind_of_table(hd: heimdall.Logs) -> None:
    result = search(hd, "service:payment", limit=50)
    frame = result.to_polars()
    assert (len(result), frame.height, result.to_arrow().num_rows, len(result.to_pandas())) == (50, 50, 50, 50)
    assert frame.schema["timestamp"] == pl.Datetime("ns", "UTC")
    assert frame.schema["http.status"] == pl.Int64
    assert frame.schema["mixed"] == pl.String
    assert pl.DataFrame(result).equals(frame)  # the Arrow PyCapsule protocol
    assert frame["timestamp"].is_sorted(descending=True)
    assert [row["message"] for row in result] == frame["message"].to_list()
    assert result.columns == frame.columns
    assert result.more


def test_an_answer_says_how_sure_it_is(hd: heimdall.Logs) -> None:
    result = search(hd, "* | stats count() as n")
    assert result.rows() == [{"n": RECORDS}]
    assert (result.exact, result.error, result.partial, result.more) == (True, None, False, False)
    assert result.scanned_rows > 0
    assert result.took_ms > 0
    assert result.tiers == ("hot",)
    assert result.query_id.startswith("library-")


def test_without_a_limit_all_rows_come(hd: heimdall.Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heimdall.app.library.logs.PAGE_ROWS", 100)
    result = search(hd, "*", limit=None)
    assert len({row["id"] for row in result}) == len(result) == RECORDS
    assert not result.more
    assert len(search(hd, "*", limit=250)) == 250


def test_a_stream_gives_all_rows_in_batches_of_one_schema(hd: heimdall.Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heimdall.app.library.logs.PAGE_ROWS", 64)
    batches = list(hd.stream("*", from_=START, to=END))
    assert len(batches) >= 9
    assert all(batch.num_rows <= 64 for batch in batches)
    table = pa.Table.from_batches(batches)  # fails where schemas differ
    assert table.num_rows == len(set(table.column("id").to_pylist())) == RECORDS
    mixed = pa.Table.from_batches(list(hd.stream("service:cart | fields mixed", from_=START, to=END)))
    assert mixed.schema.field("mixed").type == pa.large_string()
    assert {"2", "text 0"} <= set(mixed.column("mixed").to_pylist())


def test_a_stream_that_cannot_reach_the_end_says_so(hd: heimdall.Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heimdall.app.library.logs.PAGE_ROWS", 50)
    monkeypatch.setattr("heimdall.query.pages.MAX_SKIP", 100)  # a node's own bound is in its own process
    rows = 0
    try:
        for batch in hd.stream("* | stats count() as n by message", from_=START, to=END):
            rows += batch.num_rows
    except TooLarge:
        assert rows == 100
    else:
        assert rows == RECORDS


def test_patterns_say_what_is_being_said(hd: heimdall.Logs) -> None:
    found = hd.patterns("service:cart", from_=START, to=END).to_polars()
    assert found["count"].sum() == 200
    assert found["template"][0].startswith("order")


def test_explain_shows_the_statement(hd: heimdall.Logs) -> None:
    plan = hd.explain("level:error", from_=START, to=END)
    assert plan["query"] == "level:error"
    assert "SELECT" in plan["tiers"][0]["statement"]


def test_a_wrong_question_says_where(hd: heimdall.Logs) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        hd.search("* | statz count()")
    assert caught.value.column == 5
    assert caught.value.hint
    with pytest.raises(InvalidInput, match="ends before it begins"):
        hd.search("*", from_="now", to="-1h")
    with pytest.raises(InvalidInput, match="limit"):
        hd.search("*", limit=0)


def test_records_can_be_appended_and_found(hd: heimdall.Logs) -> None:
    marker = f"marker{id(hd)}"
    done = hd.append([{"message": f"{marker} {n}", "level": "warn", "n": n} for n in range(3)])
    assert (done.accepted, done.rejected) == (3, 0)
    frame = pl.DataFrame({"message": [f"{marker} 3"], "timestamp": [datetime.now(UTC)], "n": [3]})
    assert hd.append(frame).accepted == hd.append(frame.to_arrow()).accepted == 1
    deadline = time.monotonic() + 30  # a node answers as soon as records are durable, a moment before they can be found
    while len(found := hd.search(marker)) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sorted(found.to_polars()["n"].to_list()) == [0, 1, 2, 3, 3]
    assert found.to_polars()["level"].to_list().count("warn") == 3


def test_a_tail_gives_what_comes_from_now_on(hd: heimdall.Logs) -> None:
    marker = f"tailed{id(hd)}"
    seen: list[str] = []
    tail = hd._backend.tail(marker)
    assert next(tail) is None  # it listens
    hd.append({"message": f"{marker} one"})
    for event in tail:
        if isinstance(event, list):
            seen += [row["message"] for row in event]
            break
    tail.close()  # type: ignore[attr-defined]  # every back end's is a generator
    assert seen == [f"{marker} one"]
    assert list(hd.tail("nosuchword", idle_s=0.01)) == []


def test_results_look_like_logs_in_a_notebook(hd: heimdall.Logs) -> None:
    html = search(hd, "level:error", limit=5)._repr_html_()
    assert html.count("<tr>") == 6
    assert "<caption>5 rows" in html
    assert "ERROR" in repr(search(hd, "level:error", limit=5))
