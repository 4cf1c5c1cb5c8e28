"""Templates of the matching records with everything a list of them shows: shares, levels, and counts over time."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from heimdall.errors import InvalidInput
from heimdall.model.severity import LEVELS, Level
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Made, Window
from heimdall.query.ast import Query
from heimdall.query.facets import level_counts
from heimdall.query.histogram import MAX_BUCKETS, extent, readable_step_ns
from heimdall.query.languages.hql import parse
from heimdall.query.pipes.patterns import Patterns
from heimdall.query.request import PatternOrder
from heimdall.query.source import Question
from heimdall.query.templates import ALL_TEMPLATES, Counted

_BY_LEVEL = parse("* | stats count() as count by template_id, severity_number").pipes
_SEVERITIES = 25
_ERRORS = [Level.ERROR.value, Level.FATAL.value]


def pattern_list(asking: Asking, limit: int, order: PatternOrder, buckets: int, step_ns: int | None) -> Made:
    """The first `limit` templates in this order, counted exactly over all matching records.

    Raises:
        InvalidInput: the query groups, or the steps are too many.
    """
    search = records_of(asking.question.query)
    window = Window(*extent(asking.question, asking.statistics, asking.job.clock.time_ns()))
    step_ns = step_ns or readable_step_ns(max(window.length_ns, 1), buckets)
    steps = range(window.start_ns // step_ns, max(-(-window.end_ns // step_ns), window.start_ns // step_ns + 1))
    if len(steps) > MAX_BUCKETS:
        raise InvalidInput(f"{len(steps):,} steps are too many; use a longer interval or a narrower range")
    within = replace(asking.question, query=Query(search.search, (Patterns(ALL_TEMPLATES),)))
    within = within.between(window.start_ns, window.end_ns)
    found = Counted.of(asking.job, asking.source, within, asking.catalogue)
    by_level = _by_level(asking, search, window, found.names.final)
    found = _ordered(asking, found, within, order, by_level, limit)
    shown = pl.from_arrow(found.described(asking.job, asking.source, within, 0, limit))
    assert isinstance(shown, pl.DataFrame)
    counts = _over_time(asking, search, window, step_ns, steps, found.names.final, shown["template_id"])
    levels = _levels(by_level, shown["template_id"])
    moments = shown.with_columns(pl.col("first", "last").cast(pl.Int64))
    data = [
        {**row, "first": format_time(row["first"]), "last": format_time(row["last"]),
         "levels": levels.get(row["template_id"], {}), "counts": counts.get(row["template_id"], [0] * len(steps))}
        for row in moments.to_dicts()
    ]  # fmt: skip
    extra = {
        "interval_ms": step_ns / 1e6 if step_ns % 1_000_000 else step_ns // 1_000_000,
        "from": format_time(steps.start * step_ns),
        "to": format_time(steps.stop * step_ns),
        "total": int(found.merged["count"].sum()),
        "templates": found.merged.height,
    }
    return Made(shown.to_arrow(), data, extra)


def records_of(query: Query) -> Query:
    """The search of a query whose pipes leave records as they are; `patterns` at its end is what is asked anyway.

    Raises:
        InvalidInput: it groups records, or computes fields that only its pipes know.
    """
    pipes = query.pipes[:-1] if query.pipes and isinstance(query.pipes[-1], Patterns) else query.pipes
    if any(pipe.name not in ("fields", "sort") for pipe in pipes):
        raise InvalidInput("templates are counted over records: leave out every pipe but fields, sort and patterns")
    return Query(query.search)


def _over_time(
    asking: Asking, search: Query, window: Window, step_ns: int, steps: range, final: dict[int, int], ids: pl.Series
) -> dict[int, list[int]]:
    frame = asking.counts(search.search, window, step_ns, "template_id")
    frame = _of(frame.rename({"value": "template_id"}), final, ids)
    places = pl.DataFrame({"step": list(steps)}, schema={"step": pl.Int64})
    counted = frame.group_by("template_id", "step").agg(pl.col("count").sum())
    grid = ids.unique().to_frame().join(places, how="cross").join(counted, on=["template_id", "step"], how="left")
    rows = grid.sort("template_id", "step").group_by("template_id", maintain_order=True)
    return dict(rows.agg(pl.col("count").fill_null(0)).iter_rows())


def _ordered(
    asking: Asking, found: Counted, within: Question, order: PatternOrder, by_level: pl.DataFrame, limit: int
) -> Counted:
    match order:
        case PatternOrder.FREQUENT:
            return found
        case PatternOrder.RARE:
            return replace(found, merged=found.merged.sort("count", "template_id"))
        case PatternOrder.NEW:
            return found.newest_first(asking.job, asking.source, within, limit)
        case PatternOrder.ERRORS:
            errors = by_level.filter(pl.col("level").is_in(_ERRORS)).group_by("template_id").agg(errors=pl.sum("count"))
            graded = found.merged.join(errors, on="template_id", how="left").with_columns(pl.col("errors").fill_null(0))
            graded = graded.sort("errors", "count", "template_id", descending=[True, True, False])
            return replace(found, merged=graded.drop("errors"))


def _by_level(asking: Asking, search: Query, window: Window, final: dict[int, int]) -> pl.DataFrame:
    """`template_id`, `level` and `count` of all templates."""
    frame = _final(asking.rows(Query(search.search, _BY_LEVEL), window, ALL_TEMPLATES * _SEVERITIES), final)
    frame = frame.with_columns(level_counts("severity_number").alias("level"))
    return frame.group_by("template_id", "level").agg(pl.col("count").cast(pl.Int64).sum())


def _levels(by_level: pl.DataFrame, ids: pl.Series) -> dict[int, dict[str, int]]:
    counted = by_level.filter(pl.col("template_id").is_in(ids.implode()))
    mild_to_grave = {level.value: place for place, level in enumerate(LEVELS)}
    counted = counted.sort(pl.col("level").replace_strict(mild_to_grave, return_dtype=pl.Int32))
    found: dict[int, dict[str, int]] = {}
    for template, level, count in counted.iter_rows():
        found.setdefault(template, {})[level] = count
    return found


def _of(frame: pl.DataFrame, final: dict[int, int], ids: pl.Series) -> pl.DataFrame:
    """Rows of the templates shown, merged ones under the id that stands for them."""
    return _final(frame, final).filter(pl.col("template_id").is_in(ids.implode()))


def _final(frame: pl.DataFrame, final: dict[int, int]) -> pl.DataFrame:
    return frame.with_columns(pl.col("template_id").cast(pl.UInt64).replace(final))
