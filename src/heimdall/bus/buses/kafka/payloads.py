"""Batches of the partition as bytes: the newest from memory, older ones from the brokers."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from heimdall.bus.buses.kafka.index import Entry
from heimdall.errors import BusUnavailable

_WITHIN_S = 15.0
"""Without any message in this time the brokers are taken to be away."""


class Recent:
    """Payloads by offset; beyond the capacity the oldest go. Safe from several threads."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._size_bytes = 0
        self._payloads: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, offset: int, payload: bytes) -> None:
        with self._lock:
            self._payloads[offset] = payload
            self._size_bytes += len(payload)
            while self._size_bytes > self._capacity_bytes:
                self._drop_oldest_locked()

    def get(self, offset: int) -> bytes | None:
        with self._lock:
            return self._payloads.get(offset)

    def drop_below(self, offset: int) -> None:
        with self._lock:
            while self._payloads and next(iter(self._payloads)) < offset:
                self._drop_oldest_locked()

    def _drop_oldest_locked(self) -> None:
        _, payload = self._payloads.popitem(last=False)
        self._size_bytes -= len(payload)


class Fetcher:
    """Reads batches back from the brokers, for one caller at a time; others wait."""

    def __init__(self, driver: Any, settings: dict[str, Any], topic: str, partition: int) -> None:
        self._driver = driver
        self._consumer = driver.Consumer(settings)
        self._topic, self._partition = topic, partition
        self._next: int | None = None
        self._lock = threading.Lock()

    def fetch(self, entries: Sequence[Entry]) -> dict[int, bytes]:
        """Payloads of `entries`, which are in order, by offset.

        Raises:
            BusUnavailable: the brokers did not give all of them.
        """
        wanted = {entry.offset for entry in entries}
        got: dict[int, bytes] = {}
        last = entries[-1].offset
        with self._lock:
            try:
                self._seek(entries[0].offset)
                deadline = time.monotonic() + _WITHIN_S
                while self._next is not None and self._next <= last:
                    for message in self._consumer.consume(min(len(wanted), 64), 0.2):
                        if message.error() is not None:
                            continue
                        deadline = time.monotonic() + _WITHIN_S
                        self._next = message.offset() + 1
                        if message.offset() in wanted:
                            got[message.offset()] = message.value()
                    if time.monotonic() > deadline:
                        raise BusUnavailable(
                            f"kafka did not give {self._topic}[{self._partition}] back in {_WITHIN_S} s"
                        )
            except self._driver.KafkaException as exc:
                raise BusUnavailable(f"kafka topic {self._topic} cannot be read: {exc}") from exc
            finally:
                if self._next != last + 1:
                    self._next = None  # what comes next is not known: seek
        return got

    def _seek(self, offset: int) -> None:
        if self._next != offset:
            self._consumer.assign([self._driver.TopicPartition(self._topic, self._partition, offset)])
            self._next = offset

    def close(self) -> None:
        with self._lock:
            self._consumer.close()
