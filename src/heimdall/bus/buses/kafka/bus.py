"""`KafkaBus`: the `Bus` on one partition of a topic.

A batch is a message; `append` answers when the brokers have acknowledged it (acks=all, idempotent producer) and the
node has counted it. A thread follows the partition and counts records (`index.py`), so whoever wrote a batch, every
reader gives it the same positions. Storage, and the data folder with its offsets, are the node's own: so are its
partitions. Several nodes share a topic by each having a partition of its own, which its URL names.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heimdall.bus.buses.kafka import metrics
from heimdall.bus.buses.kafka.config import KafkaBusConfig
from heimdall.bus.buses.kafka.connection import client_settings, driver, misconfigured
from heimdall.bus.buses.kafka.index import Base, Entry, FrameIndex
from heimdall.bus.buses.kafka.payloads import Fetcher, Recent
from heimdall.bus.buses.kafka.progress import load_base, save_base
from heimdall.bus.buses.kafka.stamp import Stamp, stamp_of
from heimdall.bus.buses.kafka.topic import open_topic
from heimdall.bus.codec import Codec
from heimdall.bus.port import Frame, ProducerKey
from heimdall.bus.producers import ProducerMemory
from heimdall.clock import Clock
from heimdall.errors import BusUnavailable, Overloaded, TooLarge
from heimdall.model.batch import LogBatch, Origin, TenantId

_LOG = logging.getLogger(__name__)

_ASK_WITHIN_S = 30.0
_CHUNK_BYTES = 32 << 20
"""Of batches as columns, read at a time."""
_FULL_RETRY_S = 0.2
_FETCH_SLACK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of a topic, and brokers to ask for it."""

    brokers: tuple[str, ...]
    topic: str
    partition: int = 0


