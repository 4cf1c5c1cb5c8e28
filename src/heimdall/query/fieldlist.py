"""Which fields the newest matching records have, of which type and how often."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pyarrow as pa

from heimdall.query.facets import type_of
from heimdall.query.fields import ATTRIBUTES, CANONICAL, canonical
from heimdall.query.rows import attribute_object, flat_attributes
from heimdall.query.types import Type

_TYPE_NAMES = {Type.NUMBER: "number", Type.INTEGER: "number", Type.TIME: "time"}


def field_list(rows: pa.Table) -> list[dict[str, object]]:
    """One entry a field that occurs in `rows` (records with all their columns), canonical ones first."""
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)
    if frame.height == 0:
        return []
    found: list[dict[str, object]] = []
    for field in CANONICAL:
        if field.name in frame.columns and (present := frame[field.name].count()):
            kind = _TYPE_NAMES.get(field.type, "string")
            found.append(_entry(field.name, kind, present / frame.height, canonical_field=True))
    present_in: Counter[str] = Counter()
    types: dict[str, Counter[str]] = {}
    for text in frame[ATTRIBUTES].drop_nulls().to_list() if ATTRIBUTES in frame.columns else []:
        for name, value in flat_attributes(attribute_object(text)):
            own = f"attributes.{name}" if canonical(name) else name
            present_in[own] += 1
            types.setdefault(own, Counter())[type_of(value)] += 1
    for name, count in sorted(present_in.items(), key=lambda item: (-item[1], item[0])):
        (kind, _), *_ = types[name].most_common(1)
        found.append(_entry(name, kind, count / frame.height, canonical_field=False))
    return found


def _entry(name: str, kind: str, coverage: float, *, canonical_field: bool) -> dict[str, object]:
    return {
        "name": name,
        "type": kind,
        "coverage": round(coverage, 4),
        "canonical": canonical_field,
        "class": "internal",
    }
