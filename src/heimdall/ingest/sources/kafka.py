"""Kafka topics as a source: one member of a consumer group, in a thread of its own.

What was read is decoded, put onto the bus, and only when the bus has it durably are the offsets committed. The bus also
notes, with each batch, which offset the partition goes on with: a node that was killed between the two goes on there,
so none of its records is lost or doubled. Partitions move to another member between two batches, never during one.

While the bus takes nothing, nothing more is read: the broker keeps it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from prometheus_client import Gauge

from heimdall.bus.buses.kafka.connection import KafkaSecurityConfig, client_settings, driver, misconfigured
from heimdall.bus.port import Bus, ProducerKey
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, NotFound, Overloaded, Refused, Unavailable
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.kafka import Messages
from heimdall.ingest.decode.malformed import malformed
from heimdall.ingest.decode.payloads import PayloadsDecoded, decode_apart, decode_payloads, together, with_envelopes
from heimdall.ingest.port import Address
from heimdall.ingest.sources.intake import BYTES, RECORDS
from heimdall.model.batch import DEFAULT_TENANT, LogBatch

if TYPE_CHECKING:
    from heimdall.ingest.decode.registered import Readers, RegisteredSchema
    from heimdall.ingest.sources.registered_schemas import RegisteredSchemas

_log = logging.getLogger(__name__)

LAG = Gauge(
    "heimdall_ingest_kafka_lag_messages",
    "Messages of a partition that are not durable on the bus yet.",
    ["topic", "partition"],
    unit="messages",
)

_DOOR = "kafka"
_DURABLE_WITHIN_S = 60.0
"""A bus that takes longer for one batch has stopped; the batch is sent again under the same key."""
_ASK_WITHIN_S = 10.0
"""Of questions to the brokers."""
_MAX_CONSUMED = 1000
"""Messages taken from the driver at a time: bounds what a sudden run of large ones can hold."""
_QUEUED_KB = 32 << 10
"""What the driver fetches ahead, kB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConfig:
    brokers: tuple[str, ...] = ()
    """Some of the cluster's brokers, `host:port`; empty = off."""
    topics: tuple[str, ...] = ()
    """To read. One that begins with `^` is a regular expression over the names of topics."""
    group: str = "heimdall"
    """Consumer group. Nodes of one group share the partitions; a new group reads from `start`."""
    member: str = ""
    """This node's own name in the group, different for each node. With one, a node that restarts has its partitions
    back at once; without, they wait for `session_timeout_s` after a kill."""
    session_timeout_s: float = 30.0
    """Silence after which a member's partitions go to others. Larger: longer without them after a kill."""
    format: Literal["auto", "json", "text"] = "auto"
    """Of the messages. `auto`: JSON objects as JSON, everything else as a line of text; `json`: objects only."""
    registry: str = ""
    """Where the schemas of Avro, Protobuf and JSON Schema messages are: the address of a schema registry, or `own` for
    this node's. Empty = messages carry no schema."""
    registry_username: str = ""
    """Name of the login at the registry; empty = none."""
    registry_secret: str = ""
    """Password of that login; best given as an environment variable."""
    start: Literal["earliest", "latest"] = "earliest"
    """Where a group begins that has no offsets yet."""
    dead_letter_topic: str = ""
    """Where messages go that cannot be decoded, whole, with the reason in a header. Empty = they become records
    marked `malformed`."""
    max_batch_records: int = 20_000
    """Records of a partition decoded at a time. Larger batches cost less a record, up to about this many."""
    max_batch_bytes: int = 8 << 20
    """Bytes read before they are decoded. Bounds memory, with the 32 MiB the driver fetches ahead."""
    max_wait_s: float = 0.2
    """Seconds that reading waits for more: most of the time between a message and its record."""
    security: KafkaSecurityConfig = field(default_factory=KafkaSecurityConfig)

    def __post_init__(self) -> None:
        if bool(self.brokers) != bool(self.topics):
            raise ValueError("brokers and topics belong together")
        if self.registry not in ("", "own") and not self.registry.startswith(("http://", "https://")):
            raise ValueError("registry is own, or an address that begins with http:// or https://")


@dataclass(slots=True)
class _Part:
    """One partition's share of what was read, on its way."""

    topic: str
    partition: int
    next_offset: int
    messages: Messages
    size_bytes: int
    decoded: PayloadsDecoded | None = None


