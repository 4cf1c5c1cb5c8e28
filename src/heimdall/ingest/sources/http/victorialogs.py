"""`POST /insert/jsonline` and `/insert/native`, VictoriaLogs' own doors, and the addresses it gives to other protocols.

Parameters come in the query string or as headers (`_msg_field`, `VL-Msg-Field`), the query string first.
Source: VictoriaLogs documentation, "Data ingestion".
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from heimdall.errors import (
    Denied,
    HeimdallError,
    InvalidInput,
    NotFound,
    Overloaded,
    SlowSender,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from heimdall.ingest.decode.canonical import canonical_of
from heimdall.ingest.decode.decoded import Decoded, RejectedList, Together
from heimdall.ingest.decode.defaults import DEFAULTABLE, with_attributes, with_copies, with_defaults, without_attributes
from heimdall.ingest.decode.hints import NO_HINTS, Hints
from heimdall.ingest.decode.json import decode_fields, decode_json, decode_json_texts, decode_json_together, joined
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.victorialogs_columns import columns_of_rows
from heimdall.ingest.decode.victorialogs_rows import VERSION, read_rows
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, below, taking
from heimdall.model.stream import LABELS_FIELD

_MAX_NAMES = 64
_LONGEST_TEXT = 4_096

_ALIASES = (
    ("/insert", "/elasticsearch/"),
    ("/insert", "/loki/"),
    ("/insert/loki", "/ready"),
    ("/insert/opentelemetry", "/v1/logs"),
    ("/insert/datadog", "/api/v2/logs"),
    ("/insert/datadog", "/api/v1/"),
    ("/insert/splunk", "/services/collector"),
    ("/insert/journald", "/upload"),
)
"""(what stands before a protocol's own path, the path)."""

_STATUS: tuple[tuple[type[HeimdallError], int], ...] = (
    (TooLarge, 413),
    (UnsupportedMedia, 415),
    (SlowSender, 408),
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Denied, 403),
    (NotFound, 404),
    (Overloaded, 429),
    (Unavailable, 503),
)


def victorialogs_aliases(routes: Iterable[Route]) -> list[Route]:
    """Routes of the other protocols where VictoriaLogs has them. Their own parameters count there, not these."""
    known = [route for route in routes if not route.path.startswith("/api/v1/logs")]
    return [
        *(route for prefix, path in _ALIASES for route in below(prefix, known, path)),
        Route("/insert/ready", _ready, methods=["GET", "HEAD"]),
    ]


