"""What every cache promises, run against memory, one Redis server, a Redis cluster of three nodes, and layers."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from contracts.redis_servers import RedisServer, start_cluster, wait_until
from heimdall.clock import SystemClock
from heimdall.query.cache import Cache, CacheKey, Entry, open_cache
from heimdall.query.cache.encoding import decode, encode
from heimdall.query.cache.redis import READ_TIMEOUT_S, RedisCache

TABLE = pa.table(
    {
        "text": pa.array(["a", None, "é\n"], pa.large_string()),
        "level": pa.array(["x", "x", None]).dictionary_encode(),
        "at": pa.array([1, -(2**62), None], pa.int64()).cast(pa.timestamp("ns", "UTC")),
        "n": pa.array([2**63, 0, 7], pa.uint64()),
        "share": pa.array([0.1, float("inf"), None]),
    }
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    with start_cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(params=["memory", "redis", "redis cluster", "memory before redis"])
def setting(request: pytest.FixtureRequest) -> str:
    match request.param:
        case "memory":
            return "memory://?size=64MiB"
        case "redis cluster":
            nodes: list[RedisServer] = request.getfixturevalue("cluster")
            return f"redis+cluster://127.0.0.1:{nodes[0].port}"
        case _:
            server: RedisServer = request.getfixturevalue("server")
            return server.url if request.param == "redis" else f"memory://?size=64MiB {server.url}"


@pytest.fixture
def cache(setting: str) -> Iterator[Cache]:
    opened = open_ready(setting)
    yield opened
    opened.close()


def open_ready(setting: str) -> Cache:
    opened = open_cache(setting, SystemClock())
    for level in getattr(opened, "_levels", (opened,)):
        if isinstance(level, RedisCache):
            wait_until(lambda level=level: level.available, "the cache to find its server")  # type: ignore[misc]
    return opened


def put(cache: Cache, *keys: CacheKey, table: pa.Table = TABLE, note: bytes = b"note") -> None:
    """Put, and wait for the writer's thread."""
    cache.put({key: Entry(table, note, made_at_ns=5) for key in keys})
    wait_until(lambda: len(cache.get(keys)) == len(keys), "entries to arrive", timeout_s=5.0)


def test_what_was_put_is_found_as_it_was(cache: Cache, request: pytest.FixtureRequest) -> None:
    key = CacheKey(f"plan {request.node.name}", "e.1")
    assert cache.get([key]) == {}
    put(cache, key)
    found = cache.get([key])[key]
    assert found.table.equals(TABLE, check_metadata=True)
    assert (found.note, found.made_at_ns) == (b"note", 5)


def test_another_version_or_plan_is_never_found(cache: Cache, request: pytest.FixtureRequest) -> None:
    plan = f"plan {request.node.name}"
    put(cache, CacheKey(plan, "e.1"))
    others = [CacheKey(plan, "e.2"), CacheKey(plan, "e.10"), CacheKey(plan, "f.1"), CacheKey(plan + "2", "e.1")]
    assert cache.get(others) == {}


def test_a_newer_version_is_found_beside_or_in_place_of_the_older(cache: Cache, request: pytest.FixtureRequest) -> None:
    plan = f"plan {request.node.name}"
    put(cache, CacheKey(plan, "e.1"), note=b"old")
    put(cache, CacheKey(plan, "e.2"), note=b"new")
    assert cache.get([CacheKey(plan, "e.2")])[CacheKey(plan, "e.2")].note == b"new"
    assert all(entry.note == b"old" for entry in cache.get([CacheKey(plan, "e.1")]).values())


def test_many_keys_at_once(cache: Cache, request: pytest.FixtureRequest) -> None:
    keys = [CacheKey(f"plan {request.node.name} {number}", "e.1") for number in range(200)]
    put(cache, *keys[::2])
    assert set(cache.get(keys)) == set(keys[::2])


def test_tables_without_rows_or_columns(cache: Cache, request: pytest.FixtureRequest) -> None:
    for number, table in enumerate((TABLE.slice(0, 0), pa.table({}))):
        key = CacheKey(f"plan {request.node.name} {number}", "e.1")
        put(cache, key, table=table)
        assert cache.get([key])[key].table.equals(table)


