"""LogQL's answers are those of a straightforward evaluation, on both engines.

`HEIMDALL_LOGQL_QUERIES=10000 HEIMDALL_LOGQL_RECORDS=5000` is the size of a release; `HEIMDALL_LOGQL_SEED` another one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from random import Random

import orjson
import pyarrow as pa
import pytest

from heimdall.clock import ManualClock
from heimdall.errors import InvalidInput
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.loki_json import decode_loki_json
from heimdall.model.batch import DEFAULT_TENANT, LogBatch, Origin
from heimdall.query.config import QueryConfig
from heimdall.query.languages.logql import parse, to_text
from heimdall.query.languages.logql.ast import LogQuery
from heimdall.query.logql import LokiService
from heimdall.query.logql.lines import Direction
from heimdall.query.logql.series import MAX_SERIES
from heimdall.query.logql.service import Asked
from heimdall.query.service import QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage import open_engine
from heimdall.storage.engine import Engine
from heimdall.storage.engines.memory import MemoryEngine
from heimdall.storage.tiers import Tiers
from properties.logql_queries import Queries, entries
from properties.logql_reference import Entry, Failed, Labels, evaluate, run

QUERIES = int(os.environ.get("HEIMDALL_LOGQL_QUERIES", "60"))
RECORDS = int(os.environ.get("HEIMDALL_LOGQL_RECORDS", "250"))
SEED = int(os.environ.get("HEIMDALL_LOGQL_SEED", "4"))
START_NS = 1_795_341_600 * 10**9
SPAN_NS = 1_800 * 10**9
STEPS = 4


@pytest.fixture(scope="module")
def records() -> list[Entry]:
    return entries(Random(SEED), RECORDS, START_NS, SPAN_NS)


@pytest.fixture(scope="module", params=["memory", "clickhouse"])
def service(
    request: pytest.FixtureRequest, records: list[Entry], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LokiService]:
    clock = ManualClock(START_NS + SPAN_NS)
    engine: Engine = (
        MemoryEngine(clock)
        if request.param == "memory"
        else open_engine(f"clickhouse+embedded://{tmp_path_factory.mktemp('logql')}/tier", clock)
    )
    streams = [{"stream": each.stream, "values": [[str(each.time_ns), each.line, each.metadata]]} for each in records]
    decoded = decode_loki_json(orjson.dumps({"streams": streams}), now_ns=clock.time_ns(), schemas=SchemaMemory())
    table = decoded.table
    table = table.append_column("position", pa.array(range(1, table.num_rows + 1), pa.uint64()))
    table = table.append_column("template_id", pa.array([1] * table.num_rows, pa.uint64()))
    half = table.num_rows // 2
    for start, part in ((1, table.slice(0, half)), (half + 1, table.slice(half))):
        engine.append(LogBatch(DEFAULT_TENANT, part, Origin(start, start + part.num_rows - 1)))
    queries = QueryService(Tiers({"hot": engine}), clock, QueryConfig(), TableCatalogue(lambda: pa.table({})))
    yield LokiService(queries, clock, TableCatalogue(lambda: pa.table({})))
    engine.close()


def test_answers_are_those_of_the_reference(service: LokiService, records: list[Entry]) -> None:
    random = Random(SEED + 1)
    make = Queries(random)
    answered = 0
    for _ in range(QUERIES):
        text = make.log() if random.random() < 0.25 else make.metric()
        query = parse(text)
        assert parse(to_text(query)) == query, text
        wanted = expected(query, records)
        assert given(service, query, text) == wanted, text
        answered += bool(wanted)
    assert answered > QUERIES * 0.3, "most queries find nothing: they show little"


Answer = list[object] | dict[Labels, list[tuple[int, "Close"]]] | None


class Close(float):
    """Sums in another order differ in their last digits."""

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, float)
        both_nan = math.isnan(self) and math.isnan(other)
        return both_nan or math.isclose(self, other, rel_tol=1e-9, abs_tol=1e-9)

    __hash__ = float.__hash__


def expected(query: object, records: list[Entry]) -> Answer:
    if isinstance(query, LogQuery):
        found = [(each, state) for each in records if (state := run(query, each)) is not None][::-1][:100]
        return [(each.time_ns, state.line, tuple(sorted(state.shown.items()))) for each, state in found]
    series: dict[Labels, list[tuple[int, Close]]] = {}
    try:
        for step in range(STEPS):
            at_ns = START_NS + step * SPAN_NS // (STEPS - 1)
            for labels, value in evaluate(query, records, at_ns).items():  # type: ignore[arg-type]
                series.setdefault(labels, []).append((at_ns // 10**9, Close(value)))
    except Failed:
        return None
    return series if len(series) <= MAX_SERIES else None


def given(service: LokiService, query: object, text: str) -> Answer:
    is_log = isinstance(query, LogQuery)
    asked = Asked(start_ns=START_NS, end_ns=START_NS + SPAN_NS + (1 if is_log else 0))
    try:
        result = service.query_range(
            text, asked, step_ns=SPAN_NS // (STEPS - 1), limit=100, direction=Direction.BACKWARD, categorized=False
        ).result
    except InvalidInput as exc:
        if any(
            part in str(exc) for part in ("pipeline error", "multiple matches", "duplicate series", "maximum of series")
        ):
            return None
        raise
    if is_log:
        lines = [
            (
                int(value[0]),
                value[1],
                tuple(sorted((k, v) for k, v in each["stream"].items() if k != "__error_details__")),
            )  # type: ignore[index]
            for each in result
            for value in each["values"]  # type: ignore[index]
        ]
        return sorted(lines, key=lambda line: -line[0])  # type: ignore[return-value]
    return {
        tuple(sorted(each["metric"].items())): [(int(at_s), Close(value)) for at_s, value in each["values"]]  # type: ignore[index]
        for each in result
    }