class VictoriaLogsLines:
    """The doors of JSON lines and of rows. `AccountID` and `ProjectID` choose nothing: there is one tenant."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return [
            *taking("/insert/jsonline", self._lines, on_error=_refused),
            *taking("/insert/native", self._rows, on_error=_refused),
        ]

    async def _lines(self, request: Request) -> Response:
        given = _Given.of(request)
        now_ns, schemas = self._door.now_ns(), self._door.schemas

        def decode(body: bytes) -> Decoded:
            return given.applied(decode_json(body, now_ns=now_ns, hints=given.hints, schemas=schemas))

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            together = decode_json_together(bodies, now_ns=now_ns, hints=given.hints, schemas=schemas)
            return replace(together, table=given.applied(Decoded(together.table)).table)

        joint = Joint(("victorialogs", given.kind), decode_together)
        return _told(await self._door.take("victorialogs", request, decode, joint=joint))

    async def _rows(self, request: Request) -> Response:
        """Time, message and stream come with each row; `_stream_fields` counts for those without."""
        if (version := request.query_params.get("version", "")) != VERSION:
            raise InvalidInput(
                f"version {version[:40]!r} of the protocol is not known; send {VERSION!r}, or JSON lines"
            )
        given = replace(_Given.of(request), hints=NO_HINTS)
        now_ns, schemas = self._door.now_ns(), self._door.schemas

        def decode(body: bytes) -> Decoded:
            return _decoded_rows(body, given, now_ns, schemas)

        return _told(await self._door.take("victorialogs", request, decode))


def _decoded_rows(body: bytes, given: _Given, now_ns: int, schemas: SchemaMemory) -> Decoded:
    streams = columns_of_rows(body)
    if streams is not None:
        read = ((each.labels, decode_fields(each.fields, now_ns=now_ns, schemas=schemas)) for each in streams)
        return Decoded(joined([given.of_streams(labels).applied(found).table for labels, found in read]))
    rejected = RejectedList()
    tables = []
    for rows in read_rows(body):
        found = decode_json_texts(rows.texts, now_ns=now_ns, schemas=schemas)
        placed = [replace(each, line=rows.numbers[each.line - 1]) for each in found.rejected]
        rejected.extend(placed, found.rejected_count)
        tables.append(given.of_streams(rows.labels).applied(found).table)
    return rejected.decoded(joined(tables))


def _told(decoded: Decoded) -> Response:
    if decoded.rejected_count and not decoded.num_rows:
        first = decoded.rejected[0]
        raise InvalidInput(f"none of {decoded.rejected_count} lines is a log; line {first.line}: {first.reason}")
    listed = [{"line": each.line, "reason": each.reason} for each in decoded.rejected]
    told = {"accepted": decoded.num_rows, "rejected": decoded.rejected_count, "errors": listed}
    return Response(orjson.dumps(told), media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Given:
    """What the request says about all its lines."""

    hints: Hints
    ignored: tuple[str, ...]
    copies: dict[str, str]
    """Labels of streams that became columns: they are attributes, too, and are found under both names."""
    columns: dict[str, str]
    attributes: dict[str, str]

    @staticmethod
    def of(request: Request) -> _Given:
        if _parameter(request, "debug") not in ("", "0", "false"):
            raise InvalidInput(
                "debug=1 would throw the lines away; leave it out, and ask /select/logsql/query for them"
            )
        extra: dict[str, str] = {}
        for pair in _names(request, "extra_fields"):
            name, equals, value = pair.partition("=")
            if not equals or not name:
                raise InvalidInput(f"extra_fields are name=value pairs, joined by commas; {pair[:80]!r} is none")
            extra[name] = value
        columns, attributes = {}, {}
        for name, value in extra.items():
            known = canonical_of(name)
            if known is not None and known[0] in DEFAULTABLE:
                columns[known[0]] = value
            else:
                attributes[name] = value
        hints = Hints(
            time_field=",".join(_names(request, "_time_field")) or None,
            message_field=",".join(_names(request, "_msg_field")) or None,
        )
        given = _Given(hints, _names(request, "ignore_fields"), {}, columns, attributes)
        return given.of_streams(_names(request, "_stream_fields"))

    def of_streams(self, names: Iterable[str]) -> _Given:
        """With these as the labels of the lines' streams."""
        labels = _stream_labels(names)
        if not labels:
            return self
        attributes = self.attributes | {LABELS_FIELD: f"{','.join(labels)};*"}
        copies = {name: column for name, column in labels.items() if name != column}
        return replace(self, attributes=attributes, copies=copies)

    @property
    def kind(self) -> Hashable:
        """Equal for requests that say the same."""
        said = (self.copies, self.columns, self.attributes)
        return self.hints, self.ignored, tuple(tuple(each.items()) for each in said)

    def applied(self, decoded: Decoded) -> Decoded:
        table = with_copies(without_attributes(decoded.table, self.ignored), self.copies)
        return replace(decoded, table=with_attributes(with_defaults(table, self.columns), self.attributes))


def _stream_labels(names: Iterable[str]) -> dict[str, str]:
    """Name of each label → the record's own column it became, the name itself where it stays an attribute."""
    found: dict[str, str] = {}
    for name in names:
        known = canonical_of(name)
        column = name if known is None else "level" if known[0] == "severity_number" else known[0]
        if column not in ("message", "timestamp"):
            found[name if column in DEFAULTABLE else column] = column
    return found


def _parameter(request: Request, name: str) -> str:
    header = "VL-" + "-".join(part.title() for part in name.strip("_").split("_"))
    found = request.query_params.get(name) or request.headers.get(header, "")
    if len(found) > _LONGEST_TEXT:
        raise InvalidInput(f"{name} is longer than {_LONGEST_TEXT} characters")
    return found


def _names(request: Request, name: str) -> tuple[str, ...]:
    found = tuple(part for item in _parameter(request, name).split(",") if (part := item.strip()))
    if len(found) > _MAX_NAMES:
        raise InvalidInput(f"{name} names more than {_MAX_NAMES} fields")
    return found


async def _ready(request: Request) -> Response:
    return PlainTextResponse("OK")


def _refused(request: Request, exc: HeimdallError) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(exc, kind)), 500)
    wait = (
        {"Retry-After": str(max(1, -int(-exc.retry_after_s // 1)))} if isinstance(exc, Overloaded | Unavailable) else {}
    )
    return PlainTextResponse(f"{exc}\n", status_code=status, headers=wait)