class KafkaBus:
    """Satisfies `heimdall.bus.port.Bus`. One per partition."""

    def __init__(
        self, place: Place, config: KafkaBusConfig, clock: Clock, directory: Path, *, begin_at: int = 1
    ) -> None:
        """`directory`: of the file that says where counting goes on. `begin_at`: first position, where there is none.

        Raises:
            BusUnavailable: the brokers do not answer; trying again is safe.
            Misconfigured, MissingExtra: an operator has to change something first.
        """
        self._driver = driver()
        self._place = place
        self._config = config
        self._clock = clock
        self._codec = Codec(config.compression, config.max_batch_bytes)
        self._settings = client_settings(place.brokers, config.security)
        self._recent = Recent(config.recent_bytes)
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._on_way: set[Future[int]] = set()
        self._closed = False
        self._stopping = threading.Event()
        self._consumer: Any = None
        self._to_commit: Any = None
        directory.mkdir(parents=True, exist_ok=True)
        self._base_file = directory / f"kafka-{place.topic}-{place.partition}.json"
        self._open_patiently(begin_at)
        self._threads = [
            threading.Thread(target=self._follow, name="kafka-bus-follow", daemon=True),
            threading.Thread(target=self._deliver, name="kafka-bus-deliver", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # -- opening ----------------------------------------------------------------------------------------------------

    def _open_patiently(self, begin_at: int) -> None:
        """Brokers that start beside the node answer, but not every question yet."""
        deadline = time.monotonic() + _ASK_WITHIN_S
        while True:
            try:
                self._open(begin_at)
                return
            except ValueError as exc:
                raise misconfigured("bus.kafka cannot be set up", exc) from exc
            except self._driver.KafkaException as exc:
                if self._consumer is not None:
                    self._consumer.close()
                if exc.args[0].code() == self._driver.KafkaError._INVALID_ARG:
                    raise misconfigured("bus.kafka cannot be set up", exc) from exc
                if time.monotonic() > deadline:
                    raise BusUnavailable(f"kafka at {','.join(self._place.brokers)}: {exc}") from exc
                _LOG.warning("kafka: trying again: %s", exc)
                time.sleep(0.5)

    def _open(self, begin_at: int) -> None:
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415  (an extra)

        place, config = self._place, self._config
        self._admin = AdminClient(self._settings)
        self._topic = open_topic(self._admin, place.topic, place.partition, config)
        largest = max(self._topic.max_message_bytes, config.max_message_bytes) + _FETCH_SLACK_BYTES
        reading = {
            "group.id": config.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.max.bytes": largest,
            "receive.message.max.bytes": largest + _FETCH_SLACK_BYTES,
            "fetch.wait.max.ms": 100,
        }
        self._consumer = self._driver.Consumer(self._settings | reading)
        self._producer = self._new_producer()
        self._fetcher = Fetcher(self._driver, self._settings | reading, place.topic, place.partition)
        self._recover(begin_at)
        known = self._index.marks
        self._producers = ProducerMemory(known, now_s=lambda: self._clock.time_ns() / 1e9)

    def _new_producer(self) -> Any:
        config = self._config
        return self._driver.Producer(
            self._settings
            | {
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                "message.max.bytes": config.max_message_bytes + (1 << 16),
                "message.timeout.ms": int(config.acknowledged_within_s * 1000),
                "queue.buffering.max.kbytes": (config.max_waiting_bytes + config.max_message_bytes) // 1024 + 1024,
            }
        )

    def _recover(self, begin_at: int) -> None:
        """Count what is in the partition, from the base to its end."""
        place = self._place
        partition = self._driver.TopicPartition(place.topic, place.partition)
        low, high = self._consumer.get_watermark_offsets(partition, timeout=_ASK_WITHIN_S)
        base = load_base(self._base_file, self._topic.id)
        if base is None:
            (committed,) = self._consumer.committed([partition], timeout=_ASK_WITHIN_S)
            base = Base(min(max(low, committed.offset), high), begin_at, {})
            save_base(self._base_file, self._topic.id, base)
        self._index = FrameIndex(base)
        begin = base.offset
        if not low <= begin <= high:
            lost = max(low - begin, 1)
            metrics.LOST_MESSAGES.inc(lost)
            _LOG.error(
                "kafka: %s[%d] begins at offset %d and ends at %d, but what is not stored begins at %d: %d messages or "
                "more are gone", place.topic, place.partition, low, high, begin, lost,
            )  # fmt: skip
            self._index.lose(lost)
            begin = low if begin < low else high
        partition.offset = begin
        self._consumer.assign([partition])
        reached = begin
        while reached < high:
            for message in self._consumer.consume(500, 0.2):
                if message.error() is None:
                    self._count(message)
            (position,) = self._consumer.position([partition])
            reached = max(reached, position.offset)

    # -- appending --------------------------------------------------------------------------------------------------

    def append(self, batch: LogBatch, *, producer: ProducerKey | None = None) -> Future[int]:
        if producer is None:
            return self._submit(batch, None)
        return self._producers.once(producer, lambda: self._submit(batch, producer))

    def _submit(self, batch: LogBatch, producer: ProducerKey | None) -> Future[int]:
        payload = self._codec.encode(batch).to_pybytes()
        limit = min(self._config.max_message_bytes, self._topic.max_message_bytes - 1024)
        if len(payload) > limit:
            raise TooLarge(
                f"a batch of {len(payload)} bytes is over the {limit} that topic {self._place.topic} and "
                f"bus.kafka.max_message_bytes allow; send smaller batches"
            )
        stamp = Stamp(batch.num_rows, batch.table.nbytes, self._clock.time_ns(), batch.tenant, producer)
        future: Future[int] = Future()
        begun = self._clock.monotonic()

        def delivered(error: Any, message: Any) -> None:
            self._add_waiting(-len(payload))
            if error is not None:
                with self._lock:
                    self._on_way.discard(future)
                future.set_exception(BusUnavailable(f"kafka did not acknowledge the batch: {error}"))
                return
            metrics.APPEND_SECONDS.observe(self._clock.monotonic() - begun)
            metrics.APPENDED_RECORDS.inc(stamp.count)
            metrics.APPENDED_BYTES.inc(len(payload))
            future.add_done_callback(self._settled)
            self._index.resolve_at(message.offset(), future)

        self._admit(len(payload), future)
        try:
            self._producer.produce(
                self._place.topic, payload, partition=self._place.partition, headers=stamp.headers(),
                on_delivery=delivered,
            )  # fmt: skip
        except (BufferError, self._driver.KafkaException) as exc:
            self._add_waiting(-len(payload))
            self._settled(future)
            self._replace_when_fatal(exc)
            raise BusUnavailable(f"kafka took no batch: {exc}") from exc
        return future

    def _admit(self, size_bytes: int, future: Future[int]) -> None:
        with self._lock:
            if self._closed:
                raise BusUnavailable("the bus is closed")
            if self._waiting_bytes and self._waiting_bytes + size_bytes > self._config.max_waiting_bytes:
                metrics.REFUSED_BATCHES.labels("waiting").inc()
                raise Overloaded(
                    f"{self._waiting_bytes} bytes wait for kafka; send again later", retry_after_s=_FULL_RETRY_S
                )
            self._on_way.add(future)
            self._waiting_bytes += size_bytes
        metrics.WAITING_BYTES.set(self._waiting_bytes)

    def _add_waiting(self, size_bytes: int) -> None:
        with self._lock:
            self._waiting_bytes += size_bytes
        metrics.WAITING_BYTES.set(self._waiting_bytes)

    def _settled(self, future: Future[int]) -> None:
        with self._lock:
            self._on_way.discard(future)

    def _replace_when_fatal(self, exc: Exception) -> None:
        """A producer whose sequence the brokers no longer accept is of no use any more; a new one begins another."""
        if isinstance(exc, self._driver.KafkaException) and exc.args[0].fatal():
            _LOG.error("kafka: the producer is given up and made anew: %s", exc)
            with self._lock:
                self._producer = self._new_producer()

    def _deliver(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)

    # -- following the partition ------------------------------------------------------------------------------------

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                self._commit()
                for message in self._consumer.consume(200, 0.05):
                    if message.error() is None:
                        self._count(message)
                    else:
                        _LOG.warning("kafka: %s", message.error())
            except self._driver.KafkaException as exc:
                _LOG.warning("kafka: %s", exc)
                self._stopping.wait(0.5)

    def _commit(self) -> None:
        """For tools: what counts is the file. In the consuming thread: the driver lets one use a consumer at a time."""
        stored, self._to_commit = self._to_commit, None
        if stored is not None:
            self._consumer.commit(offsets=[stored], asynchronous=True)

    def _count(self, message: Any) -> None:
        stamp = stamp_of(message.headers())
        if stamp is None:
            _LOG.warning("kafka: the message at offset %d is no batch and is passed over", message.offset())
            self._index.skip(message.offset())
            return
        self._recent.add(message.offset(), message.value())
        if not self._index.add(message.offset(), stamp):
            metrics.REPEATED_BATCHES.inc()

    # -- reading ----------------------------------------------------------------------------------------------------

    def kept(self, producer_id: bytes) -> tuple[int, int] | None:
        return self._producers.kept(producer_id)

    def read(self, position: int, *, max_bytes: int) -> Iterator[Frame]:
        taken = 0
        while taken < max_bytes:
            entries = self._index.from_position(position, min(max_bytes - taken, _CHUNK_BYTES))
            if not entries:
                return
            payloads = self._payloads(entries)
            for entry in entries:
                yield self._frame(entry, payloads[entry.offset])
                taken += entry.stamp.decoded_bytes
                position = entry.stop

    def _payloads(self, entries: list[Entry]) -> dict[int, bytes]:
        found = {entry.offset: self._recent.get(entry.offset) for entry in entries}
        missing = [entry for entry in entries if found[entry.offset] is None]
        if missing:
            found |= self._fetcher.fetch(missing)
        return {offset: payload for offset, payload in found.items() if payload is not None}

    def _frame(self, entry: Entry, payload: bytes) -> Frame:
        stamp = entry.stamp
        tenant = TenantId(stamp.tenant)
        batch = LogBatch(tenant, self._codec.decode(payload), Origin(entry.first, entry.stop - 1))
        return Frame(entry.first, stamp.count, tenant, stamp.accepted_at_ns, batch)

    def wait_for(self, position: int, timeout_s: float) -> bool:
        return self._index.wait_for(position, timeout_s)

    def release(self, position: int) -> None:
        base = self._index.release(position)
        self._recent.drop_below(base.offset)
        try:
            save_base(self._base_file, self._topic.id, base)  # first: without it, what is deleted could not be counted
        except OSError as exc:
            _LOG.warning("kafka: how far records are stored could not be saved, nothing is deleted: %s", exc)
            return
        stored = self._driver.TopicPartition(self._place.topic, self._place.partition, base.offset)
        self._to_commit = stored
        if self._config.delete_stored:
            with contextlib.suppress(self._driver.KafkaException):
                self._admin.delete_records([stored])  # not waited for: the next release asks for more

    @property
    def end(self) -> int:
        return self._index.end

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._producer.flush(self._config.acknowledged_within_s)
        with self._lock:
            on_way = set(self._on_way)
        wait_for_futures(on_way, timeout=_ASK_WITHIN_S)
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        for future in on_way:
            if not future.done():
                future.set_exception(BusUnavailable("the bus was closed before the batch was counted; send it again"))
        self._fetcher.close()
        with contextlib.suppress(self._driver.KafkaException):
            self._commit()
        self._consumer.close()
