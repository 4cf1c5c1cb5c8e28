"""What there is to ask about: labels, their values, series, volumes, fields in lines, patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl
import pyarrow as pa

from heimdall.model.severity import Level
from heimdall.model.stream import LABELS_FIELD
from heimdall.query.ast import Arithmetic, Call, Duration, Expression, Field, Predicate, Query
from heimdall.query.languages.hql import to_text
from heimdall.query.languages.logql import parse, parse_selector
from heimdall.query.languages.logql.amounts import parse_bytes, parse_duration, parse_number
from heimdall.query.languages.logql.ast import Json, Logfmt, LogQuery, Matcher
from heimdall.query.languages.logql.lexer import LogqlError
from heimdall.query.logql.extract import extractor
from heimdall.query.logql.labels import (
    LEVEL,
    SERVICE,
    STREAM_FIELDS,
    UNKNOWN_LEVEL,
    UNKNOWN_SERVICE,
    fields_of,
    shown_by,
)
from heimdall.query.logql.lines import Direction, find_lines
from heimdall.query.logql.push import all_of, any_of, push, selected
from heimdall.query.logql.ranges import SIZE, Reading
from heimdall.query.logql.reader import as_text
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.stats import Stats
from heimdall.query.rows import JSON_TEXT
from heimdall.query.templates import Catalogue

MAX_GROUPS = 10_000
"""Different values or series one answer lists."""

_FIELD_LINES = 1_000
"""Newest lines in which fields are looked for."""

MAX_PATTERNS = 300
"""Patterns one answer lists."""

_PLACEHOLDER = re.compile(r"<[^<>\s]*>")


def selection(text: str) -> Predicate:
    """Records a selector or a whole log query chooses; everything where it is empty."""
    if not text.strip() or text.strip() == "{}":
        return all_of([])
    try:
        matchers = parse_selector(text)
    except LogqlError:
        query = parse(text)
        if not isinstance(query, LogQuery):
            raise LogqlError("only log queries are supported here") from None
        return push(query).search
    return all_of([selected(each) for each in matchers])


def label_names(search: Predicate, reading: Reading) -> list[str]:
    """Labels of streams."""
    counted = [
        Column(Call("count_if", (Call("exists", (Field(name),)),)), f"n{place}")
        for place, name in enumerate(STREAM_FIELDS)
    ]
    rows = grouped(search, [Column(Call("count"), "n"), *counted], [LABELS_FIELD], reading)
    found: set[str] = set()
    for row in rows.iter_rows(named=True):
        here = {name for place, name in enumerate(STREAM_FIELDS) if row[f"n{place}"]}
        found |= {name for name in shown_by(row["k0"]).stream if name not in STREAM_FIELDS or name in here}
    return sorted(found)


def label_values(name: str, search: Predicate, reading: Reading) -> list[str]:
    rows = grouped(search, [Column(Call("count"), "n")], [_named(name)], reading, most=True)
    return sorted({value for value in (_shown(name, each) for each in rows["k0"].to_list()) if value})


def series(searches: Sequence[Predicate], reading: Reading) -> list[dict[str, str]]:
    """Distinct label sets of streams."""
    found = _volumes(any_of(list(searches)) if searches else all_of([]), [], reading, None)
    return [dict(labels) for labels in sorted({labels for labels, _, _ in found})]


def stats(search: Predicate, reading: Reading) -> dict[str, int]:
    """How much a selector holds. There are no chunks here; each stream counts as one."""
    rows = grouped(search, [Column(Call("count"), "n"), Column(SIZE, "v")], [], reading)
    entries = int(rows["n"].sum() or 0) if rows.height else 0
    streams = len(series([search], reading)) if entries else 0
    size = int(rows["v"].sum() or 0) if rows.height else 0
    return {"streams": streams, "chunks": streams, "bytes": size, "entries": entries}


def volumes(
    matchers: tuple[Matcher, ...], search: Predicate, targets: Sequence[str], by_labels: bool, limit: int,
    reading: Reading, step_ns: int | None,
) -> list[tuple[dict[str, str], list[tuple[int, int]]]]:  # fmt: skip
    """Bytes by series of the target labels, or by label, largest first: (labels, [(step start ns, bytes)])."""
    wanted = list(targets) or list(dict.fromkeys(each.name for each in matchers))
    totals: dict[tuple[tuple[str, str], ...], dict[int, int]] = {}
    for labels, at_ns, size in _volumes(search, wanted, reading, step_ns):
        keys = [((name, ""),) for name, _ in labels] if by_labels else [labels]
        for key in keys:
            steps = totals.setdefault(key, {})
            steps[at_ns] = steps.get(at_ns, 0) + size
    ordered = sorted(totals.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:limit]
    return [(dict(labels), sorted(steps.items())) for labels, steps in ordered if labels or not wanted]


def _volumes(
    search: Predicate, wanted: Sequence[str], reading: Reading, step_ns: int | None
) -> Iterable[tuple[tuple[tuple[str, str], ...], int, int]]:
    """(labels, step start, bytes) of groups; without `wanted` by whole streams."""
    names = list(wanted) or label_names(search, reading)
    keys = [] if wanted else [LABELS_FIELD]
    columns = [Column(SIZE, "v")]
    rows = grouped(search, columns, [*(_named(name) for name in names), *keys], reading, step_ns=step_ns, most=True)
    for row in rows.iter_rows(named=True):
        of_stream = set(names) if wanted else shown_by(row[f"k{len(names)}"]).stream
        labels = {name: _shown(name, row[f"k{place}"]) for place, name in enumerate(names) if name in of_stream}
        pairs = tuple(sorted((name, value) for name, value in labels.items() if value))
        at_ns = row["step"] if step_ns else reading.request.start_ns or 0
        yield pairs, at_ns, int(row["v"] or 0)


def _named(name: str) -> Expression:
    fields = tuple(Field(each) for each in fields_of(name))
    return fields[0] if len(fields) == 1 else Call("coalesce", fields)


def _shown(name: str, value: str | None) -> str:
    if name == SERVICE:
        return value or UNKNOWN_SERVICE
    if name == LEVEL:
        return UNKNOWN_LEVEL if value in (None, "", Level.UNSET.value) else str(value)
    return "" if name == "level" and value == Level.UNSET.value else value or ""


def grouped(
    search: Predicate, columns: Sequence[Column], keys: Sequence[str | Expression], reading: Reading, *,
    step_ns: int | None = None, most: bool = False,
) -> pl.DataFrame:  # fmt: skip
    """Rows of a grouping: keys `k0`, `k1`, … as text, with `step_ns` the `step` (ns) from the start of the range."""
    by = [Column(Field(key) if isinstance(key, str) else key, f"k{place}") for place, key in enumerate(keys)]
    shift_ns = 0
    if step_ns:
        shift_ns = (reading.request.start_ns or 0) % step_ns
        moment: Expression = Field("timestamp")
        if shift_ns:
            moment = Arithmetic("-", moment, Duration(shift_ns))
        by.append(Column(Call("bin", (moment, Duration(step_ns))), "step"))
    pipes = (Stats(tuple(columns), tuple(by)),)
    frames: list[pl.DataFrame] = []
    request = replace(reading.request, q=to_text(Query(search, pipes)), limit=MAX_GROUPS)
    while True:
        answer = reading.search(request)
        reading.cost.scanned_rows += answer.scanned_rows
        frames.append(_keys_as_text(answer.rows))
        if answer.next is None or most and sum(frame.height for frame in frames) >= MAX_GROUPS * 10:
            break
        request = replace(request, cursor=answer.next)
    rows = pl.concat(frames)
    if step_ns and "step" in rows.columns:
        rows = rows.with_columns(pl.col("step").dt.epoch("ns") + shift_ns)
    return rows


def _keys_as_text(table: pa.Table) -> pl.DataFrame:
    spoken = {field.name for field in table.schema if (field.metadata or {}).items() >= JSON_TEXT.items()}
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(
        as_text(frame[name], name in spoken).alias(name) for name in frame.columns if name.startswith("k")
    )


# ---- labels and fields that are not of streams -----------------------------------------------------------------------


def detected_labels(search: Predicate, reading: Reading) -> list[dict[str, object]]:
    """Labels of streams with the number of their values."""
    names = label_names(search, reading)
    return [{"label": name, "cardinality": len(label_values(name, search, reading))} for name in names]


def detected_fields(text: str, limit: int, line_limit: int, reading: Reading) -> list[dict[str, object]]:
    """Fields of the newest lines: what they came with and what a parser finds in them, not labels of streams."""
    values, parsers = _fields(text, line_limit, reading)
    ordered = sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))[:limit]
    return [
        {
            "label": name,
            "type": kind_of(found),
            "cardinality": len(found),
            "parsers": sorted(parsers.get(name, ())) or None,
        }
        | ({"jsonPath": _path(name)} if "json" in parsers.get(name, ()) else {})
        for name, found in ordered
    ]


def detected_values(name: str, text: str, limit: int, line_limit: int, reading: Reading) -> list[str]:
    values, _ = _fields(text, line_limit, reading)
    return list(values.get(name, ()))[:limit]


def _path(name: str) -> list[str]:
    return [name]


def _fields(text: str, line_limit: int, reading: Reading) -> tuple[dict[str, dict[str, None]], dict[str, set[str]]]:
    query = parse(text)
    if not isinstance(query, LogQuery):
        raise LogqlError("only log queries are supported here")
    values: dict[str, dict[str, None]] = {}
    parsers: dict[str, set[str]] = {}
    readers = {"json": extractor(Json()), "logfmt": extractor(Logfmt())}
    for line in find_lines(query, min(line_limit, _FIELD_LINES * 5), Direction.BACKWARD, reading):
        known = line.metadata | line.parsed
        for name, value in known.items():
            values.setdefault(name, {})[value] = None
        for kind in _parsers_of(line.text):
            for name, value in readers[kind](line.text).pairs.items():
                label = f"{name}_extracted" if name in line.stream or name in line.metadata else name
                if value:
                    values.setdefault(label, {})[value] = None
                    parsers.setdefault(label, set()).add(kind)
    return values, parsers


def _parsers_of(line: str) -> Iterable[str]:
    if line.lstrip().startswith("{"):
        yield "json"
    elif "=" in line:
        yield "logfmt"


def kind_of(values: Iterable[str]) -> str:
    """`int`, `float`, `boolean`, `duration`, `bytes` or `string`: what all of them are."""
    tests = {
        "int": lambda text: re.fullmatch(r"[+-]?\d{1,18}", text) is not None,
        "float": lambda text: parse_number(text) is not None,
        "boolean": lambda text: text in ("true", "false"),
        "duration": lambda text: parse_duration(text) is not None,
        "bytes": lambda text: parse_bytes(text) is not None,
    }
    distinct = list(values)
    return next((kind for kind, test in tests.items() if distinct and all(map(test, distinct))), "string")


# ---- patterns --------------------------------------------------------------------------------------------------------


def patterns(search: Predicate, step_ns: int, reading: Reading, catalogue: Catalogue) -> list[dict[str, object]]:
    """Templates of the lines, most frequent first, with their counts by step; what varies is `<_>`."""
    rows = grouped(search, [Column(Call("count"), "n")], ["template_id"], reading, step_ns=step_ns)
    if not rows.height:
        return []
    texts = catalogue.names(reading.request.tenant, {int(key) for key in rows["k0"].to_list()}).texts
    samples: dict[str, dict[int, int]] = {}
    for key, at_ns, count in rows.select("k0", "step", "n").iter_rows():
        text = texts.get(int(key))
        if text is None:
            continue
        steps = samples.setdefault(_PLACEHOLDER.sub("<_>", text), {})
        at_s = at_ns // 10**9
        steps[at_s] = steps.get(at_s, 0) + count
    ordered = sorted(samples.items(), key=lambda item: -sum(item[1].values()))[:MAX_PATTERNS]
    return [{"pattern": text, "samples": [list(pair) for pair in sorted(steps.items())]} for text, steps in ordered]
