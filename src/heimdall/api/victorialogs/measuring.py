"""Results of `stats` as Prometheus tells them: an instant vector, or a matrix over steps."""

from __future__ import annotations

from dataclasses import replace

from heimdall.api.victorialogs.questions import Question
from heimdall.api.victorialogs.reading import Reader, step_of, step_starts_ns
from heimdall.api.victorialogs.records import OWN_NAMES
from heimdall.errors import InvalidInput
from heimdall.query.ast import Query
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.stats import Stats
from heimdall.query.shape import shape_of

_STEP = "heimdall_step"


def vector(question: Question, reader: Reader, at_ns: int) -> dict[str, object]:
    """One sample a metric and row, at a moment."""
    _, grouping = _groupings(question.query)[-1]
    labels = [key.name for key in grouping.keys]
    names = [name for name, _ in shape_of(question.query).answer()]
    frame = reader.frame(question.query, names)
    result = [
        {"metric": _metric(row, labels, name), "value": [_seconds(at_ns), row[name]]}
        for name in names
        if name not in labels
        for row in frame.iter_rows(named=True)
        if row[name]
    ]
    return {"resultType": "vector", "result": result}


def matrix(question: Question, reader: Reader, *, step_ns: int, offset_ns: int) -> dict[str, object]:
    """One series a metric and group, a sample a step that has records."""
    step = step_of(step_ns, offset_ns, _STEP)
    place, grouping = _groupings(question.query)[0]
    keys = tuple(key for key in grouping.keys if key.name != "timestamp")
    pipes = list(question.query.pipes)
    pipes[place] = replace(grouping, keys=(*keys, step))
    query = Query(question.query.search, tuple(pipes))
    labels = [key.name for key in keys]
    behind = pipes[place + 1 :]
    if any(pipe.aggregates or isinstance(pipe, Fields) for pipe in behind):
        raise InvalidInput("pipes behind stats must keep its rows whole here: leave out fields and a second stats")
    names = [name for name, _ in shape_of(query).answer() if name != _STEP]
    frame = reader.frame(query, names)
    series: dict[tuple[str, tuple[str, ...]], list[list[object]]] = {}
    metrics: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
    starts = step_starts_ns(frame, _STEP, step_ns, offset_ns).to_list()
    for at_ns, row in sorted(zip(starts, frame.iter_rows(named=True), strict=True), key=lambda pair: pair[0]):
        group = tuple(row[name] for name in labels)
        for name in names:
            if name not in labels and row[name]:
                series.setdefault((name, group), []).append([_seconds(at_ns), row[name]])
                metrics[name, group] = _metric(row, labels, name)
    result = [{"metric": metrics[key], "values": values} for key, values in sorted(series.items(), key=lambda s: s[0])]
    return {"resultType": "matrix", "result": result}


def _groupings(query: Query) -> list[tuple[int, Stats]]:
    """Each `stats` with its place."""
    found = [(place, pipe) for place, pipe in enumerate(query.pipes) if isinstance(pipe, Stats)]
    if not found:
        raise InvalidInput("the query must contain a `stats` pipe")
    return found


def _metric(row: dict[str, str], labels: list[str], name: str) -> dict[str, str]:
    return {"__name__": name} | {OWN_NAMES.get(label, label): row[label] for label in labels if row.get(label)}


def _seconds(time_ns: int) -> float | int:
    return time_ns // 10**9 if time_ns % 10**9 == 0 else round(time_ns / 1e9, 3)
