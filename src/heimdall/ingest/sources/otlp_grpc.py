"""OTLP over gRPC: `opentelemetry.proto.collector.logs.v1.LogsService/Export`.

grpcio rather than HTTP/2 by hand: flow control, deadlines, compression and keep-alive are what exporters test a server
by. Messages come as bytes and go through the decoder of the HTTP door; a message is read only once a thread is free to
decode it, so `threads` × `max_body_bytes` bounds what they hold.
Source: OTLP specification, "OTLP/gRPC": UNAVAILABLE is sent again; RESOURCE_EXHAUSTED only with a RetryInfo.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

import grpc

from heimdall.errors import (
    BusUnavailable,
    Denied,
    HeimdallError,
    InvalidInput,
    Misconfigured,
    NotFound,
    Overloaded,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from heimdall.ingest.decode.decoded import Decoded
from heimdall.ingest.decode.otlp_protobuf import decode_otlp_protobuf
from heimdall.ingest.sources.http.otlp import otlp_response
from heimdall.ingest.sources.intake import Intake

_SERVICE = "opentelemetry.proto.collector.logs.v1.LogsService"
_ACKNOWLEDGED_WITHIN_S = 60.0
"""A journal that takes longer for one batch has stopped; the sender sends again."""

_STOP_S = 3.0
"""Calls under way get this long to end."""

_STATUS: tuple[tuple[type[HeimdallError], grpc.StatusCode], ...] = (
    (TooLarge, grpc.StatusCode.INVALID_ARGUMENT),
    (InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (Denied, grpc.StatusCode.PERMISSION_DENIED),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (Overloaded, grpc.StatusCode.UNAVAILABLE),
    (Unavailable, grpc.StatusCode.UNAVAILABLE),
    (Refused, grpc.StatusCode.INVALID_ARGUMENT),
)
"""This protocol's words for the error tree. Overloaded is UNAVAILABLE: every exporter sends that again by itself."""


class OtlpGrpc:
    """A server of its own beside the HTTP one; both share one `intake`."""

    def __init__(self, intake: Intake, *, threads: int = 4) -> None:
        self._intake = intake
        limit = ("grpc.max_receive_message_length", intake.max_body_bytes)
        self._server = grpc.server(
            ThreadPoolExecutor(threads, thread_name_prefix="heimdall-grpc"),
            options=[limit, ("grpc.so_reuseport", 0)],
        )
        handler = grpc.unary_unary_rpc_method_handler(self._export)  # no serializers: bytes in, bytes out
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, {"Export": handler})])

    def start(self, host: str, port: int) -> int:
        """Listen; the port, which is a free one where `port` is 0.

        Raises:
            Misconfigured: the port is taken, or the address is not ours.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = self._server.add_insecure_port(address)
        except RuntimeError as exc:
            raise Misconfigured(f"cannot listen on {address}: {exc}") from exc
        self._server.start()
        return int(bound)

    def stop(self) -> None:
        """Refuse new calls, let those under way end."""
        self._server.stop(_STOP_S).wait()

    def _export(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            with self._intake.refusals("otlp_grpc"):
                return otlp_response(self._taken(body))
        except HeimdallError as exc:
            code = next((code for kind, code in _STATUS if isinstance(exc, kind)), grpc.StatusCode.INTERNAL)
            context.abort(code, str(exc))
            raise AssertionError("abort raises") from exc

    def _taken(self, body: bytes) -> Decoded:
        intake = self._intake

        def decode(sent: bytes) -> Decoded:
            return decode_otlp_protobuf(sent, now_ns=intake.clock.time_ns(), schemas=intake.schemas)

        with intake.budget.lease() as lease:
            lease.grow(len(body))
            taken = intake.take(body, "", decode, lease)
            if taken.durable is not None:
                try:
                    taken.durable.result(timeout=_ACKNOWLEDGED_WITHIN_S)
                except FutureTimeout as exc:
                    raise BusUnavailable("the bus did not acknowledge in time") from exc
        return intake.accepted("otlp_grpc", taken)
