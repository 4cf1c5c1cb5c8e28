"""The only place that knows what the driver raises.

ClickHouse numbers its errors (`Code: 241. DB::Exception: …`); chDB raises `ChdbError` or `RuntimeError` with that text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from heimdall.errors import (
    BatchRefused,
    EngineUnavailable,
    HeimdallError,
    InvalidInput,
    QueryCancelled,
    TooMuchMemory,
)

_CODE = re.compile(r"Code: (\d+)\. ?(?:DB::)?(?:Exception: )?(.*)", re.DOTALL)

CANCELLED = {
    394: "query was cancelled",  # QUERY_WAS_CANCELLED
    159: "query ran past its time limit; narrow the time range or raise the limit",  # TIMEOUT_EXCEEDED
    160: "query would run past its time limit; narrow the time range or raise the limit",  # TOO_SLOW
}

NO_FAULT_OF_THE_BATCH = frozenset(
    {
        74, 75, 76, 77, 78, 79, 87,  # cannot read, write, open, close, seek, truncate file, fsync
        154, 159, 163, 164, 202, 209, 210,  # timeouts, too many queries, sockets
        173, 236, 241, 243, 252,  # no memory, aborted, memory limit, no disk space, too many parts
        218, 219, 226, 228, 232, 233, 246, 271,  # parts and files missing or damaged
        394, 425, 439, 473, 999, 1000, 1001,  # cancelled, system error, no thread, deadlock, foreign exceptions
        33, 40, 49, 60, 81, 107, 235, 242, 388,  # unreadable or missing files and tables, faults of the engine itself
    }
)  # fmt: skip
"""Codes after which the same batch may be stored later. Every other refusal is about the data itself."""

MEMORY_LIMIT = 241
TOO_MANY_BYTES = 307
QUESTION_AT_FAULT = frozenset(
    {
        6, 27, 32, 36, 38, 41, 42, 43, 44, 46, 47, 48, 53, 62, 63, 69, 70, 72, 117, 125, 131, 153, 158, 161, 167, 168,
        179, 184, 190, 215, 306, 307, 349, 386, 396, 427, 441, 457, 461, 636, 691,
    }
)  # fmt: skip
"""Codes that say the statement cannot be answered as asked: types, names, arguments, limits on rows or depth."""


def error_code(exc: BaseException) -> int | None:
    """ClickHouse's number in a driver exception; None where there is none."""
    match = _CODE.search(str(exc))
    return int(match.group(1)) if match else None


def _words(exc: BaseException) -> str:
    """The engine's own sentence, on one line, without its trailing version and stack."""
    match = _CODE.search(str(exc))
    text = match.group(2) if match else str(exc)
    text = text.split(": While processing")[0].split(": while executing")[0].split("Stack trace")[0]
    return " ".join(text.split())[:400]


@contextmanager
def map_driver_errors(doing: Literal["append", "select", "manage"]) -> Iterator[None]:
    """Turn whatever the driver raises inside the block into Heimdall's own errors.

    Raises:
        QueryCancelled: stopped by `cancel` or by its time limit.
        TooMuchMemory: a statement that needs more than its memory bound.
        InvalidInput: a statement the data cannot answer, or not within its bound on bytes.
        BatchRefused: an append the table can never take.
        EngineUnavailable: anything else; may work later.
    """
    try:
        yield
    except HeimdallError:
        raise
    except (MemoryError, OSError) as exc:
        raise EngineUnavailable(f"clickhouse could not {doing}: {exc}") from exc
    except Exception as exc:  # the driver raises bare RuntimeError for everything
        raise _ours(exc, doing) from exc


def _ours(exc: Exception, doing: str) -> HeimdallError:
    code = error_code(exc)
    words = _words(exc)
    if doing == "select":
        if code in CANCELLED:
            return QueryCancelled(CANCELLED[code])
        if code == MEMORY_LIMIT and "(total)" not in str(exc) and "for user" not in str(exc).lower():
            return TooMuchMemory(f"the query needs more memory than it may use; narrow it: {words}")
        if code == TOO_MANY_BYTES:
            return InvalidInput(f"the query reads more bytes than it may; narrow it or raise its bound: {words}")
        if code in QUESTION_AT_FAULT:
            return InvalidInput(f"the stored data cannot answer this: {words}")
    if doing == "append" and code is not None and code not in NO_FAULT_OF_THE_BATCH:
        return BatchRefused(f"clickhouse refused the batch (code {code}): {words}")
    return EngineUnavailable(f"clickhouse could not {doing}: {words or type(exc).__name__}")
