"""Bodies that are decoded together are read like each alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pyarrow as pa

from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Decoded, Together

Alone = Callable[[bytes], Decoded]


def check_together(
    bodies: list[bytes], decode: Callable[[list[bytes]], Together[Any]], alone: Alone, *, every: bool = True
) -> None:
    """Each part is what its body is alone; `every`: bodies without a defect do go together."""
    expected = [_tried(alone, body) for body in bodies]
    good = [each is not None and each.num_rows > 0 and not each.rejected_count for each in expected]
    try:
        together = decode(bodies)
    except HeimdallError:
        assert not (every and all(good))
        return
    first = 0
    for part, one in zip(together.parts, expected, strict=True):
        if part is not None:
            assert one is not None
            assert (part.rejected_count, part.num_rows) == (0, one.num_rows + one.rejected_count)
            assert rows(part.table) == rows(together.table.slice(first, part.num_rows)) == rows(one.table)
            first += part.num_rows
    assert first == together.table.num_rows
    if every and all(good):
        assert None not in together.parts


def _tried(alone: Alone, body: bytes) -> Decoded | None:
    try:
        return alone(body)
    except HeimdallError:
        return None


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """Without nulls; times as integers, attributes as an object, for their order is that of the body."""
    for name in ("timestamp", "observed_timestamp"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast("int64"))
    found = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    return [row | {"attributes": orjson.loads(row.get("attributes", "{}"))} for row in found]