def test_several_threads(cache: Cache, request: pytest.FixtureRequest) -> None:
    wrong: list[object] = []

    def work(name: str) -> None:
        for number in range(60):
            key = CacheKey(f"plan {request.node.name} {number % 7}", f"{name}.{number}")
            cache.put({key: Entry(TABLE, f"{key}".encode())})
            wrong.extend(entry for found, entry in cache.get([key]).items() if entry.note != f"{found}".encode())

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- Redis alone --------------------------------------------------------------------------------------------------


def test_the_cluster_spreads_entries_over_its_nodes(cluster: list[RedisServer]) -> None:
    cache = open_ready(f"redis+cluster://127.0.0.1:{cluster[0].port}")
    try:
        put(cache, *(CacheKey(f"spread {number}", "e.1") for number in range(60)))
    finally:
        cache.close()
    assert all(int(node.ask("DBSIZE").strip(":\r\n")) > 0 for node in cluster)


def test_entries_expire_at_the_server(server: RedisServer) -> None:
    cache = open_ready(f"{server.url}?ttl=77")
    try:
        put(cache, CacheKey("ttl", "e.1"))
    finally:
        cache.close()
    assert 70 <= int(server.ask("TTL", "heimdall:ttl:e.1").strip(":\r\n")) <= 77


def test_a_node_opens_its_cache_before_the_server_is_there_and_finds_it_later(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.stop()
    cache = open_cache(server.url, SystemClock())
    try:
        key = CacheKey("late", "e.1")
        started_s = time.monotonic()
        cache.put({key: Entry(TABLE)})
        assert cache.get([key]) == {}
        assert time.monotonic() - started_s < 20 * READ_TIMEOUT_S
        server.start()
        assert isinstance(cache, RedisCache)
        wait_until(lambda: cache.available, "the cache to find its server")
        put(cache, key)
    finally:
        cache.close()
        server.stop()


@pytest.mark.parametrize("fate", ["killed", "hung"])
def test_a_server_that_is_gone_or_hangs_costs_one_time_out_in_all(tmp_path: Path, fate: str) -> None:
    server = RedisServer(tmp_path)
    cache = open_ready(server.url)
    try:
        key = CacheKey("gone", "e.1")
        put(cache, key)
        if fate == "killed":
            server.stop()
        else:
            os.kill(server.pid, signal.SIGSTOP)
        took_s = []
        for _ in range(200):
            started_s = time.monotonic()
            assert cache.get([key]) == {}
            cache.put({CacheKey("more", "e.1"): Entry(TABLE)})
            took_s.append(time.monotonic() - started_s)
        # 200 time-outs would be 10 s. One is paid; what a busy machine adds is left out by the median.
        assert sum(took_s) < 60 * READ_TIMEOUT_S
        assert statistics.median(took_s) < READ_TIMEOUT_S / 5
        if fate == "killed":
            server.start()
        else:
            os.kill(server.pid, signal.SIGCONT)
        assert isinstance(cache, RedisCache)
        wait_until(lambda: cache.available, "the circuit to close")
        put(cache, key)
    finally:
        cache.close()
        server.stop()


def test_what_is_not_an_entry_of_this_key_is_not_found(server: RedisServer) -> None:
    cache = open_ready(server.url)
    try:
        key = CacheKey("spoilt", "e.1")
        put(cache, key)
        for value in ("", "HdC1", "nonsense" * 20):
            server.ask("SET", "heimdall:spoilt:e.1", value)
            assert cache.get([key]) == {}
        assert isinstance(cache, RedisCache)
        assert cache.available
    finally:
        cache.close()


def test_every_cut_or_changed_byte_is_noticed() -> None:
    key = CacheKey("plan", "e.1")
    data = encode(key, Entry(TABLE, b"note", 5))
    assert decode(CacheKey("plan", "e.2"), data) is None
    assert decode(key, data) is not None
    for place in range(len(data)):
        assert decode(key, data[:place]) is None
        assert decode(key, data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]) is None


def test_writes_that_wait_are_bounded_in_bytes(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    cache = open_ready(server.url)
    assert isinstance(cache, RedisCache)
    try:
        os.kill(server.pid, signal.SIGSTOP)
        large = Entry(pa.table({"x": pa.array(range(250_000), pa.int64())}))
        for number in range(200):
            cache.put({CacheKey(f"large {number}", "e.1"): large})
        assert cache._waiting_bytes <= 32 * 1024 * 1024
    finally:
        os.kill(server.pid, signal.SIGCONT)
        cache.close()
        server.stop()
