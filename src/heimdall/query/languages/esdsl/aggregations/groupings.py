"""Buckets of which every record has one: `terms`, `date_histogram`, `histogram`."""

from __future__ import annotations

from heimdall.query.languages.esdsl.aggregations.grouping import Grouping
from heimdall.query.languages.esdsl.aggregations.histograms import DateHistogram, NumberHistogram
from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.aggregations.term_buckets import Terms


def grouping_of(aggregation: Aggregation, now_ns: int) -> Grouping:
    match aggregation.kind:
        case "terms":
            return Terms(aggregation, now_ns)
        case "date_histogram":
            return DateHistogram(aggregation, now_ns)
        case _:
            return NumberHistogram(aggregation, now_ns)
