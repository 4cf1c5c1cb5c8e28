from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from doors import NOW_NS
from heimdall.bus.buses.memory import MemoryBus
from heimdall.clock import ManualClock
from heimdall.errors import BusUnavailable, Misconfigured, Overloaded
from heimdall.ingest.sources.intake import Intake
from heimdall.ingest.sources.otlp_grpc import OtlpGrpc

Started = Callable[..., tuple[grpc.Channel, Any]]


@pytest.fixture
def started() -> Iterator[Started]:
    servers: list[OtlpGrpc] = []
    channels: list[grpc.Channel] = []

    def start(bus: Any = None, *, max_body_bytes: int = 1 << 20, max_in_flight_bytes: int = 1 << 20) -> Any:
        clock = ManualClock(NOW_NS)
        bus = bus or MemoryBus(clock)
        intake = Intake(bus, clock, max_body_bytes=max_body_bytes, max_in_flight_bytes=max_in_flight_bytes)
        servers.append(OtlpGrpc(intake))
        channels.append(grpc.insecure_channel(f"127.0.0.1:{servers[-1].start('127.0.0.1', 0)}"))
        return channels[-1], bus

    yield start
    for channel in channels:
        channel.close()
    for server in servers:
        server.stop()


def request_of(*messages: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for message in messages:
        scope.log_records.add().body.string_value = message
    return request


def test_records_are_on_the_bus_before_the_answer(started: Started) -> None:
    channel, bus = started()
    for compression in (None, grpc.Compression.Gzip):
        answer = LogsServiceStub(channel).Export(request_of("one", "two"), compression=compression, timeout=20)
        assert answer == ExportLogsServiceResponse()
    found = [text for frame in bus.read(1, max_bytes=1 << 20) for text in frame.batch.table["message"].to_pylist()]
    assert found == ["one", "two"] * 2
    assert LogsServiceStub(channel).Export(ExportLogsServiceRequest(), timeout=20) == ExportLogsServiceResponse()


def sent(channel: grpc.Channel, body: bytes) -> bytes:
    return bytes(channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export")(body, timeout=20))


def test_a_malformed_record_is_told_as_partial_success(started: Started) -> None:
    channel, bus = started()
    records = b"\x12\x07\x2a\x05\x0a\x03one" + b"\x12\x02\x2a\xff" + b"\x12\x07\x2a\x05\x0a\x03two"
    scope = b"\x12" + bytes([len(records)]) + records
    answer = ExportLogsServiceResponse.FromString(sent(channel, b"\x0a" + bytes([len(scope)]) + scope))
    assert answer.partial_success.rejected_log_records == 1
    assert "record 2" in answer.partial_success.error_message
    found = [text for frame in bus.read(1, max_bytes=1 << 20) for text in frame.batch.table["message"].to_pylist()]
    assert found == ["one", "two"]


class FailingBus:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def append(self, batch: Any, *, producer: Any = None) -> Future[int]:
        raise self._error


@pytest.mark.parametrize("error", [Overloaded("slow down", retry_after_s=7), BusUnavailable("sealed")])
def test_what_may_work_later_is_unavailable(started: Started, error: Exception) -> None:
    channel, _ = started(FailingBus(error))
    with pytest.raises(grpc.RpcError) as told:
        LogsServiceStub(channel).Export(request_of("x"), timeout=20)
    assert told.value.code() is grpc.StatusCode.UNAVAILABLE


def test_what_can_never_be_read_is_an_invalid_argument(started: Started) -> None:
    channel, _ = started()
    with pytest.raises(grpc.RpcError) as told:
        sent(channel, b"\xff\xff")
    assert told.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_more_bytes_than_the_node_can_hold_are_sent_again_later(started: Started) -> None:
    channel, _ = started(max_in_flight_bytes=100)
    with pytest.raises(grpc.RpcError) as told:
        LogsServiceStub(channel).Export(request_of("x" * 200), timeout=20)
    assert told.value.code() is grpc.StatusCode.UNAVAILABLE
    assert LogsServiceStub(channel).Export(request_of("x"), timeout=20) == ExportLogsServiceResponse()


def test_a_taken_port_is_refused(started: Started) -> None:
    clock = ManualClock(NOW_NS)
    intake = Intake(MemoryBus(clock), clock, max_body_bytes=1000, max_in_flight_bytes=1000)
    one, other = OtlpGrpc(intake), OtlpGrpc(intake)
    port = one.start("127.0.0.1", 0)
    with pytest.raises(Misconfigured, match=str(port)):
        other.start("127.0.0.1", port)
    one.stop()
    other.stop()
