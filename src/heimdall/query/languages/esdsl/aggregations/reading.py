"""An aggregation as it was asked for: its kind, its parameters and what stands below it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heimdall.query.languages.esdsl.faults import Fault, illegal, parsing, unsupported
from heimdall.query.languages.esdsl.names import Name, name_of

MAX_DEPTH = 12
"""Levels of aggregations; each is a statement at least."""
MAX_AGGREGATIONS = 200
"""Aggregations of one request."""

METRICS = frozenset({
    "avg", "sum", "min", "max", "value_count", "cardinality", "stats", "extended_stats", "percentiles",
    "percentile_ranks",
})  # fmt: skip
GROUPINGS = frozenset({"terms", "date_histogram", "histogram", "composite"})
"""Each record falls into one bucket: one statement groups by them all."""
FILTERS = frozenset({"filter", "filters", "range", "date_range", "missing", "nested", "reverse_nested", "sampler"})
"""Buckets are conditions, which may overlap: a statement each."""
TOPS = frozenset({"top_hits", "top_metrics"})
PARENT_PIPELINES = frozenset({"derivative", "cumulative_sum", "serial_diff"})
SIBLING_PIPELINES = frozenset({"avg_bucket", "sum_bucket", "min_bucket", "max_bucket"})
_KINDS = METRICS | GROUPINGS | FILTERS | TOPS | PARENT_PIPELINES | SIBLING_PIPELINES

_ELSEWHERE = frozenset({
    "adjacency_matrix", "auto_date_histogram", "boxplot", "bucket_correlation", "bucket_script", "bucket_selector",
    "bucket_sort", "categorize_text", "children", "cumulative_cardinality", "diversified_sampler",
    "extended_stats_bucket",
    "frequent_item_sets", "geo_bounds", "geo_centroid", "geo_distance", "geohash_grid", "geotile_grid", "global",
    "inference", "ip_prefix", "ip_range", "matrix_stats", "median_absolute_deviation", "moving_avg", "moving_fn",
    "moving_percentiles", "multi_terms", "normalize", "parent", "percentiles_bucket", "random_sampler", "rare_terms",
    "rate", "scripted_metric", "significant_terms", "significant_text", "stats_bucket", "string_stats", "t_test",
    "time_series", "variable_width_histogram", "weighted_avg",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aggregation:
    name: str
    kind: str
    body: Mapping[str, Any]
    below: tuple[Aggregation, ...] = ()
    meta: Any = field(default=None)

    def of(self, *kinds: frozenset[str]) -> list[Aggregation]:
        return [below for below in self.below if any(below.kind in some for some in kinds)]

    @property
    def field(self) -> Name:
        """
        Raises:
            Fault: it names none.
        """
        if "script" in self.body:
            raise unsupported(f"[script] in [{self.kind}]")
        given = self.body.get("field")
        if not isinstance(given, str):
            raise Fault(
                "illegal_argument_exception",
                f"Required one of fields [field, script], but none were specified. [{self.name}]",
            )
        return name_of(given)


def read_aggregations(given: Any) -> tuple[Aggregation, ...]:
    """
    Raises:
        Fault: one of them is unknown, or not known here.
    """
    return _Reading().level(given, 1)


class _Reading:
    def __init__(self) -> None:
        self._count = 0

    def level(self, given: Any, depth: int) -> tuple[Aggregation, ...]:
        if given is None:
            return ()
        if not isinstance(given, dict):
            raise parsing("Found unexpected token in aggregations, expected [START_OBJECT]")
        if depth > MAX_DEPTH:
            raise illegal(f"aggregations are nested deeper than [{MAX_DEPTH}] levels")
        return tuple(self._one(str(name), body, depth) for name, body in given.items())

    def _one(self, name: str, given: Any, depth: int) -> Aggregation:
        self._count += 1
        if self._count > MAX_AGGREGATIONS:
            raise illegal(f"more than [{MAX_AGGREGATIONS}] aggregations in one request")
        if not re.fullmatch(r"[^\[\]>]+", name):
            allowed = "Aggregation names can contain any character except '[', ']', and '>'"
            raise parsing(f"Invalid aggregation name [{name}]. {allowed}")
        if not isinstance(given, dict):
            raise parsing(f"Aggregation definition for [{name}] must be a [START_OBJECT]")
        below = self.level(given.get("aggs", given.get("aggregations")), depth + 1)
        kinds = [word for word in given if word not in ("aggs", "aggregations", "meta")]
        if not kinds:
            raise parsing(f"Missing definition for aggregation [{name}]")
        if len(kinds) > 1:
            raise parsing(f"Found two aggregation type definitions in [{name}]: [{kinds[0]}] and [{kinds[1]}]")
        kind, body = kinds[0], given[kinds[0]]
        if kind not in _KINDS:
            if kind in _ELSEWHERE:
                raise unsupported(f"[{kind}] aggregation")
            raise parsing(f"Unknown aggregation type [{kind}]")
        if not isinstance(body, dict):
            raise parsing(f"Expected [START_OBJECT] under [{kind}], but got something else in [{name}]")
        if below and kind not in GROUPINGS | FILTERS:
            raise Fault(
                "aggregation_initialization_exception",
                f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations",
            )
        return Aggregation(name, kind, body, below, given.get("meta"))
