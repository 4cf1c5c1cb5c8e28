"""`| anomalies`: registered from outside `query`, found by its language all the same."""

from __future__ import annotations

import importlib.util

import numpy as np
import pyarrow as pa
import pytest

from heimdall.errors import MissingExtra, QueryCancelled, QuerySyntaxError
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.rowpipes import RowPipe, ends_in_row_pipe, engine_part
from heimdall.query.shape import shape_of

CHART = "* | timechart span=5m count() as n by service"


def series() -> pa.Table:
    steps = np.repeat(np.arange(300), 2)
    counts = np.random.default_rng(1).poisson(50, 600)
    counts[500] = 400
    times = pa.array(steps * 300 * 10**9).cast(pa.timestamp("ns", "UTC"))
    return pa.table({"timestamp": times, "service": ["cart", "pay"] * 300, "n": counts})


def judged(text: str) -> list[dict[str, object]]:
    pipe = parse(text).pipes[-1]
    assert isinstance(pipe, RowPipe)
    return pipe.on_rows(series(), lambda: None).to_pylist()  # type: ignore[no-any-return]


def test_the_point_its_past_does_not_explain_is_marked_in_its_own_series() -> None:
    rows = judged(f"{CHART} | anomalies")
    assert rows[500]["service"] == "cart"
    assert rows[500]["anomaly"] is True
    assert rows[500]["anomaly_score"] > 0.95
    assert 30 < rows[500]["expected"] < 70  # type: ignore[operator]
    assert sum(bool(row["anomaly"]) for row in rows) < 15
    assert rows[501]["anomaly"] is False


def test_a_model_may_be_chosen() -> None:
    rows = judged(f"{CHART} | anomalies using lstm")
    assert [place for place, row in enumerate(rows) if row["anomaly"]] == [500]
    assert rows[0]["expected"] is None
    assert 30 < rows[500]["expected"] < 90  # type: ignore[operator]


@pytest.mark.parametrize("using", ["", " using lstm"])
def test_it_ends_with_the_question(using: str) -> None:
    pipe = parse(f"{CHART} | anomalies{using}").pipes[-1]
    assert isinstance(pipe, RowPipe)
    checks = iter(range(3))

    def check() -> None:
        if next(checks, None) is None:
            raise QueryCancelled("query was cancelled")

    with pytest.raises(QueryCancelled):
        pipe.on_rows(series(), check)


@pytest.mark.parametrize(
    "text",
    ["using", "using arima", "using lstm holidays DE", "using prophet holidays", "using prophet holidays Germany"],
)
def test_a_model_that_there_is_not_is_told(text: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(f"{CHART} | anomalies {text}")
    assert caught.value.hint


def test_prophet_says_how_to_install_it() -> None:
    if importlib.util.find_spec("prophet") is not None:
        pytest.skip("it is installed")
    with pytest.raises(MissingExtra, match=r"heimdall-logs\[prophet\]"):
        judged(f"{CHART} | anomalies using prophet")


def test_rows_keep_their_order_and_columns() -> None:
    rows = judged(f"{CHART} | anomalies n by service")
    assert [row["n"] for row in rows] == series().column("n").to_pylist()
    assert list(rows[0]) == ["timestamp", "service", "n", "expected", "anomaly_score", "anomaly"]


@pytest.mark.parametrize(
    "text",
    ["anomalies", "anomalies n", "anomalies n by service", "anomalies by service", "anomalies using lstm",
     "anomalies n by service using prophet holidays DE"],
)  # fmt: skip
def test_prints_as_it_is_written(text: str) -> None:
    assert to_text(parse(f"{CHART} | {text}")) == f"{CHART} | {text}"


def test_a_column_may_have_the_name_of_a_word() -> None:
    text = "* | timechart span=5m count() as using | anomalies `using` using lstm"
    assert to_text(parse(text)) == text


def test_it_needs_a_series() -> None:
    with pytest.raises(QuerySyntaxError, match="series over time"):
        shape_of(parse("level:error | anomalies"))
    with pytest.raises(QuerySyntaxError, match="no column 'm'"):
        shape_of(parse(f"{CHART} | anomalies m"))


def test_it_stands_last_and_engines_never_see_it() -> None:
    query = parse(f"{CHART} | anomalies")
    assert to_text(engine_part(query)) == CHART
    with pytest.raises(QuerySyntaxError, match="last pipe"):
        ends_in_row_pipe(parse(f"{CHART} | anomalies | head 5"))


def chart(values: np.ndarray) -> list[dict[str, object]]:
    times = pa.array(np.arange(len(values)) * 300 * 10**9).cast(pa.timestamp("ns", "UTC"))
    rows = pa.table({"timestamp": times, "n": pa.array(values, pa.float64(), from_pandas=True)})
    pipe = parse("* | timechart span=5m count() as n | anomalies").pipes[-1]
    assert isinstance(pipe, RowPipe)
    return pipe.on_rows(rows, lambda: None).to_pylist()  # type: ignore[no-any-return]


def test_a_counter_that_begins_anew_is_not_marked_and_a_burst_of_it_is() -> None:
    rose = np.random.default_rng(1).poisson(40, 600).astype(np.float64)
    rose[450] = 400
    values = np.cumsum(rose)
    values[300:] -= values[299]
    rows = chart(values)
    assert not any(row["anomaly"] for row in rows[295:310])
    assert rows[450]["anomaly"] is True
    assert values[449] < rows[450]["expected"] < values[449] + 100  # type: ignore[operator]
    assert sum(bool(row["anomaly"]) for row in rows) < 10


def test_charts_without_any_value_have_no_marks() -> None:
    assert not any(row["anomaly"] for row in chart(np.full(300, np.nan)))
