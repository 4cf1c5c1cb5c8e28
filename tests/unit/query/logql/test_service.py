"""LogQL over a handful of entries that were pushed to Loki's door, in the memory engine."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import pytest

from heimdall.clock import ManualClock
from heimdall.errors import InvalidInput, QueryCancelled
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.loki_json import decode_loki_json
from heimdall.model.batch import DEFAULT_TENANT, LogBatch
from heimdall.query.config import QueryConfig
from heimdall.query.logql import LokiService, discovery
from heimdall.query.logql.lines import Direction
from heimdall.query.logql.service import Asked
from heimdall.query.service import QueryService
from heimdall.query.templates import TableCatalogue
from heimdall.storage.engines.memory import MemoryEngine
from heimdall.storage.tiers import Tiers

NS = 10**9
START_S = 1_795_341_600


def serving(*lines: str | tuple[str, dict[str, str]], **labels: str) -> LokiService:
    """Entries a second apart from START_S on, of one stream; a pair has structured metadata."""
    clock = ManualClock((START_S + 600) * NS)
    pairs = [each if isinstance(each, tuple) else (each, {}) for each in lines]
    values = [[str((START_S + place) * NS), line, metadata] for place, (line, metadata) in enumerate(pairs)]
    body = orjson.dumps({"streams": [{"stream": labels or {"app": "pay"}, "values": values}]})
    table = decode_loki_json(body, now_ns=clock.time_ns(), schemas=SchemaMemory()).table
    engine = MemoryEngine(clock)
    if table.num_rows:
        table = table.append_column("position", pa.array(range(1, table.num_rows + 1), pa.uint64()))
        table = table.append_column("template_id", pa.array([1] * table.num_rows, pa.uint64()))
        engine.append(LogBatch(DEFAULT_TENANT, table))
    queries = QueryService(Tiers({"hot": engine}), clock, QueryConfig(), TableCatalogue(lambda: pa.table({})))
    return LokiService(queries, clock, TableCatalogue(lambda: pa.table({})))


ASKED = Asked(start_ns=START_S * NS, end_ns=(START_S + 600) * NS)


def found(service: LokiService, query: str, **options: Any) -> list[tuple[str, dict[str, str]]]:
    """(line, all labels), oldest first."""
    asked = {"step_ns": NS, "limit": 100, "direction": Direction.FORWARD, "categorized": False} | options
    result: Any = service.query_range(query, ASKED, **asked).result
    lines = [(value[0], value[1], each["stream"]) for each in result for value in each["values"]]
    return [(line, labels) for _, line, labels in sorted(lines, key=lambda each: int(each[0]))]


def lines_of(service: LokiService, query: str, **options: Any) -> list[str]:
    return [line for line, _ in found(service, query, **options)]


def instant(service: LokiService, query: str) -> dict[tuple[tuple[str, str], ...], str]:
    result: Any = service.query(query, ASKED).result
    return {tuple(each["metric"].items()): each["value"][1] for each in result}


OWN = {"app": "pay", "service_name": "pay", "detected_level": "unknown"}


def test_a_line_is_unpacked() -> None:
    service = serving('{"pod":"p","n":1,"_entry":"the line"}', "plain")
    (first, labels), (second, failed) = found(service, '{app="pay"} | unpack')
    assert (first, labels) == ("the line", OWN | {"pod": "p"})
    assert (second, failed["__error__"]) == ("plain", "JSONParserErr")


def test_colours_go() -> None:
    assert lines_of(serving("\x1b[31mred\x1b[0m alert"), '{app="pay"} | decolorize') == ["red alert"]


def test_addresses_are_found_in_lines_and_labels() -> None:
    service = serving("from 10.1.2.3 to x", "from 192.168.0.1", "version 10.1", "ip=::1")
    assert lines_of(service, '{app="pay"} |= ip("10.0.0.0/8")') == ["from 10.1.2.3 to x"]
    assert lines_of(service, '{app="pay"} != ip("10.0.0.0-192.168.0.9")') == ["version 10.1", "ip=::1"]
    assert lines_of(service, '{app="pay"} | logfmt | ip = ip("::/64")') == ["ip=::1"]


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{{.app}}: {{__line__}}", "pay: n=7 s=Ab"),
        ("{{ .s | ToUpper | printf `%s!` }}", "AB!"),
        ("{{if eq .n `7`}}seven{{else}}other{{end}}", "seven"),
        ("{{if and .nope .n}}a{{else if .s}}b{{end}}", "b"),
        ("{{ add (int .n) 1 }} {{ div 7 2 }} {{ mulf 1.5 2 }}", "8 3 3"),
        ('{{ regexReplaceAll "(A)(b)" .s "${2}$1" }} {{ default "x" .nope }}', "bA x"),
        ("a {{- .s -}} b", "aAbb"),
        ("{{ .s | trunc 1 }}{{ alignRight 3 .n }}|{{ substr 0 1 .s }}", "A  7|A"),
        ("{{ unixEpoch __timestamp__ }}", str(START_S)),
        ("{{/* nothing */}}{{ .nope }}", ""),
    ],
)
def test_lines_are_formatted(template: str, line: str) -> None:
    quoted = orjson.dumps(template).decode()
    assert lines_of(serving("n=7 s=Ab"), f'{{app="pay"}} | logfmt | line_format {quoted}') == [line]


def test_a_template_that_fails_leaves_the_line_and_says_so() -> None:
    ((line, labels),) = found(serving("n=1"), '{app="pay"} | line_format "{{ div 1 0 }}"')
    assert (line, labels["__error__"]) == ("n=1", "TemplateFormatErr")


def test_what_a_stream_and_a_parser_both_name_is_told_apart() -> None:
    ((_, labels),) = found(serving("app=inner x=1"), '{app="pay"} | logfmt')
    assert labels == OWN | {"app_extracted": "inner", "x": "1"}


def test_fields_of_a_json_line_can_be_asked_for_and_are_not_shown() -> None:
    line = '{"msg": "slow", "status": 500, "a": {"b": "c"}}'
    service = serving(line, '{"msg": "ok", "status": 200}')
    assert found(service, '{app="pay"} | status="500"') == [(line, OWN)]
    assert found(service, '{app="pay"} |= "slow" | json') == [
        (line, OWN | {"msg": "slow", "status": "500", "a_b": "c"})
    ]
    assert instant(service, 'sum by (status) (count_over_time({app="pay"}[11m]))') == {
        (("status", "200"),): "1",
        (("status", "500"),): "1",
    }
    assert [*instant(service, 'count_over_time({app="pay"}[11m])').values()] == ["2"]


def test_a_counter_that_begins_again_has_a_rate() -> None:
    service = serving("c=10", "c=20", "c=5", "c=15")
    asked = Asked(start_ns=START_S * NS, end_ns=(START_S + 3) * NS)
    result: Any = service.query('sum(rate_counter({app="pay"} | logfmt | unwrap c [4s]))', asked).result
    # The increase is 10 + 5 + 10 = 25 in 3 s, to the end there is nothing more, and 1 s before the first sample is as
    # long as the samples are apart: 25 * 4 / 3 in 4 s.
    assert float(result[0]["value"][1]) == pytest.approx(25 * 4 / 3 / 4)


def test_absence_has_the_labels_that_were_asked_for() -> None:
    service = serving("x")
    assert instant(service, 'absent_over_time({app="nope", env=~".+"}[11m])') == {(("app", "nope"),): "1"}
    assert instant(service, 'absent_over_time({app="pay"}[11m])') == {}


def test_labels_are_replaced() -> None:
    query = 'label_replace(sum by (app) (count_over_time({app="pay"}[11m])), "kind", "${1}-y", "app", "(p).*")'
    assert instant(serving("x"), query) == {(("app", "pay"), ("kind", "p-y")): "1"}


def test_many_series_meet_one() -> None:
    service = serving("n=1", "n=2", "n=2")
    per_n = 'sum by (app, n) (count_over_time({app="pay"} | logfmt [11m]))'
    whole = 'sum by (app) (count_over_time({app="pay"}[11m]))'
    assert instant(service, f"{per_n} / on (app) group_left () {whole} > 0.5") == {
        (("app", "pay"), ("n", "2")): "0.6666666666666666"
    }
    with pytest.raises(InvalidInput, match="many-to-one matching must be explicit"):
        service.query(f"{per_n} / on (app) {whole}", ASKED)
    with pytest.raises(InvalidInput, match="found duplicate series on the right hand-side"):
        service.query(f"{whole} / on (app) {per_n}", ASKED)


def test_too_many_series_are_refused() -> None:
    service = serving(*[f"n={n}" for n in range(501)])
    with pytest.raises(InvalidInput, match=r"maximum of series \(500\) reached for a single query"):
        service.query('sum by (n) (count_over_time({app="pay"} | logfmt [11m]))', ASKED)
    assert instant(service, 'count(sum by (n) (count_over_time({app="pay"} | logfmt [11m])))') == {(): "501"}


def test_too_many_labels_are_refused() -> None:
    wide = orjson.dumps({f"k{n}": n for n in range(2_100)}).decode()
    with pytest.raises(InvalidInput, match="more than 2000 different labels"):
        found(serving("x " + wide), '{app="pay"} | line_format "{{ trimPrefix `x ` __line__ }}" | json')


def test_a_question_has_one_deadline_for_all_it_reads() -> None:
    service = serving("x")
    with pytest.raises(QueryCancelled):
        service.query('count_over_time({app="pay"}[11m])', Asked(start_ns=0, end_ns=1, timeout_s=0.0))


def test_levels_are_asked_for_by_any_name() -> None:
    service = serving("x", app="pay", level="ERR")
    assert [labels["level"] for _, labels in found(service, '{level="ERR"}')] == ["error"]
    assert len(found(service, '{detected_level=~"err.*"}')) == 1
    assert found(service, '{level!="error", app="pay"}') == []


def test_names_with_dots_are_labels_with_underscores() -> None:
    service = serving(("x", {"k8s.pod.name": "p-1"}))
    ((_, labels),) = found(service, '{k8s_pod_name="p-1"}')
    assert labels == OWN | {"k8s_pod_name": "p-1"}
    assert discovery.label_values("k8s_pod_name", discovery.selection("{}"), service.reading(ASKED)) == ["p-1"]


def test_oldest_first_goes_on_where_a_page_ended() -> None:
    service = serving(*[f"n={n} {'odd' if n % 2 else 'even'}" for n in range(250)])
    wanted = [f"n={n} odd" for n in range(1, 250, 2)]
    assert lines_of(service, '{app="pay"} | logfmt | line_format "{{__line__}}" |= "odd"', limit=500) == wanted
    assert lines_of(service, '{app="pay"} |= "odd"', limit=3) == wanted[:3]
