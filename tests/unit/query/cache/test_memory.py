"""LRU-K: who goes first, what is counted, what is never exceeded."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import ClassVar

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heimdall.clock import ManualClock
from heimdall.query.cache.memory import CHUNK_OVERHEAD_BYTES, OVERHEAD_BYTES, MemoryCache
from heimdall.query.cache.port import CacheKey, Entry

ROWS = 1_000
ENTRY_BYTES = ROWS * 8 + OVERHEAD_BYTES + CHUNK_OVERHEAD_BYTES


class MallInfo(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_: ClassVar = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "top",
        )
    ]


def entry(rows: int = ROWS) -> Entry:
    return Entry(pa.table({"x": pa.array(range(rows), pa.int64())}))


def key(name: str, version: str = "e.1") -> CacheKey:
    return CacheKey(name, version)


def malloc_bytes() -> int:
    """What malloc has given out on this thread's arena."""
    gc.collect()
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = MallInfo
    return int(libc.mallinfo2().uordblks)


def cache(entries: int = 10) -> tuple[MemoryCache, ManualClock]:
    clock = ManualClock()
    return MemoryCache(entries * ENTRY_BYTES, clock), clock


def put(kept: MemoryCache, clock: ManualClock, *names: str) -> None:
    for name in names:
        clock.advance(2.0)
        kept.put({key(name): entry()})


def test_size_is_that_of_the_buffers() -> None:
    kept, clock = cache()
    put(kept, clock, "a", "b")
    assert kept.size_bytes == 2 * ENTRY_BYTES


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc counts")
@pytest.mark.parametrize("columns", [1, 5, 30])
def test_short_answers_take_no_more_memory_than_is_counted(columns: int) -> None:
    table = pa.table({f"c{place}": pa.array(["a", "b"] * 5).dictionary_encode() for place in range(columns)})
    written = pa.BufferOutputStream()
    with pa.ipc.new_stream(written, table.schema) as writer:
        writer.write_table(table)
    body = written.getvalue().to_pybytes()
    kept, _ = cache(entries=10_000)
    before = malloc_bytes()
    for number in range(500):  # each with objects of its own, as the engine's answers have
        kept.put({key(str(number)): Entry(pa.ipc.open_stream(body).read_all())})
    assert malloc_bytes() - before < kept.size_bytes


def test_what_was_asked_twice_outlives_a_burst_of_questions_nobody_repeats() -> None:
    kept, clock = cache()
    put(kept, clock, "dashboard")
    clock.advance(2.0)
    assert kept.get([key("dashboard")])
    put(kept, clock, *(f"once {number}" for number in range(50)))
    assert kept.get([key("dashboard")])
    assert not kept.get([key("once 3")])


def test_of_those_asked_twice_the_one_whose_last_use_but_one_is_longest_ago_goes() -> None:
    kept, clock = cache(entries=8)
    put(kept, clock, *"abcdefgh")
    for name in "abcdefgh":
        clock.advance(2.0)
        kept.get([key(name)])
    clock.advance(2.0)
    kept.get([key("a")])  # now b's last use but one is the oldest
    put(kept, clock, "new")
    assert [name for name in "abcdefgh" if not kept.get([key(name)])] == ["b"]


def test_two_uses_at_once_count_as_one() -> None:
    kept, clock = cache()
    put(kept, clock, "burst")
    kept.get([key("burst")])
    put(kept, clock, *(f"once {number}" for number in range(10)))
    assert not kept.get([key("burst")])


def test_an_entry_that_comes_back_is_known_to_have_been_used_before() -> None:
    kept, clock = cache()
    put(kept, clock, "back", *(f"once {number}" for number in range(20)))
    assert not kept.get([key("back")])
    put(kept, clock, "back", *(f"more {number}" for number in range(20)))
    assert kept.get([key("back")])


def test_a_newer_version_takes_the_place_of_the_older() -> None:
    kept, clock = cache()
    put(kept, clock, "a")
    kept.put({key("a", "e.2"): entry()})
    assert kept.size_bytes == ENTRY_BYTES
    assert not kept.get([key("a")])
    assert kept.get([key("a", "e.2")])


def test_one_entry_never_displaces_all_others() -> None:
    kept, clock = cache()
    put(kept, clock, *"abcde")
    kept.put({key("huge"): entry(ROWS * 5)})
    assert not kept.get([key("huge")])
    assert all(kept.get([key(name)]) for name in "abcde")


def test_a_page_does_not_keep_the_whole_answer_it_was_cut_from() -> None:
    kept, _ = cache()
    whole = pa.table({"x": pa.array(range(1_000_000), pa.int64())})
    kept.put({key("page"): Entry(whole.slice(500_000, 100))})
    assert kept.size_bytes < 4_096
    assert kept.get([key("page")])[key("page")].table.equals(whole.slice(500_000, 100))


@given(st.lists(st.tuples(st.sampled_from("abcdefghijklm"), st.integers(0, 1_500), st.booleans()), max_size=200))
def test_the_bound_holds_and_the_count_is_exact_whatever_happens(steps: list[tuple[str, int, bool]]) -> None:
    kept, clock = cache(entries=6)
    for name, rows, read in steps:
        clock.advance(0.7)
        if read:
            kept.get([key(name)])
        else:
            kept.put({key(name): entry(rows)})
        held = sum(one.entry.size_bytes + OVERHEAD_BYTES + CHUNK_OVERHEAD_BYTES for one in kept._held.values())
        assert kept.size_bytes == held <= 6 * ENTRY_BYTES
        assert len(kept._order) <= 4 * len(kept._held) + 65
