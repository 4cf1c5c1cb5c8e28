"""Aggregations over buckets that are there already: differences, running sums, the largest of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heimdall.query.languages.esdsl.aggregations.reading import Aggregation
from heimdall.query.languages.esdsl.faults import illegal
from heimdall.query.languages.esdsl.values import whole

Bucket = dict[str, Any]


def extend_buckets(pipeline: Aggregation, buckets: Sequence[Bucket]) -> None:
    """Add a parent pipeline's value to each bucket that has one."""
    values = [_value(bucket, _path(pipeline)) for bucket in buckets]
    match pipeline.kind:
        case "cumulative_sum":
            total = 0.0
            for bucket, value in zip(buckets, values, strict=True):
                total += value or 0.0
                bucket[pipeline.name] = {"value": total}
        case _:
            lag = whole("lag", pipeline.body.get("lag", 1)) if pipeline.kind == "serial_diff" else 1
            if lag < 1:
                raise illegal(f"Lag must be a positive, non-zero integer. Found [{lag}] in [{pipeline.name}]")
            for place in range(lag, len(buckets)):
                before, here = values[place - lag], values[place]
                if before is not None and here is not None:
                    buckets[place][pipeline.name] = {"value": here - before}


def over_buckets(pipeline: Aggregation, siblings: dict[str, Any]) -> dict[str, Any]:
    """A sibling pipeline's value."""
    named, _, rest = _path(pipeline).partition(">")
    sibling = siblings.get(named)
    if not isinstance(sibling, dict) or "buckets" not in sibling:
        raise illegal(f"No aggregation found for path [{_path(pipeline)}]")
    found = sibling["buckets"]
    buckets: list[Bucket] = list(found.values()) if isinstance(found, dict) else found
    values = [(value, bucket) for bucket in buckets if (value := _value(bucket, rest or "_count")) is not None]
    amounts = [value for value, _ in values]
    match pipeline.kind:
        case "sum_bucket":
            return {"value": sum(amounts)}
        case "avg_bucket":
            return {"value": sum(amounts) / len(amounts) if amounts else None}
    if not amounts:
        return {"value": None, "keys": []}
    chosen = max(amounts) if pipeline.kind == "max_bucket" else min(amounts)
    keys = [str(bucket.get("key_as_string", bucket.get("key"))) for value, bucket in values if value == chosen]
    return {"value": chosen, "keys": keys}


def _path(pipeline: Aggregation) -> str:
    path = pipeline.body.get("buckets_path")
    if not isinstance(path, str):
        raise illegal(f"Required [buckets_path] for aggregation [{pipeline.name}]")
    return path


def _value(bucket: Bucket, path: str) -> float | None:
    if path == "_count":
        return float(bucket["doc_count"])
    first, _, rest = path.partition(">")
    if rest:
        inner = bucket.get(first)
        return _value(inner, rest) if isinstance(inner, dict) else None
    name, _, part = first.partition(".")
    found = bucket.get(name)
    if not isinstance(found, dict):
        raise illegal(f"No aggregation found for path [{path}]")
    amount = found.get(part or "value", found.get("values", {}).get(part) if "values" in found else None)
    return float(amount) if isinstance(amount, int | float) else None
