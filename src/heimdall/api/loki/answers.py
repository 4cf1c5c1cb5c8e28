"""Loki's envelopes."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from heimdall.query.logql.service import Result

CATEGORIZE = "categorize-labels"


def json_response(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def success(data: object) -> Response:
    """Empty data is left out, as Loki does."""
    return json_response({"status": "success"} | ({"data": data} if data else {}))


def answered(result: Result, *, categorized: bool) -> Response:
    data: dict[str, Any] = {"resultType": result.kind, "result": result.result}
    if categorized and result.kind == "streams":
        data["encodingFlags"] = [CATEGORIZE]
    return json_response({"status": "success", "data": data | {"stats": _statistics(result)}})


def _statistics(result: Result) -> dict[str, Any]:
    """What is known of Loki's statistics; parts Heimdall does not have count 0."""
    took_s = max(result.took_s, 1e-9)
    cost = result.cost
    chunk = {
        "headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": 0, "decompressedLines": 0,
        "compressedBytes": 0, "totalDuplicates": 0,
    }  # fmt: skip
    store = {
        "totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0, "queryReferencedStructuredMetadata":
        False, "chunk": chunk,
    }  # fmt: skip
    return {
        "summary": {
            "bytesProcessedPerSecond": int(cost.bytes / took_s),
            "linesProcessedPerSecond": int(cost.scanned_rows / took_s),
            "totalBytesProcessed": cost.bytes,
            "totalLinesProcessed": cost.scanned_rows,
            "execTime": round(result.took_s, 6),
            "queueTime": 0,
            "subqueries": 0,
            "totalEntriesReturned": result.entries,
            "splits": 0,
            "shards": 0,
            "totalPostFilterLines": cost.rows,
            "totalStructuredMetadataBytesProcessed": 0,
        },
        "querier": {"store": store},
        "ingester": {
            "totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0, "store": store,
        },
    }  # fmt: skip
