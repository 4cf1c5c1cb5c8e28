"""The setting `query.cache`: levels, sizes, and what is wrong with it."""

from __future__ import annotations

import pytest

from heimdall.clock import ManualClock
from heimdall.errors import Misconfigured
from heimdall.query.cache.memory import MemoryCache
from heimdall.query.cache.opening import DEFAULT_BYTES, check_cache, open_cache
from heimdall.query.cache.port import NoCache


@pytest.mark.parametrize(
    ("setting", "size_bytes"),
    [("memory://", DEFAULT_BYTES), ("memory://?size=256MiB", 256 * 2**20), ("memory://?size=1000", 1000)],
)
def test_memory_with_its_size(setting: str, size_bytes: int) -> None:
    cache = open_cache(setting, ManualClock())
    assert isinstance(cache, MemoryCache)
    assert cache._bound == size_bytes


@pytest.mark.parametrize("setting", ["none://", "", "  "])
def test_no_cache(setting: str) -> None:
    assert isinstance(open_cache(setting, ManualClock()), NoCache)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("memry://", "did you mean memory://"),
        ("tape:///x", "known: memory://"),
        ("memory", "no cache is called 'memory'"),
        ("memory://?size=lots", "as 256MiB"),
        ("memory://?size=0", "as 256MiB"),
        ("memory://?sise=1MiB", "memory://?size=256MiB"),
        ("redis://h?ttl=soon", "number of seconds"),
    ],
)
def test_what_is_wrong_is_said(setting: str, says: str) -> None:
    with pytest.raises(Misconfigured, match=says.replace("?", r"\?")):
        check_cache(setting)
