"""What tools ask about the cluster and its indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from heimdall.api.elasticsearch.indices import Index, Indices, listed
from heimdall.query.service import QueryService


def table(rows: Sequence[dict[str, Any]], *, as_json: bool, heads: bool, wanted: str | None) -> Any:
    """A `_cat` answer: JSON, or aligned text."""
    if wanted and rows:
        names = [name for name in wanted.split(",") if name in rows[0]]
        rows = [{name: row[name] for name in names} for row in rows]
    if as_json:
        return list(rows)
    if not rows:
        return ""
    lines = [list(rows[0])] if heads else []
    lines += [[str(value) for value in row.values()] for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    padded = (" ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def index_row(index: Index) -> dict[str, Any]:
    return {
        "health": "green",
        "status": "open",
        "index": index.name,
        "uuid": index.name[:22],
        "pri": "1",
        "rep": "0",
        "docs.count": str(index.documents),
        "docs.deleted": "0",
        "store.size": "0b",
        "pri.store.size": "0b",
    }


def health_row(now_s: int) -> dict[str, Any]:
    clock = f"{now_s // 3600 % 24:02d}:{now_s // 60 % 60:02d}:{now_s % 60:02d}"
    nodes = {"cluster": "heimdall", "status": "green", "node.total": "1", "node.data": "1", "shards": "1", "pri": "1"}
    none = {"relo": "0", "init": "0", "unassign": "0", "pending_tasks": "0"}
    return {
        "epoch": str(now_s),
        "timestamp": clock,
        **nodes,
        **none,
        "max_task_wait_time": "-",
        "active_shards_percent": "100.0%",
    }


def resolved(service: QueryService, indices: Indices) -> dict[str, Any]:
    """`_resolve/index`."""
    found = [{"name": index.name, "attributes": ["open"]} for index in listed(service, indices)]
    return {"indices": found, "aliases": [], "data_streams": []}


def aliases(service: QueryService, indices: Indices) -> dict[str, Any]:
    return {index.name: {"aliases": {}} for index in listed(service, indices)}


def settings(service: QueryService, indices: Indices) -> dict[str, Any]:
    shown = {"number_of_shards": "1", "number_of_replicas": "0", "max_result_window": "10000"}
    return {
        index.name: {"settings": {"index": {**shown, "provided_name": index.name}}}
        for index in listed(service, indices)
    }
