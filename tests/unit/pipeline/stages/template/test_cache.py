"""The cache is bounded and forgets the least recently asked."""

from __future__ import annotations

from heimdall.pipeline.stages.template.cache import FormCache
from heimdall.pipeline.stages.template.merge import Entry


def entry(number: int) -> Entry:
    return Entry(number, number, (), [], 0, 0, 0, "")


def test_it_never_holds_more_than_its_capacity() -> None:
    cache = FormCache(20_000)
    for number in range(1_000):
        cache.put(str(number), entry(number))
        assert len(cache) <= 20_000 // 100
    assert cache.get("999") is not None
    assert cache.get("3") is None


def test_long_forms_leave_room_for_fewer() -> None:
    cache = FormCache(1_000_000)
    for number in range(10_000):
        cache.put(f"{number} é" + "ü" * 1_000, entry(number))
    assert 0 < len(cache) < 1_000


def test_what_is_asked_for_stays() -> None:
    cache = FormCache(4_000)
    kept = entry(0)
    cache.put("kept", kept)
    for number in range(100):
        cache.put(str(number), entry(number))
        assert cache.get("kept") is kept


def test_clear_forgets_everything() -> None:
    cache = FormCache(4_000)
    cache.put("a", entry(1))
    cache.clear()
    assert cache.get("a") is None
