"""`RedisCache`: level 2 on a Redis server or cluster, which may be slow, full or away without a query noticing.

Reads wait `READ_TIMEOUT_S` at the most, once: the first failure opens the circuit, and from then on the writer's thread
alone probes the server. Writes are queued for that thread within a bound in bytes, and dropped beyond it.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from heimdall.clock import Clock
from heimdall.errors import MissingExtra
from heimdall.query.cache.breaker import Breaker
from heimdall.query.cache.encoding import decode, encode
from heimdall.query.cache.metrics import DROPPED, HITS, MISSES
from heimdall.query.cache.port import CacheKey, Entry

_log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.05
"""Longest wait for the server's answer; computing most answers takes no longer."""

CONNECT_TIMEOUT_S = 0.25
"""Longest wait for a connection, which the writer's thread makes before queries use the server."""

QUEUE_BYTES = 32 * 1024 * 1024
"""Of entries that wait to be written."""

LARGEST_BYTES = 4 * 1024 * 1024
"""Of one entry: more would hold up the server's only thread."""

_IDLE_S = 1.0


class RedisCache:
    """`url`: `redis://…` or `rediss://…` for one server; with `cluster`, of any node of a cluster."""

    def __init__(self, url: str, clock: Clock, *, cluster: bool = False, ttl_s: int = 3_600) -> None:
        try:
            import redis
        except ImportError as exc:
            raise MissingExtra("redis", "redis") from exc
        self._redis = redis
        self._failures = (redis.RedisError, OSError, ValueError)
        self._url = url
        self._cluster = cluster
        self._ttl_s = ttl_s
        self._client: Any = None
        self._breaker = Breaker(clock)
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[CacheKey, Entry] | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="redis-cache", daemon=True)
        self._thread.start()

    @property
    def available(self) -> bool:
        """Whether the server answered when last asked."""
        return self._breaker.closed

    def get(self, keys: Sequence[CacheKey]) -> Mapping[CacheKey, Entry]:
        found: dict[CacheKey, Entry] = {}
        if keys and self._breaker.closed:
            try:
                values = self._read(keys)
            except self._failures as exc:
                self._failed(exc)
                values = []
            for key, value in zip(keys, values, strict=False):
                entry = None if value is None else decode(key, value)
                if entry is not None:
                    found[key] = entry
        HITS.labels("redis").inc(len(found))
        MISSES.labels("redis").inc(len(keys) - len(found))
        return found

    def put(self, entries: Mapping[CacheKey, Entry]) -> None:
        for key, entry in entries.items():
            size = entry.size_bytes
            with self._lock:
                fits = self._breaker.closed and self._waiting_bytes + size <= QUEUE_BYTES
                if fits:
                    self._waiting_bytes += size
            if fits:
                self._waiting.put((key, entry))
            else:
                DROPPED.inc()

    def close(self) -> None:
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join(timeout=5.0)
        if self._client is not None:
            self._client.close()

    def _read(self, keys: Sequence[CacheKey]) -> list[bytes | None]:
        if len(keys) == 1:
            return [self._client.get(_name(keys[0]))]
        if not self._cluster:
            return list(self._client.mget([_name(key) for key in keys]))
        with self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.get(_name(key))
            return list(pipeline.execute())

    # ------------------------------------------------------------------ the writer's thread

    def _work(self) -> None:
        while not self._stopping.is_set():
            due_s = self._breaker.due_in_s
            if due_s is not None and due_s <= 0:
                self._probe()
                continue
            try:
                item = self._waiting.get(timeout=_IDLE_S if due_s is None else min(due_s, _IDLE_S))
            except queue.Empty:
                continue
            if item is not None:
                self._write(*item)

    def _probe(self) -> None:
        try:
            if self._client is None:
                self._client = self._connect()
            self._client.ping()
        except self._failures as exc:
            self._failed(exc)
        else:
            self._breaker.succeeded()

    def _write(self, key: CacheKey, entry: Entry) -> None:
        with self._lock:
            self._waiting_bytes -= entry.size_bytes
        data = encode(key, entry)
        if not self._breaker.closed or len(data) > LARGEST_BYTES:
            DROPPED.inc()
            return
        try:
            self._client.set(_name(key), data, ex=self._ttl_s)
        except self._failures as exc:
            DROPPED.inc()
            self._failed(exc)

    def _connect(self) -> Any:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        redis = self._redis
        once = Retry(NoBackoff(), 0)
        options = {
            "socket_timeout": READ_TIMEOUT_S,
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "retry": once,
        }
        if self._cluster:
            return redis.RedisCluster.from_url(self._url, **options)
        return redis.Redis.from_url(self._url, **options)

    def _failed(self, exc: Exception) -> None:
        if self._breaker.closed:
            _log.warning("redis cache is left alone for now, queries go on without it: %s", exc)
        self._breaker.failed()


def _name(key: CacheKey) -> str:
    return f"heimdall:{key.plan}:{key.version}"
