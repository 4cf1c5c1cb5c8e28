"""What was freed goes back to the system. In processes of their own: settings of malloc are the whole process's."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc is another one's")


def _run(program: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, env=environment
    )
    return done.stdout.split()


def test_trimming_gives_back_what_lies_between_what_is_kept() -> None:
    before, after = _run(
        """
import psutil
from heimdall.app.memory import trim
blocks = [bytes(10_000) for _ in range(20_000)]
kept = blocks[::100]
del blocks
print(psutil.Process().memory_info().rss)
trim()
print(psutil.Process().memory_info().rss)
"""
    )
    assert int(before) - int(after) > 100_000_000


def test_code_that_ran_once_is_given_back_and_comes_again_when_it_is_called() -> None:
    before, after, answer = _run(
        """
from heimdall.app.memory import forget_code
import chdb
import psutil
engine = chdb.connect(":memory:")
engine.query("SELECT 1")
print(psutil.Process().memory_info().shared)
forget_code()
print(psutil.Process().memory_info().shared)
print(engine.query("SELECT sum(number) FROM numbers(10)").data())
"""
    )
    assert int(before) - int(after) > 50_000_000
    assert answer == "45"


def test_memory_is_trimmed_again_and_again_until_the_end() -> None:
    later, codes = _run(
        """
import time
from heimdall.app import memory
memory.EVERY_S, trims, forgotten = 0.01, [], []
memory.trim = lambda: trims.append(1)
memory.forget_code = lambda: forgotten.append(1)
with memory.trimmed():
    while len(trims) < 3:
        time.sleep(0.01)
ended = len(trims)
time.sleep(0.05)
print(len(trims) - ended, len(forgotten))
"""
    )
    assert (later, codes) == ("0", "1")


def test_buffers_of_arrow_are_malloc_s_unless_the_environment_says_otherwise() -> None:
    program = """
from heimdall.app.memory import lean
lean()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""
    assert _run(program) == ["system"]
    assert _run(program, ARROW_DEFAULT_MEMORY_POOL="mimalloc") == ["mimalloc"]


def test_what_polars_freed_is_not_kept_for_ten_seconds() -> None:
    program = """
import time
import psutil
from heimdall.app.memory import lean
lean()
import polars as pl
many = [pl.Series([0]).new_from_index(0, 200_000) * 2 for _ in range(100)]
before = psutil.Process().memory_info().rss
del many
until = time.monotonic() + 2
while time.monotonic() < until:
    pl.Series([0]).new_from_index(0, 1000) * 2
    time.sleep(0.001)
print(before - psutil.Process().memory_info().rss)
"""
    (freed,) = _run(program)
    (kept,) = _run(program, _RJEM_MALLOC_CONF="dirty_decay_ms:-1")
    assert int(freed) > 100_000_000 > int(kept)
