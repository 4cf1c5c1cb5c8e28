"""`POST /api/v1/logs`: JSON in every usual form, and text lines."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heimdall.bus.port import ProducerKey
from heimdall.errors import InvalidInput, TooLarge, UnsupportedMedia
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.defaults import DEFAULTABLE, with_attributes, with_defaults
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import MAX_RECORDS, decode_json, decode_json_together
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.lines import lines_of
from heimdall.ingest.decode.text import decode_lines
from heimdall.ingest.sources.http.coalesce import Joint
from heimdall.ingest.sources.http.door import HttpDoor, content_type_of, taking
from heimdall.ingest.sources.rewriting import DECIDED_BY_BYTES, rewriting_of

_JSON_TYPES = frozenset(
    {
        "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
        "application/jsonlines", "application/x-jsonlines", "application/json-lines", "application/stream+json",
        "application/json-seq", "text/json", "text/x-json",
    }
)  # fmt: skip
_TEXT_TYPES = frozenset({"text/plain", "text/csv"})
_UNTOLD_TYPES = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded", "*/*"})
"""Say nothing about the body: it is what clients send when nobody told them a type."""


class JsonLogs:
    """Heimdall's own door. Errors are answered by the server's one error edge."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    @property
    def routes(self) -> list[Route]:
        """To be mounted at the root of the server."""
        return taking("/api/v1/logs", self._logs)

    async def _logs(self, request: Request) -> Response:
        hints, defaults, attributes = _parameters(request)
        content_type = content_type_of(request)

        def decode(body: bytes) -> Decoded:
            decoded = decode_body(body, content_type, hints, self._door.now_ns(), self._door.schemas)
            return replace(decoded, table=with_attributes(with_defaults(decoded.table, defaults), attributes))

        def decode_together(bodies: list[bytes]) -> Together[Decoded]:
            together = decode_json_together(bodies, now_ns=self._door.now_ns(), hints=hints, schemas=self._door.schemas)
            return replace(together, table=with_attributes(with_defaults(together.table, defaults), attributes))

        kind = ("logs", content_type, hints, tuple(defaults.items()), tuple(attributes.items()))
        joint = None if content_type in _TEXT_TYPES else Joint(kind, decode_together)
        decoded = await self._door.take("logs", request, decode, producer=_producer(request), joint=joint)
        if decoded.rejected_count and not decoded.num_rows:
            first = decoded.rejected[0]
            raise InvalidInput(
                f"none of {decoded.rejected_count} records could be read; line {first.line}: {first.reason}"
            )
        listed = [{"line": each.line, "reason": each.reason, "excerpt": each.excerpt} for each in decoded.rejected]
        told = {"accepted": decoded.num_rows, "rejected": decoded.rejected_count, "errors": listed}
        return Response(orjson.dumps(told), media_type="application/json")


def decode_body(body: bytes, content_type: str, hints: Hints, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """JSON or text, told apart by content type, else by the first byte. UnsupportedMedia for anything else.

    Text that is a JSON array is read by element, CSV by its columns, UTF-16 with a byte order mark as what it says.
    """
    if content_type in _TEXT_TYPES:
        return _decode_text(body, hints, now_ns)
    if content_type in _JSON_TYPES or (content_type.startswith("application/") and content_type.endswith("+json")):
        return decode_json(body, now_ns=now_ns, hints=hints, schemas=schemas)
    if content_type not in _UNTOLD_TYPES:
        raise UnsupportedMedia(
            f"content type {content_type[:80]!r} is not taken here; send application/x-ndjson, application/json or "
            "text/plain (OTLP goes to /v1/logs)"
        )
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return _decode_text(body, hints, now_ns)
    decoded = decode_json(body, now_ns=now_ns, hints=hints, schemas=schemas)
    # text lines may begin with a bracket; nobody said JSON, so what is mostly no JSON is text
    return _decode_text(body, hints, now_ns) if decoded.rejected_count > decoded.num_rows else decoded


def _decode_text(body: bytes, hints: Hints, now_ns: int) -> Decoded:
    rewriting = rewriting_of(body[:DECIDED_BY_BYTES])
    if rewriting is not None:
        body = rewriting.feed(body, final=True)
    if body.count(b"\n") > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} lines in one body; send smaller batches")
    return decode_lines(lines_of(body), now_ns=now_ns, hints=hints)


_IDEMPOTENCY_KEY = re.compile(r"([0-9a-f]{32}):([0-9]{1,9}):([0-9]{1,18})", re.ASCII)


def _producer(request: Request) -> ProducerKey | None:
    """`Idempotency-Key: <32 hexadecimal digits>:<epoch>:<sequence>`: a body sent again under its key is kept once."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    found = _IDEMPOTENCY_KEY.fullmatch(given)
    if found is None:
        raise InvalidInput("the Idempotency-Key must be 32 hexadecimal digits, an epoch and a sequence: <id>:0:1")
    return ProducerKey(bytes.fromhex(found[1]), int(found[2]), int(found[3]))


ATTRIBUTE_PREFIX = "attribute."
_MAX_ATTRIBUTES = 32


def _parameters(request: Request) -> tuple[Hints, dict[str, str], dict[str, str]]:
    """Which fields to look into; columns, and attributes, of records that do not say it themselves."""
    hints = tuple(field.name for field in fields(Hints))
    known = (*hints, *DEFAULTABLE)
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known and not (name.startswith(ATTRIBUTE_PREFIX) and len(ATTRIBUTE_PREFIX) < len(name) <= 138):
            raise InvalidInput(f"unknown parameter {name[:80]!r}; known are {', '.join(known)}, attribute.<name>")
        if not value or len(value) > 256:
            raise InvalidInput(f"{name} must have a value of at most 256 characters")
        if name in given:
            raise InvalidInput(f"{name} is given twice")
        given[name] = value
    chosen = {name: value for name, value in given.items() if name in hints}
    attributes = {
        name.removeprefix(ATTRIBUTE_PREFIX): value for name, value in given.items() if name.startswith(ATTRIBUTE_PREFIX)
    }
    if len(attributes) > _MAX_ATTRIBUTES:
        raise InvalidInput(f"at most {_MAX_ATTRIBUTES} attributes can be given for all records")
    return Hints(**chosen), {name: value for name, value in given.items() if name in DEFAULTABLE}, attributes
