"""What each producer has had kept: how a batch that is sent twice is known, across restarts of either side."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from heimdall.bus.port import ProducerKey
from heimdall.durable import replacing
from heimdall.errors import Overloaded

REMEMBERED_S = 7 * 86_400
"""How long a producer that sends nothing is remembered. One that comes back later and sends its last batch again has
it kept twice; longer costs 60 bytes of memory for each producer that ever was."""

MAX_PRODUCERS = 100_000
"""Remembered at a time; of more, those heard of last."""

_ON_ITS_WAY_RETRY_S = 0.05

Mark = tuple[int, int]
"""Epoch and sequence."""


@dataclass(frozen=True, slots=True)
class _Kept:
    mark: Mark
    heard_at_s: int


class ProducerMemory:
    """Safe from several threads."""

    def __init__(self, known: Mapping[bytes, Mark] | None = None, *, now_s: Callable[[], float]) -> None:
        """`known`: last marks found in the log itself."""
        self._now_s = now_s
        self._lock = threading.Lock()
        self._on_way: dict[bytes, tuple[Mark, Future[int]]] = {}
        self._kept = {producer: _Kept(mark, int(now_s())) for producer, mark in (known or {}).items()}
        self._changed = True

    def once(self, key: ProducerKey, append: Callable[[], Future[int]]) -> Future[int]:
        """`append()`, unless that batch or a later one of its producer was kept: then a future of 0.

        Raises:
            Overloaded: another batch of the producer is on its way. Were both under way, and only the second kept,
                the first one sent again would be taken for kept.
        """
        mark = (key.epoch, key.sequence)
        with self._lock:
            kept = self._kept.get(key.producer_id)
            if kept is not None and mark <= kept.mark:
                done: Future[int] = Future()
                done.set_result(0)
                return done
            on_way = self._on_way.get(key.producer_id)
            if on_way is not None:
                if on_way[0] == mark:
                    return on_way[1]
                raise Overloaded(
                    "the batch before this one of the same producer is still on its way; send one at a time",
                    retry_after_s=_ON_ITS_WAY_RETRY_S,
                )
            future = append()
            self._on_way[key.producer_id] = (mark, future)
        future.add_done_callback(lambda settled: self._settle(key.producer_id, mark, settled))
        return future

    def kept(self, producer_id: bytes) -> Mark | None:
        """Its last batch that was kept."""
        with self._lock:
            kept = self._kept.get(producer_id)
            return None if kept is None else kept.mark

    def _settle(self, producer: bytes, mark: Mark, future: Future[int]) -> None:
        with self._lock:
            self._on_way.pop(producer, None)
            if future.exception() is None:
                self._kept.pop(producer, None)  # so that the order is that of hearing
                self._kept[producer] = _Kept(mark, int(self._now_s()))
                self._changed = True

    # --- across restarts, for what the log itself no longer holds

    def load(self, path: Path) -> None:
        """Add what `save` wrote. A file that is missing or damaged adds nothing."""
        try:
            rows = json.loads(path.read_bytes())
            found = {bytes.fromhex(row[0]): _Kept((int(row[1]), int(row[2])), int(row[3])) for row in rows}
        except (OSError, ValueError, TypeError, IndexError):
            return
        with self._lock:
            for producer, kept in found.items():
                own = self._kept.get(producer)
                if own is None or own.mark < kept.mark:
                    self._kept[producer] = kept

    def save(self, path: Path) -> None:
        """Durably, before the log forgets. Does nothing when nothing changed since.

        Raises:
            OSError: nothing was changed on disk.
        """
        with self._lock:
            if not self._changed:
                return
            oldest = self._now_s() - REMEMBERED_S
            recent = [item for item in self._kept.items() if item[1].heard_at_s >= oldest][-MAX_PRODUCERS:]
            self._kept = dict(recent)
            self._changed = False
        rows = [[producer.hex(), *kept.mark, kept.heard_at_s] for producer, kept in recent]
        try:
            with replacing(path) as file:
                file.write(json.dumps(rows).encode())
        except OSError:
            with self._lock:
                self._changed = True
            raise