class KafkaSource:
    """Satisfies `heimdall.ingest.port.Source`. Listens nowhere: it asks."""

    name = _DOOR

    def __init__(
        self, bus: Bus, clock: Clock, config: KafkaConfig, registered: RegisteredSchemas | None = None
    ) -> None:
        self._bus = bus
        self._registered = registered
        self._found: dict[int, RegisteredSchema | str] = {}
        """Of the schemas the batch names: each, or why there is none."""
        self._clock = clock
        self._config = config
        self._schemas = SchemaMemory()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heimdall-kafka", daemon=True)
        self._next: dict[tuple[str, int], int] = {}
        self._gathered: list[Any] = []
        """Offsets to commit: everything before them is durable here."""
        self._producers: dict[str, bytes] = {}
        self._average_bytes = 1024.0
        self._readers: Readers | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        return ()

    def start(self) -> None:
        self._driver = driver()
        settings = client_settings(self._config.brokers, self._config.security)
        consuming = {
            "group.id": self._config.group,
            "auto.offset.reset": self._config.start,
            "enable.auto.commit": False,
            "partition.assignment.strategy": "cooperative-sticky",
            "heartbeat.interval.ms": 1000,  # how soon a member hears that partitions move
            "session.timeout.ms": int(self._config.session_timeout_s * 1000),
            "queued.max.messages.kbytes": _QUEUED_KB,
        }
        if self._config.member:
            consuming["group.instance.id"] = self._config.member
        try:
            self._consumer: Any = self._driver.Consumer(settings | consuming)
            self._dead_letters: Any = None
            if self._config.dead_letter_topic:
                self._dead_letters = self._driver.Producer(settings | {"enable.idempotence": True})
            self._admin = _admin(settings)
            self._consumer.subscribe(list(self._config.topics), on_assign=self._assigned, on_revoke=self._revoked)
        except (self._driver.KafkaException, ValueError) as exc:
            raise misconfigured("sources.kafka cannot be set up", exc) from exc
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._registered is not None:
            self._registered.close()

    # -- reading ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    self._round()
                except self._driver.KafkaException as exc:
                    _log.warning("kafka: %s", exc)
                    self._stopping.wait(1.0)
        except Exception:
            _log.exception("kafka: reading stopped; what was not committed is read again after a restart")
        finally:
            self._consumer.close()  # hands its partitions back, which commits

    def _round(self) -> None:
        parts = self._split(self._consume())
        waiting = [(part, self._begin(part)) for part in parts]
        if all([self._finish(part, durable) for part, durable in waiting]) and parts:
            self._commit(parts)

    def _consume(self) -> list[Any]:
        """Messages until there are enough of them, or for `max_wait_s` after the first."""
        config = self._config
        self._gathered = []
        size = 0
        deadline: float | None = None
        while (
            len(self._gathered) < config.max_batch_records
            and size < config.max_batch_bytes
            and not self._stopping.is_set()
        ):
            remaining_s = config.max_wait_s if deadline is None else deadline - self._clock.monotonic()
            if remaining_s <= 0:
                break
            room = int((config.max_batch_bytes - size) / self._average_bytes)
            wanted = max(1, min(room, config.max_batch_records - len(self._gathered), _MAX_CONSUMED))
            more = [
                message for message in self._consumer.consume(wanted, min(remaining_s, 0.05)) if self._usable(message)
            ]
            if more:
                deadline = deadline or self._clock.monotonic() + config.max_wait_s
                more_bytes = sum(len(message) for message in more)
                self._average_bytes = max(more_bytes / len(more), 64.0)
                size += more_bytes
                self._gathered += more
        return self._gathered

    def _usable(self, message: Any) -> bool:
        error = message.error()
        if error is not None:
            _log.warning("kafka: %s", error)
        return error is None

    def _split(self, messages: Iterable[Any]) -> list[_Part]:
        by_partition: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for message in messages:
            by_partition[message.topic(), message.partition()].append(message)
        return [_part(topic, partition, found) for (topic, partition), found in by_partition.items()]

    # -- to the bus -------------------------------------------------------------------------------------------------

    def _begin(self, part: _Part) -> Future[int] | None:
        if self._registered is not None and not self._look_up(self._registered, part.messages):
            return None
        decoded = decode_apart(part.messages, self._decoded)
        if decoded.undecodable:
            decoded = self._set_aside(part.messages, decoded)
        part.decoded = decoded
        return self._append(part)

    def _look_up(self, registered: RegisteredSchemas, messages: Messages) -> bool:
        """Asks for the schemas that `messages` name, as long as the registry is away. False: the source was stopped."""
        from heimdall.ingest.decode.registered import ids_of  # noqa: PLC0415  (an extra)

        self._found = {}
        for schema_id in sorted(ids_of(messages.values)):
            while schema_id not in self._found:
                try:
                    self._found[schema_id] = registered.schema(schema_id)
                except (NotFound, InvalidInput) as exc:
                    self._found[schema_id] = str(exc)
                except Unavailable as exc:
                    _log.warning("kafka: waiting for a schema: %s", exc)
                    if self._stopping.wait(exc.retry_after_s):
                        return False
        return True

    def _decoded(self, messages: Messages) -> PayloadsDecoded:
        now_ns, format = self._clock.time_ns(), self._config.format
        if not self._found:
            return decode_payloads(messages, format, now_ns=now_ns, schemas=self._schemas)
        from heimdall.ingest.decode.registered import Readers, decode_registered  # noqa: PLC0415  (an extra)

        self._readers = self._readers or Readers()
        return decode_registered(messages, self._found, self._readers, format, now_ns=now_ns, schemas=self._schemas)

    def _set_aside(self, messages: Messages, decoded: PayloadsDecoded) -> PayloadsDecoded:
        """Those that cannot be decoded: to the dead-letter topic, or kept as their bytes."""
        bad = messages.at([place for place, _ in decoded.undecodable])
        if self._dead_letters is not None:
            self._bury(bad, [reason for _, reason in decoded.undecodable])
            return decoded
        now_ns = self._clock.time_ns()
        table = with_envelopes(malformed(bad.values, now_ns=now_ns), bad, now_ns=now_ns)
        return PayloadsDecoded(together(decoded.table, table), (), 0)

    def _bury(self, bad: Messages, reasons: list[str]) -> None:
        """Until the brokers have them, or the source is stopped; then their offsets are not committed either."""
        while not self._stopping.is_set():
            failed = self._send_letters(bad, reasons)
            if not failed:
                return
            _log.warning("kafka: dead letters could not be sent, trying again: %s", failed)

    def _send_letters(self, bad: Messages, reasons: list[str]) -> str:
        """Empty once the brokers have all of them, else why not."""
        failed: list[str] = []

        def note(error: Any, _message: Any) -> None:
            if error is not None:
                failed.append(str(error))

        rows = zip(bad.values, bad.keys, bad.headers, bad.offsets, reasons, strict=True)
        for value, key, headers, offset, reason in rows:
            said = {"reason": reason, "topic": bad.topic, "partition": str(bad.partition), "offset": str(offset)}
            ours = [(f"heimdall.{name}", text.encode()) for name, text in said.items()]
            self._dead_letters.produce(
                self._config.dead_letter_topic, value, key, headers=[*headers, *ours], on_delivery=note
            )
        if self._dead_letters.flush(_DURABLE_WITHIN_S):
            self._dead_letters.purge()
            self._dead_letters.flush(1)
            failed.append("the brokers did not acknowledge")
        return failed[0] if failed else ""

    def _append(self, part: _Part) -> Future[int] | None:
        """None: there is nothing to keep, or the source was stopped."""
        if part.decoded is None or not part.decoded.num_rows:
            return None
        key = ProducerKey(self._producer(part.topic, part.partition), 0, part.next_offset)
        while not self._stopping.is_set():
            try:
                return self._bus.append(LogBatch(DEFAULT_TENANT, part.decoded.table), producer=key)
            except (Overloaded, Unavailable) as exc:
                self._stopping.wait(exc.retry_after_s)
            except (InvalidInput, Refused) as exc:
                refused: Future[int] = Future()
                refused.set_exception(exc)
                return refused
        return None

    def _finish(self, part: _Part, durable: Future[int] | None) -> bool:
        """Whether the part's records are on the bus. False only when the source was stopped first."""
        if part.decoded is None:
            return False
        while part.decoded.num_rows:
            if durable is None:
                return False
            try:
                durable.result(_DURABLE_WITHIN_S)
                break
            except FutureTimeout:
                _log.warning("kafka: the bus did not acknowledge in %.0f s, sending again", _DURABLE_WITHIN_S)
            except (Overloaded, Unavailable) as exc:
                if self._stopping.wait(exc.retry_after_s):
                    return False
            except (InvalidInput, Refused) as exc:
                return self._refused(part, str(exc))
            durable = self._append(part)
        RECORDS.labels(_DOOR, "accepted").inc(part.decoded.num_rows)
        RECORDS.labels(_DOOR, "rejected").inc(part.decoded.rejected_count)
        BYTES.labels(_DOOR).inc(part.size_bytes)
        self._next[part.topic, part.partition] = part.next_offset
        return True

    def _refused(self, part: _Part, reason: str) -> bool:
        """The bus can never keep the batch: smaller ones, down to the message that it is about."""
        if len(part.messages) > 1:
            middle = len(part.messages) // 2
            halves = (range(middle), range(middle, len(part.messages)))
            smaller = [_part_of(part.messages.at(places)) for places in halves]
            return all(self._finish(half, self._begin(half)) for half in smaller)
        _log.error("kafka: %s[%d] offset %d: %s", part.topic, part.partition, part.messages.offsets[0], reason)
        if self._dead_letters is not None:
            self._bury(part.messages, [reason])
        RECORDS.labels(_DOOR, "rejected").inc()
        self._next[part.topic, part.partition] = part.next_offset
        return True

    # -- offsets ----------------------------------------------------------------------------------------------------

    def _commit(self, parts: list[_Part]) -> None:
        made = [self._driver.TopicPartition(part.topic, part.partition, part.next_offset) for part in parts]
        self._consumer.commit(offsets=made, asynchronous=True)
        for part in made:
            _low, high = self._consumer.get_watermark_offsets(part, cached=True)
            LAG.labels(part.topic, str(part.partition)).set(max(high - part.offset, 0))

    def _assigned(self, consumer: Any, partitions: list[Any]) -> None:
        """Go on after what the bus has, if that is later than what was committed: a kill came between the two."""
        while partitions and not self._stopping.is_set():
            try:
                begin = consumer.committed(partitions, timeout=_ASK_WITHIN_S)
                for found in begin:
                    kept = self._bus.kept(self._producer(found.topic, found.partition))
                    if kept is not None and kept[1] > found.offset:
                        found.offset = kept[1]
                consumer.incremental_assign(begin)
                break
            except self._driver.KafkaException as exc:
                _log.warning("kafka: where to go on is not known yet: %s", exc)
                self._stopping.wait(1.0)
        _log.info("kafka: reading %s", ", ".join(f"{p.topic}[{p.partition}]" for p in partitions) or "no partition")

    def _revoked(self, consumer: Any, partitions: list[Any]) -> None:
        """While a batch is gathered: what the batches before hold is durable, so whoever gets the partitions goes on
        exactly there, and what was gathered of them is theirs."""
        leaving = {(part.topic, part.partition) for part in partitions}
        self._gathered = [m for m in self._gathered if (m.topic(), m.partition()) not in leaving]
        made = []
        for part in partitions:
            offset = self._next.pop((part.topic, part.partition), None)
            if offset is not None:
                made.append(self._driver.TopicPartition(part.topic, part.partition, offset))
        if made:
            try:
                consumer.commit(offsets=made, asynchronous=False)
            except self._driver.KafkaException as exc:
                _log.warning("kafka: offsets were not committed while partitions left: %s", exc)

    def _producer(self, topic: str, partition: int) -> bytes:
        """Names the partition to the bus, by the topic's own id: one made anew under the old name is another topic."""
        if topic not in self._producers:
            self._producers[topic] = _topic_id(self._admin, topic)
        names = (self._config.group.encode(), self._producers[topic], str(partition).encode())
        return hashlib.blake2b(b"\0".join(names), digest_size=16).digest()


def _part(topic: str, partition: int, found: list[Any]) -> _Part:
    messages = Messages(
        topic,
        partition,
        [message.value() or b"" for message in found],
        [message.key() for message in found],
        [tuple(message.headers() or ()) for message in found],
        [message.offset() for message in found],
        [max(message.timestamp()[1], 0) for message in found],
    )
    return _part_of(messages)


def _part_of(messages: Messages) -> _Part:
    size_bytes = sum(map(len, messages.values))
    return _Part(messages.topic, messages.partition, messages.offsets[-1] + 1, messages, size_bytes)


def _admin(settings: dict[str, Any]) -> Any:
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415  (an extra)

    return AdminClient(settings)


def _topic_id(admin: Any, topic: str) -> bytes:
    from confluent_kafka import TopicCollection  # noqa: PLC0415  (an extra)

    found = admin.describe_topics(TopicCollection([topic]), request_timeout=_ASK_WITHIN_S)[topic].result()
    return f"{topic}\0{found.topic_id}".encode()
