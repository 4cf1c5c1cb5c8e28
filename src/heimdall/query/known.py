"""Which fields and values there are, learnt from the newest records: what completion offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa

from heimdall.query.fieldlist import field_list
from heimdall.query.rows import plain_rows

VALUES_KEPT = 200
"""Values a field that are remembered, most frequent first; a list to choose from is no longer useful beyond."""

LONGEST_VALUE = 100
"""Characters; longer values are texts nobody completes."""


class Sample:
    """Immutable once made; one a tenant, renewed every few seconds at most."""

    def __init__(self, rows: pa.Table) -> None:
        """`rows`: records with all their columns."""
        self._fields = [
            (str(entry["name"]), f"{entry['type']} · in {float(str(entry['coverage'])):.0%} of records")
            for entry in field_list(rows)
            if not entry["canonical"]
        ]
        self._records = rows.num_rows
        counted: dict[str, Counter[str]] = {}
        for row in plain_rows(rows):
            for name, value in row.items():
                if isinstance(value, (str, int, float, bool)) and len(text := _text(value)) <= LONGEST_VALUE:
                    counted.setdefault(name, Counter())[text] += 1
        self._values = {name: counts.most_common(VALUES_KEPT) for name, counts in counted.items()}

    def field_names(self) -> Iterable[tuple[str, str]]:
        """(name, detail) of senders' own fields, most frequent first."""
        return self._fields

    def field_values(self, field: str, prefix: str) -> Iterable[tuple[str, str]]:
        """(value, detail) of one field, most frequent first."""
        wanted = prefix.lower()
        for value, count in self._values.get(field, ()):
            if wanted in value.lower():
                yield value, f"{field} · {_share(count / self._records)} of the newest records"


def _share(part: float) -> str:
    return "under 1%" if part < 0.005 else f"{part:.0%}"


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
