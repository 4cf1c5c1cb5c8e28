"""A node by HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from typing import Any

import orjson
import pyarrow.ipc as ipc

from heimdall.app.cli.client import NodeClient
from heimdall.app.library.backend import Appended, Facts, Missed, Page, Parameters
from heimdall.errors import HeimdallError

_NATIVE_ARROW = "application/vnd.apache.arrow.stream;types=native"
_FACTS = frozenset(field.name for field in fields(Facts)) - {"extra"}
_PREFIX = "x-heimdall-"


class RemoteBackend:
    def __init__(self, client: NodeClient, place: str) -> None:
        """
        Raises:
            Unavailable: no node answers there.
        """
        self._client = client
        self.place = place
        client.get("/api/v1/node")

    def ask(self, route: str, parameters: Parameters) -> Page:
        response = self._client.ask(f"/api/v1/{route}", parameters, _NATIVE_ARROW)
        with ipc.open_stream(response.content) as reader:
            rows = reader.read_all()
        told = {
            name[len(_PREFIX) :].replace("-", "_"): value
            for name, value in response.headers.items()
            if name.startswith(_PREFIX)
        }
        return Page(rows, _facts(told))

    def explain(self, parameters: Parameters) -> dict[str, Any]:
        return dict(self._client.ask("/api/v1/explain", parameters, "application/json").json()["data"])

    def cancel(self, query_id: str) -> None:
        with suppress(HeimdallError):  # it ended already, or its node did
            self._client.delete(f"/api/v1/queries/{query_id}")

    def append(self, lines: bytes) -> Appended:
        answer = self._client.send("/api/v1/logs", lines, {"Content-Type": "application/x-ndjson"}, {})
        return Appended(answer["accepted"], answer["rejected"], tuple(answer["errors"]))

    def tail(self, q: str) -> Iterator[list[dict[str, Any]] | Missed | None]:
        with self._client.stream("/api/v1/tail", {"q": q}, "text/event-stream") as response:
            event = ""
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "retry":
                    yield None  # the node listens from here on
                elif name == "data" and event == "lines":
                    yield orjson.loads(value)["rows"]
                elif name == "data" and event == "gap":
                    gap = orjson.loads(value)
                    yield Missed(gap["dropped"], gap["from"], gap["to"])
                elif name == "data":
                    yield None

    def refresh(self) -> int:
        return 0

    def close(self) -> None:
        self._client.__exit__()


def _facts(told: dict[str, str]) -> Facts:
    return Facts(
        exact=told["exact"] == "true",
        error=float(told["error"]) if "error" in told else None,
        scanned_rows=int(told["scanned_rows"]),
        tiers=tuple(filter(None, told["tiers"].split(","))),
        took_ms=float(told["took_ms"]),
        partial=told["partial"] == "true",
        next=told.get("next"),
        query_id=told.get("query_id", ""),
        cached=told["cached"] == "true",
        age_ms=float(told["age_ms"]) if "age_ms" in told else None,
        known_pieces=int(told["known_pieces"]),
        estimated_ms=float(told["estimated_ms"]) if "estimated_ms" in told else None,
        extra={name: _number(value) for name, value in told.items() if name not in _FACTS},
    )


def _number(text: str) -> object:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text
